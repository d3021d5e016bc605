"""``dsflow get``: what exists."""

from __future__ import annotations

import sys
from argparse import Namespace

from dsflow.cli.common import loaded, say, write_json
from dsflow.query.listing import kind_of, listing
from dsflow.report import terminal

__all__ = ["get"]


def get(args: Namespace) -> int:
    """List the objects of a kind.  Always 0."""
    kind = kind_of(args.kind)
    found = listing(loaded(args, args.scenario), kind)
    match args.output:
        case "json":
            write_json(found.to_json())
        case "yaml":
            from dsflow.report.yaml_text import to_yaml

            sys.stdout.write(to_yaml(found.to_json()))
        case "name":
            sys.stdout.writelines(f"{entry}\n" for entry in found.ids())
        case _ if not found.entries:
            say(args, f"no {kind} in {args.scenario}")
        case _:
            terminal.show([found.table(wide=args.output == "wide")])
    return 0
