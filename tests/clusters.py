"""Generated clusters of the article's profile, as scenario data, and the questions to ask of them.

One generator serves hypothesis (:func:`tests.strategies.clusters` hands it a drawn ``Random``) and the
tests over seeded clusters.  What it makes is always a valid scenario; much of it does not work: routes
that lead nowhere, gateways switched off, families that are missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from random import Random
from typing import Any, NamedTuple

import dsflow
from dsflow import Simulation
from dsflow.trace.chain import Chain, PathType

Data = dict[str, Any]

_IPV4_RANGES = ("10.0.0.0/16", "172.16.0.0/16", "192.168.0.0/16", "100.0.0.0/16", "100.64.0.0/16", "8.8.0.0/16")
"""RFC 1918, the article's own range, shared space (RFC 6598), and somebody else's public space."""

_IPV6_RANGES = (
    ("fd00:100::/56", "ula"),
    ("2600:db8:77::/56", "ula"),  # bits of 2000::/3, and private all the same
    ("2001:db8:100::/56", "oracle-gua"),
    ("2001:db8:b00::/48", "byoip"),
)


def random_cluster(random: Random) -> Data:
    """A cluster of 1-4 nodes with 0-6 pods each in one VCN, perhaps with a second VCN beside it, perhaps peered."""
    data: Data = {"apiVersion": "dsflow/v1", "name": "generated", "vcns": {}, "gateways": {}, "route_tables": {}}
    data |= {"subnets": {}, "nodes": {}, "pods": {}, "services": {}, "load_balancers": {}}
    data["internet"] = _internet(random)
    ranges = random.sample(_IPV4_RANGES, 2)
    _add_vcn(random, data, "oke", ranges[0], random.sample(_IPV6_RANGES, random.choice([0, 1, 2, 2, 3])))
    _add_nodes(random, data, "oke", nodes=random.randint(1, 4), most_pods=6)
    _add_balancer(random, data)
    if random.random() < 0.2:
        _add_vcn(random, data, "far", ranges[1], [("2001:db8:f00::/56", "oracle-gua")])
        _add_nodes(random, data, "far", nodes=1, most_pods=2)
    if random.random() < 0.2:
        inside = ip_network(data["vcns"]["oke"]["ipv4"][0])
        data["internet"]["inside"] = {"ipv4": str(inside[-300]), "listen": ["tcp/80", "udp/53"]}
    if "far" in data["vcns"] and random.random() < 0.7:
        _peer(random, data)
    _own_tables(random, data)
    return data


def _internet(random: Random) -> Data:
    both = {"ipv4": "198.51.100.80", "ipv6": "2001:db8:ffff::80"}
    web = random.choice([both, both, both, {"ipv4": both["ipv4"]}, {"ipv6": both["ipv6"]}])
    access = random.choice(["none", "fixed", "mobile"])
    return {
        "web": web | {"listen": ["tcp/443", "udp/53"], "distance_km": random.randint(0, 9000), "access": access},
        "client": {"ipv4": "198.51.100.7", "ipv6": "2001:db8:ffff::7", "access": "fixed"},
        "oracle": {"ipv4": "134.70.0.10", "listen": ["tcp/443", "udp/53"]},
    }


# --- the network ---------------------------------------------------------------------------------------------


def _add_vcn(random: Random, data: Data, name: str, ipv4: str, ipv6: list[tuple[str, str]]) -> None:
    entries = [{"prefix": prefix, "origin": origin} for prefix, origin in ipv6]
    data["vcns"][name] = {"ipv4": [ipv4], "ipv6": entries}
    _add_gateways(random, data, name)
    third = iter(range(2, 200))
    pod_subnets = [f"{name}-pods-{number}" for number in range(random.randint(1, 3))]
    for subnet in [f"{name}-nodes", f"{name}-lb", *pod_subnets]:
        number = next(third)
        own = next(net for index, net in enumerate(ip_network(ipv4).subnets(new_prefix=24)) if index == number)
        prefixes = [_slash_64(prefix, number) for prefix, _ in ipv6]
        chosen = random.sample(prefixes, random.randint(min(1, len(prefixes)), min(2, len(prefixes))))
        families = {"ipv4": str(own), "ipv6": chosen}
        if random.random() < 0.1:
            del families["ipv6"]
        elif chosen and "pods" in subnet and random.random() < 0.15:
            del families["ipv4"]
        table = _route_table(random, data, name, subnet)
        data["subnets"][subnet] = families | {
            "vcn": name,
            "access": "public" if random.random() < 0.75 else "private",
            **table,
        }


def _slash_64(prefix: str, number: int) -> str:
    network = IPv6Network(prefix)
    return str(IPv6Network((int(network[0]) + (number << 64), 64)))


def _add_gateways(random: Random, data: Data, vcn: str) -> None:
    gateways = data["gateways"]
    last = 10 + len(gateways)
    if random.random() < 0.9:
        gateways[f"{vcn}-igw"] = {"kind": "internet", "vcn": vcn, "enabled": random.random() < 0.9}
    if random.random() < 0.85:
        public = f"203.0.113.{last}"
        gateways[f"{vcn}-nat"] = {"kind": "nat", "vcn": vcn, "public_ipv4": public, "enabled": random.random() < 0.9}
    if random.random() < 0.3:
        services = {"all-services": ["134.70.0.0/16"]}
        gateways[f"{vcn}-sgw"] = {"kind": "service", "vcn": vcn, "services": services, "enabled": random.random() < 0.9}


def _route_table(random: Random, data: Data, vcn: str, subnet: str) -> Data:
    """Mostly what works, sometimes what carries nothing, sometimes no table at all."""
    if random.random() < 0.08:
        return {}
    present = set(data["gateways"])
    igw, nat, sgw = (f"{kind}/{vcn}-{short}" for kind, short in (("igw", "igw"), ("natgw", "nat"), ("sgw", "sgw")))
    rules: dict[str, str] = {}
    out = igw if subnet.endswith("-lb") else nat
    wanted = {
        "0.0.0.0/0": random.choice([out, out, out, out, igw, nat, None]),
        "::/0": random.choice([igw, igw, igw, igw, nat, sgw, None]),
        "198.51.100.0/24": random.choice([None, None, None, igw, nat]),
        "2001:db8:ffff::/48": random.choice([None, None, None, igw, nat]),
        "all-services": random.choice([sgw, sgw, None]),
    }
    for destination, target in wanted.items():
        if target is not None and target.partition("/")[2] in present:
            rules[destination] = target
    data["route_tables"][subnet] = {"vcn": vcn, "rules": rules}
    return {"route_table": subnet}


def _peer(random: Random, data: Data) -> None:
    """Two LPGs between the VCNs, and rules to them in most tables."""
    ends = {"oke": "oke-lpg", "far": "far-lpg"}
    for vcn, other in (("oke", "far"), ("far", "oke")):
        enabled = random.random() < 0.95
        data["gateways"][ends[vcn]] = {"kind": "lpg", "vcn": vcn, "peer": ends[other], "enabled": enabled}
        beyond = [data["vcns"][other]["ipv4"][0], *(entry["prefix"] for entry in data["vcns"][other]["ipv6"])]
        for table in data["route_tables"].values():
            if table["vcn"] == vcn:
                table["rules"] |= {prefix: f"lpg/{ends[vcn]}" for prefix in beyond if random.random() < 0.85}


def _own_tables(random: Random, data: Data) -> None:
    """Now and then a node or a pod has the table of another subnet of its VCN, or one without rules."""
    for holders in (data["nodes"], data["pods"]):
        for name, holder in holders.items():
            if random.random() < 0.08 and not holder.get("host_network"):
                vcn = "far" if holder.get("node", name).startswith("far") else "oke"
                data["route_tables"].setdefault(f"{vcn}-empty", {"vcn": vcn, "rules": {}})
                tables = [table for table, entry in data["route_tables"].items() if entry["vcn"] == vcn]
                holder["route_table"] = random.choice(tables)


# --- the cluster ---------------------------------------------------------------------------------------------


class _Hosts:
    """Hands out the addresses of subnets, each once."""

    def __init__(self, data: Data) -> None:
        self._subnets = data["subnets"]
        self._used: defaultdict[str, int] = defaultdict(lambda: 20)

    def next_in(self, random: Random, subnet: str) -> dict[str, str]:
        """A new address of every family that the subnet has, less one now and then."""
        written = self._subnets[subnet]
        prefixes = [ip_network(written["ipv4"])] if "ipv4" in written else []
        prefixes += [ip_network(random.choice(written["ipv6"]))] if written.get("ipv6") else []
        if len(prefixes) == 2 and random.random() < 0.12:
            prefixes.remove(random.choice(prefixes))
        self._used[subnet] += 1
        return {f"ipv{prefix.version}": str(prefix[self._used[subnet]]) for prefix in prefixes}


def _add_nodes(random: Random, data: Data, vcn: str, *, nodes: int, most_pods: int) -> None:
    hosts = _Hosts(data)
    pod_subnets = [name for name in data["subnets"] if name.startswith(f"{vcn}-pods")]
    if random.random() < 0.2:
        pod_subnets.append(f"{vcn}-nodes")
    for number in range(nodes):
        name, subnet = f"{vcn}-node-{number}", f"{vcn}-nodes"
        node: Data = hosts.next_in(random, subnet)
        node |= {"availability_domain": f"AD-{random.randint(1, 2)}", "listen": ["tcp/22", "udp/161"]}
        if "ipv4" in node and data["subnets"][subnet]["access"] == "public" and random.random() < 0.4:
            node["public_ipv4"] = f"203.0.113.{100 + len(data['nodes'])}"
        data["nodes"][name] = node
        for _ in range(random.randint(0, most_pods)):
            pod: Data = {"node": name, "labels": random.choice([{"app": "web"}, {}]), "listen": ["tcp/80", "udp/53"]}
            own = random.random() > 0.15
            pod |= hosts.next_in(random, random.choice(pod_subnets)) if own else {"host_network": True}
            data["pods"][f"default/pod-{len(data['pods'])}"] = pod


def _add_balancer(random: Random, data: Data) -> None:
    subnet = data["subnets"]["oke-lb"]
    if random.random() < 0.1:
        return
    balancer: Data = {"subnet": "oke-lb", "ipv4": str(IPv4Network(subnet["ipv4"])[10])}
    if subnet["access"] == "public" and random.random() < 0.9:
        balancer["public_ipv4"] = "203.0.113.20"
    if subnet.get("ipv6") and random.random() < 0.85:
        balancer["ipv6"] = str(ip_network(subnet["ipv6"][0])[16])
    data["load_balancers"]["web"] = balancer
    data["services"]["default/web"] = {
        "type": "LoadBalancer",
        "selector": {"app": "web"} if random.random() < 0.9 else {"app": "nobody"},
        "ports": [{"port": 80, "target_port": 80}, {"port": 8443, "target_port": 9}],
        "load_balancer": "lb/web",
    }


def as_built(random: Random, data: Data) -> Data:
    """The same cluster as OKE builds it: Services of every type, with addresses in the cluster and both policies."""
    services: Data = {name: _exposed(random, service, 1) for name, service in data["services"].items()}
    for number, kind in enumerate(("ClusterIP", "NodePort"), start=2):
        service = {"type": kind, "selector": {"app": "web"}, "ports": [{"port": 80}, {"port": 53, "protocol": "udp"}]}
        services[f"default/{kind.lower()}"] = _exposed(random, service, number)
    balancers = dict(data["load_balancers"])
    if "web" in balancers:
        balancers["net"] = _network_balancer(random, data)
        services["default/net"] = _exposed(random, _behind_network_balancer(random), 4)
    nodes = _labelled(random, data["nodes"]) if random.random() < 0.2 else data["nodes"]
    built = {**data, "profile": "as-built", "services": services, "load_balancers": balancers, "nodes": nodes}
    return _of_virtual_nodes(built) if random.random() < 0.15 else built


def _of_virtual_nodes(data: Data) -> Data:
    """The same on virtual nodes, without the pods that would have their node's addresses."""
    nodes = {name: node | {"kind": "virtual"} for name, node in data["nodes"].items()}
    pods = {name: pod for name, pod in data["pods"].items() if not pod.get("host_network")}
    return {**data, "nodes": nodes, "pods": pods}


