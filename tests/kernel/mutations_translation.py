"""Rules of connection tracking and address translation switched off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from operator import or_
from typing import Any

from dsflow.dataplane.device import Device
from dsflow.dataplane.match import State
from dsflow.dataplane.nat import PortPool
from dsflow.dataplane.tables import Confirm, Nat
from dsflow.engine.outcome import At, Tracked
from dsflow.net.address import Address
from dsflow.net.build import ACK, FIN, RST, SYN
from dsflow.net.packet import Packet
from dsflow.net.quote import quoted, requoted
from tests.kernel.faults import Mutation, Plant, always, changed, device, error_from, instead, patched, without
from tests.kernel.mutation_networks import VIP_NOWHERE
from tests.kernel.networks import CLIENT, H0, H1, H2, R0, R0_FAR, R1, VIP
from tests.kernel.packets import datagram, ping, segment

__all__ = ["MUTATIONS"]

NOBODY = {4: "10.0.1.77", 6: "fd00:b::77"}
_MEMORY = "dsflow.engine.conntrack.Memory"


def _invalid(family: int) -> Iterator[Mutation]:
    """What is not translated, and what is although it looks odd."""
    sound = patched("dsflow.engine.tracking._is_garbled", always(False))
    wrong = datagram(family, H0, H2, dport=53, chksum=0x1234)
    yield Mutation(f"a wrong checksum is not translated, IPv{family}", "translating", sound, (("h0", wrong),))
    garbled = patched("dsflow.engine.tracking._is_garbled", instead(_is_flawed))
    bare = datagram(family, H0, H2, dport=53, chksum=0)
    if family == 6:
        yield Mutation("a datagram without checksum is translated", "translating", garbled, (("h0", bare),))
    opening = {"SA": SYN | ACK, "R": RST, "FA": FIN | ACK}
    for flags, bits in opening.items():
        plant = patched("dsflow.engine.tracking._OPENING", partial(or_, frozenset({bits})))
        packet = segment(family, H0, H2, flags=flags)
        name = f"{flags} opens no connection, IPv{family}"
        yield Mutation(name, "translating", plant, (("h0", packet),))
    senseless = patched("dsflow.engine.tracking._makes_no_sense", always(False))
    anything = patched("dsflow.engine.tracking._can_open", always(True))
    for flags in ("", "SF"):
        packet = segment(family, H0, H2, flags=flags)
        name = f"{flags or 'no flag at all'} makes no sense, IPv{family}"
        yield Mutation(name, "translating", _both(senseless, anything), (("h0", packet),))
    strict = patched("dsflow.engine.tracking._OPENING", lambda true: true - {ACK})
    taken_up = segment(family, H0, H2, flags="A")
    yield Mutation(f"a bare acknowledgement is taken up, IPv{family}", "translating", strict, (("h0", taken_up),))
    unasked = ping(family, H0, H2, reply=True)
    yield Mutation(f"an echo reply opens nothing, IPv{family}", "translating", anything, (("h0", unasked),))


def _both(one: Plant, other: Plant) -> Plant:
    return lambda monkeypatch, simulation: other(monkeypatch, one(monkeypatch, simulation))


def _ports(family: int) -> Iterator[Mutation]:
    def collide(sport: int) -> tuple[tuple[str, bytes], ...]:
        first = "h0", datagram(family, H0, H2, sport=sport, dport=53)
        return first, ("h1", datagram(family, H1, H2, sport=sport, dport=53))

    drawing = patched(f"{_MEMORY}.kept_port", always(700))
    yield Mutation(f"a port is kept, IPv{family}", "translating", drawing, collide(40000)[:1])
    two = ("h0", ping(family, H0, H2, ident=7)), ("h1", ping(family, H1, R1, ident=8))
    yield Mutation(f"an identifier is kept, IPv{family}", "translating", drawing, two)
    careless = patched(f"{_MEMORY}.kept_port", instead(_own_port))
    yield Mutation(f"a taken port gives way, IPv{family}", "translating", careless, collide(40000))
    echoes = ("h0", ping(family, H0, H2, ident=9)), ("h1", ping(family, H1, H2, ident=9))
    yield Mutation(f"a taken identifier gives way, IPv{family}", "translating", careless, echoes)
    for sport in (300, 700):
        classless = patched("dsflow.engine.conntrack.port_class", always(PortPool(first=2000, last=2999)))
        yield Mutation(
            f"a port gives way to one of its class, {sport}, IPv{family}", "translating", classless, collide(sport)
        )
    forgetful = patched(f"{_MEMORY}.kept_port", _without_mappings)
    elsewhere = "h1", datagram(family, H1, R1, sport=40000, dport=53)
    name = f"a source keeps the port it was given, IPv{family}"
    yield Mutation(name, "translating", forgetful, (*collide(40000), elsewhere))
    inner = "h0", datagram(family, H0, H2, dport=53)
    own = "r0", datagram(family, R0_FAR, H2, dport=53)
    loose = patched("dsflow.engine.translation._first_source", _own_is_free)
    yield Mutation(f"the translator's own packets give way too, IPv{family}", "translating", loose, (inner, own))


def _own_port(*given: Any) -> int | None:
    """The packet's, whoever else has it."""
    packet: Packet = given[2]
    return packet.sport


