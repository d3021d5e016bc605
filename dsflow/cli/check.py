"""``dsflow check``: a scenario's own expectations."""

from __future__ import annotations

import sys
from argparse import Namespace

from dsflow.cli import FAULT
from dsflow.cli.common import loaded
from dsflow.errors import DsflowError
from dsflow.query.expect import check as check_expectations

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
    sys.stdout.writelines(f"{checked}\n" for checked in broken)
    return 1 if broken else 0


def _tally(total: int, broken: int) -> str:
    if not total:
        return "nothing is expected: the scenario has no expect: list"
    if broken:
        return f"{broken} of {total} expectations {'fail' if broken > 1 else 'fails'}"
    return "the one expectation holds" if total == 1 else f"all {total} expectations hold"
