"""NetworkPolicies at the nodes: whom they isolate, what they let through, and what they say."""

from __future__ import annotations

from typing import Any

import pytest

import dsflow
from dsflow import Simulation
from dsflow.trace.chain import Chain
from tests.cases import AS_BUILT, CLIENT, DNS, HOST_POD, LOCAL_DNS, MATE, POD, REMOTE, SERVICE, WEB

BOTH = pytest.mark.parametrize("family", [4, 6])
ADDRESS = {4: "100.0.5.104", 6: "2001:db8:100:4:0:3717:f114:d94d"}  # of DNS
SUBNET = {4: "100.0.5.0/24", 6: "2001:db8:100:4::/64"}
NGINX = {"pod_selector": {"match_labels": {"app": "nginx"}}}


def under(
    policy: dict[str, Any], more: dict[str, Any] | None = None, base: str | dict[str, Any] = AS_BUILT
) -> Simulation:
    """The cluster with one policy for the pods of nginx."""
    return dsflow.load(base).what_if({"network_policies": {"default/p": NGINX | policy}, **(more or {})})


def end(chain: Chain) -> tuple[str, str]:
    return str(chain.disposition), chain.forward.hops[-1].device


def lets_in(**rule: Any) -> dict[str, Any]:
    return {"ingress": [rule]}


def lets_out(**rule: Any) -> dict[str, Any]:
    return {"policy_types": ["Egress"], "egress": [rule]}


@BOTH
def test_a_refusal_names_every_policy_that_was_evaluated(family: int) -> None:
    """And says that it is implicit, as no rule refuses."""
    two = {"default/a": NGINX | lets_in(ports=[{"port": 81}]), "default/b": NGINX, "default/c": {**NGINX, **lets_out()}}
    chain = dsflow.load("oke-sydney-gua").what_if({"network_policies": two}).trace(DNS, REMOTE, family=family, tcp=80)
    assert end(chain) == ("denied-ingress", "node/node-2")
    expected = f"no ingress rule allows tcp port 80 from {ADDRESS[family]}"
    evaluated = "evaluated: networkpolicy/default/a, networkpolicy/default/b"
    assert chain.forward.reason == f"implicit deny: {expected}; {evaluated}"
    assert chain.forward.verdict.id is None
    assert not chain.forward.verdict.explicit
    assert "policies-are-enforced" in chain.assumptions


@BOTH
def test_what_is_let_through_names_policy_and_rule(family: int) -> None:
    policy = lets_in(**{"from": [{"pod_selector": {}}]})
    policy["ingress"].append({"ports": [{"port": 80}]})
    chain = under(policy).trace(DNS, REMOTE, family=family, tcp=80)
    assert chain.succeeded
    steps = [step for hop in chain.traces[0].hops for step in hop.steps if step.stage == "network-policy"]
    assert [(step.rule, step.effect) for step in steps] == [("networkpolicy/default/p/ingress#2", "pass")]


@BOTH
@pytest.mark.parametrize("base", ["oke-sydney-gua", AS_BUILT])
def test_answers_pass_and_strangers_do_not(base: str | dict[str, Any], family: int) -> None:
    """In both profiles a node tracks connections once it isolates: an isolated pod is answered, and not asked."""
    simulation = under({}, base=base)
    assert simulation.trace(REMOTE, DNS, family=family, tcp=53).succeeded
    assert end(simulation.trace(DNS, REMOTE, family=family, tcp=80)) == ("denied-ingress", "node/node-2")


@BOTH
def test_blocks_of_addresses_and_their_exceptions(family: int) -> None:
    inside = {"ip_block": {"cidr": SUBNET[family]}}
    without = {"ip_block": {"cidr": SUBNET[family], "except": [f"{ADDRESS[family]}/{32 if family == 4 else 128}"]}}
    assert under(lets_in(**{"from": [inside]})).trace(DNS, REMOTE, family=family, tcp=80).succeeded
    assert end(under(lets_in(**{"from": [without]})).trace(DNS, REMOTE, family=family, tcp=80))[0] == "denied-ingress"
    assert under(lets_in(**{"from": [without]})).trace(LOCAL_DNS, REMOTE, family=family, tcp=80).succeeded


