"""A plan as a shell script that a reader could run.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from textwrap import wrap

from dsflow.lab.command import Command, Tool, Twin

__all__ = ["script"]

_NAMES = (
    "note: 169.254.0.0/16 and fe80::a9fe:0/112 name the other ends of wires in routes; nobody bears these addresses, "
    "permanent neighbours lead from them to hardware addresses"
)


def script(
    commands: Sequence[Command], namespaces: Mapping[str, str], twins: Mapping[str, Twin], remarks: Sequence[str]
) -> str:
    """What stands for what, the commands in order, and how to take it all away."""
    return "\n".join(_lines(commands, namespaces, twins, remarks)) + "\n"


def _lines(
    commands: Sequence[Command], namespaces: Mapping[str, str], twins: Mapping[str, Twin], remarks: Sequence[str]
) -> Iterator[str]:
    yield "#!/bin/sh"
    yield "# Run as root.  Needs ip, bridge, nft and socat; everything happens inside the namespaces."
    yield "set -e"
    for id_, namespace in namespaces.items():
        what = twins[id_].what if id_ in twins else "a bridge that is a wire"
        yield from _wrapped(f"{namespace}: {id_}" + (f": {what}" if what else ""), "    ")
    for remark in remarks:
        yield from _wrapped(f"note: {remark}", "    ")
    if any(twin.what for twin in twins.values()):
        yield from _wrapped(_NAMES, "    ")
    ids = {namespace: id_ for id_, namespace in namespaces.items()}
    for namespace, of_one in groupby(commands, key=lambda command: command.namespace):
        yield f"# {ids[namespace]}" if namespace is not None else "# the namespaces"
        for tool, group in groupby(of_one, key=lambda command: command.tool):
            yield from _told(tool, namespace, [command.text for command in group])
    yield "# To take everything away:"
    for namespace in namespaces.values():
        yield f"# ip netns pids {namespace} | xargs -r kill; ip netns del {namespace}"


def _wrapped(text: str, indent: str) -> Iterator[str]:
    yield from (f"# {line}" for line in wrap(text, 110, subsequent_indent=indent, break_on_hyphens=False))


def _told(tool: Tool, namespace: str | None, texts: list[str]) -> Iterator[str]:
    """Commands of one tool in one namespace as lines of a shell script."""
    within = f"ip netns exec {namespace}"
    match tool:
        case Tool.IP | Tool.IPV6 | Tool.BRIDGE:
            program, *family = tool.split()
            place = "" if namespace is None else f" -n {namespace}"
            yield f"{' '.join([program + place, *family])} -batch - <<'END'"
            yield from [*texts, "END"]
        case Tool.SYSCTL:
            needed = [text for text in texts if not text.startswith("?")]
            wanted = [text[1:] for text in texts if text.startswith("?")]
            yield from (f"{within} sysctl -qw {text}" for text in _in_lines(needed))
            yield from (f"{within} sysctl -qew {text}" for text in _in_lines(wanted))
        case Tool.NFT:
            yield from (f"{within} nft -f - <<'END'\n{text}END" for text in texts)
        case Tool.ETHTOOL:
            asked = "command -v ethtool >/dev/null"  # without it captures show checksums that are not whole
            yield from (f"! {asked} || {within} ethtool {text} >/dev/null" for text in texts)
        case Tool.DAEMON:
            yield from (f"{within} {text} </dev/null >/dev/null 2>&1 &" for text in texts)


def _in_lines(words: list[str], most: int = 4) -> Iterator[str]:
    """The words in lines of a few."""
    for start in range(0, len(words), most):
        yield " ".join(words[start : start + most])
