"""Security lists, NSGs and NetworkPolicies from their text."""

from __future__ import annotations

from collections.abc import Iterable

from dsflow.model.policies import (
    Expression,
    IpBlock,
    NetworkPolicy,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
    Selector,
    Side,
)
from dsflow.model.security import NetworkSecurityGroup, SecurityList, SecurityRule
from dsflow.scenario.document import Path
from dsflow.scenario.parsed import Parsed
from dsflow.scenario.schema_security import (
    EgressRuleText,
    IngressRuleText,
    NetworkPolicyText,
    PolicyEgressText,
    PolicyIngressText,
    PolicyPeerText,
    SelectorText,
)

__all__ = ["SecurityBuilder"]


class SecurityBuilder:
    """Records of what is let through, kind by kind."""

    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self._source = parsed.document.source

    def security_list(self, name: str, vcn: str) -> SecurityList:
        """The security list of this name, in a VCN."""
        text, path = self._parsed.text.security_lists[name], ("security_lists", name)
        ingress, egress = self._rules((*path, "ingress"), text.ingress), self._rules((*path, "egress"), text.egress)
        return SecurityList(name=name, vcn=vcn, ingress=ingress, egress=egress, source=self._source(path))

    def nsg(self, name: str, vcn: str) -> NetworkSecurityGroup:
        """The group of this name, in a VCN."""
        text, path = self._parsed.text.nsgs[name], ("nsgs", name)
        ingress, egress = self._rules((*path, "ingress"), text.ingress), self._rules((*path, "egress"), text.egress)
        return NetworkSecurityGroup(name=name, vcn=vcn, ingress=ingress, egress=egress, source=self._source(path))

    def _rules(self, path: Path, rules: Iterable[IngressRuleText | EgressRuleText]) -> tuple[SecurityRule, ...]:
        return tuple(
            SecurityRule(
                peer=text.peer,
                protocol=text.protocol,
                sport=text.sport,
                dport=text.dport,
                icmp_type=text.icmp_type,
                icmp_code=text.icmp_code,
                stateless=text.stateless,
                source=self._source((*path, at)),
            )
            for at, text in enumerate(rules)
        )

    def network_policy(self, qualified: str, text: NetworkPolicyText) -> NetworkPolicy:
        """The NetworkPolicy of this ``NAMESPACE/NAME``."""
        path = ("network_policies", qualified)
        namespace, _, name = qualified.partition("/")
        implied = ["Ingress", "Egress"] if text.egress else ["Ingress"]
        types = implied if text.policy_types is None else text.policy_types
        return NetworkPolicy(
            namespace=namespace,
            name=name,
            selector=_selector(text.pod_selector),
            sides=tuple(side for side in Side if side.title() in types),
            ingress=self._policy_rules((*path, "ingress"), text.ingress),
            egress=self._policy_rules((*path, "egress"), text.egress),
            source=self._source(path),
        )

    def _policy_rules(
        self, path: Path, rules: Iterable[PolicyIngressText | PolicyEgressText]
    ) -> tuple[PolicyRule, ...]:
        return tuple(
            PolicyRule(
                peers=tuple(map(_peer, text.peers)),
                ports=tuple(PolicyPort(protocol=p.protocol, port=p.port, end_port=p.end_port) for p in text.ports),
                source=self._source((*path, at)),
            )
            for at, text in enumerate(rules)
        )


def _peer(text: PolicyPeerText) -> PolicyPeer:
    block = text.ip_block
    return PolicyPeer(
        block=None if block is None else IpBlock(prefix=block.cidr, exceptions=tuple(block.exceptions)),
        namespaces=None if text.namespace_selector is None else _selector(text.namespace_selector),
        pods=None if text.pod_selector is None else _selector(text.pod_selector),
    )


def _selector(text: SelectorText) -> Selector:
    expressions = tuple(
        Expression(key=entry.key, operator=entry.operator, values=tuple(entry.values))
        for entry in text.match_expressions
    )
    return Selector(labels=tuple(sorted(text.match_labels.items())), expressions=expressions)
