"""What the simulation says and what the kernel did, held against each other packet by packet.  Pure.

Left out is what nobody can know: identifications and flow labels that a kernel chooses, sequence numbers and
options of its TCP answers, and ports that a translation draws, as long as they are of the same class.  The
checksums that depend on these must hold; all others must be equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from dsflow.lab.fields import Value, read_fields

__all__ = ["Caught", "Expected", "Maker", "Pairing", "Ports", "Row", "pair", "ports_in"]


class Maker(StrEnum):
    """Who made a packet, which decides what can be known of it."""

    PROBE = "probe"
    """The probe as given."""

    UNNUMBERED = "unnumbered"
    """The probe, sent without an IPv4 identification: the sender's kernel fills one in."""

    DIVIDED = "divided"
    """The probe's IPv6 fragments, put together on the way and divided again: under an identification drawn there."""

    KERNEL = "kernel"
    """A kernel of the network, or a daemon on it: answers and errors."""

    CLIENT = "client"
    """A kernel, on a connection that the sender opens in earnest: its SYN has options and a sequence number."""

    PROXY = "proxy"
    """A kernel, on a connection that a proxy opens: that has a port of its own too."""


class Expected(NamedTuple):
    """A packet that the simulation has at an interface: of which trace and hop, and who made it and its quote."""

    trace: int
    hop: int
    device: str
    interface: str
    direction: str
    raw: bytes
    maker: Maker
    quoted: Maker = Maker.PROBE


class Caught(NamedTuple):
    """A packet that the kernel had at an interface."""

    device: str
    interface: str
    direction: str
    raw: bytes
    time_ns: int = 0


class Row(NamedTuple):
    """A line of the two lists side by side; ``difference`` is None where they agree."""

    expected: Expected | None
    caught: Caught | None
    difference: str | None = None


class Pairing(NamedTuple):
    """The outcome: how many packets agree, and all of them in the order of the traces, the unexpected last."""

    agreeing: int
    rows: tuple[Row, ...]

    @property
    def holds(self) -> bool:
        """Whether every packet has its equal."""
        return self.agreeing == len(self.rows)


class Ports:
    """The ports that translations drew: one in the simulation, another of the same class in the kernel.

    Parameters
    ----------
    known : frozenset of int
        Ports that were not drawn: those of the probes and of the rules.  They must be equal, and no other port
        may stand where one of them is expected, nor one of them where another port is.
    gateways : bool
        Whether a cloud's NAT gateway is on the way: it draws a port always, where its twin may keep the one it has.

    ``translating`` says whether the simulation translates anything of the chain at hand; else no port is drawn.
    ``kept`` are the known ports that a source may have kept: a port drawn may by chance be the one that was asked.
    """

    def __init__(self, known: frozenset[int], *, gateways: bool = False) -> None:
        self.known = known
        self.kept = known
        self.gateways = gateways
        self.translating = True
        self.drawn: dict[int, int] = {}
        self.dialled: dict[int, int] = {}

    def learn(self, raw: bytes) -> None:
        """Know the ports of a probe, of which its source may keep its own."""
        found = ports_in(raw)
        self.known |= found
        self.kept |= found - ports_in(raw, "dport")

    def follows(self, expected: int, found: int) -> bool:
        """Whether ``found`` can be the port of a proxy's own connection, for which the simulation has ``expected``."""
        return self.dialled.get(expected, found) == found

    def accepts(self, expected: int, found: int, *, echo: bool) -> bool:
        """Whether ``found`` can stand where the simulation drew ``expected``."""
        kept = found in self.kept and not self.gateways
        if not self.translating or expected in self.known or kept or self.drawn.get(expected, found) != found:
            return False
        return echo or _port_class(expected) == _port_class(found)


def _port_class(port: int) -> int:
    """The classes within which the kernel draws (net/netfilter/nf_nat_core.c): below 512, below 1024, the rest."""
    return (port >= 512) + (port >= 1024)