def _network_balancer(random: Random, data: Data) -> Data:
    """A network load balancer beside the flexible one, of one family now and then."""
    subnet = data["subnets"]["oke-lb"]
    balancer: Data = {"kind": "network", "subnet": "oke-lb", "ipv4": str(IPv4Network(subnet["ipv4"])[11])}
    if subnet["access"] == "public":
        balancer["public_ipv4"] = "203.0.113.21"
    if subnet.get("ipv6"):
        balancer["ipv6"] = str(ip_network(subnet["ipv6"][0])[17])
        if random.random() < 0.1:
            del balancer["ipv4"]
            balancer.pop("public_ipv4", None)
    return balancer | {"is_fail_open": random.random() < 0.3}


def _behind_network_balancer(random: Random) -> Data:
    """A Service for it, annotated by chance, and by chance so that the controller refuses it."""
    own = "oci-network-load-balancer.oraclecloud.com"
    annotations = {
        "oci.oraclecloud.com/load-balancer-type": "nlb",
        "oci.oraclecloud.com/ingress-ip-mode": random.choice(["proxy", "proxy", "VIP"]),
        f"{own}/backend-policy": random.choice(["FIVE_TUPLE", "THREE_TUPLE", "TWO_TUPLE"]),
        f"{own}/is-preserve-source": random.choice(["true", "false"]),
        f"{own}/security-list-management-mode": random.choice(["All", "None"]),
    }
    for key in list(annotations)[2:]:
        if random.random() < 0.7:
            del annotations[key]
    service: Data = {
        "type": "LoadBalancer",
        "selector": {"app": "web"},
        "ports": [{"port": 80, "target_port": 80}, {"port": 8443, "target_port": 9}],
        "load_balancer": "lb/net",
        "annotations": annotations,
    }
    if random.random() < 0.5:
        service["ports"].append({"port": 53, "protocol": "udp"})
    if random.random() < 0.15:
        ranges = ["198.51.100.0/24", "2001:db8:ffff::/48", "10.0.0.0/8"]
        service["load_balancer_source_ranges"] = random.sample(ranges, 2)
    return service


