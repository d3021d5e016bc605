"""Address translation: with sessions, as Linux and a NAT gateway do, and one to one, as an Internet gateway does.

Rows are consulted for the first packet of a connection; the rest follows the session, in both
directions, and so do the ICMP errors that quote it (RFC 5508, nf_nat_core).
"""

from __future__ import annotations

from dsflow.dataplane.action import Rule
from dsflow.dataplane.nat import NatRow
from dsflow.dataplane.tables import Nat, StaticNat
from dsflow.engine.conntrack import ICMP_PROTOCOLS, Session, key_of, reversed_key
from dsflow.engine.outcome import At, Outcome, Rewrite, Stage, Track
from dsflow.net.address import Family
from dsflow.net.icmp import is_icmp_error
from dsflow.net.packet import Packet, rewritten
from dsflow.net.quote import quoted, requoted

__all__ = ["postrouting", "prerouting", "static_nat"]


def prerouting(table: Nat) -> Stage:
    """The stage that gives a packet its destination: a row's, or the session's."""
    rows = table.rows

    def translate(packet: Packet, at: At) -> Outcome:
        if packet.protocol in ICMP_PROTOCOLS and is_icmp_error(packet):
            return _error_in(packet, at)
        key = key_of(packet)
        session = at.memory.sessions.get(key)
        if session is None:
            return _first_destination(packet, at, rows)
        if key == session.original:
            return _follow(packet, session.dnat, back=False, dst=session.reply[2], dport=session.reply[3])
        return _follow(packet, session.snat, back=True, dst=session.original[2], dport=session.original[3])

    return translate


def postrouting(table: Nat, seed: int) -> Stage:
    """The stage that gives a packet its source, and opens the session of a new connection."""

    def translate(packet: Packet, at: At) -> Outcome:
        if packet.protocol in ICMP_PROTOCOLS and is_icmp_error(packet):
            return _error_out(packet, at)
        key = key_of(at.arrived)
        session = at.memory.sessions.get(key)
        if session is None:
            return _open(packet, at, table, seed)
        if key == session.original:
            return _follow(packet, session.snat, back=False, src=session.reply[4], sport=session.reply[5])
        return _follow(packet, session.dnat, back=True, src=session.original[4], sport=session.original[5])

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


def _first_destination(packet: Packet, at: At, rows: tuple[NatRow, ...]) -> Outcome:
    for row in rows:
        if row.match.covers(packet, at.in_interface, None):
            return Rewrite(rewritten(packet, dst=row.address, dport=row.port), row.rule, row.kind, row)
    return None


def _open(packet: Packet, at: At, table: Nat, seed: int) -> Outcome:
    """Open the session of a new connection, with the first row that covers it."""
    assert at.route is not None
    original = key_of(at.arrived)
    for row in table.rows:
        if row.match.covers(packet, at.in_interface, at.route.neighbor.out_interface):
            break
    else:
        return Track(Session(original, reversed_key(key_of(packet)), at.dnat))
    port = row.port
    if port is None and packet.sport is not None:
        port = at.memory.free_port(row, packet, seed)
        if port is None:
            return table.exhausted
    new = rewritten(packet, src=row.address, sport=port)
    session = Session(original, reversed_key(key_of(new)), at.dnat, row)
    return Rewrite(new, row.rule, row.kind, row, session)


def _follow(packet: Packet, row: NatRow | None, *, back: bool, **ends: int | None) -> Outcome:
    """What the session decided for its first packet, for a later one or (``back``) for an answer."""
    if row is None:
        return None
    return Rewrite(rewritten(packet, **ends), _rule(row, back=back), row.kind)


def _rule(row: NatRow, *, back: bool) -> Rule:
    return row.back if back and row.back is not None else row.rule


def _error_in(packet: Packet, at: At) -> Outcome:
    """An error about a translated packet goes to whoever really sent that, with the quote as it was."""
    quote, session = _session_quoted(packet, at)
    if quote is None or session is None or session.snat is None or reversed_key(key_of(quote)) != session.reply:
        return None
    src, sport = session.original[2:4]
    new = requoted(packet, rewritten(quote, src=src, sport=sport), dst=src)
    return Rewrite(new, _rule(session.snat, back=True), session.snat.kind)


def _error_out(packet: Packet, at: At) -> Outcome:
    """An error about a reply leaves with the address that the other end knows."""
    quote, session = _session_quoted(packet, at)
    if quote is None or session is None or session.snat is None or reversed_key(key_of(quote)) != session.original:
        return None
    dst, dport = session.reply[4:6]
    new = requoted(packet, rewritten(quote, dst=dst, dport=dport), src=dst)
    return Rewrite(new, session.snat.rule, session.snat.kind)


def _session_quoted(error: Packet, at: At) -> tuple[Packet | None, Session | None]:
    """The packet that an error is about, and the session that this was part of."""
    quote = quoted(error)
    return quote, None if quote is None else at.memory.sessions.get(reversed_key(key_of(quote)))