def pair(expected: Sequence[Expected], caught: Sequence[Caught], ports: Ports) -> Pairing:
    """Every expected packet with its equal at the same interface, in the order caught; then what is left over.

    An expected packet without its equal stands beside the first packet left over at that interface.
    """
    waiting: dict[tuple[str, str, str], list[Caught]] = defaultdict(list)
    for packet in caught:
        waiting[packet[:3]].append(packet)
    latest: dict[tuple[object, ...], int] = {}  # the pieces of one datagram pass in order
    found = []
    for wanted in expected:
        visit = (*_place(wanted), wanted.trace, wanted.hop)
        equal = _first_equal(wanted, waiting[_place(wanted)], ports, latest.get(visit, 0))
        if equal is not None:
            latest[visit] = equal.time_ns
        found.append(equal)
    agreeing = sum(one is not None for one in found)
    rows: list[Row] = []
    for wanted, equal in zip(expected, found, strict=True):
        rest = waiting[_place(wanted)]
        if equal is not None:
            rows.append(Row(wanted, equal))
        elif rest:
            other = rest.pop(0)
            rows.append(Row(wanted, other, _told(next(differences(wanted, other.raw, ports)))))
        else:
            rows.append(Row(wanted, None, "not seen"))
    left = sorted((packet for packets in waiting.values() for packet in packets), key=lambda packet: packet.time_ns)
    rows += [Row(None, packet, "not expected") for packet in left]
    return Pairing(agreeing, tuple(rows))


def _place(wanted: Expected) -> tuple[str, str, str]:
    return wanted.device, wanted.interface, wanted.direction


def _first_equal(wanted: Expected, waiting: list[Caught], ports: Ports, since_ns: int) -> Caught | None:
    """The first packet since then that agrees, taken out of those that wait; the ports drawn in it hold from now on."""
    for place, packet in enumerate(waiting):
        if packet.time_ns < since_ns:
            continue
        if wanted.raw == packet.raw or not any(differences(wanted, packet.raw, ports)):
            if wanted.maker is Maker.PROXY:
                ports.dialled |= _drawn(wanted.raw, packet.raw)
            else:
                ports.drawn |= _drawn(wanted.raw, packet.raw)
            return waiting.pop(place)
    return None


def _drawn(expected: bytes, found: bytes) -> dict[int, int]:
    """The ports that differ between two packets that agree: expected, found."""
    if expected == found:
        return {}
    one, other = read_fields(expected), read_fields(found)
    pairs = ((one[name], other.get(name)) for name in one if _is_port(name))
    return {mine: its for mine, its in pairs if isinstance(mine, int) and isinstance(its, int) and mine != its}


def ports_in(raw: bytes, ending: str = "") -> frozenset[int]:
    """The ports and identifiers of a packet and of what it quotes; only those of fields with that ``ending``."""
    fields = [(name, value) for name, value in read_fields(raw).items() if _is_port(name) and name.endswith(ending)]
    return frozenset(value for _, value in fields if isinstance(value, int))


Difference = tuple[str, Value, Value]


def _told(difference: Difference) -> str:
    name, expected, found = difference
    return f"{name}: {_short(expected)} expected, {_short(found)} seen"


