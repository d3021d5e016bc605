"""Security lists, NSGs and NetworkPolicies as plain data."""

from __future__ import annotations

from typing import Any

from dsflow.model.policies import NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule, Selector, Side
from dsflow.model.security import SecurityRule, SecurityRules
from dsflow.scenario.write_common import ports, said, texts

__all__ = ["network_policy_data", "security_rules_data"]


def security_rules_data(rules: SecurityRules, *, vcn_named: bool) -> dict[str, Any]:
    """A security list or an NSG."""
    return said(
        {
            "vcn": rules.vcn if vcn_named else None,
            "ingress": [_rule("from", rule) for rule in rules.ingress],
            "egress": [_rule("to", rule) for rule in rules.egress],
        }
    )


def _rule(end: str, rule: SecurityRule) -> dict[str, Any]:
    number = int(rule.protocol) if rule.protocol.isdigit() else rule.protocol
    return said(
        {
            end: str(rule.peer),
            "protocol": None if number == "all" else number,
            "sport": ports(rule.sport),
            "dport": ports(rule.dport),
            "icmp_type": rule.icmp_type,
            "icmp_code": rule.icmp_code,
            "stateless": rule.stateless or None,
        }
    )


def network_policy_data(policy: NetworkPolicy) -> dict[str, Any]:
    """A NetworkPolicy."""
    return said(
        {
            "pod_selector": _selector(policy.selector) or None,
            "policy_types": [side.title() for side in policy.sides],
            "ingress": [_policy_rule("from", rule) for rule in policy.rules(Side.INGRESS)],
            "egress": [_policy_rule("to", rule) for rule in policy.rules(Side.EGRESS)],
        }
    )


def _policy_rule(end: str, rule: PolicyRule) -> dict[str, Any]:
    return said({end: [_peer(peer) for peer in rule.peers], "ports": [_port(port) for port in rule.ports]})


def _peer(peer: PolicyPeer) -> dict[str, Any]:
    if peer.block is not None:
        return {"ip_block": said({"cidr": str(peer.block.prefix), "except": texts(peer.block.exceptions)})}
    chosen = {"namespace_selector": peer.namespaces, "pod_selector": peer.pods}
    return {key: _selector(selector) for key, selector in chosen.items() if selector is not None}


def _port(port: PolicyPort) -> dict[str, Any]:
    return said({"protocol": port.protocol, "port": port.port, "end_port": port.end_port})


def _selector(selector: Selector) -> dict[str, Any]:
    expressions = [
        said({"key": entry.key, "operator": entry.operator, "values": list(entry.values)})
        for entry in selector.expressions
    ]
    return said({"match_labels": dict(selector.labels), "match_expressions": expressions})
