"""Rules of forwarding switched off: the order of checks, hop limits, errors, their sources and quotes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dsflow.dataplane.action import Drop, IcmpError
from dsflow.dataplane.device import Device
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.sources import Ipv6Choice
from dsflow.dataplane.tables import Filter, HopLimit, Listeners, Lower, Mtu, Resolve, RouteLookup
from dsflow.engine.outcome import At, Outcome
from dsflow.net.address import Family
from dsflow.net.packet import Packet
from tests.kernel.codes import HOP_LIMIT, NEIGHBOUR, NO_ROUTE, PORT, PROHIBIT, PROTOCOL, UNREACHABLE
from tests.kernel.faults import (
    Mutation,
    Plant,
    before,
    changed,
    deciding,
    error_from,
    error_with,
    instead,
    patched,
    without,
    wrong_code,
)
from tests.kernel.mutation_networks import ADDRESSES
from tests.kernel.networks import H0, H2, NOWHERE, R0, R0_FAR, R1
from tests.kernel.packets import datagram, ping, segment

__all__ = ["MUTATIONS"]

NOBODY = {4: "10.0.2.77", 6: "fd00:c::77"}


def _hop_limit_first(outcome: Outcome, packet: Packet, at: At) -> Outcome:
    if at.in_interface is None or packet.ttl > 1 or not isinstance(outcome, Drop):
        return outcome
    return replace(outcome, error=IcmpError.HOP_LIMIT_EXCEEDED, disposition=Disposition.HOP_LIMIT_EXCEEDED)


def _hop_limit_at_home(outcome: Outcome, packet: Packet, at: At) -> Outcome:
    if at.in_interface is None or packet.ttl > 1:
        return outcome
    found = outcome if isinstance(outcome, Drop) else None
    rule = found.rule if found else outcome.rule  # type: ignore[union-attr]  # what a listener says has a rule
    return Drop(rule, Disposition.HOP_LIMIT_EXCEEDED, error=IcmpError.HOP_LIMIT_EXCEEDED)


def _order(family: int) -> Iterator[Mutation]:
    large = datagram(family, H0, H2, dport=53, size=1450, df=True)
    rules: list[tuple[str, Plant, bytes]] = [
        (
            "routes are looked up before the hop limit",
            deciding(RouteLookup, _hop_limit_first),
            datagram(family, H0, NOWHERE, ttl=1),
        ),
        (
            "the hop limit is checked before the size",
            before(Mtu, HopLimit),
            datagram(family, H0, H2, ttl=1, size=1450, df=True),
        ),
        (
            "the size is checked before the filter",
            before(Filter, Mtu, stage="forward"),
            datagram(family, H0, H2, dport=666, size=1450, df=True),
        ),
        (
            "the hop limit is checked before the filter",
            before(Filter, HopLimit, stage="forward"),
            datagram(family, H0, H2, dport=667, ttl=1),
        ),
        ("the hop limit is checked", without(HopLimit), datagram(family, H0, R1, ttl=1)),
        ("the size is checked", without(Mtu, "forward"), large),
        ("a router lowers the hop limit", without(Lower), datagram(family, H0, H2, dport=53)),
        (
            "the size is checked before the hop limit is lowered",
            before(Lower, Mtu),
            large,
        ),
        (
            "the filter comes after the hop limit is lowered",
            before(Filter, Lower, stage="forward"),
            datagram(family, H0, H2, dport=667),
        ),
        (
            "own addresses take any hop limit",
            deciding(Listeners, _hop_limit_at_home),
            ping(family, H0, R0_FAR, ttl=1),
        ),
        ("a neighbour must answer", without(Resolve), datagram(family, H0, NOBODY)),
    ]
    for name, plant, packet in rules:
        yield Mutation(f"{name}, IPv{family}", "plain", plant, (("h0", packet),))


def _probe_of(family: int, kind: str) -> bytes:
    """A packet that one kind of error is about."""
    if kind == "hop limit":
        return datagram(family, H0, H2, ttl=1)
    if kind == "protocol":
        return _of_protocol(datagram(family, H0, R0), 89)
    port = {"admin": 668, "host": 669, "reject": 667}.get(kind, 9)
    target = {"no route": NOWHERE, "neighbour": NOBODY}.get(kind, ADDRESSES.get(kind, H2))
    return datagram(family, H0, target, dport=port)


def _of_protocol(packet: bytes, protocol: int) -> bytes:
    if packet[0] >> 4 == 6:
        return packet[:6] + bytes((protocol,)) + packet[7:]
    checksum = int.from_bytes(packet[10:12], "big") - (protocol - packet[9])
    return packet[:9] + bytes((protocol,)) + (checksum % 0xFFFF).to_bytes(2, "big") + packet[12:]


_KINDS = {
    "hop limit": HOP_LIMIT,
    "no route": NO_ROUTE,
    "unreachable": UNREACHABLE,
    "prohibit": PROHIBIT,
    "neighbour": NEIGHBOUR,
    "port": PORT,
    "protocol": PROTOCOL,
    "admin": PROHIBIT,
    "host": NEIGHBOUR,
    "reject": PORT,
}


def _codes(family: int) -> Iterator[Mutation]:
    """Each error by another code of its type, and by another type."""
    for kind, codes in _KINDS.items():
        icmp_type, code = codes[family]
        for wrong in ((icmp_type, code + 7), (12 if family == 4 else 100, code)):
            name = f"{kind} is told as {icmp_type}/{code} and not as {wrong[0]}/{wrong[1]}, IPv{family}"
            plant = wrong_code(family, (icmp_type, code), wrong)
            yield Mutation(name, "plain", plant, (("h0", _probe_of(family, kind)),))
    large = datagram(family, H0, H2, size=1450, df=True)
    yield Mutation(f"too big tells the MTU, IPv{family}", "plain", error_with(_half_the_mtu), (("h0", large),))
    silent = datagram(family, H0, ADDRESSES["blackhole"])
    told = deciding(RouteLookup, _tells_of_blackholes)
    yield Mutation(f"a blackhole is silent, IPv{family}", "plain", told, (("h0", silent),))


def _half_the_mtu(_: Packet, said: dict[str, Any]) -> dict[str, Any]:
    return {**said, "word": said["word"] // 2}


def _tells_of_blackholes(outcome: Outcome, _: Packet, __: At) -> Outcome:
    if isinstance(outcome, Drop) and outcome.disposition is Disposition.BLACKHOLED:
        return replace(outcome, error=IcmpError.NO_ROUTE)
    return outcome


def _by_way_back(at: Device, _: str | None, packet: Packet) -> int | None:
    """What IPv4 does, for both."""
    assert at.own is not None
    lookup = next(table for table in at.send if isinstance(table, RouteLookup)).tables[None]
    route: Any = (lookup.ipv4 if packet.family is Family.IPV4 else lookup.ipv6).lookup(packet.src)
    name = route.out_interface if hasattr(route, "out_interface") else route.neighbor.out_interface
    return at.own.source(packet.family, name, packet.src)


def _by_way_in(at: Device, interface: str | None, packet: Packet) -> int | None:
    """What IPv6 does, for both."""
    assert at.own is not None
    assert interface is not None
    return at.own.source(packet.family, interface, packet.src)


def _sources() -> Iterator[Mutation]:
    asymmetric = {family: datagram(family, H2, NOWHERE) for family in (4, 6)}
    closed = {family: datagram(family, H0, R0_FAR) for family in (4, 6)}
    for family, plant in ((4, error_from(_by_way_in)), (6, error_from(_by_way_back))):
        way = "toward the sender" if family == 4 else "where the packet came in"
        yield Mutation(
            f"IPv{family} errors come from the interface {way}", "open", plant, (("h0", asymmetric[family]),)
        )
        name = f"a closed port speaks from the address probed, IPv{family}"
        yield Mutation(name, "open", plant if family == 4 else error_from(_by_way_in), (("h0", closed[family]),))
    gateway = patched("dsflow.dataplane.sources.OwnAddresses.ipv4", instead(_first_address))
    yield Mutation(
        "IPv4 errors come from the address whose subnet has the gateway",
        "addressed",
        gateway,
        (("h0", datagram(4, H2, NOWHERE)),),
    )
    choices = {
        "IPv6 errors come from an address of the sender's kind": (_first_longest, "2001:db8::2"),
        "IPv6 errors come from the address nearest to the sender": (_last_candidate, H0[6]),
        "of equal IPv6 addresses the newest is taken": (_oldest, H0[6]),
    }
    for name, (choice, src) in choices.items():
        plant = patched("dsflow.dataplane.sources.Ipv6Choice.lookup", instead(choice))
        packet = datagram(6, src, NOWHERE)
        yield Mutation(name, "addressed", plant, (("h0", packet, "e0"),))


def _first_address(own: Any, interface: str, _: int) -> int | None:
    found = own.by_interface[Family.IPV4].get(interface, ())
    return found[0].value if found else None


def _first_longest(choice: Ipv6Choice, value: int) -> int | None:
    """Without labels, the unique local ones first."""
    return max(choice.candidates, key=lambda own: (own.value >> 121 == 0x7E, -(own.value ^ value))).value


def _last_candidate(choice: Ipv6Choice, _: int) -> int | None:
    return choice.candidates[-2].value


def _oldest(choice: Ipv6Choice, value: int) -> int | None:
    near = [own for own in choice.candidates if own.prefix.first <= value <= own.prefix.last]
    return near[-1].value


def _quotes() -> Iterator[Mutation]:
    for family, whole in ((4, 576), (6, 1280)):
        packet = datagram(family, H0, H2, size=1400, ttl=1)
        plant = patched("dsflow.net.icmp._LONGEST", instead({4: 56, 6: 96, family: whole - 8}))
        yield Mutation(f"an error is {whole} bytes long, IPv{family}", "open", plant, (("h0", packet),))
        plant = patched("dsflow.net.icmp._LONGEST", instead({4: 56, 6: 96}))
        yield Mutation(f"an error quotes more than a header, IPv{family}", "open", plant, (("h0", packet),))
        plant = error_with(lambda _, said: {**said, "ttl": 255})
        yield Mutation(f"an error starts with 64, IPv{family}", "open", plant, (("h0", datagram(family, H0, R0)),))
    plant = patched("dsflow.net.icmp._INTERNETWORK_CONTROL", instead(0))
    yield Mutation("an error has the precedence of control", "open", plant, (("h0", datagram(4, H0, R0)),))
    expired = segment(4, H0, H2, ttl=1)
    plant = error_with(lambda _, said: {**said, "src": said["src"] + 1})
    yield Mutation("an error comes from an address of the router", "open", plant, (("h0", expired),))


def _scope() -> Iterator[Mutation]:
    packet = datagram(6, "fe80::5", H2)
    yield Mutation(
        "a link-local source goes no further",
        "open",
        without(Filter, "forward", stage="scope"),
        (("h0", packet, "e0"),),
    )


def _early() -> Iterator[Mutation]:
    plant = changed(Mtu, lambda table: replace(table, by_link=False), "forward")
    large = datagram(6, H0, H2, size=1400)
    yield Mutation("IPv6 asks for the MTU of a route when it has lowered", "route mtu", plant, (("h0", large),))
    dropped = datagram(6, H0, H2, size=1400, dport=666)
    yield Mutation("IPv6 asks for the MTU of a route after the filter", "route mtu", plant, (("h0", dropped),))


MUTATIONS: tuple[Mutation, ...] = (
    *(mutation for family in (4, 6) for make in (_order, _codes) for mutation in make(family)),
    *_sources(),
    *_quotes(),
    *_scope(),
    *_early(),
)
