"""What the lab found: per probe and in all, as records, as JSON and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dsflow.lab.compare import Caught, Expected, Row
from dsflow.lab.probe import Probe
from dsflow.net.packet import MalformedPacket, Packet, read_header
from dsflow.query.table import Block, Table, plain
from dsflow.query.table import Row as TableRow

__all__ = ["Outcome", "Report"]

SCHEMA = "dsflow.lab/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one probe.

    Attributes
    ----------
    probe : Probe
    disposition : str or None
        How the simulation says that it ends; None where it cannot say.
    compared : int
        The hops' packets, and what the sender heard, that were compared and agree.
    omitted : mapping
        How many of the hops' packets were not compared, by the reason.
    rows : tuple of Row
        Both lists side by side.
    remark : str or None
        What the sender heard, where it is not what it should have heard.
    redirects : int
        How many notes of a better first hop were seen.
    reason : str or None
        Why nothing was compared.
    """

    probe: Probe
    disposition: str | None = None
    compared: int = 0
    omitted: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    remark: str | None = None
    redirects: int = 0
    reason: str | None = None

    @property
    def not_compared(self) -> int:
        """The hops' packets that were not compared."""
        return sum(self.omitted.values())

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return self.remark is None and all(row.difference is None for row in self.rows)

    @property
    def difference(self) -> str | None:
        """The first difference in words."""
        return self.remark or next((row.difference for row in self.rows if row.difference is not None), None)

    def to_json(self) -> dict[str, Any]:
        """The outcome as data; of a disagreement with both lists."""
        told: dict[str, Any] = {
            "probe": self.probe.to_json(),
            "disposition": self.disposition,
            "agrees": self.agrees if self.compared or not self.agrees else None,
            "hops_compared": self.compared,
            "hops_not_compared": self.not_compared,
            "redirects": self.redirects,
            "reason": self.reason,
        }
        if not self.agrees:
            told["difference"] = self.difference
            told["packets"] = [_row_json(row) for row in self.rows]
        return told


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "expected": None if row.expected is None else _packet_json(row.expected),
        "seen": None if row.caught is None else _packet_json(row.caught),
        "difference": row.difference,
    }


def _packet_json(packet: Expected | Caught) -> dict[str, str]:
    return {
        "device": packet.device,
        "interface": packet.interface,
        "direction": packet.direction,
        "packet": packet.raw.hex(),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcomes of all probes, what stand-ins do not show (``remarks``), and what could not be asked."""

    scenario: str
    outcomes: tuple[Outcome, ...]
    remarks: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def hops_compared(self) -> int:
        """Packets at interfaces that agree, with what senders heard."""
        return sum(outcome.compared for outcome in self.outcomes)

    @property
    def hops_not_compared(self) -> int:
        """Packets that were not compared."""
        return sum(self.omitted.values())

    @property
    def omitted(self) -> dict[str, int]:
        """How many packets were not compared, by the reason; the most first."""
        found: Counter[str] = Counter()
        for outcome in self.outcomes:
            found.update(outcome.omitted)
        return dict(found.most_common())

    @property
    def disagreements(self) -> tuple[Outcome, ...]:
        """The outcomes that differ."""
        return tuple(outcome for outcome in self.outcomes if not outcome.agrees)

    @property
    def holds(self) -> bool:
        """Whether something was compared and nothing differs."""
        return self.hops_compared > 0 and not self.disagreements

    @property
    def dispositions(self) -> dict[str, int]:
        """How often each disposition was reached by a probe that agrees."""
        reached = (outcome.disposition for outcome in self.outcomes if outcome.agrees and outcome.compared)
        return dict(sorted(Counter(name for name in reached if name is not None).items()))

    def to_json(self) -> dict[str, Any]:
        """The report as data."""
        return {
            "schema": SCHEMA,
            "scenario": self.scenario,
            "holds": self.holds,
            "probes": len(self.outcomes),
            "hops_compared": self.hops_compared,
            "hops_not_compared": self.hops_not_compared,
            "dispositions": self.dispositions,
            "not_compared": self.omitted,
            "remarks": list(self.remarks),
            "refused": list(self.refused),
            "outcomes": [outcome.to_json() for outcome in self.outcomes],
        }

    def blocks(self) -> Iterator[Block]:
        """The report as a table and text."""
        if self.outcomes:
            yield Table(("PROBE", "DISPOSITION", "HOPS", "KERNEL"), tuple(map(_table_row, self.outcomes)))
        yield from (_side_by_side(outcome) for outcome in self.disagreements)
        yield "\n".join(self._summary())

    def _summary(self) -> Iterator[str]:
        unsent = sum(outcome.reason is not None for outcome in self.outcomes)
        probes, hops = _number(len(self.outcomes), "probe"), _number(self.hops_compared, "hop")
        left_out = f"{_number(self.hops_not_compared, 'hop')} not compared{self._why()}"
        differing = len(self.disagreements)
        told = _number(differing, "disagreement") if differing else "no disagreements"
        yield f"{probes}, {hops} compared, {left_out}, {told}"
        if unsent:
            yield f"not sent: {unsent} of the probes; the reasons are in the table"
        yield from (f"not asked: {text}" for text in self.refused)
        yield from (f"note: {text}" for text in self.remarks)

    def _why(self) -> str:
        told = (f"{number}: {reason}" if len(self.omitted) > 1 else reason for reason, number in self.omitted.items())
        return f" ({'; '.join(told)})" if self.omitted else ""

    def __str__(self) -> str:
        return plain(self.blocks())


def _number(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _table_row(outcome: Outcome) -> TableRow:
    found = "differs" if not outcome.agrees else "agrees" if outcome.compared else "not compared"
    if outcome.reason is not None:
        return TableRow((str(outcome.probe), outcome.disposition or "-", "0", "not sent"), (outcome.reason,))
    return TableRow((str(outcome.probe), outcome.disposition or "-", str(outcome.compared), found))


_EXPECTED, _SEEN = "SIMULATION", "KERNEL"


def _side_by_side(outcome: Outcome) -> str:
    """Both lists of hops, the first difference marked with an arrow."""
    told = [(_packet_text(row.expected), _packet_text(row.caught), row.difference) for row in outcome.rows]
    width = max([len(_EXPECTED), *(len(one) for one, _, _ in told)])
    lines = [f"{outcome.probe}: {outcome.disposition}"]
    lines += [f">> {outcome.remark}"] if outcome.remark is not None else []
    lines.append(f"   {_EXPECTED.ljust(width)}   {_SEEN}")
    marked = outcome.remark is not None
    for one, other, difference in told:
        first = difference is not None and not marked
        marked |= first
        mark = ">>" if first else " !" if difference is not None else "  "
        lines.append(f"{mark} {one.ljust(width)}   {other}".rstrip())
        lines += [f"     {difference}"] if difference is not None else []
    return "\n".join(lines)


def _packet_text(packet: Expected | Caught | None) -> str:
    if packet is None:
        return "-"
    place = f"{packet.device.removeprefix('device/')} {packet.interface} {packet.direction}"
    return f"{place}: {_header_text(packet.raw)}"


def _header_text(raw: bytes) -> str:
    try:
        packet = Packet.parse(raw)
    except MalformedPacket:
        return f"{len(raw)} bytes, malformed"
    header = read_header(packet)
    kind = f" {header.icmp.type}/{header.icmp.code}" if header.icmp is not None else ""
    ports = "" if header.sport is None else f" {header.sport}>{header.dport}"
    return f"{header.protocol}{kind} {header.src} > {header.dst}{ports} ttl {header.ttl} {header.length} bytes"
