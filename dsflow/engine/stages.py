"""One stage for each kind of table: the table's meaning, as a function of packet and place."""

from __future__ import annotations

from collections.abc import Container
from typing import assert_never

from dsflow.dataplane.action import Continue, Drop, Forward, Neighbor, Rule, ToOwner
from dsflow.dataplane.match import Match
from dsflow.dataplane.tables import (
    Filter,
    HopLimit,
    Listeners,
    Mtu,
    Nat,
    Proxy,
    RouteLookup,
    SourceCheck,
    StaticNat,
    Table,
)
from dsflow.engine.conntrack import ICMP_PROTOCOLS, key_of, reversed_key
from dsflow.engine.outcome import At, Outcome, Stage
from dsflow.engine.translation import postrouting, prerouting, static_nat
from dsflow.net.address import Family
from dsflow.net.build import ACK, FIN, RST, SYN
from dsflow.net.hashing import mix64
from dsflow.net.icmp import is_icmp_error
from dsflow.net.packet import Packet, decremented
from dsflow.net.quote import quoted
from dsflow.net.wire import ECHO_REPLY, ECHO_REPLY_V6, ECHO_REQUEST, ECHO_REQUEST_V6, ICMP, ICMPV6, TCP

__all__ = ["stage_for"]


def stage_for(table: Table, seed: int) -> tuple[str, Rule, Stage]:
    """The stage's name, the rule of its usual rewriting, and what it does."""
    match table:
        case RouteLookup():
            return table.stage, _NO_RULE, _route(table)
        case Filter():
            return table.stage, _NO_RULE, _filter(table)
        case HopLimit():
            return table.stage, table.lowered, _hop_limit(table)
        case Mtu():
            return table.stage, _NO_RULE, _mtu(table)
        case SourceCheck():
            return table.stage, _NO_RULE, _source_check(table)
        case StaticNat():
            return table.kind, _NO_RULE, static_nat(table)
        case Nat():
            return table.hook, _NO_RULE, prerouting(table) if table.hook == "prerouting" else postrouting(table, seed)
        case Listeners():
            return table.stage, _NO_RULE, _listeners(table)
        case Proxy():
            return table.stage, _NO_RULE, _proxy(table, seed)
        case _:
            assert_never(table)


_NO_RULE = Rule(reason="this table rewrites by its rows only")


def _route(table: RouteLookup) -> Stage:
    tables, default = table.tables, table.tables[None]
    owners, ownerless = table.owners, table.ownerless
    made: dict[tuple[int, int], Forward] = {}  # one Forward for each row and neighbour, however many packets

    def to_owner(action: ToOwner, packet: Packet) -> Outcome:
        neighbor: Neighbor | None = owners[packet.family].get(packet.dst)
        if neighbor is None:
            return ownerless
        key = id(action), id(neighbor)
        forward = made.get(key)
        if forward is None:
            forward = made[key] = Forward(action.rule, neighbor, action.lowers)
        return forward

    def route(packet: Packet, at: At) -> Outcome:
        routes = tables.get(at.in_interface, default)
        rows = routes.ipv4 if packet.family is Family.IPV4 else routes.ipv6
        action = rows.lookup(packet.dst)
        return to_owner(action, packet) if isinstance(action, ToOwner) else action

    return route


def _filter(table: Filter) -> Stage:
    chosen: dict[tuple[int, str | None], list[tuple[Match, Drop | Continue]]] = {}

    def rows_for(family: int, in_interface: str | None) -> list[tuple[Match, Drop | Continue]]:
        """The rows that packets of this family from this interface can meet at all."""
        return [row for row in table.rows if row[0].may_cover(family, in_interface)]

    def filtered(packet: Packet, at: At) -> Outcome:
        key = packet.family, at.in_interface
        rows = chosen.get(key)
        if rows is None:
            rows = chosen[key] = rows_for(*key)
        for match, action in rows:
            out_interface = None if at.route is None else at.route.neighbor.out_interface
            if match.covers(packet, at.in_interface, out_interface):
                return action
        return None

    return filtered