def _labelled(random: Random, nodes: Data) -> Data:
    """Nodes of which some bear the label that makes them back ends in IPv6."""
    label = {"labels": {"oci.oraclecloud.com/ip-family-ipv6": "true"}}
    return {name: node | (label if random.random() < 0.7 else {"labels": {"a": "b"}}) for name, node in nodes.items()}


def _exposed(random: Random, service: Data, number: int) -> Data:
    both = {"cluster_ipv4": f"10.96.7.{number}", "cluster_ipv6": f"fd00:eeee:eeee:1::{number}"}
    given = random.choice([both, both, both, {"cluster_ipv4": both["cluster_ipv4"]}, {}])
    policies = {
        f"{side}_traffic_policy": random.choice(["Cluster", "Cluster", "Local"]) for side in ("external", "internal")
    }
    return {**service, **given, **policies}


# --- the questions -------------------------------------------------------------------------------------------


class Asked(NamedTuple):
    """A question as the arguments of :meth:`dsflow.Simulation.trace`."""

    origin: str
    target: str
    family: int
    options: dict[str, Any]

    def of(self, simulation: Simulation) -> Chain:
        """The answer."""
        return simulation.trace(self.origin, self.target, family=self.family, **self.options)


Options = tuple[dict[str, Any], ...]

