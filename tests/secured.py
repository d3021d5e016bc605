"""Generated clusters with security rules at their VNICs and NetworkPolicies, as scenario data, and what these allow.

The oracles read the data as it is written, pod by pod and rule by rule, and know nothing of tables.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from random import Random
from typing import Any

from tests.clusters import Data

PORTS = {"tcp": (80, 9, 443), "udp": (53, 161)}


def secured(random: Random, data: Data) -> Data:
    """The same cluster with policies, and with security lists and groups for some subnets and VNICs."""
    namespaces = {"default": {"labels": {"team": "a"}}, "quiet": {}}
    policies = {f"default/policy-{number}": _policy(random) for number in range(random.randint(0, 3))}
    for vcn in data["vcns"]:
        data = _with_rules(random, data, vcn)
    return {**data, "namespaces": namespaces, "network_policies": policies}


def _prefix(random: Random, data: Data, vcn: str) -> str:
    entry = data["vcns"][vcn]
    known = [*entry["ipv4"], *(found["prefix"] for found in entry["ipv6"]), "0.0.0.0/0", "::/0", "198.51.100.0/24"]
    return str(random.choice([*known, "0.0.0.0/0", "::/0"]))


def _with_rules(random: Random, data: Data, vcn: str) -> Data:
    lists, groups = dict(data.get("security_lists", {})), dict(data.get("nsgs", {}))
    subnets = {name: dict(entry) for name, entry in data["subnets"].items()}
    nodes = {name: dict(entry) for name, entry in data["nodes"].items()}
    for number in range(2):
        groups[f"{vcn}-group-{number}"] = {"vcn": vcn}
    for number in range(2):
        groups[f"{vcn}-group-{number}"] |= _rules(random, data, vcn, [f"nsg/{vcn}-group-{n}" for n in range(2)])
        lists[f"{vcn}-list-{number}"] = {"vcn": vcn} | _rules(random, data, vcn, [])
    for subnet in subnets.values():
        if subnet["vcn"] == vcn and random.random() < 0.4:
            subnet["security_lists"] = random.sample([f"{vcn}-list-0", f"{vcn}-list-1"], random.randint(0, 2))
    for name, node in nodes.items():
        for key in ("nsgs", "pod_nsgs"):
            if name.startswith(vcn) and random.random() < 0.4:
                node[key] = random.sample([f"{vcn}-group-0", f"{vcn}-group-1"], random.randint(1, 2))
    return {**data, "security_lists": lists, "nsgs": groups, "subnets": subnets, "nodes": nodes}


def _rules(random: Random, data: Data, vcn: str, groups: list[str]) -> Data:
    return {
        side: [_rule(random, end, data, vcn, groups) for _ in range(random.randint(1, 4))]
        for side, end in (("ingress", "from"), ("egress", "to"))
    }


def _rule(random: Random, end: str, data: Data, vcn: str, groups: list[str]) -> Data:
    peer = random.choice([*groups, *(_prefix(random, data, vcn) for _ in range(3))])
    icmp = "icmpv6" if ":" in peer else "icmp"
    protocol = random.choice(["all", "all", "tcp", "tcp", "udp", icmp])
    rule: Data = {end: peer, "protocol": protocol}
    if protocol in PORTS and random.random() < 0.5:
        rule["dport"] = random.choice([*PORTS[protocol], "0-1000"])
    if random.random() < 0.2:
        rule["stateless"] = True
    return rule


def _policy(random: Random) -> Data:
    policy: Data = {"pod_selector": random.choice([{}, {"match_labels": {"app": "web"}}])}
    if random.random() < 0.7:
        policy["policy_types"] = random.choice([["Ingress"], ["Egress"], ["Ingress", "Egress"]])
    for side, end in (("ingress", "from"), ("egress", "to")):
        policy[side] = [_policy_rule(random, end) for _ in range(random.randint(0, 2))]
    return policy


def _policy_rule(random: Random, end: str) -> Data:
    peers: list[Data] = [
        {"pod_selector": {"match_labels": {"app": "web"}}},
        {"pod_selector": {"match_expressions": [{"key": "app", "operator": "DoesNotExist"}]}},
        {"namespace_selector": {"match_labels": {"team": random.choice("ab")}}},
        {"namespace_selector": {}, "pod_selector": {"match_labels": {"app": "web"}}},
        {"ip_block": {"cidr": "0.0.0.0/0", "except": ["198.51.100.0/25"]}},
        {"ip_block": {"cidr": "::/0"}},
    ]
    ports: list[Data] = [
        {"port": 80},
        {"protocol": "udp"},
        {"port": 1, "end_port": 100},
        {"port": 53, "protocol": "udp"},
    ]
    rule: Data = {}
    if random.random() < 0.8:
        rule[end] = random.sample(peers, random.randint(1, 2))
    if random.random() < 0.6:
        rule["ports"] = random.sample(ports, random.randint(1, 2))
    return rule


# --- what policies allow, read from the data -------------------------------------------------------------------


def policies_allow(data: Data, side: str, isolated: str, other: str, address: str, protocol: str, port: int) -> bool:
    """Whether the policies let ``isolated`` be asked (ingress) by, or ask (egress), ``other`` at that address."""
    judging = [policy for policy in data["network_policies"].values() if _isolates(policy, side, data, isolated)]
    allowed = [_allows(rule, data, side, other, address, protocol, port) for p in judging for rule in p.get(side, [])]
    return not judging or any(allowed)


def _isolates(policy: Data, side: str, data: Data, pod: str) -> bool:
    types = policy.get("policy_types", ["Ingress", *(["Egress"] if policy.get("egress") else [])])
    return side.title() in types and _selects(policy["pod_selector"], data["pods"][pod].get("labels", {}))


def _allows(rule: Data, data: Data, side: str, other: str, address: str, protocol: str, port: int) -> bool:
    peers = rule.get("from" if side == "ingress" else "to", [])
    ports = rule.get("ports", [])
    named = not peers or any(_is_peer(peer, data, other, address) for peer in peers)
    return named and (not ports or any(_is_port(entry, protocol, port) for entry in ports))


def _is_peer(peer: Data, data: Data, other: str, address: str) -> bool:
    if "ip_block" in peer:
        block = peer["ip_block"]
        within = _within(address, block["cidr"])
        return within and not any(_within(address, prefix) for prefix in block.get("except", []))
    pod = data["pods"].get(other)
    if pod is None or pod.get("host_network"):
        return False
    labels = {"kubernetes.io/metadata.name": "default", **data["namespaces"]["default"].get("labels", {})}
    spaces = "namespace_selector" not in peer or _selects(peer["namespace_selector"], labels)
    return spaces and _selects(peer.get("pod_selector", {}), pod.get("labels", {}))


def _is_port(entry: Data, protocol: str, port: int) -> bool:
    first: int = entry.get("port", 1)
    last: int = entry.get("end_port", first) if "port" in entry else 65535
    return bool(entry.get("protocol", "tcp") == protocol and first <= port <= last)


def _selects(selector: Data, labels: dict[str, str]) -> bool:
    wanted = selector.get("match_labels", {})
    absent = [entry["key"] for entry in selector.get("match_expressions", [])]
    return all(labels.get(key) == value for key, value in wanted.items()) and not any(key in labels for key in absent)


def _within(address: str, prefix: str) -> bool:
    one, network = ip_address(address), ip_network(prefix)
    return one.version == network.version and one in network


# --- what security rules allow, read from the data -------------------------------------------------------------


def rules_allow(data: Data, side: str, node: str, subnet: str, other: str, protocol: str, port: int) -> bool:
    """Whether the VNIC of a node's pods in a subnet lets a first packet in from, or out to, an address."""
    lists, groups = data["subnets"][subnet].get("security_lists"), data["nodes"][node].get("pod_nsgs", [])
    if lists is None and not groups:
        return True
    rules = [rule for name in lists or [] for rule in data["security_lists"][name][side]]
    rules += [rule for name in groups for rule in data["nsgs"][name][side]]
    return any(_covers(rule, data, side, other, protocol, port) for rule in rules)


def _covers(rule: Data, data: Data, side: str, other: str, protocol: str, port: int) -> bool:
    peer = rule["from" if side == "ingress" else "to"]
    group = peer.removeprefix("nsg/")
    named = _within(other, peer) if group == peer else other in members(data, group)
    first, _, last = str(rule.get("dport", "0-65535")).partition("-")
    return named and rule["protocol"] in ("all", protocol) and int(first) <= port <= int(last or first)


def members(data: Data, group: str) -> set[Any]:
    """The addresses of the VNICs in a group."""
    found: set[Any] = set()
    for name, node in data["nodes"].items():
        if group in node.get("nsgs", []):
            found |= {node.get("ipv4"), node.get("ipv6")}
        if group in node.get("pod_nsgs", []):
            pods = [pod for pod in data["pods"].values() if pod["node"] == name and not pod.get("host_network")]
            found |= {pod.get(family) for pod in pods for family in ("ipv4", "ipv6")}
    return found - {None}