def test_a_block_of_one_family_lets_nothing_of_the_other_in() -> None:
    """The trap of a policy that was written before there was IPv6."""
    simulation = under(lets_in(**{"from": [{"ip_block": {"cidr": "0.0.0.0/0"}}]}))
    assert simulation.trace(DNS, REMOTE, family=4, tcp=80).succeeded
    assert end(simulation.trace(DNS, REMOTE, family=6, tcp=80))[0] == "denied-ingress"


@pytest.mark.parametrize(
    ("expression", "passes"),
    [
        ({"key": "k8s-app", "operator": "In", "values": ["kube-dns", "x"]}, True),
        ({"key": "k8s-app", "operator": "In", "values": ["x"]}, False),
        ({"key": "k8s-app", "operator": "NotIn", "values": ["x"]}, True),
        ({"key": "other", "operator": "NotIn", "values": ["x"]}, True),
        ({"key": "k8s-app", "operator": "NotIn", "values": ["kube-dns"]}, False),
        ({"key": "k8s-app", "operator": "Exists"}, True),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "k8s-app", "operator": "DoesNotExist"}, False),
        ({"key": "other", "operator": "DoesNotExist"}, True),
    ],
)
def test_expressions_over_labels(expression: dict[str, Any], passes: bool) -> None:
    peer = {"namespace_selector": {}, "pod_selector": {"match_expressions": [expression]}}
    chain = under(lets_in(**{"from": [peer]})).trace(DNS, REMOTE, family=6, tcp=80)
    assert chain.succeeded is passes


@pytest.mark.parametrize(("port", "passes"), [(79, False), (80, True), (90, True), (91, False)])
def test_ranges_of_ports(port: int, passes: bool) -> None:
    simulation = under(lets_in(ports=[{"port": 80, "end_port": 90}]), {f"pods.{REMOTE[4:]}.listen": [f"tcp/{port}"]})
    assert simulation.trace(DNS, REMOTE, family=4, tcp=port).succeeded is passes
    udp = simulation.trace(DNS, REMOTE, family=4, udp=port)
    assert udp.disposition == "denied-ingress"  # a port is one of tcp unless it says otherwise


@BOTH
def test_egress_to_a_port_by_its_name_is_what_each_pod_calls_so(family: int) -> None:
    """Of pods without the name, and of addresses that are no pod's, nothing is let through."""
    named = {f"pods.{DNS[4:]}.ports": {"dns": "udp/53"}, f"pods.{LOCAL_DNS[4:]}.ports": {"dns": "tcp/53"}}
    simulation = under(lets_out(ports=[{"port": "dns", "protocol": "udp"}]), named)
    assert simulation.trace(POD, DNS, family=family, udp=53).succeeded
    assert end(simulation.trace(POD, DNS, family=family, tcp=53)) == ("denied-egress", "node/node-1")
    assert end(simulation.trace(POD, LOCAL_DNS, family=family, udp=53)) == ("denied-egress", "node/node-1")
    assert end(simulation.trace(POD, WEB, family=family, udp=53)) == ("denied-egress", "node/node-1")


@BOTH
def test_a_service_is_judged_by_what_it_leads_to(family: int) -> None:
    """After the destination's translation: an egress rule names pods and their ports, not Services."""
    to_pods = lets_out(to=[{"pod_selector": {}}], ports=[{"port": 80}])
    simulation = dsflow.load(AS_BUILT).what_if({"network_policies": {"default/p": to_pods}})
    assert simulation.trace(POD, SERVICE, family=family, tcp=80).succeeded
    nowhere = under(lets_out(to=[{"ip_block": {"cidr": "10.96.0.0/16"}}]))
    found = [str(branch.chain.disposition) for branch in nowhere.branches(POD, SERVICE, family=family, tcp=80)]
    assert sorted(found) == ["delivered", "denied-egress", "denied-egress"]  # by itself it is reached


