"""Everything that stands in the way of a question, as text and data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dsflow.query.table import Block, Row, Table
from dsflow.trace.blockers import Blocker
from dsflow.trace.chain import Chain

__all__ = ["blockers_blocks", "blockers_json"]

_HEADERS = ("#", "CONN", "WAY", "DEVICE", "STAGE", "RULE")


def blockers_blocks(chain: Chain) -> Iterator[Block]:
    """A row for each, in the order met, with why and what would mend it under it.

    The chain is one that ignored policies, so that it met them all.
    """
    found = chain.blockers
    if found:
        yield Table(_HEADERS, tuple(_row(number, blocker) for number, blocker in enumerate(found, start=1)))
    yield _tally(found)


def _row(number: int, blocker: Blocker) -> Row:
    rule = blocker.rule or "implicit"
    cells = (str(number), str(blocker.connection), str(blocker.direction), blocker.device, blocker.stage, rule)
    mend = () if blocker.mend is None else (f"to mend: {blocker.mend}",)
    return Row(cells, (blocker.reason, *mend))


def _tally(found: tuple[Blocker, ...]) -> str:
    if not found:
        return "nothing stands in the way."
    told = "1 thing stands" if len(found) == 1 else f"{len(found)} things stand"
    beyond = "" if all(blocker.ignored for blocker in found) else "; the last is no policy, and stops it for good"
    return f"{told} in the way{beyond}."


def blockers_json(chain: Chain) -> list[dict[str, Any]]:
    """The blockers as data."""
    return [blocker.to_json() for blocker in chain.blockers]
