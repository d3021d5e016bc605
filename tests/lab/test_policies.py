"""NetworkPolicies through the kernel: nft rules written from the tables of the dataplane, in both families."""

from __future__ import annotations

from typing import Any

import pytest

import dsflow
from dsflow import Simulation
from dsflow.lab.plan_policies import policy_rules
from dsflow.lab.probe import Probe
from dsflow.lab.random_probes import random_probes
from dsflow.lab.verify import verify
from tests.cases import AS_BUILT, CLIENT, DNS, HOST_POD, LOCAL_DNS, MATE, POD, REMOTE, REMOTE_HOST_POD, SERVICE, WEB
from tests.lab.hand import needs_lab

NGINX = {"pod_selector": {"match_labels": {"app": "nginx"}}}
DNS_PODS = {
    "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "kube-system"}},
    "pod_selector": {"match_labels": {"k8s-app": "kube-dns"}},
}
POLICIES: dict[str, Any] = {
    "default/ingress": {
        **NGINX,
        "ingress": [
            {"from": [DNS_PODS], "ports": [{"port": 80, "end_port": 90}]},
            {"from": [{"ip_block": {"cidr": "2001:db8:100::/56", "except": ["2001:db8:100:3::/64"]}}]},
            {"from": [{"ip_block": {"cidr": "100.0.3.0/24", "except": ["100.0.3.117/32"]}}], "ports": [{"port": 80}]},
        ],
    },
    "default/egress": {
        **NGINX,
        "policy_types": ["Egress"],
        "egress": [{"to": [DNS_PODS]}, {"to": [{"ip_block": {"cidr": "198.51.100.0/24"}}], "ports": [{"port": 443}]}],
    },
}


def isolated(base: str | dict[str, Any]) -> Simulation:
    return dsflow.load(base).what_if({"network_policies": POLICIES})


QUESTIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (DNS, POD, {"tcp": 80}),
    (DNS, POD, {"tcp": 91}),
    (LOCAL_DNS, POD, {"tcp": 80}),
    (POD, MATE, {"tcp": 80}),
    (POD, REMOTE, {"icmp": True}),
    (POD, DNS, {"udp": 53}),
    (POD, DNS, {"icmp": True}),
    (POD, WEB, {"tcp": 443}),
    (POD, WEB, {"tcp": 80}),
    (HOST_POD, POD, {"tcp": 80}),
    (HOST_POD, REMOTE, {"tcp": 80}),
    (REMOTE_HOST_POD, POD, {"tcp": 80}),
    (CLIENT, POD, {"tcp": 80}),
)


@needs_lab
@pytest.mark.parametrize("base", ["oke-sydney-gua", AS_BUILT])
def test_the_kernel_lets_through_what_the_tables_say(base: str | dict[str, Any]) -> None:
    """With and without kube-proxy's rows beside them; what is refused is refused at the same hop."""
    simulation = isolated(base)
    questions = (
        [*QUESTIONS, (DNS, SERVICE, {"tcp": 80}), (POD, SERVICE, {"tcp": 80})] if base is AS_BUILT else QUESTIONS
    )
    probes = []
    for origin, target, asked in questions:
        for family in (4, 6):
            chain = simulation.trace(origin, target, family=family, **asked)
            first = chain.traces[0].hops[0]
            if first.decisions[0].before is not None and not (
                target.startswith("pod/") and origin == CLIENT and family == 4
            ):
                probes.append(Probe(device=first.device, packet=first.decisions[0].before.raw))
    report = verify(simulation, probes)
    assert report.holds, str(report)
    assert {"delivered", "denied-ingress", "denied-egress"} <= set(report.dispositions)


@needs_lab
def test_the_kernel_agrees_about_drawn_packets() -> None:
    simulation = isolated(AS_BUILT)
    report = verify(simulation, random_probes(simulation.topology, 60, seed=4))
    assert report.holds, str(report)


def test_rules_say_who_may_pass_and_refuse_the_rest() -> None:
    simulation = isolated("oke-sydney-gua")
    node = simulation.dataplane["node/node-2"]
    lines = policy_rules(node, {name: f"if-{number}" for number, name in enumerate(node.interfaces)}).splitlines()
    pod = next(f"if-{number}" for number, name in enumerate(node.interfaces) if name == REMOTE)
    assert f'    oifname "{pod}" ip saddr 100.0.3.0/24 ip saddr != {{ 100.0.3.117/32 }} tcp dport 80 accept' in lines
    assert f'    iifname "{pod}" ip daddr 198.51.100.0/24 tcp dport 443 accept' in lines
    assert lines.count(f'    oifname "{pod}" drop') == lines.count(f'    iifname "{pod}" drop') == 1
