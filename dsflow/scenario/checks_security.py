"""What must hold of security lists, NSGs and NetworkPolicies, and what their author should know of them."""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.model.security import NSG, SecurityRule, SecurityRules
from dsflow.model.topology import Topology
from dsflow.model.vcn import ServiceGateway
from dsflow.net.address import Family, Prefix
from dsflow.scenario.document import Path, show
from dsflow.scenario.parsed import Parsed

__all__ = ["CHECKS", "FINDINGS"]

_WITH_PORTS = ("tcp", "udp")
_OF_ICMP = {"icmp": Family.IPV4, "icmpv6": Family.IPV6}
_MOST_HOLDERS = 5  # lists of a subnet, and groups of a VNIC: Network/Concepts/securityrules.htm (2026-09)
_SIDES = ("ingress", "egress")


def _holders(topology: Topology) -> Iterator[tuple[Path, SecurityRules]]:
    yield from ((("security_lists", name), entry) for name, entry in topology.security_lists.items())
    yield from ((("nsgs", name), entry) for name, entry in topology.nsgs.items())


def _vnics(topology: Topology) -> Iterator[tuple[Path, str | None, tuple[str, ...]]]:
    """Every list of groups that is written: where, of a VNIC of which VCN, and the groups."""

    def vcn_of(subnet: str | None) -> str | None:
        found = topology.subnets.get(subnet or "")
        return None if found is None else found.vcn

    for name, node in topology.nodes.items():
        yield ("nodes", name, "nsgs"), vcn_of(node.subnet), node.nsgs
        yield ("nodes", name, "pod_nsgs"), vcn_of(node.subnet), node.pod_nsgs
    for name, balancer in topology.load_balancers.items():
        yield ("load_balancers", name, "nsgs"), vcn_of(balancer.subnet), balancer.nsgs
    for name, device in topology.devices.items():
        for key, vnic in device.interfaces.items():
            yield ("devices", name, "interfaces", key, "nsgs"), vcn_of(vnic.subnet), vnic.nsgs


def memberships(topology: Topology, parsed: Parsed) -> None:
    """The lists of subnets and the groups of VNICs exist, and are of the same VCN."""
    path: Path
    for name, subnet in topology.subnets.items():
        for at, security_list in enumerate(subnet.security_lists or ()):
            path = ("subnets", name, "security_lists", at)
            _check_holder(path, "security_lists", security_list, subnet.vcn, topology, parsed)
    for path, vcn, groups in _vnics(topology):
        for at, group in enumerate(groups):
            _check_holder((*path, at), "nsgs", group, vcn, topology, parsed)
    for name, device in topology.devices.items():
        for key, interface in device.interfaces.items():
            if interface.nsgs and interface.subnet is None:
                path = ("devices", name, "interfaces", key, "nsgs")
                parsed.report(path, "nsgs at an interface that is no VNIC", "link: subnet/NAME, or no nsgs")


_WORDS = {"security_lists": "security list", "nsgs": "NSG"}


def _check_holder(path: Path, collection: str, name: str, vcn: str | None, topology: Topology, parsed: Parsed) -> None:
    known = getattr(topology, collection)
    found = known.get(name)
    if found is None:
        if not parsed.is_set_aside(collection, name):
            parsed.report_unknown(path, name, _WORDS[collection], known)
    elif vcn and found.vcn and found.vcn != vcn:  # that a VCN is missing is told where it is
        parsed.report(path, f"{show(name)}, which is of VCN {found.vcn}", f"one of VCN {vcn}, like the VNIC")


def rules(topology: Topology, parsed: Parsed) -> None:
    """Each rule is about something that there can be: ports of tcp and udp, types of ICMP, one family, a known end."""
    for path, holder in _holders(topology):
        for side in _SIDES:
            for at, rule in enumerate(getattr(holder, side)):
                _check_traffic((*path, side, at), rule, parsed)
                _check_peer((*path, side, at), "from" if side == "ingress" else "to", rule, holder, topology, parsed)


