"""Virtual nodes in a scenario: what is wrong, and what is worth knowing."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow.scenario.write import to_yaml
from tests.scenario.helpers import built, problems

BASE = "oke-virtual-nodes"
NODE, POD = "nodes.virtual-1", "pods.default/web-1"
NLB = "oci-network-load-balancer.oraclecloud.com"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({f"{NODE}.kind": "serverless"}, f'{NODE}.kind: "serverless": expected "managed" or "virtual"'),
        (
            {f"{NODE}.kind": None},
            "nodes.virtual-2.kind: virtual beside nodes.virtual-1, which is managed: expected nodes of one kind: "
            "OKE has no mixed clusters",
        ),
        (
            {f"{NODE}.pod_vnics": 2},
            f"{NODE}.pod_vnics: pod_vnics of a virtual node: expected none: each pod has a VNIC of its own",
        ),
        (
            {POD: {"node": "virtual-1", "host_network": True}},
            f"{POD}.host_network: true on node/virtual-1, which is virtual: expected addresses of its own: "
            "virtual nodes lend none",
        ),
    ],
)
def test_what_is_refused(changes: dict[str, Any], told: str) -> None:
    assert problems({"expect": [], **changes}, BASE) == [told]


def test_the_article_knows_none() -> None:
    found = problems({"profile": "article", "expect": [], "load_balancers.packets.kind": "flexible"}, BASE)
    told = "kind: virtual with profile: article, which knows managed nodes only: expected profile: as-built"
    assert found == [f"nodes.virtual-1.{told}", f"nodes.virtual-2.{told}"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {f"{POD}.listen": ["tcp/30090"]},
            f"{POD}.listen: tcp/30090 is among the node ports, 30000-32767, which pods on virtual nodes may not use",
        ),
        (
            {"network_policies.default/deny": {"pod_selector": {}}},
            "network_policies.default/deny: no effect: on virtual nodes nothing enforces NetworkPolicies, security "
            "rules at the pods' VNICs do",
        ),
        (
            {f'services."default/packets".annotations."{NLB}/is-preserve-source"': "true"},
            f'services.default/packets.annotations."{NLB}/is-preserve-source": no effect in front of virtual nodes',
        ),
        (
            {'services."default/packets".annotations."oci.oraclecloud.com/security-rule-management-mode"': "SL-All"},
            'services.default/packets.annotations."oci.oraclecloud.com/security-rule-management-mode": no effect in '
            "front of virtual nodes",
        ),
        ({f"{NODE}.max_pods": 1}, f"{NODE}: 2 pods, and its kubelet runs 1 (as max_pods says)"),
    ],
)
def test_what_is_worth_knowing(changes: dict[str, Any], told: str) -> None:
    assert told in [f"{finding.path}: {finding.found}" for finding in built({"expect": [], **changes}, BASE).findings]


def test_nothing_is_said_of_the_scenario_as_it_is() -> None:
    assert built({}, BASE).findings == ()


def test_a_virtual_node_holds_500_pods() -> None:
    pod = {"node": "virtual-1"}
    many = {f"pods.default/p{n}": {**pod, "ipv4": f"10.0.{40 + n // 200}.{n % 200 + 1}"} for n in range(499)}
    (finding,) = built({"expect": [], **many}, BASE).findings
    assert finding.found.startswith("501 pods, and its kubelet runs 500 (OKE's limit of virtual nodes")


def test_it_is_written_as_it_was_read() -> None:
    topology = built({}, BASE)
    assert [node.virtual for node in topology.nodes.values()] == [True, True]
    assert "kind: virtual" in to_yaml(topology)
