"""The zoo's wrong networks, each a right one with one mistake planted in its text.

WRONG_ELMAN, WRONG_LOSSES: a gradient that is not the derivative. UNSEEN_BY_FLOATS: Elman networks
whose gradient is off by less than float64 can tell. OTHER_NETWORKS: the gradient is right, but of
another network than the one claimed. FAULTS: `(name, object)` of the first two.
"""

from zoo import faults_of_elman, faults_of_losses
from zoo.planting import planted


def _networks(table):
    return {name: planted(name, *plan).rnn for name, plan in table.items()}


WRONG_ELMAN = _networks(faults_of_elman.GRADIENTS)
UNSEEN_BY_FLOATS = _networks(faults_of_elman.UNSEEN_BY_FLOATS)
OTHER_NETWORKS = _networks(faults_of_elman.NETWORKS)
WRONG_LOSSES = {
    name: planted(name, module, *changes).EXAMPLES[example]
    for name, (module, example, *changes) in faults_of_losses.GRADIENTS.items()
}
FAULTS = [*WRONG_ELMAN.items(), *WRONG_LOSSES.items()]
