"""``dsflow check``: a scenario's own expectations."""

from __future__ import annotations

import sys
from argparse import Namespace

from dsflow.cli import FAULT
from dsflow.cli.common import loaded
from dsflow.errors import DsflowError
from dsflow.query.expect import check as check_expectations
from dsflow.simulation import Simulation

__all__ = ["check"]


def check(args: Namespace) -> int:
    """A line for each scenario and one for each failure; 1 where one failed, 2 where one cannot be asked."""
    return max(_checked(args, source) for source in args.scenarios)


def _checked(args: Namespace, source: str) -> int:
    try:
        simulation = loaded(args, source)
        found = check_expectations(simulation)
    except DsflowError as error:
        sys.stderr.write(f"{error}\n")
        return FAULT
    broken = [checked for checked in found if not checked.holds]
    sys.stdout.write(f"{simulation.name}: {_tally(len(found), len(broken))}\n")
    if args.assumptions is None:
        sys.stdout.writelines(f"{checked}\n" for checked in broken)
    else:
        _show_sensitivities(simulation)
    return 1 if broken else 0


def _show_sensitivities(simulation: Simulation) -> None:
    """Each expectation, and whether it depends on an assumption; what could not be tried is said too."""
    from dsflow.query.sensitivity import sensitivities, untried

    found = list(sensitivities(simulation))
    sys.stdout.writelines(f"{sensitivity}\n" for sensitivity in found)
    if left := untried(found):
        sys.stdout.write(f"not tried, as it is not modelled: {', '.join(map(str, left))}\n")


def _tally(total: int, broken: int) -> str:
    if not total:
        return "nothing is expected: the scenario has no expect: list"
    if broken:
        return f"{broken} of {total} expectations {'fail' if broken > 1 else 'fails'}"
    return "the one expectation holds" if total == 1 else f"all {total} expectations hold"
