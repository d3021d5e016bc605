"""What security lists and NSGs let a VNIC send and take.

docs.oracle.com Network/Concepts/securityrules.htm (2026-09): a rule only allows; the union of the subnet's lists and
of the VNIC's own groups holds; what none allows is dropped.  A stateful rule has the VCN track the connection, so
that its answers, and errors about it, pass; a stateless rule wins over a stateful one of the same side and tracks
nothing.  Fragments but the first have no ports (Network/Troubleshoot/connectionhang.htm, 2024-10).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from dsflow.dataplane.action import Continue, Drop, Rule
from dsflow.dataplane.device import Device, VnicRules
from dsflow.dataplane.disposition import Disposition
from dsflow.dataplane.grants import Grant, Grants, Peer, Traffic
from dsflow.dataplane.index import Index
from dsflow.dataplane.neighbors import Neighbors
from dsflow.model.assumptions import ICMPV6_ERRORS
from dsflow.model.security import NSG, ManagedRules, NetworkSecurityGroup, SecurityRule, SecurityRules
from dsflow.model.topology import Profile
from dsflow.model.vcn import ServiceGateway
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.packet import Packet
from dsflow.net.wire import ICMP, ICMPV6, TCP, UDP

__all__ = ["Security"]

_INGRESS, _EGRESS = "ingress", "egress"
_UNWRITTEN = "unwritten-lists-allow-nothing"
_INTO = {_INGRESS: "lets {src} in", _EGRESS: "lets it out to {dst}"}
_DENIED = {_INGRESS: Disposition.DENIED_INGRESS, _EGRESS: Disposition.DENIED_EGRESS}

_NUMBERS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}

_NDP = "ndp-passes-security-rules"

_STATEFUL = "nlb-back-ends-are-stateful"
_VNIC_OF_A_BACK_END = "eth0"


class Membership(NamedTuple):
    """The subnet of a VNIC, the VNIC's groups, and whether all their rules are stateful there.

    ``front`` is the load balancer that it is of, which the cloud controller may have put in a group of its own.
    """

    subnet: str
    groups: tuple[str, ...]
    stateful: bool
    front: str | None = None


class Judgement(NamedTuple):
    """What a VNIC says of a first packet: its refusal, or whether the rule that lets it pass has it tracked."""

    refusal: Drop | None
    tracked: bool


class Security:
    """The security rules of a topology, for each VNIC of each device."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._topology = index.topology
        self._made: dict[Membership, VnicRules] = {}

    def guard(self, device: Device) -> Device:
        """The device with what its VNICs let through; those of which nothing is written let everything through."""
        found = {name: self._rules(of) for name, of in self._memberships.get(device.id, {}).items()}
        rules = {name: rules for name, rules in found.items() if rules is not None}
        return replace(device, vnics=rules) if rules else device

    def judges(self, device_id: str, interface: str) -> bool:
        """Whether any rules are written that hold at a VNIC."""
        return self._rules(self._memberships[device_id][interface]) is not None

    def judged(self, device_id: str, interface: str, side: str, packet: Packet) -> Judgement:
        """What a VNIC says of a packet that is part of no connection yet."""
        rules = self._rules(self._memberships[device_id][interface])
        if rules is None:
            return Judgement(None, tracked=True)
        grants, other = (rules.ingress, packet.src) if side == _INGRESS else (rules.egress, packet.dst)
        neighbors = rules.neighbors if packet.family is Family.IPV6 else None
        if neighbors is not None and not neighbors.finds(other):
            return Judgement(neighbors.unfound, tracked=False)
        grant = next((row for row in grants.rows if row.covers(packet, other)), None)
        return Judgement(grants.denied, tracked=False) if grant is None else Judgement(None, grant.answered is not None)

    @cached_property
    def _memberships(self) -> Mapping[str, Mapping[str, Membership]]:
        """Every VNIC's subnet and groups, by device and interface."""
        found = defaultdict[str, dict[str, Membership]](dict)
        for device, interface, subnet, groups, _ in self._vnics():
            behind = interface == _VNIC_OF_A_BACK_END and device in self._back_ends
            front = device if device.startswith("lb/") else None
            found[device][interface] = Membership(subnet, groups, behind, front)
        return found

    @cached_property
    def _back_ends(self) -> frozenset[str]:
        """What stands behind network load balancers, where no rule is stateless."""
        if self._topology.profile is Profile.ARTICLE or self._topology.assumes(_STATEFUL) == "as-written":
            return frozenset()
        ends = self._index.service_ends
        fronts = ((service, ends.front(service)) for service in self._topology.services.values())
        behind = [service for service, balancer in fronts if balancer is not None and balancer.is_network]
        return frozenset(one.id for service in behind for family in Family for one in ends.back_ends(service, family))

    @cached_property
    def _members(self) -> Mapping[str, tuple[Peer, ...]]:
        """The addresses of each group's VNICs."""
        values = defaultdict[str, dict[Family, set[int]]](lambda: {family: set() for family in Family})
        for _, _, _, groups, addresses in self._vnics():
            for group in groups:
                for address in addresses:
                    values[group][address.family].add(address.value)
        return {name: tuple(Peer(f, frozenset(some)) for f, some in of.items()) for name, of in values.items()}

    def _vnics(self) -> Iterator[tuple[str, str, str, tuple[str, ...], list[Address]]]:
        """Every VNIC: its device and interface, its subnet, its groups and its addresses."""
        for node in self._topology.nodes.values():
            yield node.id, "eth0", node.subnet, node.nsgs, _there(node.ipv4, node.ipv6)
            for subnet, interface in self._index.pod_vnics(node.name).items():
                pods = [pod for pod in self._index.pods_on[node.name] if pod.subnet == subnet]
                addresses = [found for pod in pods for found in _there(pod.ipv4, pod.ipv6)]
                yield node.id, interface, subnet, node.pod_nsgs, addresses
        for pod in self._index.pods_with_vnics:
            assert pod.subnet is not None, "it has a VNIC"
            groups = self._topology.nodes[pod.node].pod_nsgs
            yield pod.id, "eth0", pod.subnet, groups, _there(pod.ipv4, pod.ipv6)
        for balancer in self._topology.load_balancers.values():
            yield balancer.id, "eth0", balancer.subnet, balancer.nsgs, _there(balancer.ipv4, balancer.ipv6)
        for device in self._topology.devices.values():
            for vnic in device.interfaces.values():
                if vnic.subnet is not None:
                    yield device.id, vnic.name, vnic.subnet, vnic.nsgs, [entry.address for entry in vnic.addresses]

    @cached_property
    def _managed(self) -> Mapping[str, ManagedRules]:
        """What the cloud controller adds to the lists of subnets, and to groups, where any rules are described."""
        from dsflow.dataplane.managed_rules import managed_rules  # only where there are lists

        return managed_rules(self._index)

    def _rules(self, of: Membership) -> VnicRules | None:
        subnet, groups, stateful, front = of
        lists = self._topology.subnets[subnet].security_lists
        if lists is None and (not groups or self._topology.assumes(_UNWRITTEN) == "everything"):
            return None
        found = self._made.get(of)
        if found is None:
            holders: list[SecurityRules] = [self._topology.security_lists[name] for name in lists or ()]
            holders += [self._topology.nsgs[name] for name in groups]
            added = [f"subnet/{subnet}"] if lists != () else []
            added += [f"{NSG}{name}" for name in groups] + ([] if front is None else [front])
            holders += [self._managed[name] for name in added if name in self._managed]
            rests_on = _UNWRITTEN if lists is None else None
            sides = (self._grants(holders, side, rests_on, stateful=stateful) for side in (_INGRESS, _EGRESS))
            ingress, egress = sides
            judges_errors = self._topology.assumes(ICMPV6_ERRORS) == "judged"
            neighbors = self._neighbors(ingress, egress, subnet, holders)
            found = self._made[of] = VnicRules(ingress, egress, neighbors, judges_errors)
        return found

    def _neighbors(
        self, ingress: Grants, egress: Grants, subnet: str, holders: list[SecurityRules]
    ) -> Neighbors | None:
        """Who is found in IPv6, if Neighbor Discovery is judged."""
        if self._topology.assumes(_NDP) == "passes":
            return None
        words = Rule(
            reason="no security rule lets Neighbor Discovery with the next hop through, so that it is not found in "
            f"IPv6; evaluated: {', '.join(holder.id for holder in holders) or 'none'}",
            source=holders[0].source if holders else None,
            assumption=_NDP,
            mend="allow icmpv6 types 135 and 136 in from fe80::/10, and out to fe80::/10 and ff02::/16",
        )
        on_link = self._topology.subnets[subnet].ipv6
        unfound = Drop(words, Disposition.NEIGHBOR_UNREACHABLE)
        return Neighbors(ingress=ingress, egress=egress, on_link=on_link, unfound=unfound)

    def _grants(self, holders: list[SecurityRules], side: str, rests_on: str | None, *, stateful: bool) -> Grants:
        rows = [row for holder in holders for row in self._rows(holder, side, stateful=stateful)]
        stateless_first = sorted(rows, key=lambda row: row.answered is not None)
        return Grants(rows=tuple(stateless_first), denied=_denied(holders, side, rests_on))

    def _rows(self, holder: SecurityRules, side: str, *, stateful: bool) -> Iterator[Grant]:
        for number, rule in enumerate(holder.ingress if side == _INGRESS else holder.egress, start=1):
            stateless = rule.stateless and not stateful
            kind = "stateless" if stateless else "stateful"
            kind += ", though written stateless" if rule.stateless and stateful else ""
            words = Rule(
                id=f"{holder.id}/{side}#{number}",
                reason=f"{holder.id} {_INTO[side]} by its {side} rule {number}, which is {kind}",
                source=rule.source,
                assumption=_STATEFUL if rule.stateless and stateful else None,
            )
            tracked = replace(words, reason=f"it belongs to a connection that {words.id} let through")
            yield Grant(
                told=Continue(words),
                answered=None if stateless else Continue(tracked),
                peers=self._peers(rule, holder.vcn),
                traffic=_traffic(rule),
            )

    def _peers(self, rule: SecurityRule, vcn: str) -> tuple[Peer, ...]:
        if isinstance(rule.peer, Prefix):
            return (Peer(rule.peer.family, prefix=rule.peer),)
        if rule.group is not None:
            return self._members.get(rule.group, ())
        gateways = [g for g in self._index.gateways_of(vcn) if isinstance(g, ServiceGateway)]
        prefixes = [prefix for gateway in gateways for prefix in dict(gateway.services).get(rule.peer, ())]
        return tuple(Peer(prefix.family, prefix=prefix) for prefix in prefixes)