def _hop_limit(table: HopLimit) -> Stage:
    def hop_limit(packet: Packet, at: At) -> Outcome:
        assert at.route is not None
        if not at.route.lowers:
            return table.kept
        if packet.ttl <= 1:
            return table.expired
        return decremented(packet)

    return hop_limit


def _mtu(table: Mtu) -> Stage:
    def mtu(packet: Packet, at: At) -> Outcome:
        assert at.route is not None
        size = len(packet.raw)
        if size <= at.route.neighbor.link.mtu_bytes and (at.path_mtu is None or size <= at.path_mtu):
            return None
        if packet.family is Family.IPV4:
            return table.too_big if packet.dont_fragment else None
        return None if table.origin and packet.protocol != TCP else table.too_big  # TCP makes segments that fit

    return mtu


def _source_check(table: SourceCheck) -> Stage:
    def source_check(packet: Packet, at: At) -> Outcome:
        assert at.route is not None
        own = table.own.get(at.route.neighbor.out_interface)
        return None if own is None or (packet.family, packet.src) in own else table.foreign

    return source_check


_REQUESTS = {(ICMP, ECHO_REQUEST), (ICMPV6, ECHO_REQUEST_V6)}
_REPLIES = {(ICMP, ECHO_REPLY), (ICMPV6, ECHO_REPLY_V6)}


def _is_echo_request(packet: Packet) -> bool:
    return packet.protocol in ICMP_PROTOCOLS and (packet.protocol, packet.icmp_type) in _REQUESTS


_OPENING = SYN | ACK | RST | FIN


def _opens(packet: Packet) -> bool:
    """Whether a packet can be the first of a connection: of TCP, a SYN alone."""
    return packet.protocol != TCP or packet.tcp_flags & _OPENING == SYN


def _is_awaited(packet: Packet, at: At) -> bool:
    """Whether a connection opened here awaits the packet."""
    if packet.protocol in ICMP_PROTOCOLS and (packet.protocol, packet.icmp_type) not in _REPLIES:
        return False
    return key_of(packet) in at.memory.expected


def _is_about_us(error: Packet, at: At, ports: Container[tuple[int, int | None]]) -> bool:
    """Whether an ICMP error quotes a packet that was sent from here: the first of a connection, or an answer."""
    quote = quoted(error)
    if quote is None:
        return False
    answered = (quote.protocol, quote.sport) in ports or (quote.protocol, quote.icmp_type) in _REPLIES
    return answered or reversed_key(key_of(quote)) in at.memory.expected


def _listeners(table: Listeners) -> Stage:
    def listener(packet: Packet, at: At) -> Outcome:
        if (packet.protocol, packet.dport) in table.ports:
            return table.open if _opens(packet) or _is_awaited(packet, at) else table.unconnected
        if _is_echo_request(packet):
            return table.echo
        if is_icmp_error(packet):
            return table.awaited if _is_about_us(packet, at, table.ports) else table.stray
        if _is_awaited(packet, at):
            return table.awaited
        if packet.protocol in ICMP_PROTOCOLS:
            return table.stray
        return table.closed if _opens(packet) else table.unconnected

    return listener


def _proxy(table: Proxy, seed: int) -> Stage:
    ports = {(protocol, port) for _, protocol, port in table.listeners}

    def proxy(packet: Packet, at: At) -> Outcome:
        if _is_awaited(packet, at):
            return table.awaited
        if _is_echo_request(packet):
            return table.echo
        if is_icmp_error(packet):
            return table.awaited if _is_about_us(packet, at, ports) else table.stray
        listener = (int(packet.family), packet.protocol, packet.dport or 0)
        backends = table.listeners.get(listener)
        if backends is None:
            return table.closed
        if not _opens(packet):
            return table.unconnected
        if not backends:
            return table.no_backend[listener]
        chosen = mix64(packet.src, packet.dst, seed << 32 | (packet.sport or 0) << 16 | (packet.dport or 0))
        return backends[chosen % len(backends)]

    return proxy
