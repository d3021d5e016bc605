"""Filters and address translation of a generic device, as the rows of its tables (nftables' inet, ip and ip6 hooks)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from dsflow.dataplane.action import Continue, Drop, IcmpError, Rule
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.match import Match, State
from dsflow.dataplane.nat import NatCapability, NatKind, NatRow
from dsflow.dataplane.sources import OwnAddresses
from dsflow.dataplane.tables import Filter, Nat, Table, Track
from dsflow.model.devices import FilterRule, GenericDevice, NatRule, PacketMatch
from dsflow.net.address import Family
from dsflow.net.wire import protocol_number

__all__ = ["INVALID", "NO_ADDRESS", "NO_PORT", "capabilities", "filters", "nat", "tracking"]

INVALID = Continue(
    Rule(
        reason="connection tracking makes nothing of this packet (INVALID): it is not translated "
        "(nf_conntrack_proto_tcp.c, nf_nat_core.c)"
    )
)

_DENIED = {
    "input": Disposition.DENIED_INGRESS,
    "forward": Disposition.DENIED_FORWARD,
    "output": Disposition.DENIED_EGRESS,
}

_ERRORS = {
    "drop": None,
    "reject": IcmpError.PORT_UNREACHABLE,
    "reject-admin": IcmpError.PROHIBITED,
    "reject-host": IcmpError.HOST_UNREACHABLE,
    "reject-tcp-reset": None,
}

_KINDS = {"dnat": NatKind.DNAT, "snat": NatKind.SNAT, "masquerade": NatKind.MASQUERADE}

NO_PORT = Drop(
    Rule(reason="no source port is left that would tell the answers apart (nf_nat_core.c)"), Disposition.NAT_EXHAUSTED
)
NO_ADDRESS = Drop(
    Rule(reason="the interface that {dst} is reached by has no address to masquerade with (nf_nat_masquerade.c)"),
    Disposition.FAMILY_UNAVAILABLE,
)


def _tracked_families(device: GenericDevice) -> frozenset[int]:
    """The families in which connection tracking runs: both, once any rule asks for it (nftables' inet tables)."""
    return frozenset(map(int, Family)) if device.tracks_connections else frozenset()


def tracking(device: GenericDevice) -> tuple[Table, ...]:
    """Connection tracking, where it runs."""
    families = _tracked_families(device)
    return (Track(families=families, invalid=INVALID),) if families else ()


def filters(device: GenericDevice, hook: Literal["input", "forward", "output"]) -> tuple[Table, ...]:
    """The filter of one hook, where it has rules."""
    rows = [
        (match, _verdict(device, number, rule))
        for number, rule in enumerate(device.filters, start=1)
        if rule.hook == hook
        for match in _matches(rule.match)
    ]
    return (Filter(rows=tuple(rows), stage=hook),) if rows else ()


def nat(
    device: GenericDevice, hook: Literal["prerouting", "input", "output", "postrouting"], own: OwnAddresses
) -> tuple[Table, ...]:
    """The translation of one hook, for sessions' sake wherever the device translates at all."""
    if not device.nat:
        return ()
    rows = [
        row
        for number, rule in enumerate(device.nat, start=1)
        if rule.hook == hook
        for row in _nat_rows(device, number, rule)
    ]
    if hook != "postrouting":
        return (Nat(hook=hook, rows=tuple(rows)),)
    return (
        Nat(
            hook=hook,
            rows=tuple(rows),
            exhausted=NO_PORT,
            unaddressed=NO_ADDRESS,
            own=own,
            collision=_collision(device),
        ),
    )


def capabilities(device: GenericDevice) -> tuple[NatCapability, ...]:
    """The kinds of translation that the device's rules are about, and that of ports that collide."""
    families: dict[NatKind, set[int]] = {}
    for rule in device.nat:
        families.setdefault(_KINDS[rule.action], set()).update(map(int, _families(rule.match)))
    if device.nat:
        families.setdefault(_collision_kind(device), set()).update(_tracked_families(device))
    return tuple(
        NatCapability(
            kind=kind,
            families=tuple(sorted(found)),
            idle=Rule(reason=f"no {kind} rule of {device.id} covers this packet"),
            cannot=Rule(reason=f"{device.id} has no {kind} rule for this family"),
        )
        for kind, found in families.items()
    )


def _families(match: PacketMatch) -> tuple[Family, ...]:
    """The families that a rule is about."""
    named = [prefix.family for prefix in (match.src, match.dst) if prefix is not None]
    if match.family is not None:
        named.append(match.family)
    if match.protocol == "icmpv6":
        named.append(Family.IPV6)
    return (named[0],) if named else tuple(Family)


def _matches(match: PacketMatch) -> Iterator[Match]:
    """The rule as the tables have it: one match, or one a family where ``icmp`` means two protocols."""
    split = match.protocol in ("icmp", "icmpv6")
    for family in _families(match) if split else (None,):
        protocol = None if match.protocol is None else protocol_number(family or Family.IPV4, match.protocol)
        yield Match(
            family=match.family if family is None else family,
            protocol=protocol,
            src=match.src,
            dst=match.dst,
            sport=match.sport,
            dport=match.dport,
            in_interface=match.in_interface,
            out_interface=match.out_interface,
            states=frozenset(map(State, match.states)) if match.states else None,
        )


def _verdict(device: GenericDevice, number: int, rule: FilterRule) -> Drop | Continue:
    words = Rule(
        id=f"{device.id}/filters#{number}",
        reason=f"the {rule.hook} filter of {device.id} says {rule.action} in rule {number}",
        source=rule.source,
    )
    if rule.action == "accept":
        return Continue(words)
    resets = rule.action == "reject-tcp-reset"
    return Drop(words, _DENIED[rule.hook], error=_ERRORS[rule.action], resets=resets)


def _nat_rows(device: GenericDevice, number: int, rule: NatRule) -> Iterator[NatRow]:
    name = f"{device.id}/nat#{number}"
    target = "the address of the interface it leaves by" if rule.to_address is None else str(rule.to_address)
    end = "destination" if rule.action == "dnat" else "source"
    words = Rule(id=name, reason=f"rule {number}: the {end} becomes {target}", source=rule.source)
    back = Rule(id=name, reason="an answer, translated back by its session", source=rule.source)
    for match in _matches(rule.match):
        address = None if rule.to_address is None else rule.to_address.value
        yield NatRow(kind=_KINDS[rule.action], match=match, rule=words, address=address, port=rule.to_port, back=back)


def _collision(device: GenericDevice) -> NatRow:
    rule = Rule(reason=f"another connection of {device.id} holds this source port, so a free one of its class is taken")
    return NatRow(kind=_collision_kind(device), match=Match(), rule=rule, address=None)


def _collision_kind(device: GenericDevice) -> NatKind:
    """By which of its kinds a device changes a port that collides: source translation, as far as it does any."""
    actions = {rule.action for rule in device.nat}
    return NatKind.MASQUERADE if "masquerade" in actions and "snat" not in actions else NatKind.SNAT
