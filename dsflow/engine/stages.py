"""One stage for each kind of table: the table's meaning, as a function of packet and place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from dsflow.dataplane.action import Action, Continue, Deliver, Drop, Forward, Neighbor, Rule, Spread, ToOwner
from dsflow.dataplane.match import Match
from dsflow.dataplane.nat import NatKind
from dsflow.dataplane.tables import (
    Confirm,
    Filter,
    HopLimit,
    Isolation,
    Listeners,
    Lower,
    Martians,
    Mtu,
    Nat,
    Proxy,
    Redirect,
    Resolve,
    Returns,
    ReversePath,
    RouteLookup,
    SourceCheck,
    StaticNat,
    Table,
    Track,
)
from dsflow.engine.granting import isolated
from dsflow.engine.listening import listener, proxy
from dsflow.engine.outcome import LOOPBACK, At, Outcome, PassedOver, Stage
from dsflow.engine.tracking import confirm, returned, track
from dsflow.engine.translation import destination_nat, source_nat, static_nat
from dsflow.net.address import Family
from dsflow.net.icmp import is_icmp_error
from dsflow.net.packet import Packet, decremented
from dsflow.net.wire import TCP
from dsflow.trace.step import is_policy

__all__ = ["stage_for"]


def stage_for(table: Table, seed: int) -> tuple[str, Rule, Stage]:
    """The stage's name, the rule of its usual rewriting, and what it does."""
    match table:
        case RouteLookup():
            return table.stage, _NO_RULE, _route(table, seed)
        case Lower():
            return table.stage, table.lowered, _lower(table)
        case StaticNat():
            return table.kind, _NO_RULE, static_nat(table)
        case Nat():
            of_source = table.hook in ("postrouting", "input")
            stage = source_nat(table, seed) if of_source else destination_nat(table, seed)
            return table.hook, _NO_RULE, stage
        case Proxy():
            return table.stage, _NO_RULE, proxy(table, seed)
        case _:
            return table.stage, _NO_RULE, _deciding(table)


_Deciding = (
    Track
    | Martians
    | Returns
    | ReversePath
    | Redirect
    | Filter
    | Isolation
    | HopLimit
    | Mtu
    | SourceCheck
    | Listeners
    | Confirm
    | Resolve
)


def _deciding(table: _Deciding) -> Stage:
    """The stage of a table that decides and rewrites nothing."""
    match table:
        case Track():
            return track(table)
        case Martians():
            return _martians(table)
        case Returns():
            return returned(table)
        case ReversePath():
            return _reverse_path(table)
        case Redirect():
            return _redirect(table)
        case Filter():
            return _filter(table)
        case Isolation():
            return isolated(table)
        case HopLimit():
            return _hop_limit(table)
        case Mtu():
            return _mtu(table)
        case SourceCheck():
            return _source_check(table)
        case Listeners():
            return listener(table)
        case Confirm():
            return confirm(table)
        case Resolve():
            return _resolve
        case _:
            assert_never(table)


_NO_RULE = Rule(reason="this table rewrites by its rows only")


def _route(table: RouteLookup, seed: int) -> Stage:
    tables, default, again = table.tables, table.tables[None], table.again
    answers, marked = table.answers, table.marked
    made: dict[tuple[int, int], Forward] = {}  # one Forward for each row and neighbour, however many packets

    def to_owner(action: ToOwner, packet: Packet) -> Outcome:
        neighbor: Neighbor | None = action.owners.get(packet.dst)
        if neighbor is None:
            return action.ownerless
        key = id(action), id(neighbor)
        forward = made.get(key)
        if forward is None:
            forward = made[key] = Forward(
                action.rule, neighbor, action.lowers, action.route_mtu_bytes, source=action.source
            )
        return forward

    def spread(action: Spread, packet: Packet, at: At) -> Outcome:
        return action.ways[at.chooser.spread(len(action.ways), packet, seed, action.salt, symmetric=action.symmetric)]

    def route(packet: Packet, at: At) -> Outcome:
        if again and at.dnat is None and not at.translated:
            return None
        routes = tables.get(at.in_interface, default)
        if answers is not None and at.reverse and at.session is not None and at.session.dnat is not None:
            routes = answers
        elif marked is not None and at.mark is NatKind.MASQUERADE:
            routes = marked
        rows = routes.ipv4 if packet.family is Family.IPV4 else routes.ipv6
        action = rows.lookup(packet.dst)
        if isinstance(action, ToOwner):
            return to_owner(action, packet)
        return spread(action, packet, at) if isinstance(action, Spread) else action

    return _by_sender(table, route, seed) if table.senders else route