def _short(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "none" if value is None else str(value)
    return text if len(text) <= 48 else f"{text[:40]}… ({len(text) // 2} bytes)"


def differences(wanted: Expected, found: bytes, ports: Ports) -> Iterator[Difference]:
    """The fields that differ and that can be known, the outer ones first."""
    if wanted.raw == found:
        return
    on_loopback = wanted.interface == "lo"
    sent = wanted.raw[: len(found)] if on_loopback else wanted.raw  # a capture may cut what passes there
    one, other = read_fields(sent), read_fields(_without_padding(found))
    hidden = _unknowable(one, wanted.maker) | _unknowable(one, wanted.quoted, "quote.")
    if on_loopback:
        hidden |= _NOT_SUMMED
    drawn = {name for name in one if _is_port(name) and _is_drawn(name, one, other, ports)}
    if wanted.maker is Maker.PROXY:
        drawn |= {name for name in one if _is_port(name) and _is_dialled(name, one, other, ports)}
    hidden |= drawn | _dependent(hidden | drawn)
    for name in [*one, *(name for name in other if name not in one)]:
        if name not in hidden and one.get(name) != other.get(name):
            yield name, one.get(name), other.get(name)


def _without_padding(raw: bytes) -> bytes:
    """What a link adds behind a packet is no part of it; a header that tells of more than there is stays."""
    if len(raw) < 20:
        return raw
    length = int.from_bytes(raw[2:4], "big") if raw[0] >> 4 == 4 else int.from_bytes(raw[4:6], "big") + 40
    return raw[: max(length, 20)]


_PORT_FIELDS = ("tcp.sport", "tcp.dport", "udp.sport", "udp.dport", "icmp.id")


def _is_port(name: str) -> bool:
    return name.removeprefix("quote.") in _PORT_FIELDS


def _is_drawn(name: str, one: Mapping[str, Value], other: Mapping[str, Value], ports: Ports) -> bool:
    expected, found = one[name], other.get(name)
    if expected == found or not isinstance(expected, int) or not isinstance(found, int):
        return False
    return ports.accepts(expected, found, echo=name.endswith("icmp.id"))


def _is_dialled(name: str, one: Mapping[str, Value], other: Mapping[str, Value], ports: Ports) -> bool:
    """Whether it is the port of the proxy's end: where its SYN comes from, and where answers go to."""
    prefix = name[: name.rindex("tcp.")] if "tcp." in name else None
    if prefix is None or name != prefix + ("tcp.sport" if one.get(f"{prefix}tcp.flags") == "S" else "tcp.dport"):
        return False
    expected, found = one[name], other.get(name)
    return isinstance(expected, int) and isinstance(found, int) and ports.follows(expected, found)


_LENGTHS = ("ipv4.length", "ipv4.bytes", "ipv6.length", "ipv6.bytes")
_CHOSEN_BY_KERNEL = frozenset({"ipv4.id", "ipv6.flow_label", "ipv6.fragment_id"})
_CHOSEN_IN_SYN_ACK = frozenset({"tcp.sequence", "tcp.window", "tcp.options", "tcp.header_bytes", *_LENGTHS})
"""A listener draws its sequence number; what it offers depends on its memory and the kernel's options."""
_CHOSEN_IN_CONNECTION = _CHOSEN_IN_SYN_ACK | {"tcp.acknowledgement"}


_NOT_SUMMED = frozenset(
    f"{prefix}{upper}.{name}"
    for prefix in ("", "quote.")
    for upper in ("tcp", "udp")
    for name in ("checksum", "checksum_holds")
)
"""What a kernel does not compute for its loopback."""


def _unknowable(fields: Mapping[str, Value], maker: Maker, prefix: str = "") -> set[str]:
    """The fields of a packet, or of one quoted, that its maker was free to choose."""
    if maker is Maker.PROBE:
        return set()
    if maker is Maker.UNNUMBERED:
        return {f"{prefix}ipv4.id"}
    if maker is Maker.DIVIDED:
        return {f"{prefix}ipv6.fragment_id"}
    names, flags = _CHOSEN_BY_KERNEL, fields.get(f"{prefix}tcp.flags")
    if flags is not None and maker is Maker.KERNEL:
        names -= {"ipv4.id"}  # Linux gives the answers of its TCP none
    if flags is not None and maker in (Maker.CLIENT, Maker.PROXY):
        names |= _CHOSEN_IN_CONNECTION
    elif flags in ("SA", "SAE"):
        names |= _CHOSEN_IN_SYN_ACK
    hidden = {prefix + name for name in names}
    if prefix and names & _CHOSEN_IN_SYN_ACK:
        hidden |= set(_LENGTHS)  # an error is as long as what it quotes
    return hidden


def _dependent(hidden: set[str]) -> set[str]:
    """The checksums that cover hidden fields: whether they hold is compared in their stead."""
    found: set[str] = set()
    for prefix in ("", "quote."):
        own = {name.removeprefix(prefix) for name in hidden if name.startswith(prefix)} - {""}
        if own & {"ipv4.id", *_LENGTHS}:
            found.add(f"{prefix}ipv4.checksum")
        if own & {*_PORT_FIELDS, *_CHOSEN_IN_CONNECTION}:
            found |= {f"{prefix}{upper}.checksum" for upper in ("tcp", "udp", "icmp")}
    if any(name.startswith("quote.") for name in hidden):
        found.add("icmp.checksum")
    return found
