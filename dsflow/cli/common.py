"""What several commands share: loading a scenario, and remarks on standard error."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsflow.simulation import Simulation

__all__ = ["loaded", "remark", "say", "write_json"]


def loaded(args: Namespace, source: str) -> Simulation:
    """The simulation of a scenario, with the seed of the command line, if it takes one."""
    from dsflow.report import terminal
    from dsflow.simulation import load

    with terminal.progress(f"reading {source}", quiet=args.quiet or not _is_long(source)):
        simulation = load(source, seed=getattr(args, "seed", 0))
    topology = simulation.topology
    counts = f"{len(topology.nodes)} nodes, {len(topology.pods)} pods, {len(simulation.dataplane)} devices"
    for finding in topology.findings:
        say(args, f"warning: {finding}")
    remark(args, f"{simulation.name}: {counts}, profile {topology.profile}, seed {simulation.seed}")
    return simulation


_LONG_BYTES = 1_000_000  # some ten thousand pods: a second or more


def _is_long(source: str) -> bool:
    from pathlib import Path

    try:
        return Path(source).stat().st_size >= _LONG_BYTES
    except (OSError, ValueError):  # no file, or no name that a file could have
        return False


def say(args: Namespace, text: str) -> None:
    """Say something on standard error, unless told to be quiet."""
    if not args.quiet:
        sys.stderr.write(f"{text}\n")


def remark(args: Namespace, text: str) -> None:
    """Say something on standard error to those who asked for more."""
    if args.verbose:
        sys.stderr.write(f"{text}\n")


def write_json(data: Any) -> None:
    """Write data to standard output as JSON for people and programs."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