def _by_sender(table: RouteLookup, otherwise: Stage, seed: int) -> Stage:
    """The look-up in the table of who sends, where there is one."""
    made: dict[int, Stage] = {}
    stages = {
        interface: {
            sender: made.setdefault(id(found), _route(RouteLookup(tables={None: found}), seed))
            for sender, found in senders.items()
        }
        for interface, senders in table.senders.items()
    }

    def by_sender(packet: Packet, at: At) -> Outcome:
        here = stages.get(at.in_interface or "", {})
        return here.get((packet.family, packet.src), otherwise)(packet, at)

    return by_sender


def _martians(table: Martians) -> Stage:
    def martians(packet: Packet, _: At) -> Outcome:
        family = packet.family
        return table.sources[family].lookup(packet.src) or table.destinations[family].lookup(packet.dst)

    return martians


def _reverse_path(table: ReversePath) -> Stage:
    """Linux's fib_validate_source: own addresses never come in; the rest is asked for where it matters."""

    def reverse_path(packet: Packet, at: At) -> Outcome:
        if packet.family is not Family.IPV4 or at.in_interface is None or not packet.src:
            return None
        if packet.src in table.own:
            return table.martian
        returns = at.route is not None and at.route.neighbor.out_interface == at.in_interface
        if table.mode == "off" and not returns:
            return None
        back = table.routes.lookup(packet.src)
        if isinstance(back, Deliver):  # the source is a broadcast address
            return table.martian
        if isinstance(back, Forward | ToOwner):
            by = back.neighbor.out_interface if isinstance(back, Forward) else back.out_interface
            strict = table.mode == "strict" or (table.mode == "loose" and at.in_interface in table.bare)
            return table.unverified if strict and by != at.in_interface else None
        return None if table.mode == "off" else table.unverified

    return reverse_path


def _redirect(table: Redirect) -> Stage:
    def redirect(packet: Packet, at: At) -> Outcome:
        assert at.route is not None
        if at.route.neighbor.out_interface != at.in_interface:
            return None
        if packet.family is Family.IPV4 and (at.translated or is_icmp_error(packet) or _is_later_fragment(packet)):
            return None  # connection tracking lets none out, and of errors and later fragments nobody is told
        if packet.family is Family.IPV6 and at.route.next_hop is not None:
            return None
        back = table.routes[packet.family].lookup(packet.src)
        if packet.family is Family.IPV6:  # the device tells itself too (ndisc_send_redirect asks for no gateway)
            return table.told if isinstance(back, Deliver) or _is_on_link(back) else None
        return table.told if _is_on_link(_way_back(table, packet, at.in_interface, back)) else None

    return redirect


def _way_back(table: Redirect, packet: Packet, in_interface: str | None, back: Action | None) -> Action | None:
    """The route to an IPv4 sender, if it leads, or can lead, out by the interface that its packet came in by."""
    if isinstance(back, Forward):
        by: str | None = back.neighbor.out_interface
    else:
        by = back.out_interface if isinstance(back, ToOwner) else None
    if by == in_interface:
        return back
    behind = None if in_interface is None else table.behind.get(in_interface)
    return None if behind is None else behind.lookup(packet.src)