def _there(*addresses: Address | None) -> list[Address]:
    return [address for address in addresses if address is not None]


def _traffic(rule: SecurityRule) -> tuple[Traffic, ...] | None:
    if rule.protocol == "all":
        return None
    number = int(rule.protocol) if rule.protocol.isdigit() else _NUMBERS[rule.protocol]
    return (Traffic(number, rule.sport, rule.dport, rule.icmp_type, rule.icmp_code),)


def _denied(holders: list[SecurityRules], side: str, rests_on: str | None) -> Drop:
    to = "from {src}" if side == _INGRESS else "to {dst}"
    names = ", ".join(holder.id for holder in holders) or "none, as the subnet has no security list"
    own = [holder for holder in holders if not isinstance(holder, ManagedRules)]
    words = Rule(
        reason=f"implicit deny: no {side} rule allows {{asked}} {to}, and it answers nothing that is tracked; "
        f"evaluated: {names}",
        source=own[0].source if own else None,
        assumption=rests_on,
        mend=f"allow {{asked}} {to} in {_written(own[-1])}.{side}" if own else "give the subnet a security list",
    )
    return Drop(words, _DENIED[side])


def _written(holder: SecurityRules) -> str:
    """Where a scenario has its rules."""
    return f"{'nsgs' if isinstance(holder, NetworkSecurityGroup) else 'security_lists'}.{holder.name}"