@BOTH
def test_a_pod_is_never_kept_from_itself(family: int) -> None:
    """By way of its own Service, which leads it back: kubernetes.io says that a pod cannot block access to itself."""
    policy = {"policy_types": ["Ingress", "Egress"]}
    services: dict[str, Any] = {"services.default/nginx.selector": {"app": "nginx", "me": "yes"}}
    labels = {f"pods.{POD[4:]}.labels": {"app": "nginx", "me": "yes"}}
    chain = under(policy, services | labels).trace(POD, SERVICE, family=family, tcp=80)
    assert chain.succeeded
    assert "hairpin-masquerade" in chain.nat_kinds


@BOTH
def test_a_node_talks_to_its_own_pods_and_they_to_it(family: int) -> None:
    """And a pod on another node's addresses is that node: no selector chooses it, a block does."""
    closed = under({"policy_types": ["Ingress", "Egress"]}, {"nodes.node-1.listen": ["tcp/22"]})
    assert closed.trace(HOST_POD, POD, family=family, tcp=80).succeeded
    assert closed.trace("node/node-1", POD, family=family, tcp=80).succeeded
    assert closed.trace(POD, "node/node-1", family=family, tcp=22).succeeded
    assert end(closed.trace(HOST_POD, REMOTE, family=family, tcp=80)) == ("denied-ingress", "node/node-2")
    everybody = under(lets_in(**{"from": [{"namespace_selector": {}}]}))
    assert end(everybody.trace(HOST_POD, REMOTE, family=family, tcp=80))[0] == "denied-ingress"
    block = {"ip_block": {"cidr": "0.0.0.0/0" if family == 4 else "::/0"}}
    assert under(lets_in(**{"from": [block]})).trace(HOST_POD, REMOTE, family=family, tcp=80).succeeded


@BOTH
def test_a_policy_that_selects_host_network_pods_isolates_nobody(family: int) -> None:
    policy = {"kube-system/p": {"policy_types": ["Ingress", "Egress"]}}
    simulation = dsflow.load(AS_BUILT).what_if({"network_policies": policy})
    assert simulation.trace(HOST_POD, REMOTE, family=family, tcp=80).succeeded
    assert end(simulation.trace(DNS, REMOTE, family=family, tcp=80))[0] == "denied-egress"


@BOTH
def test_icmp_passes_by_rules_without_ports_only(family: int) -> None:
    """Which the documentation leaves open: an assumption says so."""
    assert under(lets_in()).trace(DNS, REMOTE, family=family, icmp=True).succeeded
    chain = under(lets_in(ports=[{"port": 80}])).trace(DNS, REMOTE, family=family, icmp=True)
    assert end(chain) == ("denied-ingress", "node/node-2")
    assert "policies-hold-for-icmp" in chain.assumptions


@BOTH
def test_a_masquerading_service_hides_from_a_policy_who_asks(family: int) -> None:
    """Behind the policy Cluster a pod on another node sees the first node; on the same node, not yet."""
    simulation = under(lets_in(**{"from": [{"namespace_selector": {}}]}))
    found = {
        chain.forward.hops[-1].device: str(chain.disposition)
        for sport in range(20000, 20040)
        for chain in [simulation.trace(DNS, "node/node-1", family=family, tcp=31080, sport=sport)]
    }
    assert found == {POD: "delivered", MATE: "delivered", "node/node-2": "denied-ingress"}
    assert end(simulation.trace(CLIENT, SERVICE, family=family, tcp=80))[0] == "denied-ingress"


def test_a_fragmented_packet_is_judged_as_a_whole() -> None:
    """A node that tracks connections puts it together first, so that all of it has ports."""
    listen = {f"pods.{REMOTE[4:]}.listen": ["udp/53"]}
    simulation = under(lets_in(ports=[{"port": 53, "protocol": "udp"}]), listen, "oke-sydney-gua")
    assert simulation.trace(DNS, REMOTE, family=4, udp=53, size=20000, df=False).succeeded
    assert end(simulation.trace(DNS, REMOTE, family=4, udp=54, size=20000, df=False))[0] == "denied-ingress"
