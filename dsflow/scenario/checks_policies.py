"""What must hold of NetworkPolicies, and what their author should know of them.

What Kubernetes' API server refuses is refused (pkg/apis/networking/validation/validation.go).
"""

from __future__ import annotations

from collections.abc import Iterator

from dsflow.model.policies import IpBlock, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule, Selector, Side
from dsflow.model.topology import Topology
from dsflow.scenario.document import Path
from dsflow.scenario.parsed import Parsed

__all__ = ["CHECKS", "FINDINGS"]

_ENDS = {Side.INGRESS: "from", Side.EGRESS: "to"}


def policies(topology: Topology, parsed: Parsed) -> None:
    """Each rule names its other ends in one way, one family a block, and ports that there can be."""
    for name, policy in topology.network_policies.items():
        path = ("network_policies", name)
        _check_selector((*path, "pod_selector"), policy.selector, parsed)
        for side, at, rule in _rules(policy):
            for number, peer in enumerate(rule.peers):
                _check_peer((*path, str(side), at, _ENDS[side], number), peer, parsed)
            for number, port in enumerate(rule.ports):
                _check_port((*path, str(side), at, "ports", number), port, parsed)


def _rules(policy: NetworkPolicy) -> Iterator[tuple[Side, int, PolicyRule]]:
    for side in Side:
        yield from ((side, at, rule) for at, rule in enumerate(policy.rules(side)))


def _check_peer(path: Path, peer: PolicyPeer, parsed: Parsed) -> None:
    by_selector = peer.namespaces is not None or peer.pods is not None
    if peer.block is not None and by_selector:
        parsed.report(path, "an ip_block beside a selector", "one or the other; two ends are two entries")
    if peer.block is None and not by_selector:
        parsed.report(path, "an end that says nothing", "ip_block, namespace_selector, pod_selector, or both selectors")
    if peer.block is not None:
        _check_block((*path, "ip_block"), peer.block, parsed)
    for key, selector in (("namespace_selector", peer.namespaces), ("pod_selector", peer.pods)):
        if selector is not None:
            _check_selector((*path, key), selector, parsed)


def _check_block(path: Path, block: IpBlock, parsed: Parsed) -> None:
    for at, prefix in enumerate(block.exceptions):
        if prefix.family is not block.prefix.family:
            expected = f"an {block.prefix.family.title} prefix like its cidr; the other family is an entry of its own"
            parsed.report((*path, "except", at), f'"{prefix}"', expected)
        elif prefix not in block.prefix or prefix == block.prefix:
            parsed.report((*path, "except", at), f'"{prefix}"', f"a smaller prefix inside {block.prefix}")


def _check_selector(path: Path, selector: Selector, parsed: Parsed) -> None:
    for at, entry in enumerate(selector.expressions):
        needs_values = entry.operator in ("In", "NotIn")
        if needs_values != bool(entry.values):
            found = f"operator: {entry.operator} with{'out' if needs_values else ''} values"
            expected = "at least one value" if needs_values else "none"
            parsed.report((*path, "match_expressions", at), found, expected)


def _check_port(path: Path, port: PolicyPort, parsed: Parsed) -> None:
    if port.end_port is None:
        return
    if not isinstance(port.port, int):
        parsed.report((*path, "end_port"), "end_port without the number of a port", "port: the first of the range")
    elif port.end_port < port.port:
        parsed.report((*path, "end_port"), f"{port.end_port} after port: {port.port}", "the last port of the range")


def policies_that_isolate_nobody(topology: Topology, parsed: Parsed) -> None:
    """A policy isolates pods of its own namespace with addresses of their own, and no others."""
    for name, policy in topology.network_policies.items():
        pods = [pod for pod in topology.pods.values() if pod.namespace == policy.namespace]
        selected = [pod for pod in pods if policy.selector.selects(dict(pod.labels))]
        if not selected:
            parsed.note(("network_policies", name), f"it selects no pod of namespace {policy.namespace}")
        elif all(pod.host_network for pod in selected):
            note = "all pods that it selects have their node's addresses, which no NetworkPolicy isolates"
            parsed.note(("network_policies", name), note)


def rules_of_sides_not_isolated(topology: Topology, parsed: Parsed) -> None:
    """Rules of a side that policy_types leaves out let nothing through that would not pass anyway."""
    for name, policy in topology.network_policies.items():
        for side in Side:
            if policy.rules(side) and side not in policy.sides:
                note = f"no effect without {side.title()} in policy_types"
                parsed.note(("network_policies", name, str(side)), note)


CHECKS = (policies,)
FINDINGS = (policies_that_isolate_nobody, rules_of_sides_not_isolated)
