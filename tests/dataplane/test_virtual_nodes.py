"""Virtual nodes: pods that are machines of the VCN, and load balancers that lead to them at node ports."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import dsflow
from dsflow import Simulation
from dsflow.lab.plan import make_plan
from dsflow.net.address import Family
from dsflow.query.select import select
from dsflow.trace.chain import Chain
from tests.cases import left, way

CLIENT, POD, WEB_1, WEB_2 = "internet/client", "pod/default/client", "pod/default/web-1", "pod/default/web-2"
SERVICE, KEEPING = "service/default/web", "service/default/packets"
BOTH = pytest.mark.parametrize("family", [4, 6])
OWN_POD: dict[str, Any] = {"assumptions.virtual-node-kube-proxy": "own-pod"}


def built(changes: dict[str, Any] | None = None) -> Simulation:
    """The embedded cluster, without its expectations."""
    return dsflow.load("oke-virtual-nodes").what_if({"expect": [], **(changes or {})})


def asked(simulation: Simulation, service: str = SERVICE, family: int = 4, sport: int = 40000) -> Chain:
    return simulation.trace(CLIENT, service, family=family, tcp=80, sport=sport)


@BOTH
def test_two_pods_of_one_virtual_node_meet_in_the_vcn(family: int) -> None:
    chain = built().trace(POD, WEB_1, family=family, tcp=8080)
    assert way(chain.traces[0]) == [POD, "vcn/acme", WEB_1]
    assert chain.path_type == "cross-node"
    assert (left(chain.traces[0].hops[1]).ttl, chain.nat_applied) == (64, ())
    assert built().trace(WEB_1, WEB_1, family=family, tcp=8080).path_type == "same-node"


@BOTH
def test_their_security_rules_hold_at_the_pods_own_vnics(family: int) -> None:
    closed = built({"security_lists.nodespods.ingress": []})
    chain = closed.trace(POD, WEB_1, family=family, tcp=8080)
    assert (chain.disposition, chain.traces[0].hops[-1].device) == ("denied-ingress", WEB_1)
    grouped = {
        "nsgs.web": {"ingress": [{"from": "nsg/clients", "protocol": "tcp"}]},
        "nsgs.clients": {},
        "nodes.virtual-2.pod_nsgs": ["web"],
        "nodes.virtual-1.pod_nsgs": ["clients"],
        "security_lists.nodespods.ingress": [],
    }
    chain = built(grouped).trace(POD, WEB_2, family=family, tcp=8080)
    assert (chain.round_trip, chain.traces[0].hops[-1].steps[0].rule) == ("delivered", "nsg/web/ingress#1")


@BOTH
def test_a_flexible_load_balancer_dials_pods_at_the_node_port(family: int) -> None:
    chains = [asked(built(), sport=sport, family=family) for sport in range(1000, 1200)]
    dialled = Counter(left(chain.traces[2].hops[0]).dst for chain in chains)
    assert set(dialled) == {"10.0.32.21", "10.0.32.22"}
    assert min(dialled.values()) > 60
    assert {left(chain.traces[2].hops[0]).dport for chain in chains} == {30080}
    assert {chain.round_trip for chain in chains} == {"delivered"}


def test_under_the_policy_cluster_a_pod_may_lead_on_to_another() -> None:
    """Each of two pods leads half of what it is asked to the other, and hides the client then."""
    branches = built().branches(CLIENT, SERVICE, family=4, tcp=80)
    hops = Counter(len(branch.chain.traces[2].hops) for branch in branches)
    assert hops == {3: 2, 5: 2}
    for branch in branches:
        kinds = {row.kind.value for row in branch.chain.nat_applied if row.connection == 2}
        assert kinds == {"service-dnat"} | ({"masquerade"} if len(branch.chain.traces[2].hops) == 5 else set())
        assert "virtual-node-kube-proxy" in branch.chain.assumptions
    alone = built(OWN_POD).branches(CLIENT, SERVICE, family=4, tcp=80)
    assert [len(branch.chain.traces[2].hops) for branch in alone] == [3, 3]
    assert "the pod sees the load balancer's address" in alone[0].chain.traces[0].reason


@BOTH
def test_a_network_load_balancer_never_keeps_its_clients(family: int) -> None:
    """Not even under the policy Local, nor where an annotation asks for it."""
    asking = {
        'services."default/packets".annotations."oci-network-load-balancer.oraclecloud.com/is-preserve-source"': "true"
    }
    for simulation in (built(), built(asking)):
        chain = asked(simulation, KEEPING, family)
        end = chain.traces[0].hops[-1].device
        assert end in (WEB_1, WEB_2)
        assert left(chain.traces[0].hops[-2]).src == {4: "10.0.64.6", 6: "2001:db8:a00:64::6"}[family]
        assert chain.round_trip == "delivered"


def test_pods_are_back_ends_while_they_are_ready() -> None:
    unready = built({"pods.default/web-1.ready": False})
    for service in (SERVICE, KEEPING):
        for sport in range(20):
            assert asked(unready, service, sport=1 + sport).traces[-2].hops[-1].device == WEB_2
    nobody = built({"pods.default/web-1.ready": False, "pods.default/web-2.ready": False})
    for service in (SERVICE, KEEPING):
        chain = asked(nobody, service)
        assert chain.disposition == "no-backend"
        assert "back ends are pods on virtual nodes" in chain.traces[0].reason


@BOTH
def test_no_label_of_a_node_makes_a_pod_a_back_end(family: int) -> None:
    labelled = built({"nodes.virtual-1.labels": {"zone": "a"}})
    chain = asked(labelled, KEEPING, family)
    assert chain.round_trip == "delivered"
    assert "nodes-bear-ipv6-label" not in chain.assumptions


def test_health_checks_go_to_the_pods() -> None:
    """Port 10256 under the policy Cluster, the health check node port under Local: the page asks for both rules."""
    rules = "security_lists.nodespods.ingress"
    kept = [
        {"from": "10.0.64.0/24", "protocol": "tcp", "dport": 30080},
        {"from": "10.0.64.0/24", "protocol": "tcp", "dport": 30081},
    ]
    closed = built({rules: kept})
    for service, port in ((SERVICE, 10256), (KEEPING, 30082)):
        chain = asked(closed, service)
        assert chain.disposition == "no-backend"
        assert f"no pod passes the health check on port {port}: at {WEB_1}" in chain.traces[0].reason
    chain = built().trace("lb/web", WEB_1, family=4, tcp=10256)
    assert (
        chain.disposition,
        "it runs in this pod" in "".join(step.reason for step in chain.traces[0].hops[-1].steps),
    ) == (
        "delivered",
        True,
    )


@BOTH
def test_a_node_port_is_served_at_the_pods_address_alone(family: int) -> None:
    simulation = built()
    assert simulation.trace(POD, WEB_2, family=family, tcp=30080).round_trip == "delivered"
    there = simulation.trace(POD, "node/virtual-2", family=family, tcp=30080)
    assert there.disposition == "no-listener"
    assert "ask one of its pods at node port 30080" in str(there.traces[0].mend)
    elsewhere = simulation.trace(WEB_1, POD, family=family, tcp=30081)
    assert elsewhere.disposition == "no-backend"
    assert "externalTrafficPolicy of service/default/packets is Local" in elsewhere.traces[0].reason


@BOTH
def test_a_pod_asks_cluster_ips_and_itself(family: int) -> None:
    simulation = built()
    chains = [simulation.trace(WEB_1, SERVICE, family=family, tcp=80, sport=sport) for sport in range(1, 41)]
    assert {chain.traces[0].hops[-1].device for chain in chains} == {WEB_1, WEB_2}
    assert {chain.round_trip for chain in chains} == {"delivered"}


def test_the_load_balancers_rules_are_the_authors() -> None:
    """The controller manages none, so source ranges keep nobody out, and lists without rules let nothing in."""
    ranged = built({"services.default/web.load_balancer_source_ranges": ["203.0.113.0/24"]})
    assert asked(ranged).round_trip == "delivered"
    assert any("they keep nobody out" in str(finding) for finding in ranged.topology.findings)
    unruled = built({"security_lists.loadbalancers.ingress": []})
    assert asked(unruled).disposition == "denied-ingress"


def test_policies_are_of_no_effect() -> None:
    deny: dict[str, Any] = {"network_policies.default/deny": {"pod_selector": {}, "policy_types": ["Ingress"]}}
    simulation = built(deny)
    assert simulation.trace(POD, WEB_1, family=4, tcp=8080).round_trip == "delivered"
    assert any("nothing enforces NetworkPolicies" in str(finding) for finding in simulation.topology.findings)


@BOTH
def test_a_pod_is_no_stranger_to_its_own_kube_proxy(family: int) -> None:
    """Under Local a detector tells pods before it is seen that the asker is local; under Cluster all are hidden."""
    local = built({"services.default/web.external_traffic_policy": "Local"})
    for simulation, hidden in ((built(), True), (local, False)):
        chain = simulation.trace(
            POD, str(simulation.topology.pods["default/client"].address(Family(family))), family=family, tcp=30080
        )
        kinds = {row.kind.value for row in chain.nat_applied}
        assert chain.round_trip == "delivered"
        assert ("masquerade" in kinds) == hidden
    assert "kube-proxy-knows-pods" in chain.assumptions


def test_run_says_why_no_two_pods_share_a_node() -> None:
    selections = {(one.path_type, one.missing) for one in select(built().topology)}
    assert ("same-node", "pods on virtual nodes are machines of their own") in selections


def test_the_lab_puts_pods_on_their_subnets_wire() -> None:
    plan = make_plan(built().topology)
    assert plan.twins["node/virtual-1"].what.startswith("a Linux host: its pods are machines of their own")
    assert plan.twins["lb/packets"].what.startswith("a host that serves nobody")
