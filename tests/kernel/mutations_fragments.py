"""Rules about fragments switched off, and a few about packets that connection tracking or a filter finds odd."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from dsflow.dataplane.action import Drop
from dsflow.dataplane.match import State
from dsflow.dataplane.tables import Redirect, RouteLookup
from dsflow.engine.outcome import At, Outcome
from dsflow.lab.craft import mended
from dsflow.net.address import Address
from dsflow.net.fragment import fragment
from dsflow.net.packet import Packet
from tests.kernel.faults import Mutation, always, deciding, patched
from tests.kernel.mutation_networks import ADDRESSES
from tests.kernel.networks import H0, H2, R0, R0_FAR, SERVER, VIP
from tests.kernel.packets import datagram, segment

__all__ = ["MUTATIONS", "pieces", "tunnelled"]

_GRE = 47


def pieces(family: int, src: dict[int, str], dst: dict[int, str], mtu_bytes: int = 1300, **more: Any) -> list[bytes]:
    """A datagram of 3000 bytes in fragments."""
    whole = Packet.parse(datagram(family, src, dst, size=3000, ident=4711, **{"dport": 53, **more}))
    return [piece.raw for piece in fragment(whole, mtu_bytes, identification=4711)]


def tunnelled(family: int, src: dict[int, str], dst: dict[int, str], *, protocol: int) -> bytes:
    """GRE of version 1 (RFC 2637) around a payload of a protocol, 0x880b being PPP."""
    head = IP(src=src[4], dst=dst[4], proto=_GRE, id=77) if family == 4 else IPv6(src=src[6], dst=dst[6], nh=_GRE)
    return bytes(head / Raw(bytes((0x20, 1)) + protocol.to_bytes(2, "big") + bytes(12)))


def _fragments(family: int) -> Iterator[Mutation]:
    def sent(*numbers: int) -> tuple[tuple[str, bytes], ...]:
        made = [*pieces(family, H0, H2), pieces(family, H0, H2, 1288)[1]]
        return tuple(("h0", made[number]) for number in numbers)

    alone = patched("dsflow.engine.visit.put_together", lambda true: lambda _, packets: true({}, packets))
    yield Mutation(f"fragments wait for each other, IPv{family}", "open", alone, sent(2, 0, 1))
    forgiving = patched("dsflow.engine.wire.overlap", always(False))
    yield Mutation(f"an overlap loses what waited, IPv{family}", "open", forgiving, sent(0, 3, 0, 1, 2))
    together = patched("dsflow.engine.visit._run_each", _lost_with_the_first)
    if family == 6:
        yield Mutation("a fragment that fits goes on by itself", "narrow", together, sent(0, 1, 2))
    free = patched("dsflow.engine.visit._unsent", always(None))
    own = "h0", pieces(family, H0, H0, dport=672)[0]
    yield Mutation(f"fragments to oneself meet the filter, IPv{family}", "plain", free, (own,))


def _lost_with_the_first(true: Any) -> Any:
    def run_each(*given: Any) -> Any:
        end, left = true(*given)
        at: At = given[2]
        return (at.refused[0][0], ()) if at.refused else (end, left)

    return run_each


def _oddities() -> Iterator[Mutation]:
    careless = patched("dsflow.engine.wire._until_lost", lambda _: lambda made, _longest: made)
    cut = datagram(4, H0, H2, size=1500, dport=53)
    yield Mutation("what is cut stops at the piece that is lost", "unequal pieces", careless, (("h0", cut),))
    for family in (4, 6):
        sound = patched("dsflow.engine.tracking._is_strange_tunnel", always(False))
        strange = tunnelled(family, H0, H2, protocol=0x1234)
        yield Mutation(f"a strange tunnel is not translated, IPv{family}", "translating", sound, (("h0", strange),))
    bare = datagram(6, H0, H2, dport=667, chksum=0)
    damaged = patched("dsflow.engine.conversation._is_refused_in_silence", _any_flaw)
    yield Mutation("what has no checksum is rejected aloud", "plain", damaged, (("h0", bare),))
    routed = patched("dsflow.dataplane.linux_routes.LinuxRoutes.arriving_by", always(None))
    local = datagram(6, "fe80::5", VIP, dport=53)
    yield Mutation("a link-local address is looked for on its link", "hairpin", routed, (("c", local, "e0"),))
    own = patched("dsflow.dataplane.sources.OwnAddresses.toward_itself", lambda _: lambda _own, _family, value: value)
    lost = "h0", datagram(4, H0, "10.0.1.99", dport=53)
    yield Mutation("a secondary address is told by its primary", "secondary", own, (lost,))
    silent = deciding(Redirect, _not_to_itself)
    spoofed = datagram(6, R0, SERVER, dport=53)
    yield Mutation("IPv6 redirects its own address", "spoofed", silent, (("c", spoofed),))


def _states() -> Iterator[Mutation]:
    """Rules of filters, routes and headers that need a packet of their own."""
    for family in (4, 6):
        stateless = patched("dsflow.dataplane.match.Match.covers", _whatever_the_state)
        unasked = "h2", datagram(family, H2, H0, dport=4000)
        yield Mutation(f"a filter asks for the state, IPv{family}", "stateful", stateless, (unasked,))
        thrown = deciding(RouteLookup, _without_throw)
        aside = "h0", datagram(family, H0, ADDRESSES["throw"])
        yield Mutation(f"a thrown packet finds no other route, IPv{family}", "plain", thrown, (aside,))
    unlimited = patched("dsflow.engine.conversation._may_tell", always(True))
    spent = tuple(("h0", datagram(4, H0, R0, sport=3000 + number)) for number in range(7))
    yield Mutation("errors are limited where asked for", "limited", unlimited, spent)
    bad = datagram(4, H0, H2, dport=53)
    bad = bad[:10] + bytes((bad[10] ^ 0xFF,)) + bad[11:]
    blind = patched("dsflow.engine.visit.off_the_wire", always(None))
    yield Mutation("a wrong IPv4 checksum ends a packet", "open", blind, (("h0", bad, "e0"),))
    divided = patched("dsflow.engine.stages._mtu", _dividing)
    large = datagram(6, H0, H2, size=1500)
    yield Mutation("IPv6 is divided by no router", "plain", divided, (("h0", large),))
    numbered = patched("dsflow.engine.conversation.reply_to", _numbered)
    yield Mutation("an answer of TCP has identification 0", "open", numbered, (("h0", segment(4, H0, H2, dport=80)),))
    wrong_port = patched("dsflow.engine.translation._with_destination", _keeping_the_port)
    door = ("h2", segment(4, H2, R0_FAR, dport=8080))
    yield Mutation("a port is forwarded to another", "doors", wrong_port, (door,))


def _whatever_the_state(true: Any) -> Any:
    return lambda match, packet, one, other, _state=None: true(match, packet, one, other, State.ESTABLISHED)


def _without_throw(outcome: Outcome, _: Packet, __: At) -> Outcome:
    thrown = isinstance(outcome, Drop) and "throw" in outcome.rule.reason
    return replace(outcome, error=None) if isinstance(outcome, Drop) and thrown else outcome


def _dividing(true: Any) -> Any:
    def made(table: Any) -> Any:
        stage = true(table)
        return lambda packet, at: None if packet.family == 6 and at.in_interface is not None else stage(packet, at)

    return made


def _numbered(true: Any) -> Any:
    def reply_to(packet: Packet, **more: Any) -> Packet | None:
        answer = true(packet, **more)
        return None if answer is None else Packet.read(mended(answer.raw[:4] + b"\x12\x34" + answer.raw[6:]))

    return reply_to


def _keeping_the_port(true: Any) -> Any:
    return lambda packet, address, _port: true(packet, address, packet.dport)


def _any_flaw(true: Any) -> Any:
    return lambda refusal, flaw: flaw is not None or true(refusal, flaw)


def _not_to_itself(outcome: Outcome, packet: Packet, _: At) -> Outcome:
    return None if packet.src == Address.parse(R0[6]).value else outcome


MUTATIONS: tuple[Mutation, ...] = (
    *(mutation for family in (4, 6) for mutation in _fragments(family)),
    *_oddities(),
    *_states(),
)
