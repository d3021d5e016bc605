"""``dsflow assumptions``: what no source settles, and what an answer rests on."""

from __future__ import annotations

from argparse import Namespace

from dsflow.cli.common import loaded, write_json
from dsflow.query.rested import registry, rested_on
from dsflow.report import terminal

__all__ = ["assumptions"]


def assumptions(args: Namespace) -> int:
    """List the registry, or what a scenario's answers rest on.  Always 0."""
    if args.scenario is None:
        found = registry()
    else:
        from dsflow.query.matrix import run_matrix

        simulation = loaded(args, args.scenario)
        found = rested_on(run_matrix(simulation), simulation.topology.assumptions)
    if args.output == "json":
        write_json(found.to_json())
    else:
        terminal.show(found.blocks())
    return 0