def _check_traffic(path: Path, rule: SecurityRule, parsed: Parsed) -> None:
    for key, value in (("sport", rule.sport), ("dport", rule.dport)):
        if value is not None and rule.protocol not in _WITH_PORTS:
            parsed.report((*path, key), f"a port with protocol: {rule.protocol}", "protocol: tcp or udp beside it")
    for key, number in (("icmp_type", rule.icmp_type), ("icmp_code", rule.icmp_code)):
        if number is not None and rule.protocol not in _OF_ICMP:
            parsed.report((*path, key), f"{key} with protocol: {rule.protocol}", "protocol: icmp or icmpv6 beside it")
    if rule.icmp_code is not None and rule.icmp_type is None:
        parsed.report((*path, "icmp_code"), "icmp_code without icmp_type", "the type whose code it is")


def _check_peer(
    path: Path, key: str, rule: SecurityRule, holder: SecurityRules, topology: Topology, parsed: Parsed
) -> None:
    if isinstance(rule.peer, Prefix):
        family = _OF_ICMP.get(rule.protocol, rule.peer.family)
        if family is not rule.peer.family:
            found = f'"{rule.peer}" with protocol: {rule.protocol}'
            parsed.report((*path, key), found, f"an {family.title} prefix: the families of a rule must agree")
    elif rule.group is not None:
        _check_holder((*path, key), "nsgs", rule.group, holder.vcn, topology, parsed)
    else:
        gateways = [g for g in topology.gateways.values() if isinstance(g, ServiceGateway) and g.vcn == holder.vcn]
        labels = [label for gateway in gateways for label, _ in gateway.services]
        if rule.peer not in labels:
            known = f" or one of {', '.join(labels)}" if labels else ""
            parsed.report(
                (*path, key), show(rule.peer), f"a prefix, {NSG}NAME{known}, the services at a service gateway"
            )


_MOST_RULES = {"security_lists": {"ingress": 200, "egress": 200}, "nsgs": {"ingress and egress": 120}}
_MOST_IPV6_RULES = {"security_lists": {"ingress": 50, "egress": 50}, "nsgs": {"ingress and egress": 16}}
"""docs.oracle.com Network/Concepts/securityrules.htm and ipv6.htm (2026-09)."""


def rule_limits(topology: Topology, parsed: Parsed) -> None:
    """OCI takes so many rules of a list or group, and so many lists and groups for a VNIC."""
    for path, holder in _holders(topology):
        for most, ipv6_only in ((_MOST_RULES, False), (_MOST_IPV6_RULES, True)):
            for sides, limit in most[str(path[0])].items():
                count = sum(_count(getattr(holder, side), ipv6_only=ipv6_only) for side in sides.split(" and "))
                if count > limit:
                    what = f"IPv6 {sides}" if ipv6_only else sides
                    parsed.note(path, f"{count} {what} rules, of which OCI takes {limit} at most")
    for name, subnet in topology.subnets.items():
        _check_count(("subnets", name, "security_lists"), len(subnet.security_lists or ()), "a subnet", parsed)
    for path, _, groups in _vnics(topology):
        _check_count(path, len(groups), "a VNIC", parsed)


def _check_count(path: Path, count: int, of_what: str, parsed: Parsed) -> None:
    if count > _MOST_HOLDERS:
        parsed.note(path, f"{count} of them, of which OCI takes {_MOST_HOLDERS} for {of_what} at most")


def _count(some: tuple[SecurityRule, ...], *, ipv6_only: bool) -> int:
    if not ipv6_only:
        return len(some)
    return sum(isinstance(rule.peer, Prefix) and rule.peer.family is Family.IPV6 for rule in some)


def subnets_without_lists(topology: Topology, parsed: Parsed) -> None:
    """Where some subnets have their security lists written, one without is easily taken for one that is closed."""
    described = {subnet.vcn for subnet in topology.subnets.values() if subnet.security_lists is not None}
    for name, subnet in topology.subnets.items():
        if subnet.security_lists is None and subnet.vcn in described:
            note = "no security_lists, unlike other subnets of its VCN: VNICs without NSGs let everything through here"
            parsed.note(("subnets", name), note)


CHECKS = (memberships, rules)
FINDINGS = (rule_limits, subnets_without_lists)