def _is_flawed(at: At) -> bool:
    return at.flaw is not None


def _without_mappings(true: Any) -> Any:
    def kept_port(memory: Any, *given: Any) -> Any:
        held, memory.mappings = memory.mappings, {}
        try:
            return true(memory, *given)
        finally:
            memory.mappings = held

    return kept_port


def _own_is_free(true: Any) -> Any:
    """What the device itself sends keeps its port, whoever holds it."""
    return lambda packet, at, *more: None if at.in_interface is None else true(packet, at, *more)


def _sessions(family: int) -> Iterator[Mutation]:
    sent = ("h0", datagram(family, H0, H2, dport=53))
    forgetting = without(Confirm)
    yield Mutation(f"an answer is translated back, IPv{family}", "translating", forgetting, (sent,))
    other = "r1", datagram(family, R1, R0_FAR, sport=53, dport=40000)
    open_port = patched("dsflow.engine.tracking.key_of", _of_any_peer)
    yield Mutation(f"a port is open to its peer only, IPv{family}", "translating", open_port, (sent, other))


def _of_any_peer(true: Any) -> Any:
    """Sessions known by the inside end alone: what the translator hears counts as from h2's port 53."""

    def key_of(packet: Packet) -> Any:
        key = true(packet)
        outside, peer = (Address.parse(one[packet.family]).value for one in (R1, H2))
        return (*key[:2], peer, *key[3:]) if key[2] == outside and key[3] == 53 else key

    return key_of


def _errors(family: int) -> Iterator[Mutation]:
    closed = ("h0", datagram(family, H0, H2))
    to_vip = ("h0", datagram(family, H0, VIP))
    unquoted = patched("dsflow.engine.translation.requoted", instead(_keeping_the_quote))
    yield Mutation(f"the quote is translated back, IPv{family}", "translating", unquoted, (closed,))
    yield Mutation(
        f"the quote is translated back to the virtual address, IPv{family}", "translating", unquoted, (to_vip,)
    )
    outer = patched("dsflow.engine.translation.requoted", instead(_keeping_the_source))
    yield Mutation(f"errors from beyond come from the virtual address, IPv{family}", "translating", outer, (to_vip,))
    alone = patched("dsflow.engine.walk._attached", always(None))
    expired = ("h0", datagram(family, H0, VIP, ttl=1))
    yield Mutation(f"so do the translator's own errors, IPv{family}", "translating", alone, (expired,))
    unrouted = ("h0", datagram(family, H0, VIP_NOWHERE))
    yield Mutation(f"an error about a translated packet is attached, IPv{family}", "translating", alone, (unrouted,))
    lost = ("h0", datagram(family, H0, NOBODY))
    inner = error_from(_by_way_in)
    yield Mutation(f"an error about what left comes from its new source, IPv{family}", "translating", inner, (lost,))
    invalid = patched("dsflow.engine.tracking._of_error", _nothing_related)
    far = ("h0", datagram(family, H0, H2, ttl=2))
    yield Mutation(f"an error belongs to the connection it quotes, IPv{family}", "translating", invalid, (far,))


def _by_way_in(at: Device, interface: str | None, packet: Packet) -> int | None:
    """The address toward the inside, as before the translation."""
    del interface
    assert at.own is not None
    return at.own.source(packet.family, "e0", packet.src)


def _keeping_the_quote(error: Packet, _: Packet, **ends: Any) -> Packet:
    held = quoted(error)
    assert held is not None
    return requoted(error, held, **ends)


def _keeping_the_source(error: Packet, quote: Packet, *, src: int | None = None, dst: int | None = None) -> Packet:
    return requoted(error, quote, dst=dst) if src is None else requoted(error, quote)


def _nothing_related(_: Any) -> Any:
    return lambda *_: Tracked(State.INVALID)


def _ways(family: int) -> Iterator[Mutation]:
    """Where translation stands among the hooks."""
    seen = device(_prerouting_for_own)
    own = ("r0", datagram(family, R0, VIP))
    yield Mutation(f"prerouting does not see the box's own packets, IPv{family}", "translating", seen, (own,))
    hairpin = ("c", ping(family, CLIENT, VIP))
    bare = changed(Nat, lambda table: replace(table, rows=()), "leave")
    yield Mutation(f"a hairpin comes back by the translator, IPv{family}", "hairpin", bare, (hairpin,))
    early = device(_source_first)
    sent = ("h0", datagram(family, H0, H2, ttl=1))
    yield Mutation(f"the source is translated last, IPv{family}", "translating", early, (sent,))


def _prerouting_for_own(one: Any) -> Any:
    seen = [table for table in one.receive if isinstance(table, Nat)]
    return replace(one, send=(*[table for table in one.receive if hasattr(table, "invalid")], *seen, *one.send))


def _source_first(one: Any) -> Any:
    moved = tuple(table for table in one.leave if isinstance(table, Nat))
    rest = tuple(table for table in one.leave if not isinstance(table, Nat))
    return replace(one, forward=(*moved, *one.forward), leave=rest)


_MAKERS = (_invalid, _ports, _sessions, _errors, _ways)

MUTATIONS: tuple[Mutation, ...] = tuple(mutation for family in (4, 6) for make in _MAKERS for mutation in make(family))
