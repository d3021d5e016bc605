"""``dsflow trace``: one question, hop by hop."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dsflow.cli.common import loaded, remark, say, write_json
from dsflow.errors import UsageError
from dsflow.net.address import Address, Family
from dsflow.simulation import Simulation
from dsflow.trace.chain import Chain, chains_json
from dsflow.trace.words import question_words

if TYPE_CHECKING:
    from dsflow.query.twin import Twin

__all__ = ["trace"]


def trace(args: Namespace) -> int:
    """Ask in one family or both, show the chains, and write their packets where asked.  Always 0."""
    families = _families(args)
    if args.pcap == "-":
        raise UsageError("--pcap -: expected a file's name, as the text goes to standard output")
    if args.branches and args.all_blockers:
        raise UsageError("--branches and --all-blockers: expected one of them")
    simulation = loaded(args, args.scenario)
    if args.branches:
        return _show_branches(args, simulation, families)
    if args.all_blockers:
        return _show_blockers(args, simulation, families)
    chains = {family: _asked(simulation, args, family) for family in families}
    if args.pcap is not None:
        from dsflow.report.pcapng import write_pcapng

        write_pcapng(chains.values(), args.pcap)
        remark(args, f"{args.pcap}: the packets at every hop")
    _FORMATS[args.output](args, chains)
    return 0


def _asked(simulation: Simulation, args: Namespace, family: Family) -> Chain:
    return simulation.trace(args.origin, args.target, family=family, **_options(args))


def _options(args: Namespace) -> dict[str, Any]:
    return {
        name: getattr(args, name)
        for name in ("tcp", "udp", "icmp", "sport", "size", "ttl", "df", "source", "ignore_policy")
    }


def _show_branches(args: Namespace, simulation: Simulation, families: list[Family]) -> int:
    """Every branch of the question in each family: as a table, or as data."""
    from dsflow.query.branches import branches_blocks, branches_json
    from dsflow.report.terminal import show
    from dsflow.trace.schema import BRANCHES_SCHEMA

    if args.output not in ("table", "json") or args.pcap is not None:
        raise UsageError("--branches: expected -o table or json, and no --pcap")
    found = {
        family: simulation.branches(args.origin, args.target, family=family, **_options(args)) for family in families
    }
    if args.output == "json":
        told = [{"family": str(family), "branches": branches_json(one)} for family, one in found.items()]
        write_json({"schema": BRANCHES_SCHEMA, "families": told})
        return 0
    blocks = [
        block
        for family, one in found.items()
        for block in (f"{args.origin} to {args.target}, {family.title}", *branches_blocks(one))
    ]
    show(blocks)
    return 0


def _show_blockers(args: Namespace, simulation: Simulation, families: list[Family]) -> int:
    """Everything that stands in the way, in each family: as a table, or as data."""
    from dsflow.query.blocking import blockers_blocks, blockers_json
    from dsflow.report.terminal import show
    from dsflow.trace.schema import BLOCKERS_SCHEMA

    if args.output not in ("table", "json") or args.pcap is not None:
        raise UsageError("--all-blockers: expected -o table or json, and no --pcap")
    args.ignore_policy = True
    found = {family: _asked(simulation, args, family) for family in families}
    if args.output == "json":
        told = [{"family": str(family), "blockers": blockers_json(chain)} for family, chain in found.items()]
        write_json({"schema": BLOCKERS_SCHEMA, "families": told})
        return 0
    show([block for chain in found.values() for block in (question_words(chain), *blockers_blocks(chain))])
    return 0


def _families(args: Namespace) -> list[Family]:
    """The families to ask: those named, less those that an address of the other one rules out."""
    families = list(Family) if args.family == "both" else [Family(int(args.family))]
    for text in (args.origin, args.target, args.source):
        own = _family_of(text)
        if own is not None and own not in families:
            raise UsageError(f'"{text}": not an address of {families[0].title}, the family asked for')
        if own is not None and len(families) > 1:
            families = [own]
            say(args, f'"{text}" is an {own.title} address: only {own.title} is asked')
    return families


def _family_of(text: str | None) -> Family | None:
    """The family of an address; None for a name."""
    try:
        return None if text is None else Address.parse(text).family
    except ValueError:
        return None


def _show_text(args: Namespace, chains: dict[Family, Chain]) -> None:
    from dsflow.trace.text import chain_text

    wide = args.output == "wide"
    texts = [chain_text(chain, wide=wide) for chain in chains.values()]
    sys.stdout.write("\n\n".join((*texts, *map(str, _twins(chains)))) + "\n")


def _twins(chains: dict[Family, Chain]) -> list[Twin]:
    """The comparison of the two families, where both were asked."""
    from dsflow.query.twin import compared

    return [compared(chains[Family.IPV4], chains[Family.IPV6])] if len(chains) == 2 else []


def _show_mermaid(_: Namespace, chains: dict[Family, Chain]) -> None:
    from dsflow.report.mermaid import chain_mermaid

    sys.stdout.write("\n\n".join(chain_mermaid(chain).rstrip() for chain in chains.values()) + "\n")


def _show_json(args: Namespace, chains: dict[Family, Chain]) -> None:
    write_json(_data(args, chains))


def _show_yaml(args: Namespace, chains: dict[Family, Chain]) -> None:
    from dsflow.report.yaml_text import to_yaml

    sys.stdout.write(to_yaml(_data(args, chains)))


def _data(args: Namespace, chains: dict[Family, Chain]) -> object:
    """One chain for one family, a list for both: the flag decides, whatever the addresses leave to ask."""
    if args.family != "both":
        return next(iter(chains.values())).to_json()
    told = chains_json(chains)
    for found in _twins(chains):
        told["twin"] = found.to_json()
    return told


_FORMATS: dict[str, Callable[[Namespace, dict[Family, Chain]], None]] = {
    "table": _show_text,
    "wide": _show_text,
    "json": _show_json,
    "yaml": _show_yaml,
    "mermaid": _show_mermaid,
}
