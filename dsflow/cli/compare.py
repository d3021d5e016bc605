"""``dsflow diff`` and ``dsflow whatif``: what changed, and why."""

from __future__ import annotations

from argparse import Namespace

from dsflow import scenario
from dsflow.cli.common import loaded
from dsflow.errors import UsageError
from dsflow.query.diff import diff as difference_of
from dsflow.report import terminal
from dsflow.scenario.document import Value
from dsflow.simulation import Simulation

__all__ = ["diff", "whatif"]


def diff(args: Namespace) -> int:
    """Compare two scenarios; 1 where they differ."""
    if args.before == args.after == "-":
        raise UsageError("- and -: standard input holds one scenario only")
    before, after = loaded(args, args.before), loaded(args, args.after)
    names = (before.name, after.name) if before.name != after.name else (args.before, args.after)
    return _compared(args, before, after, names)


def whatif(args: Namespace) -> int:
    """Compare a scenario with itself, changed; 1 where they differ."""
    changes = _changes(args.changes)
    before = loaded(args, args.scenario)
    after = before.what_if(changes)
    return _compared(args, before, after, (before.name, f"{before.name} with {', '.join(args.changes)}"))


def _changes(assignments: list[str]) -> dict[str, Value]:
    changes: dict[str, Value] = {}
    for text in assignments:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise UsageError(f'--set "{text}": expected PATH=VALUE, as in gateways.nat.enabled=false')
        if path.strip() in changes:
            raise UsageError(f'--set "{text}": {path.strip()} is set twice')
        changes[path.strip()] = scenario.parse_value(value)
    return changes


def _compared(args: Namespace, before: Simulation, after: Simulation, names: tuple[str, str]) -> int:
    with terminal.progress("comparing", quiet=args.quiet) as told:
        difference = difference_of(before, after, names=names, progress=told)
    terminal.show(difference.blocks())
    return 1 if difference else 0