PROTOCOLS: Options = ({}, {"tcp": 9}, {"udp": 53}, {"udp": 9}, {"icmp": True})
"""The target's first open port, closed ports, open ones perhaps, and an echo."""

ODDITIES: Options = (
    {"udp": 53, "size": 4000},
    {"udp": 53, "size": 4000, "df": True},
    {"icmp": True, "size": 9001},
    *({"tcp": 80, "ttl": ttl} for ttl in (1, 2, 3)),
    {"udp": 9, "size": 1400, "ttl": 5},
)
"""Packets to divide, to refuse, and to run out of hops."""


def questions(
    simulation: Simulation, *, pairs: int = 2, families: tuple[int, ...] = (4, 6), every: Options = PROTOCOLS
) -> Iterator[Asked]:
    """Up to ``pairs`` pairs of ends for every path type, with ``every`` protocol in each family."""
    for origin, target in _pairs(simulation, pairs):
        for family in families:
            if family == 6 and "/" not in target:  # a public IPv4 address is no question of the other family
                continue
            for options in every:
                yield Asked(origin, target, family, options)


def _pairs(simulation: Simulation, most: int) -> list[tuple[str, str]]:
    topology = simulation.topology
    random = Random(len(topology.pods))
    inside = [pod.id for pod in topology.pods.values()] + [node.id for node in topology.nodes.values()]
    outside = [host.id for host in topology.internet.values()]
    services = [service.id for service in topology.services.values()]
    balancers = [balancer.id for balancer in topology.load_balancers.values()]
    known = services if topology.profile == "as-built" else []  # the article does not say how they are reached inside
    public = [str(node.public_ipv4) for node in topology.nodes.values() if node.public_ipv4]
    every = [
        (one, other) for one in inside for other in [*inside, *outside, *public, *known, *balancers] if one != other
    ]
    every += [(one, other) for one in outside for other in [*inside, *public, *services, *balancers]]
    every += [(one, other) for one in balancers for other in [*inside, *outside]]
    random.shuffle(every)
    found: defaultdict[PathType | None, list[tuple[str, str]]] = defaultdict(list)
    for origin, target in every:
        pairs = found[simulation.path_type(origin, target)]
        telling = target.startswith("service/") or target == "internet/web"  # few pairs get as far as these
        pairs.insert(0 if telling else len(pairs), (origin, target))
    return [pair for pairs in found.values() for pair in pairs[:most]]


@cache
def seeded(seed: int) -> Simulation:
    """The simulation of a generated cluster, made once."""
    return dsflow.load(random_cluster(Random(seed)))
