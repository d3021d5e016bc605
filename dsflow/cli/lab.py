"""``dsflow lab``: the same packets through the Linux kernel, and the commands that build the network for it."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from dsflow.cli.common import loaded, say, write_json
from dsflow.report import terminal

if TYPE_CHECKING:
    from dsflow.lab import Probe
    from dsflow.simulation import Simulation

__all__ = ["plan", "verify"]


def verify(args: Namespace) -> int:
    """The report on standard output; 1 where kernel and simulation differ, or nothing could be compared."""
    from dsflow.lab import verify as run

    simulation = loaded(args, args.scenario)
    probes, refused = _probes(args, simulation)
    with terminal.progress("sending probes", quiet=args.quiet) as advance:
        report = run(simulation, probes, refused=refused, progress=lambda done: advance(done, len(probes)))
    if args.output == "json":
        write_json(report.to_json())
    else:
        terminal.show(report.blocks())
    if not report.hops_compared:
        say(args, "nothing was compared: that shows nothing, and counts as a failure")
    return 0 if report.holds else 1


def _probes(args: Namespace, simulation: Simulation) -> tuple[list[Probe], list[str]]:
    from dsflow.lab import random_probes, read_probes, scenario_probes

    if args.probes is not None:
        return read_probes(args.probes, simulation.topology), []
    if args.random is not None:
        return random_probes(simulation.topology, args.random, seed=args.seed), []
    return scenario_probes(simulation)


def plan(args: Namespace) -> int:
    """A shell script that builds the network of a scenario, on standard output."""
    from dsflow.lab import make_plan

    sys.stdout.write(make_plan(loaded(args, args.scenario).topology).script())
    return 0