def _is_on_link(back: Action | None) -> bool:
    """Whether a route leads to neighbours themselves: on a link to their owners, in a subnet by the fabric."""
    return isinstance(back, ToOwner) or (isinstance(back, Forward) and back.next_hop is None)


def _is_later_fragment(packet: Packet) -> bool:
    """Whether it is an IPv4 fragment other than the first, about which no ICMP is sent (RFC 1122 section 3.2.2)."""
    return bool(packet.raw[6] & 0x1F or packet.raw[7])


def _filter(table: Filter) -> Stage:
    chosen: dict[tuple[int, str | None], list[tuple[Match, Drop | Continue]]] = {}

    def rows_for(family: int, in_interface: str | None) -> list[tuple[Match, Drop | Continue]]:
        """The rows that packets of this family from this interface can meet at all."""
        return [row for row in table.rows if row[0].may_cover(family, in_interface)]

    def filtered(packet: Packet, at: At) -> Outcome:
        if table.beyond_link and at.route is not None and at.route.neighbor.out_interface == at.in_interface:
            return None
        in_interface = at.in_interface or LOOPBACK
        key = packet.family, in_interface
        rows = chosen.get(key)
        if rows is None:
            rows = chosen[key] = rows_for(*key)
        out_interface = LOOPBACK if at.route is None else at.route.neighbor.out_interface
        covering = (action for match, action in rows if match.covers(packet, in_interface, out_interface, at.state))
        return _lenient(table.stage, covering) if at.lenient else next(covering, None)

    return filtered


def _lenient(stage: str, covering: Iterator[Drop | Continue]) -> Outcome:
    """What the rows say that cover a packet, if those that refuse it by policy were not there."""
    refusals: list[Drop] = []
    for action in covering:
        if isinstance(action, Continue) or not is_policy(stage, action):
            return PassedOver(tuple(refusals), action) if refusals else action
        refusals.append(action)
    return PassedOver(tuple(refusals), None) if refusals else None


def _hop_limit(table: HopLimit) -> Stage:
    def hop_limit(packet: Packet, at: At) -> Outcome:
        assert at.route is not None
        return table.expired if packet.ttl <= 1 and at.route.lowers else None

    return hop_limit


def _lower(table: Lower) -> Stage:
    def lower(packet: Packet, at: At) -> Outcome:
        assert at.route is not None
        return decremented(packet) if at.route.lowers else table.kept

    return lower


def _mtu(table: Mtu) -> Stage:
    """Too large is what may not be divided; what was put together from fragments is judged by the largest of them."""
    if table.raw:
        return _raw_mtu(table)

    def mtu(packet: Packet, at: At) -> Outcome:
        assert at.route is not None
        size = at.largest or len(packet.raw)
        by_link = table.by_link and packet.family is Family.IPV6
        limit = at.route.neighbor.link.mtu_bytes if by_link else at.route.mtu_bytes
        if size <= limit and (at.path_mtu is None or size <= at.path_mtu):
            return None
        if packet.family is Family.IPV4:
            return table.too_big if packet.dont_fragment else None
        divides = table.origin and at.in_interface is None and not at.raw
        return None if divides and packet.protocol != TCP else table.too_big  # TCP makes segments that fit

    return mtu


def _raw_mtu(table: Mtu) -> Stage:
    def raw_mtu(packet: Packet, at: At) -> Outcome:
        if not at.raw or at.route is None:
            return None
        return table.too_big if len(packet.raw) > at.route.neighbor.link.mtu_bytes else None

    return raw_mtu


def _source_check(table: SourceCheck) -> Stage:
    def source_check(packet: Packet, at: At) -> Outcome:
        assert at.route is not None
        own = table.own.get(at.route.neighbor.out_interface)
        return None if own is None or (packet.family, packet.src) in own else table.foreign

    return source_check


def _resolve(_: Packet, at: At) -> Outcome:
    assert at.route is not None
    return at.route.unresolved
