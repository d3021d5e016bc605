"""Address translation: with sessions, as Linux and a NAT gateway do, and one to one, as an Internet gateway does.

Rows are consulted for the first packet of a connection; the rest follows the session, in both
directions, and so do the ICMP errors that quote it (RFC 5508, nf_nat_core).
"""

from __future__ import annotations

from typing import Literal

from dsflow.dataplane.action import Rule
from dsflow.dataplane.match import State
from dsflow.dataplane.nat import NatRow
from dsflow.dataplane.tables import Nat, StaticNat
from dsflow.engine.conntrack import Key, Session
from dsflow.engine.outcome import LOOPBACK, At, Outcome, Rewrite, Stage
from dsflow.net.address import Family
from dsflow.net.icmp import is_icmp_error
from dsflow.net.packet import Packet, rewritten
from dsflow.net.quote import quoted, requoted

__all__ = ["destination_nat", "source_nat", "static_nat"]


def destination_nat(table: Nat, seed: int) -> Stage:
    """The stage that gives a packet its destination: a row's, or the session's."""
    rows = table.rows

    def translate(packet: Packet, at: At) -> Outcome:
        session = at.session
        if session is None:
            return _first_destination(packet, at, rows, seed) if at.state is State.NEW else None
        row = session.snat if at.reverse else session.dnat
        return None if row is None else _as_before(packet, at, row, "dst", *_target(session, at)[2:4])

    return translate


def source_nat(table: Nat, seed: int) -> Stage:
    """The stage that gives a packet its source: a row's, or the session's.

    What a device sends itself leaves by the loopback, and is given one there.
    """
    leaves = table.hook == "postrouting"

    def translate(packet: Packet, at: At) -> Outcome:
        session = at.session
        if session is None:
            leaving = at.route is not None or (leaves and at.in_interface is None)
            return _first_source(packet, at, table, seed) if at.state is State.NEW and leaving else None
        row = session.dnat if at.reverse else session.snat
        return None if row is None else _as_before(packet, at, row, "src", *_target(session, at)[4:6])

    return translate


def static_nat(table: StaticNat) -> Stage:
    """The stage of a fixed one-to-one exchange, which needs no session; quotes in ICMP errors are exchanged too."""
    exchange, rules = table.exchange, table.rules

    def inbound(packet: Packet, at: At) -> Outcome:
        if at.in_interface != table.interface or packet.family is not Family.IPV4:
            return None
        private = exchange.get(packet.dst)
        if private is None:
            return None
        quote = quoted(packet) if is_icmp_error(packet) else None
        if quote is None:
            new = rewritten(packet, dst=private)
        else:
            new = requoted(packet, rewritten(quote, src=exchange.get(quote.src)), dst=private)
        return Rewrite(new, rules[packet.dst], table.kind)

    def outbound(packet: Packet, at: At) -> Outcome:
        assert at.route is not None
        if at.route.neighbor.out_interface != table.interface or packet.family is not Family.IPV4:
            return None
        public = exchange.get(packet.src)
        if public is None:
            return table.miss
        quote = quoted(packet) if is_icmp_error(packet) else None
        if quote is None:
            new = rewritten(packet, src=public)
        else:
            new = requoted(packet, rewritten(quote, dst=exchange.get(quote.dst)), src=public)
        return Rewrite(new, rules[packet.src], table.kind)

    return inbound if table.hook == "prerouting" else outbound


def _as_before(
    packet: Packet, at: At, row: NatRow, end: Literal["src", "dst"], address: int, port: int | None
) -> Outcome:
    """What the session decided, for another of its packets; of an ICMP error the quote gets the other end."""
    change, inverse = (_with_source, _with_destination) if end == "src" else (_with_destination, _with_source)
    if at.state is State.RELATED and is_icmp_error(packet):
        quote = quoted(packet)
        if quote is None:
            return None
        new = requoted(packet, inverse(quote, address, port), **{end: address})
    else:
        new = change(packet, address, port)
    return None if new.raw == packet.raw else Rewrite(new, _rule(row, back=at.reverse), row.kind)


def _target(session: Session, at: At) -> Key:
    """The key that a packet's ends are set from: its own direction's, seen from the other end."""
    return session.original if at.reverse else session.reply


def _first_destination(packet: Packet, at: At, rows: tuple[NatRow, ...], seed: int) -> Outcome:
    out_interface = None if at.route is None else at.route.neighbor.out_interface
    for row in rows:
        if not row.match.covers(packet, at.in_interface, out_interface, at.state):
            continue
        if row.targets:
            taken = row.unchecked if at.lenient and row.unchecked is not None else row
            target = taken.targets[at.chooser.choose(len(taken.targets), packet, seed, taken.affinity)]
            new = _with_destination(packet, target.address, target.port)
            mark = taken.marks_own if target.address == packet.src else taken.marks
            return Rewrite(new, taken.rule, taken.kind, dnat=taken, mark=mark)
        if row.address is None:
            return None
        return Rewrite(_with_destination(packet, row.address, row.port), row.rule, row.kind, dnat=row)
    return None


def _first_source(packet: Packet, at: At, table: Nat, seed: int) -> Outcome:
    """The source of a new connection: by the first row that covers it, else its own, if nobody has that."""
    out_interface = LOOPBACK if at.route is None else at.route.neighbor.out_interface
    for row in table.rows:
        wanted = row.marked is None or row.marked is at.mark
        if wanted and row.match.covers(packet, at.in_interface, out_interface, at.state):
            break
    else:
        if table.collision is None:
            return None
        if packet.sport is None and at.memory.is_taken(packet, packet.src, None):
            return table.exhausted  # without a port to draw the clash ends the packet (nf_ct_resolve_clash)
        port = at.memory.kept_port(packet.src, packet, seed)
        if packet.sport is None or port in (None, packet.sport):
            return None
        row = table.collision
        return Rewrite(rewritten(packet, sport=port), row.rule, row.kind, snat=row)
    address = _source_address(packet, at, row, table)
    if address is None:
        return table.unaddressed
    port = row.port
    if port is None and packet.sport is not None:
        if row.pool is not None:
            port = at.memory.free_port(row.pool, address, packet, seed)
        else:
            ports = at.memory.drawn_port if row.draws else at.memory.kept_port
            port = ports(address, packet, seed)
        if port is None:
            return table.exhausted
    fixed = packet.sport is None or row.port is not None
    if fixed and at.memory.is_taken(packet, address, port):
        return table.exhausted
    new = _with_source(packet, address, port)
    return None if new == packet else Rewrite(new, row.rule, row.kind, snat=row)


def _source_address(packet: Packet, at: At, row: NatRow, table: Nat) -> int | None:
    """The row's address, else that of the interface that the packet leaves by (masquerade)."""
    if row.address is not None:
        return row.address
    assert table.own is not None
    if at.route is None:
        return table.own.source(packet.family, LOOPBACK, packet.dst)
    toward = packet.dst if at.route.next_hop is None else at.route.next_hop
    if packet.family is Family.IPV6:
        toward = packet.dst
    return table.own.source(packet.family, at.route.neighbor.out_interface, toward)


def _with_source(packet: Packet, address: int, port: int | None) -> Packet:
    return rewritten(packet, src=address, sport=None if packet.sport is None else port)


def _with_destination(packet: Packet, address: int, port: int | None) -> Packet:
    return rewritten(packet, dst=address, dport=None if packet.sport is None else port)


def _rule(row: NatRow, *, back: bool) -> Rule:
    return row.back if back and row.back is not None else row.rule
