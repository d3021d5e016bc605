"""Rules of hosts, routes, sizes and sources switched off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from dsflow.dataplane.action import Continue, Drop, Forward, IcmpError
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.tables import Filter, Listeners, Mtu, Redirect, ReversePath, RouteLookup, Routes
from dsflow.engine.outcome import At, Outcome
from dsflow.lab.craft import mended
from dsflow.net.address import Address, Family
from dsflow.net.build import ACK, RST, SYN
from dsflow.net.lpm import LongestPrefixTable
from dsflow.net.packet import Packet, decremented
from tests.kernel.faults import Mutation, Plant, always, changed, deciding, device, instead, patched, used, without
from tests.kernel.mutation_networks import ADDRESSES
from tests.kernel.networks import CLIENT, H0, H2, NOWHERE, R0, R0_FAR, SERVER
from tests.kernel.packets import datagram, ping, segment

__all__ = ["MUTATIONS"]


# --- filters and resets ----------------------------------------------------------------------------------------


def _filters(family: int) -> Iterator[Mutation]:
    named = {
        "a filter drops in silence": (666, Disposition.DENIED_FORWARD),
        "a filter on input drops": (671, Disposition.DENIED_INGRESS),
        "a filter on output drops": (672, Disposition.DENIED_EGRESS),
    }
    for name, (port, disposition) in named.items():
        plant = deciding(Filter, _letting(disposition))
        target = R0 if port == 671 else H2
        yield Mutation(f"{name}, IPv{family}", "plain", plant, (("h0", datagram(family, H0, target, dport=port)),))
    told = deciding(Filter, _telling)
    yield Mutation(
        f"a dropping filter tells nobody, IPv{family}", "plain", told, (("h0", datagram(family, H0, H2, dport=666)),)
    )
    damaged = patched("dsflow.engine.conversation._is_refused_in_silence", always(False))
    wrong = datagram(family, H0, H2, dport=667, chksum=0x1234)
    yield Mutation(f"nothing damaged is rejected, IPv{family}", "plain", damaged, (("h0", wrong),))
    for flags, ack in (("S", 0), ("PA", 7), ("SF", 0)):
        plant = used("dsflow.net.build.reset_to", _wrong_reset)
        packet = segment(family, H0, H2, dport=670, flags=flags, ack=ack, data=b"data" if flags == "PA" else b"")
        yield Mutation(f"a filter's reset answers {flags}, IPv{family}", "plain", plant, (("h0", packet),))
        closed = segment(family, H0, R0, dport=81, flags=flags, ack=ack)
        yield Mutation(f"a closed port's reset answers {flags}, IPv{family}", "plain", plant, (("h0", closed),))
    reset = segment(family, H0, R0, dport=81, flags="R")
    answered = deciding(Listeners, _answering_resets)
    packets = (("h0", reset),)
    yield Mutation(f"a reset is not answered, IPv{family}", "plain", answered, packets)


def _letting(disposition: Disposition) -> Any:
    def decide(outcome: Outcome, _: Packet, __: At) -> Outcome:
        return None if isinstance(outcome, Drop) and outcome.disposition is disposition else outcome

    return decide


def _telling(outcome: Outcome, _: Packet, __: At) -> Outcome:
    return replace(outcome, error=IcmpError.PORT_UNREACHABLE) if isinstance(outcome, Drop) else outcome


def _wrong_reset(true: Any) -> Any:
    """The other kind of reset: as to a segment with an acknowledgement where it has none, and the reverse."""

    def wrong(packet: Packet, **more: Any) -> Packet | None:
        if packet.tcp_flags & RST:
            return None
        raw = bytearray(packet.raw)
        raw[packet.transport + 13] ^= ACK
        fields = {name: getattr(packet, name) for name in Packet.__slots__}
        found: Packet | None = true(Packet(**{**fields, "raw": bytes(raw)}), **more)
        return found

    return wrong


def _answering_resets(outcome: Outcome, _: Packet, __: At) -> Outcome:
    if isinstance(outcome, Drop):
        return replace(outcome, resets=False, error=IcmpError.PORT_UNREACHABLE)
    return outcome


# --- routes ----------------------------------------------------------------------------------------------------


def _routes(family: int) -> Iterator[Mutation]:
    packet = datagram(family, H0, ADDRESSES["two metrics"])
    highest = patched("dsflow.dataplane.linux_routes.LinuxRoutes._written", _by_falling_metric)
    yield Mutation(f"the lower metric wins, IPv{family}", "plain", highest, (("h0", packet),))
    last = changed(RouteLookup, _without_special)
    yield Mutation(
        f"a special route is an ordinary one, IPv{family}",
        "hosts",
        last,
        (("h2", datagram(family, H2, NOWHERE)),),
    )
    onward = datagram(family, R0_FAR, {4: "10.8.8.8", 6: "fd00:8::8"})
    told = deciding(RouteLookup, _telling_of_hosts)
    yield Mutation(f"a host does not route, and is silent, IPv{family}", "hosts", told, (("r1", onward, "e1"),))
    refused = datagram(family, R0_FAR, NOWHERE)
    plant = deciding(RouteLookup, _hosts_refuse if family == 4 else _hosts_are_silent)
    speaks = "does not refuse" if family == 4 else "refuses"
    yield Mutation(f"a host {speaks} by its routes, IPv{family}", "hosts", plant, (("r1", refused, "e1"),))


def _by_falling_metric(true: Any) -> Any:
    def written(routes: Any, family: Family) -> Iterator[tuple[int, Any, Any]]:
        for metric, prefix, action in true(routes, family):
            yield 1_000_000 - metric, prefix, action

    return written


def _without_special(table: RouteLookup) -> RouteLookup:
    def kept(rows: LongestPrefixTable[Any]) -> LongestPrefixTable[Any]:
        return LongestPrefixTable(
            (prefix, action) for prefix, action in rows.items() if not prefix.length or not isinstance(action, Drop)
        )

    tables = {name: Routes(kept(one.ipv4), kept(one.ipv6)) for name, one in table.tables.items()}
    return replace(table, tables=tables)


def _telling_of_hosts(outcome: Outcome, _: Packet, __: At) -> Outcome:
    if isinstance(outcome, Drop) and outcome.disposition is Disposition.NOT_FORWARDING:
        return replace(outcome, error=IcmpError.NO_ROUTE)
    return outcome


def _hosts_refuse(outcome: Outcome, _: Packet, __: At) -> Outcome:
    if isinstance(outcome, Drop) and outcome.disposition is Disposition.NOT_FORWARDING:
        return replace(outcome, error=IcmpError.PROHIBITED)
    return outcome


def _hosts_are_silent(outcome: Outcome, _: Packet, at: At) -> Outcome:
    refuses = isinstance(outcome, Drop) and at.in_interface is not None
    return replace(outcome, error=None) if refuses and isinstance(outcome, Drop) else outcome


# --- sizes -----------------------------------------------------------------------------------------------------


def _sizes() -> Iterator[Mutation]:
    divided = datagram(4, H0, H2, size=1500, dport=53)
    by_sixteen = used("dsflow.net.fragment.fragment", lambda true: lambda one, mtu: true(one, mtu - mtu % 8 - 4))
    yield Mutation("fragments are as long as fits, in eights", "plain", by_sixteen, (("h0", divided),))
    whole = used("dsflow.net.fragment.fragment", _once)
    yield Mutation("a router divides fragments again", "plain", whole, (("h0", divided),))
    kept = ping(4, H0, H2, size=600, df=True)
    for name, packet, octet in (("DF", kept, 6), ("the identification", divided, 5)):
        plant = used("dsflow.net.packet.decremented", instead(_spoilt(octet)))
        yield Mutation(f"a router keeps {name}", "plain", plant, (("h0", packet),))
    for family in (4, 6):
        plant = patched("dsflow.dataplane.action.Forward.mtu_bytes", instead(property(_link_mtu)))
        routed = datagram(family, H0, H2, size=1400, df=True)
        yield Mutation(f"the MTU of a route holds, IPv{family}", "route mtu", plant, (("h0", routed),))
        for size, limit in ((1404, 0), (1405, 9)):
            plant = device(partial(_receiving, limit=limit))
            name = f"a receiver takes {'four bytes more' if size == 1404 else 'no more than that'}, IPv{family}"
            yield Mutation(name, "unequal", plant, (("h0", ping(family, H0, H2, size=size)),))
        plant = without(Mtu, "translate", "leave")
        too_long = datagram(family, H0, H2, size=1501)
        yield Mutation(f"a raw packet fits the sender's link, IPv{family}", "open", plant, (("h0", too_long),))
        asked = tuple(("h0", datagram(family, H0, H2, size=1400, dport=53, sport=port)) for port in (1001, 1002))
        plant = patched("dsflow.engine.conversation._learn", always(None))
        yield Mutation(f"a socket learns the path MTU, IPv{family}", "path mtu", plant, asked)
    again = tuple(("h0", ping(6, H0, H2, size=1400, ident=ident)) for ident in (1, 2))
    plant = patched("dsflow.engine.conversation._learn", always(None))
    yield Mutation("ICMPv6 learns the path MTU for echo replies", "path mtu", plant, again)
    plant = used("dsflow.net.fragment.divided_like", lambda _: lambda one, _pieces: (one,))
    back = datagram(4, H2, H0, size=1400)
    yield Mutation("a tracking box sends nothing larger than it got", "tracking", plant, (("h2", back),))
    plant = patched("dsflow.dataplane.device.Device.tracks_connections", instead(property(lambda _own: frozenset())))
    expired = datagram(4, H2, H0, size=1400, ttl=2)
    yield Mutation("a tracking box puts fragments together", "tracking", plant, (("h2", expired),))
    running = patched("dsflow.model.devices.DeviceInterface.carries", always(True))
    yield Mutation("below 1280 bytes there is no IPv6", "without ipv6", running, (("h0", datagram(6, H0, H2)),))


def _once(true: Any) -> Any:
    """What is a fragment already stays whole."""
    return lambda one, mtu, **more: (one,) if one.is_fragment else true(one, mtu, **more)


def _link_mtu(route: Any) -> int:
    limit: int = route.neighbor.link.mtu_bytes
    return limit


def _receiving(one: Any, limit: int) -> Any:
    if one.wire is None:
        return one
    limits = {name: size - 4 + limit for name, size in one.wire.limits_bytes.items()}
    return replace(one, wire=replace(one.wire, limits_bytes=limits))


def _spoilt(octet: int) -> Any:
    """A router that spoils an octet of the IPv4 header, and mends the checksum."""

    def spoilt(packet: Packet) -> Packet:
        low = decremented(packet)
        raw = bytearray(low.raw)
        raw[octet] ^= 0x40
        return Packet.read(mended(bytes(raw)))

    return spoilt


# --- what sockets answer ---------------------------------------------------------------------------------------


def _answers() -> Iterator[Mutation]:
    def reply(change: Any) -> Plant:
        return used("dsflow.net.build.reply_to", change)

    never = reply(lambda true: lambda packet, **_: true(packet))
    yield Mutation("a UDP answer that fits has DF", "open", never, (("h0", datagram(4, H0, H2, dport=53)),))
    marked = reply(lambda true: lambda packet, **_: _with_df(true(packet)))
    yield Mutation("an echo reply has no DF", "open", marked, (("h0", ping(4, H0, H2, df=True)),))
    long = datagram(4, H0, H2, dport=53, size=1500)
    yield Mutation("a UDP answer that does not fit has no DF", "plain", marked, (("h0", long),))
    for family in (4, 6):
        tired = reply(lambda true: lambda packet, **more: true(packet, ttl=255, **more))
        yield Mutation(f"an answer starts with 64, IPv{family}", "open", tired, (("h0", ping(family, H0, H2)),))
        syn = segment(family, H0, H2, sport=41000 + family)
        plain = reply(lambda true: lambda packet, **more: _without_syn(true(packet, **more)))
        yield Mutation(f"a SYN is answered by SYN and ACK, IPv{family}", "open", plain, (("h0", syn),))


def _with_df(packet: Packet | None) -> Packet | None:
    if packet is None or packet.family is Family.IPV6:
        return packet
    raw = packet.raw
    return Packet.read(mended(raw[:6] + bytes((raw[6] | 0x40,)) + raw[7:]))


def _without_syn(packet: Packet | None) -> Packet | None:
    if packet is None:
        return None
    raw = bytearray(packet.raw)
    raw[packet.transport + 13] &= ~SYN
    return Packet.read(bytes(raw))


# --- sources and odd destinations ------------------------------------------------------------------------------


def _sources() -> Iterator[Mutation]:
    def filtering(mode: Any) -> Plant:
        return changed(ReversePath, lambda table: replace(table, mode=mode))

    elsewhere = datagram(4, "10.0.2.77", H2, dport=53)
    unknown = datagram(4, "10.8.8.8", H2, dport=53)
    for name, network, mode, packet in (
        ("strict filtering wants the way back to be the way in", "strict", "loose", elsewhere),
        ("strict filtering wants a way back", "strict", "off", unknown),
        ("loose filtering takes any way back", "loose", "strict", elsewhere),
        ("loose filtering wants a way back", "loose", "off", unknown),
        ("without filtering any source passes", "open", "loose", unknown),
    ):
        yield Mutation(name, network, filtering(mode), (("h0", packet, "e0"),))
    own = datagram(4, R0_FAR, H2, dport=9)
    nobody = changed(ReversePath, lambda table: replace(table, own=frozenset()))
    yield Mutation("IPv4 takes no packet from its own address", "open", nobody, (("h0", own, "e0"),))
    refusing = deciding(RouteLookup, _refusing_own)
    yield Mutation(
        "IPv6 forwards packets from its own address", "open", refusing, (("h0", datagram(6, R0_FAR, H2), "e0"),)
    )
    yield from _martians()
    yield from _shared()


def _refusing_own(outcome: Outcome, packet: Packet, at: At) -> Outcome:
    if packet.src == Address.parse(R0_FAR[6]).value and at.in_interface == "e0" and isinstance(outcome, Forward):
        return Drop(outcome.rule, Disposition.SOURCE_CHECK_FAILED)
    return outcome


def _martians() -> Iterator[Mutation]:
    for src in ("127.0.0.1", "224.0.0.1", "255.255.255.255", "::1", "ff02::1"):
        family = 6 if ":" in src else 4
        lax = without(object, "receive", stage="source-check")
        packet = datagram(family, src, H2, dport=53)
        yield Mutation(f"{src} is no source", "open", lax, (("h0", packet, "e0"),))
    strict = deciding(RouteLookup, _refusing_class_e)
    yield Mutation("240.0.0.1 is a source", "open", strict, (("h0", datagram(4, "240.0.0.1", H2, dport=53), "e0"),))


def _refusing_class_e(outcome: Outcome, packet: Packet, _: At) -> Outcome:
    if packet.family is Family.IPV4 and packet.src >> 28 == 15 and isinstance(outcome, Forward):
        return Drop(outcome.rule, Disposition.SOURCE_CHECK_FAILED)
    return outcome


def _shared() -> Iterator[Mutation]:
    """Broadcast, network and anycast addresses."""
    routes = "dsflow.dataplane.linux_routes.LinuxRoutes"
    nobody = patched(f"{routes}.anycast", always(frozenset()))
    yield Mutation("routers share their subnet's anycast", "open", nobody, (("h0", datagram(6, H0, "fd00:c::")),))
    heard = changed(Listeners, lambda table: replace(table, anycast=frozenset()))
    yield Mutation("TCP to an anycast address is silent", "open", heard, (("h0", segment(6, H0, "fd00:b::")),))
    unicast = patched("dsflow.engine.conversation._answer_for_all", lambda _: lambda *given: given[-1])
    yield Mutation("a ping to an anycast is answered by one", "open", unicast, (("h0", ping(6, H0, "fd00:b::")),))
    ordinary = patched(f"{routes}.broadcasts", always(frozenset({0xFFFF_FFFF})))
    yield Mutation("the highest address is a broadcast", "open", ordinary, (("h0", datagram(4, H0, "10.0.2.255")),))
    heard = changed(Listeners, lambda table: replace(table, broadcasts=frozenset()))
    yield Mutation("a ping to all is ignored", "open", heard, (("h0", ping(4, H0, "10.0.1.255")),))
    lowest = patched(f"{routes}.broadcasts", lambda true: lambda own: true(own) | {first - 255 for first in true(own)})
    yield Mutation("the lowest address is no broadcast", "open", lowest, (("h0", datagram(4, H0, "10.0.2.0")),))


def _redirects() -> Iterator[Mutation]:
    for family in (4, 6):
        around = ping(family, CLIENT, SERVER)
        yield Mutation(f"a neighbour is redirected, IPv{family}", "roundabout", without(Redirect), (("c", around),))
    told = deciding(Redirect, _redirecting)
    yield Mutation("IPv6 does not redirect to a global next hop", "roundabout", told, (("c", ping(6, CLIENT, H2)),))
    beyond = ping(4, H2, SERVER)
    yield Mutation("IPv4 redirects only who is on-link", "roundabout", told, (("c", beyond),))


def _redirecting(outcome: Outcome, _: Packet, at: At) -> Outcome:
    if at.route is not None and at.route.neighbor.out_interface == at.in_interface:
        return outcome or Continue(at.route.rule)
    return outcome


MUTATIONS: tuple[Mutation, ...] = (
    *(mutation for family in (4, 6) for make in (_filters, _routes) for mutation in make(family)),
    *_sizes(),
    *_answers(),
    *_sources(),
    *_redirects(),
)
