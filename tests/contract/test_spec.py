"""`RNNSpec`: the names, order and shapes of torch's parameters, and what describes no network."""

import dataclasses
import re
from itertools import product
from typing import Any

import pytest

from rnncheck.spec import RNNSpec, require_shape

LAYERS_DIRECTIONS_BIAS = list(product([1, 2, 3], [False, True], [True, False]))


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.mark.parametrize(("layers", "bidirectional", "bias"), LAYERS_DIRECTIONS_BIAS)
def test_parameters_are_those_of_torch_in_name_order_and_shape(torch, layers, bidirectional, bias):
    spec = RNNSpec(4, 5, layers, bias=bias, bidirectional=bidirectional)
    module = torch.nn.RNN(4, 5, layers, bias=bias, bidirectional=bidirectional)
    theirs = [(name, tuple(parameter.shape)) for name, parameter in module.named_parameters()]
    assert list(spec.parameter_shapes().items()) == theirs
    assert list(spec.parameter_shapes()) == list(module.state_dict())


@pytest.mark.parametrize(("layers", "bidirectional", "bias"), LAYERS_DIRECTIONS_BIAS)
def test_inputs_and_results_have_the_shapes_of_torch(torch, layers, bidirectional, bias):
    spec = RNNSpec(4, 5, layers, bias=bias, bidirectional=bidirectional)
    module = torch.nn.RNN(4, 5, layers, bias=bias, bidirectional=bidirectional)
    shapes = spec.array_shapes(T=3, B=2)
    # torch checks the shapes of x and h0 itself
    output, h_n = module(torch.zeros(shapes["x"]), torch.zeros(shapes["h0"]))
    assert tuple(output.shape) == shapes["output"] == shapes["d_output"]
    assert tuple(h_n.shape) == shapes["h_n"] == shapes["d_h_n"]


@pytest.mark.parametrize("readout_bias", [True, False])
@pytest.mark.parametrize(("bidirectional", "states"), [(False, 5), (True, 10)])
def test_the_readout_comes_last(bidirectional, states, readout_bias):
    options: dict[str, Any] = {"num_layers": 2, "bidirectional": bidirectional}
    plain = RNNSpec(4, 5, **options)
    spec = RNNSpec(4, 5, **options, output_size=3, readout_bias=readout_bias)
    added = [("weight_ho", (3, states))] + [("bias_o", (3,))] * readout_bias
    assert list(spec.parameter_shapes().items()) == [*plain.parameter_shapes().items(), *added]
    assert (plain.output_features, spec.output_features) == (states, 3)
    assert spec.array_shapes(7, 2)["output"] == (7, 2, 3)
    assert spec.array_shapes(7, 2)["dropout_masks"] == (1, 7, 2, states)


@pytest.mark.parametrize(
    ("layers", "bidirectional"), [(1, False), (1, True), (3, False), (3, True)]
)
def test_cells_stand_in_the_order_of_the_rows_of_h0(layers, bidirectional):
    """Layer l, direction d is row l·D + d."""
    spec = RNNSpec(4, 5, layers, bidirectional=bidirectional)
    D = spec.num_directions
    cells = list(spec.cells())
    assert [layer * D + direction for layer, direction in cells] == list(range(layers * D))
    assert len(cells) == spec.num_states == spec.array_shapes(3, 2)["h0"][0]
    for layer, direction in cells:
        assert spec.suffix(layer, direction) == f"l{layer}" + "_reverse" * direction
        assert spec.layer_input_size(layer) == (4 if layer == 0 else D * 5)


def test_a_spec_is_a_value():
    spec = RNNSpec(4, 5)
    assert spec == RNNSpec(input_size=4, hidden_size=5)
    assert len({spec, RNNSpec(4, 5), RNNSpec(5, 4)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.input_size = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value", "error", "says"),
    [
        ("input_size", -1, ValueError, "at least 0, not -1"),
        ("input_size", 2.0, TypeError, "int, not 2.0"),
        ("input_size", None, TypeError, "int, not None"),
        ("hidden_size", 0, ValueError, "at least 1, not 0"),
        ("hidden_size", "5", TypeError, "int, not '5'"),
        ("hidden_size", True, TypeError, "int, not True"),
        ("num_layers", 0, ValueError, "at least 1, not 0"),
        ("num_layers", 1.5, TypeError, "int, not 1.5"),
        ("nonlinearity", "elu", ValueError, "tanh, relu, sigmoid, identity, not 'elu'"),
        ("nonlinearity", "Tanh", ValueError, "not 'Tanh'"),
        ("nonlinearity", None, ValueError, "not None"),
        ("readout", "tanh", ValueError, "identity, sigmoid, softmax, not 'tanh'"),
        ("output_size", 0, ValueError, "at least 1, not 0"),
        ("output_size", 3.0, TypeError, "int, not 3.0"),
        ("dropout", 1.0, ValueError, "[0, 1), not 1.0"),
        ("dropout", -0.1, ValueError, "[0, 1), not -0.1"),
        ("dropout", float("nan"), ValueError, "[0, 1), not nan"),
        ("dropout", "0.5", TypeError, "number, not '0.5'"),
        ("dropout", None, TypeError, "number, not None"),
        ("truncation", -1, ValueError, "at least 0, not -1"),
        ("truncation", 2.0, TypeError, "int, not 2.0"),
        ("bias", "False", TypeError, "True or False, not 'False'"),
        ("bidirectional", 2, TypeError, "True or False, not 2"),
        ("readout_bias", None, TypeError, "True or False, not None"),
    ],
)
def test_what_describes_no_network_is_refused_by_name(field, value, error, says):
    fields: dict[str, Any] = {"input_size": 4, "hidden_size": 5, "output_size": 3, field: value}
    with pytest.raises(error, match=f"^{field} must .*{re.escape(says)}"):
        RNNSpec(**fields)


@pytest.mark.parametrize("readout", ["sigmoid", "softmax"])
def test_a_readout_needs_a_size(readout):
    with pytest.raises(ValueError, match=f"readout='{readout}' needs an output_size; it is None"):
        RNNSpec(4, 5, readout=readout)


@pytest.mark.parametrize("options", [{"num_layers": 2}, {"bidirectional": True}])
def test_truncation_is_for_one_layer_and_one_direction(options):
    assert RNNSpec(4, 5, truncation=0).truncation == 0
    with pytest.raises(ValueError, match=r"^truncation .* one layer and one direction"):
        RNNSpec(4, 5, truncation=3, **options)


def test_a_wrong_shape_is_told_with_the_right_one():
    require_shape("x", (3, 2), (3, 2), "time, input")
    with pytest.raises(ValueError) as told:  # noqa: PT011 - the whole text is compared
        require_shape("x", (3, 2), (3, 4), "time, input")
    assert str(told.value) == "x has shape (3, 2); it must have shape (3, 4) (time, input)"
    with pytest.raises(ValueError, match=r"it must have shape \(4,\)$"):
        require_shape("b", (), (4,))
