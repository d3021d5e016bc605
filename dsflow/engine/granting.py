"""Rules that only allow: what isolated pods may exchange, and what a VNIC lets through on the wire."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from dsflow.dataplane.action import Continue, Drop
from dsflow.dataplane.grants import Grant, Grants
from dsflow.dataplane.match import State
from dsflow.dataplane.tables import Isolation
from dsflow.engine.conntrack import ICMP_PROTOCOLS, Memory, key_of
from dsflow.engine.outcome import At, Outcome, Stage
from dsflow.model.assumptions import ICMPV6_ERRORS
from dsflow.net.address import Family
from dsflow.net.icmp import is_icmp_error
from dsflow.net.packet import Packet
from dsflow.net.quote import quoted

__all__ = ["Judged", "isolated", "judge"]


def isolated(table: Isolation) -> Stage:
    """The stage of NetworkPolicies."""
    grants, of_senders = table.grants, table.of_senders

    def judged(packet: Packet, at: At) -> Outcome:
        assert at.route is not None
        out_interface = at.route.neighbor.out_interface
        found = grants.get((at.in_interface or "") if of_senders else out_interface)
        if found is None:
            return None
        if at.in_interface == out_interface:
            return table.itself
        if at.state is State.INVALID:
            return table.senseless
        if at.state is not State.NEW:
            return table.answered
        grant = _granting(found, packet, packet.dst if of_senders else packet.src)
        return _otherwise(found, packet) if grant is None else grant.told

    return judged


def _granting(grants: Grants, packet: Packet, other: int) -> Grant | None:
    return next((row for row in grants.rows if row.covers(packet, other)), None)


def _otherwise(grants: Grants, packet: Packet) -> Drop | Continue:
    """What becomes of a packet that no rule allows."""
    unclear = grants.unclear if packet.protocol in ICMP_PROTOCOLS else None
    return grants.denied if unclear is None else unclear


class Judged(NamedTuple):
    """What a VNIC says of a packet; ``tracked`` is said of what belongs to the connection that it has tracked."""

    verdict: Continue | Drop
    tracked: Continue | None = None


def judge(
    grants: Grants, vnic: str, packet: Packet, memory: Memory, *, inward: bool, judges_errors: bool = False
) -> Judged:
    """Whether a VNIC lets a packet in or out: as part of a connection that it let through before, or by a rule.

    An ICMP error belongs to the connection of the packet that it quotes, which went the other way; in IPv6 by an
    assumption, and not where that ``judges_errors``.
    """
    if packet.protocol in ICMP_PROTOCOLS and is_icmp_error(packet):
        by_assumption = packet.family is Family.IPV6
        quote = None if by_assumption and judges_errors else quoted(packet)
        known = None if quote is None else memory.let_through.get((vnic, not inward, key_of(quote)))
        if known is not None and by_assumption:
            known = replace(known, rule=replace(known.rule, further=(*known.rule.further, ICMPV6_ERRORS)))
    else:
        known = memory.let_through.get((vnic, inward, key_of(packet)))
    if known is not None:
        return Judged(known)
    grant = _granting(grants, packet, packet.src if inward else packet.dst)
    return Judged(grants.denied) if grant is None else Judged(grant.told, grant.answered)
