"""What the NetworkPolicy recipes of github.com/ahmetb/kubernetes-network-policy-recipes say, in both families.

Each case is one recipe: its policies in the words of a scenario, and who then reaches whom.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import pytest

import dsflow
from dsflow import Simulation

_NAMESPACES: dict[str, Any] = {
    "default": {},
    "foo": {},
    "prod": {"labels": {"purpose": "production"}},
    "dev": {"labels": {"purpose": "testing"}},
    "other": {"labels": {"team": "operations"}},
    "kube-system": {},
}

_PODS: dict[str, tuple[str, dict[str, str], list[str]]] = {
    # on which node, labels, listeners
    "default/web": ("node-1", {"app": "web"}, ["tcp/80"]),
    "default/api": ("node-1", {"app": "bookstore", "role": "api"}, ["tcp/80"]),
    "default/db": ("node-1", {"app": "bookstore", "role": "db"}, ["tcp/6379"]),
    "default/apiserver": ("node-1", {"app": "apiserver"}, ["tcp/8000", "tcp/5000"]),
    "default/foo": ("node-1", {"app": "foo"}, []),
    "default/plain-here": ("node-1", {}, []),
    "default/plain": ("node-2", {}, []),
    "default/frontend": ("node-2", {"app": "bookstore", "role": "frontend"}, []),
    "default/inventory": ("node-2", {"app": "inventory", "role": "web"}, []),
    "default/stranger": ("node-2", {"app": "other"}, []),
    "default/monitor": ("node-2", {"role": "monitoring", "type": "monitoring"}, []),
    "foo/plain": ("node-2", {}, []),
    "prod/plain": ("node-2", {}, []),
    "dev/plain": ("node-1", {}, []),
    "other/plain": ("node-2", {}, []),
    "other/monitor": ("node-2", {"type": "monitoring"}, []),
    "kube-system/dns": ("node-2", {"k8s-app": "kube-dns"}, ["udp/53", "tcp/53"]),
}

_PORTS = {
    "default/web": [{"port": 80}],
    "default/api": [{"port": 80}],
    "default/db": [{"port": 6379}],
    "default/apiserver": [{"port": 8001, "target_port": 8000}, {"port": 5001, "target_port": 5000}],
    "kube-system/dns": [{"port": 53, "protocol": "udp"}],
}


@cache
def _cluster() -> dict[str, Any]:
    """A pod of each kind, and a Service before each that listens."""
    pods, services = {}, {}
    for number, (name, (node, labels, listen)) in enumerate(_PODS.items(), start=20):
        addresses = {"ipv4": f"10.0.2.{number}", "ipv6": f"2001:db8:1:2::{number:x}"}
        pods[name] = {"node": node, **addresses, "labels": labels | {"pod": name.replace("/", ".")}, "listen": listen}
    pods["default/apiserver"]["ports"] = {"metrics": "tcp/5000"}
    for number, (name, ports) in enumerate(_PORTS.items(), start=20):
        services[name] = {
            "selector": {"pod": name.replace("/", ".")},
            "ports": ports,
            "cluster_ipv4": f"10.96.0.{number}",
            "cluster_ipv6": f"fd00:eeee:eeee:1::{number:x}",
        }
    services["default/web"] |= {"type": "LoadBalancer", "load_balancer": "lb/web"}
    return {
        "apiVersion": "dsflow/v1",
        "name": "recipes",
        "profile": "as-built",
        "vcns": {"v": {"ipv4": ["10.0.0.0/16"], "ipv6": [{"prefix": "2001:db8:1::/56", "origin": "oracle-gua"}]}},
        "gateways": {"igw": {"kind": "internet"}, "nat": {"kind": "nat", "public_ipv4": "203.0.113.10"}},
        "route_tables": {
            "pods": {"rules": {"0.0.0.0/0": "natgw/nat", "::/0": "igw/igw"}},
            "lb": {"rules": {"0.0.0.0/0": "igw/igw", "::/0": "igw/igw"}},
        },
        "subnets": {
            "nodes": {"ipv4": "10.0.1.0/24", "ipv6": ["2001:db8:1:1::/64"], "access": "public", "route_table": "pods"},
            "pods": {"ipv4": "10.0.2.0/24", "ipv6": ["2001:db8:1:2::/64"], "access": "public", "route_table": "pods"},
            "lb": {"ipv4": "10.0.3.0/24", "ipv6": ["2001:db8:1:3::/64"], "access": "public", "route_table": "lb"},
        },
        "nodes": {
            "node-1": {"ipv4": "10.0.1.11", "ipv6": "2001:db8:1:1::11"},
            "node-2": {"ipv4": "10.0.1.12", "ipv6": "2001:db8:1:1::12"},
        },
        "namespaces": _NAMESPACES,
        "pods": pods,
        "services": services,
        "load_balancers": {"web": {"ipv4": "10.0.3.10", "public_ipv4": "203.0.113.20", "ipv6": "2001:db8:1:3::10"}},
        "internet": {
            "client": {"ipv4": "198.51.100.7", "ipv6": "2001:db8:ffff::7"},
            "example": {"ipv4": "198.51.100.80", "ipv6": "2001:db8:ffff::80", "listen": ["tcp/80"]},
        },
    }


def _with(policies: dict[str, Any]) -> Simulation:
    return dsflow.load(_cluster() | {"network_policies": policies})


def _pods(**labels: str) -> dict[str, Any]:
    return {"pod_selector": {"match_labels": labels}}


_ALL_PODS: dict[str, Any] = {"pod_selector": {}}
_DNS = {
    "to": [
        {
            "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "kube-system"}},
            "pod_selector": {"match_labels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"port": 53, "protocol": "udp"}, {"port": 53}],
}


class Case(NamedTuple):
    """A recipe: its policies, and whether each of these gets through: who, whom, which port."""

    policies: dict[str, Any]
    passes: list[tuple[str, str, int]]
    denied: list[tuple[str, str, int]]


_WEB = [("default/plain", "default/web", 80), ("default/plain-here", "default/web", 80)]
_DENY_WEB = {"default/web-deny-all": {**_pods(app="web"), "ingress": []}}

RECIPES = {
    "01-deny-all-traffic-to-an-application": Case(_DENY_WEB, [("default/plain", "default/api", 80)], _WEB),
    "02-limit-traffic-to-an-application": Case(
        {"default/api-allow": {**_pods(app="bookstore", role="api"), "ingress": [{"from": [_pods(app="bookstore")]}]}},
        [("default/frontend", "default/api", 80), ("default/db", "default/api", 80)],
        [("default/plain", "default/api", 80), ("default/plain-here", "default/api", 80)],
    ),
    "02a-allow-all-traffic-to-an-application": Case(
        {**_DENY_WEB, "default/web-allow-all": {**_pods(app="web"), "ingress": [{}]}},
        [*_WEB, ("foo/plain", "default/web", 80)],
        [],
    ),
    "03-deny-all-non-whitelisted-traffic-in-the-namespace": Case(
        {"default/default-deny-all": {**_ALL_PODS, "ingress": []}},
        [("default/plain", "kube-system/dns", 53), ("default/plain", "internet", 80)],
        [*_WEB, ("default/plain", "default/api", 80), ("foo/plain", "default/db", 6379)],
    ),
    "04-deny-traffic-from-other-namespaces": Case(
        {"default/deny-from-other-namespaces": {"pod_selector": {}, "ingress": [{"from": [_ALL_PODS]}]}},
        [*_WEB],
        [("foo/plain", "default/web", 80), ("dev/plain", "default/web", 80)],
    ),
    "05-allow-traffic-from-all-namespaces": Case(
        {
            **_DENY_WEB,
            "default/web-allow-all-namespaces": {
                **_pods(app="web"),
                "ingress": [{"from": [{"namespace_selector": {}}]}],
            },
        },
        [*_WEB, ("foo/plain", "default/web", 80), ("kube-system/dns", "default/web", 80)],
        [],
    ),
    "06-allow-traffic-from-a-namespace": Case(
        {
            "default/web-allow-prod": {
                **_pods(app="web"),
                "ingress": [{"from": [{"namespace_selector": {"match_labels": {"purpose": "production"}}}]}],
            }
        },
        [("prod/plain", "default/web", 80)],
        [("dev/plain", "default/web", 80), *_WEB],
    ),
    "07-allow-traffic-from-some-pods-in-another-namespace": Case(
        {
            "default/web-allow-all-ns-monitoring": {
                **_pods(app="web"),
                "ingress": [
                    {
                        "from": [
                            {
                                "namespace_selector": {"match_labels": {"team": "operations"}},
                                "pod_selector": {"match_labels": {"type": "monitoring"}},
                            }
                        ]
                    }
                ],
            }
        },
        [("other/monitor", "default/web", 80)],
        [*_WEB, ("default/monitor", "default/web", 80), ("other/plain", "default/web", 80)],
    ),
    "07-the-same-as-two-ends": Case(
        {
            "default/web-allow-either": {
                **_pods(app="web"),
                "ingress": [
                    {
                        "from": [
                            {"namespace_selector": {"match_labels": {"team": "operations"}}},
                            {"pod_selector": {"match_labels": {"type": "monitoring"}}},
                        ]
                    }
                ],
            }
        },
        [
            ("other/monitor", "default/web", 80),
            ("default/monitor", "default/web", 80),
            ("other/plain", "default/web", 80),
        ],
        [*_WEB, ("foo/plain", "default/web", 80)],
    ),
    "08-allow-external-traffic": Case(
        {
            "default/default-deny-all": {**_ALL_PODS, "ingress": []},
            "default/web-allow-external": {**_pods(app="web"), "ingress": [{}]},
        },
        [("internet/client", "default/web", 80), *_WEB],
        [("default/plain", "default/api", 80)],
    ),
    "09-allow-traffic-only-to-a-port": Case(
        {
            "default/api-allow-5000": {
                **_pods(app="apiserver"),
                "ingress": [{"ports": [{"port": 5000}], "from": [_pods(role="monitoring")]}],
            }
        },
        [("default/monitor", "default/apiserver", 5001)],
        [
            ("default/plain", "default/apiserver", 8001),
            ("default/plain", "default/apiserver", 5001),
            ("default/monitor", "default/apiserver", 8001),
        ],
    ),
    "09-the-port-by-its-name": Case(
        {"default/api-allow-metrics": {**_pods(app="apiserver"), "ingress": [{"ports": [{"port": "metrics"}]}]}},
        [("default/plain", "default/apiserver", 5001)],
        [("default/plain", "default/apiserver", 8001)],
    ),
    "10-allowing-traffic-with-multiple-selectors": Case(
        {
            "default/redis-allow-services": {
                **_pods(app="bookstore", role="db"),
                "ingress": [
                    {
                        "from": [
                            _pods(app="bookstore", role="search"),
                            _pods(app="bookstore", role="api"),
                            _pods(app="inventory", role="web"),
                        ]
                    }
                ],
            }
        },
        [("default/inventory", "default/db", 6379), ("default/api", "default/db", 6379)],
        [("default/stranger", "default/db", 6379), ("default/frontend", "default/db", 6379)],
    ),
    "11-deny-egress-traffic-from-an-application": Case(
        {"default/foo-deny-egress": {**_pods(app="foo"), "policy_types": ["Egress"], "egress": []}},
        [("default/plain", "default/web", 80)],
        [("default/foo", "default/web", 80), ("default/foo", "kube-system/dns", 53), ("default/foo", "internet", 80)],
    ),
    "11-but-for-dns": Case(
        {"default/foo-deny-egress": {**_pods(app="foo"), "policy_types": ["Egress"], "egress": [_DNS]}},
        [("default/foo", "kube-system/dns", 53)],
        [("default/foo", "default/web", 80), ("default/foo", "internet", 80)],
    ),
    "12-deny-all-non-whitelisted-traffic-from-the-namespace": Case(
        {"default/default-deny-all-egress": {**_ALL_PODS, "policy_types": ["Egress"], "egress": []}},
        [("foo/plain", "default/web", 80)],
        [
            ("default/plain", "default/web", 80),
            ("default/plain", "kube-system/dns", 53),
            ("default/foo", "internet", 80),
        ],
    ),
    # The recipe also says that web is reached, which its own manifest does not allow: DNS is all that it lists.
    "14-deny-external-egress-traffic": Case(
        {"default/foo-deny-external-egress": {**_pods(app="foo"), "policy_types": ["Egress"], "egress": [_DNS]}},
        [("default/foo", "kube-system/dns", 53)],
        [("default/foo", "internet", 80)],
    ),
    "14-but-for-all-pods-of-the-cluster": Case(
        {
            "default/foo-deny-external-egress": {
                **_pods(app="foo"),
                "policy_types": ["Egress"],
                "egress": [_DNS, {"to": [{"namespace_selector": {}}]}],
            }
        },
        [("default/foo", "kube-system/dns", 53), ("default/foo", "default/web", 80)],
        [("default/foo", "internet", 80)],
    ),
}


def _disposition(simulation: Simulation, who: str, whom: str, port: int, family: int) -> tuple[str, str | None]:
    origin = who if who.startswith("internet/") else f"pod/{who}"
    target = "internet/example" if whom == "internet" else f"service/{whom}"
    asked = {"udp": port} if port == 53 else {"tcp": port}
    chain = simulation.trace(origin, target, family=family, **asked)
    return str(chain.disposition), None if chain.round_trip is None else str(chain.round_trip)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_does_what_it_says(recipe: str, family: int) -> None:
    """Who is to pass passes and is answered; who is not is denied; and without the policies all pass."""
    policies, passes, denied = RECIPES[recipe]
    simulation, open_to_all = _with(policies), _with({})
    side = "denied-egress" if recipe[:2] in ("11", "12", "14") else "denied-ingress"
    for asked in passes:
        assert _disposition(simulation, *asked, family) == ("delivered", "delivered"), asked
    for asked in denied:
        assert _disposition(simulation, *asked, family) == (side, None), asked
        assert _disposition(open_to_all, *asked, family) == ("delivered", "delivered"), asked
