"""Peel a published network: fix what `rnncheck check` names, check again, until it is right.

python peel.py softmax_by_hand
"""

import importlib
import sys
import textwrap

import rnncheck

CHECKS = (
    "forward_matches_truth",
    "gradient_matches_truth",
    "results_keep_the_dtype",
    "a_second_call_gives_the_same",
)


def quickly(network):
    return rnncheck.check(network, profile="quick", checks=CHECKS, database="none")


def peeled(module, check=quickly):
    """The defects that are left, and the report, as long as it names some that are there to be fixed."""
    left = module.DEFECTS
    while True:
        report = check(module.network(left))
        yield left, report
        named = {fault for f in report.findings for one in f.faults for fault in one.split(" + ")}
        if report.passed or not left & named:
            return
        left -= named


if __name__ == "__main__":
    for left, report in peeled(importlib.import_module(sys.argv[1])):
        print(f"with {len(left)} defects: {'RIGHT' if report.passed else 'WRONG'}")
        words = {finding.faults: str(finding.diagnosis) for finding in report.findings}
        for line in "\n".join(words.values()).splitlines():
            print(textwrap.fill(line, 100, initial_indent="  ", subsequent_indent="    "))
