"""The twin trace: one question asked in both families, hop beside hop, and what a dual-stack client makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dsflow.net.address import Family
from dsflow.query import table
from dsflow.query.align import aligned_hops
from dsflow.query.choice import choice
from dsflow.query.differences import alike, differences
from dsflow.query.table import Block, Row, Table
from dsflow.simulation import Simulation
from dsflow.trace.chain import Chain
from dsflow.trace.twin import TWIN_SCHEMA, AlignedHop, Choice, Difference, Side

__all__ = ["Twin", "compared", "twin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """Two chains of one question compared.

    ``rows`` are their hops side by side, ``differences`` what is not alike, the gravest first, ``alike`` what is, as
    far as it is worth telling, and ``choice`` what a client does that knows both addresses.
    """

    ipv4: Chain
    ipv6: Chain
    rows: tuple[AlignedHop, ...]
    differences: tuple[Difference, ...]
    alike: tuple[str, ...]
    choice: Choice

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain data, without the chains."""
        return {
            "schema": TWIN_SCHEMA,
            "rows": [row.to_json() for row in self.rows],
            "differences": [
                {"rank": rank, **difference._asdict()} for rank, difference in enumerate(self.differences, start=1)
            ],
            "alike": list(self.alike),
            "choice": self.choice.to_json(),
        }

    def blocks(self) -> Iterator[Block]:
        """The comparison as lines and a table."""
        question = self.ipv4.question
        yield f"IPv4 beside IPv6: {question.origin} to {question.target}"
        yield Table(_HEADERS, tuple(_rows(self.rows)))
        yield "\n".join(_difference_lines(self.differences, self.alike))
        yield "\n".join(["A client that knows both addresses", *(f"  {line}" for line in self.choice.text)])

    def __str__(self) -> str:
        return table.plain(self.blocks())

    def _repr_html_(self) -> str:
        return table.html(self.blocks())


def twin(simulation: Simulation, origin: str, target: str, **options: Any) -> Twin:
    """One question in both families, compared; the options are those of :meth:`dsflow.session.Session.trace`.

    >>> import dsflow
    >>> found = dsflow.twin(dsflow.load("oke-sydney"), "pod/default/nginx-568f7cfd68-g4h2c", "internet/web", tcp=443)
    >>> found.choice.first, found.choice.rule, [difference.kind.value for difference in found.differences]
    (<Family.IPV4: 4>, 5, ['delivery', 'rewrite', 'gateway'])
    """
    ipv4, ipv6 = (simulation.trace(origin, target, family=family, **options) for family in Family)
    return compared(ipv4, ipv6)


def compared(ipv4: Chain, ipv6: Chain) -> Twin:
    """The comparison of two chains that answer one question."""
    return Twin(
        ipv4=ipv4,
        ipv6=ipv6,
        rows=aligned_hops(ipv4, ipv6),
        differences=differences(ipv4, ipv6),
        alike=alike(ipv4, ipv6),
        choice=choice(ipv4, ipv6),
    )


def _difference_lines(found: Iterable[Difference], same: Iterable[str]) -> Iterator[str]:
    lines = [f"  {rank}. {one.kind}: {one.text}" + _mending(one) for rank, one in enumerate(found, start=1)]
    yield "What differs, the gravest first" if lines else "Nothing differs but the addresses"
    yield from lines
    shared = [f"  - {text}" for text in same]
    yield from ["About the same", *shared] if shared else []


def _mending(difference: Difference) -> str:
    return "" if difference.mend is None else f"\n       to mend: {difference.mend}"


_HEADERS = ("WAY", "", "IPV4", "IPV6")
_MARK = "*"


def _rows(rows: Iterable[AlignedHop]) -> Iterator[Row]:
    """A row for each place, with a mark where the two differ; what only one family has, or both alike, in one row."""
    several = max((row.connection for row in rows), default=1) > 1
    for (connection, direction), group in groupby(rows, key=lambda row: (row.connection, row.direction)):
        way = f"{connection} {direction}" if several else str(direction)
        hops = list(group)
        if all(hop.ipv6 is None for hop in hops) or all(hop.ipv4 is None for hop in hops):
            sides = [_path(hop.ipv4 for hop in hops), _path(hop.ipv6 for hop in hops)]
            yield Row((way, _MARK, *sides))
        elif direction != "forward" and not any(hop.differs for hop in hops):
            yield Row((way, " ", "the same devices", "the same devices"))
        else:
            for hop in hops:
                yield Row((way, _MARK if hop.differs else " ", _words(hop.ipv4), _words(hop.ipv6)))
                way = " "


def _path(sides: Iterable[Side | None]) -> str:
    return " > ".join(side.device for side in sides if side is not None) or "-"


def _words(side: Side | None) -> str:
    """A device, what decided there, what was rewritten, and how the trace ended if it did."""
    if side is None:
        return "-"
    ended = () if side.ended is None else (str(side.ended),)
    return ", ".join((side.device, *(() if side.rule is None else (side.rule,)), *side.nat, *ended))
