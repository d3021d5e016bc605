"""Headless Services, named target ports, health checks, source ranges and the proxy's annotations."""

from __future__ import annotations

from typing import Any

import pytest

import dsflow
from dsflow import Simulation
from dsflow.query.listing import listing
from dsflow.trace.chain import Chain
from dsflow.trace.text import chain_text
from tests.cases import AS_BUILT, way

OWN = "services.default/nginx"
SERVICE, CLIENT = "service/default/nginx", "internet/client"
ASKER = "pod/kube-system/coredns-bfd957d6b-ddr79"  # on node-1, and behind no Service
ENDS = {
    "pod/default/nginx-568f7cfd68-g4h2c",
    "pod/default/nginx-568f7cfd68-pvgct",
    "pod/default/nginx-568f7cfd68-vprr8",
}
FIRST = "pods.default/nginx-568f7cfd68-g4h2c"
BETA = "service.beta.kubernetes.io/oci-load-balancer"
BOTH = pytest.mark.parametrize("family", [4, 6])


def built(**changes: Any) -> Simulation:
    return dsflow.load(AS_BUILT).what_if({f"{OWN}.{key}": value for key, value in changes.items()})


def reached(chain: Chain) -> str:
    return chain.forward.hops[-1].device


def headless(**changes: Any) -> Simulation:
    service = {"headless": True, "selector": {"app": "nginx"}, "ports": [{"port": 8080, "target_port": 80}]}
    service |= {"ip_family_policy": "PreferDualStack"}
    return dsflow.load(AS_BUILT).what_if({"services.default/names": service, **changes})


NAMES = "service/default/names"


@BOTH
def test_a_headless_service_is_its_pods_without_translation(family: int) -> None:
    """Each as likely, at the pods' own port; the same flow always to the same."""
    branches = headless().branches(ASKER, NAMES, family=family)
    assert {reached(branch.chain) for branch in branches} == ENDS
    assert {branch.probability.denominator for branch in branches} == {3}
    for branch in branches:
        assert branch.chain.round_trip == "delivered"
        assert branch.chain.nat_applied == ()
        assert branch.chain.question.dport == 80
        first = branch.chain.traces[0].hops[0].steps[0]
        assert (first.stage, first.rule, "is one of 3 pods" in first.reason) == ("dns", f"dns/{NAMES}", True)
    flows = {reached(headless().trace(ASKER, NAMES, family=family, sport=sport)) for sport in range(2000, 2020)}
    assert flows == ENDS


@BOTH
def test_a_headless_name_without_pods_is_nobody(family: int) -> None:
    """Pods that are not ready, or are being deleted, have no record; from outside there is no name at all."""
    nobody = headless(**{"services.default/names.selector.app": "nothing"}).trace(ASKER, NAMES, family=family)
    assert (nobody.disposition, len(nobody.traces[0].hops)) == ("no-backend", 1)
    assert "NXDOMAIN" in nobody.traces[0].reason
    less = headless(**{f"{FIRST}.ready": False, "pods.default/nginx-568f7cfd68-pvgct.terminating": True})
    assert reached(less.trace(ASKER, NAMES, family=family)) == "pod/default/nginx-568f7cfd68-vprr8"
    assert headless().trace(CLIENT, NAMES, family=family).disposition == "family-unavailable"


@BOTH
def test_a_named_port_is_each_pods_own(family: int) -> None:
    """A pod without the name is no end point of that port."""
    named = built(ports=[{"port": 80, "target_port": "web", "node_port": 31080}]).what_if(
        {f"{FIRST}.ports": {"web": "tcp/80"}, "pods.default/nginx-568f7cfd68-vprr8.ports": {"web": "tcp/8080"}}
    )
    branches = named.branches(ASKER, SERVICE, family=family, tcp=80)
    seen = {reached(branch.chain): branch.chain.forward.hops[-1].header_in for branch in branches}
    ports = {name: header.dport for name, header in seen.items() if header is not None}
    assert ports == {
        "pod/default/nginx-568f7cfd68-g4h2c": 80,
        "pod/default/nginx-568f7cfd68-vprr8": 8080,
    }
    nobody = built(ports=[{"port": 80, "target_port": "web"}]).trace(ASKER, SERVICE, family=family, tcp=80)
    assert (nobody.disposition, "none has a tcp port of the name web" in nobody.traces[0].reason) == (
        "no-backend",
        True,
    )


@BOTH
def test_health_checks_answer_on_every_node(family: int) -> None:
    """200 of kube-proxy itself; under Local 200 where an end point is, 503 elsewhere."""
    local = built(external_traffic_policy="Local", health_check_node_port=30999)
    told = {}
    for node in ("node/node-1", "node/node-3"):
        for port in (10256, 30999):
            chain = local.trace("lb/nginx" if family == 4 else "node/node-2", node, family=family, tcp=port)
            assert chain.round_trip == "delivered"
            reasons = " ".join(step.reason for step in chain.traces[0].hops[-1].steps)
            told[node, port] = next(code for code in ("200", "503") if f"with {code}" in reasons)
            assert ("kube-proxy-health-in-ipv6" in chain.assumptions) == (family == 6)
    assert told == {
        ("node/node-1", 10256): "200", ("node/node-3", 10256): "200",
        ("node/node-1", 30999): "200", ("node/node-3", 30999): "503",
    }  # fmt: skip
    assert built().trace("node/node-2", "node/node-1", family=family, tcp=30999).disposition == "no-listener"


def test_a_health_check_port_is_chosen_apart_from_node_ports() -> None:
    rows = listing(built(external_traffic_policy="Local"), "services").to_json()["items"]
    assert rows[0]["health_port"] in set(range(30000, 32768)) - {31080}


@BOTH
def test_source_ranges_bind_the_load_balancer_and_the_short_cut_on_nodes(family: int) -> None:
    """KUBE-FW: a node drops what it would have led on; node ports are open to all."""
    own = {4: "198.51.100.0/24", 6: "2001:db8:ffff::/48"}[family]
    front = {4: "203.0.113.20", 6: "2001:db8:100:2::10"}[family]
    ranged = built(load_balancer_source_ranges=[own])
    assert ranged.trace(CLIENT, SERVICE, family=family, tcp=80).round_trip == "delivered"
    through = ranged.trace(ASKER, front, family=family, tcp=80)
    assert (through.disposition, reached(through)) == ("denied-forward", "node/node-1")
    assert ranged.trace("node/node-1", front, family=family, tcp=80).disposition == "denied-egress"
    assert ranged.trace("node/node-2", "node/node-1", family=family, tcp=31080).round_trip == "delivered"
    wide = built(load_balancer_source_ranges=[own, "100.0.0.0/16", "2001:db8:100::/56"])
    assert wide.trace(ASKER, front, family=family, tcp=80).round_trip == "delivered"
    other = built(load_balancer_source_ranges=[{4: "2001:db8::/32", 6: "198.51.100.0/24"}[family]])
    refused = other.trace(CLIENT, SERVICE, family=family, tcp=80)
    assert (refused.disposition, reached(refused)) == ("denied-ingress", "lb/nginx")


@BOTH
def test_with_ip_mode_proxy_nodes_leave_the_load_balancers_address_alone(family: int) -> None:
    proxied = built(annotations={"oci.oraclecloud.com/ingress-ip-mode": "Proxy"})
    front = {4: "203.0.113.20", 6: "2001:db8:100:2::10"}[family]
    chain = proxied.trace(ASKER, front, family=family, tcp=80)
    assert "lb/nginx" in way(chain.traces[0])


@pytest.mark.parametrize(
    ("annotations", "learned"),
    [
        ({}, "and nothing of the client"),
        ({f"{BETA}-backend-protocol": "HTTP"}, "and the client's in X-Forwarded-For"),
        ({f"{BETA}-connection-proxy-protocol-version": "2"}, "and the client's in the proxy protocol, version 2"),
        (
            {f"{BETA}-connection-proxy-protocol-version": "2", f"{BETA}-backend-protocol": "HTTP"},
            "and the client's in X-Forwarded-For",
        ),
    ],
)
def test_what_the_pod_learns_of_a_proxys_client_is_told(annotations: dict[str, str], learned: str) -> None:
    chain = built(annotations=annotations).trace(CLIENT, SERVICE, family=6, tcp=80)
    assert learned in chain.traces[0].reason
    assert "the client is [2001:db8:ffff::7]:40000; IPv6 as far as lb/nginx, IPv4 behind" in chain_text(chain)


@BOTH
def test_a_clients_address_decides_where_the_policy_is_ip_hash(family: int) -> None:
    hashed = built(annotations={"oci.oraclecloud.com/loadbalancer-policy": "IP_HASH"})
    for simulation, spread in ((hashed, 1), (built(), 3)):
        chains = [simulation.trace(CLIENT, SERVICE, family=family, tcp=80, sport=port) for port in range(2000, 2030)]
        assert len({str(chain.traces[0].reason) for chain in chains}) == spread


@BOTH
def test_the_native_ingress_controller_dials_pods_by_ipv4(family: int) -> None:
    pods = dsflow.load(AS_BUILT).what_if({"load_balancers.nginx.backends": "pods"})
    branches = pods.branches(CLIENT, SERVICE, family=family, tcp=80)
    assert {reached(branch.chain) for branch in branches} == ENDS
    for branch in branches:
        assert branch.chain.round_trip == "delivered"
        assert str(branch.chain.forward.family) == "ipv4"
        assert not [row for row in branch.chain.nat_applied if row.kind == "service-dnat"]
        assert "the pod sees the load balancer's address" in branch.chain.traces[0].reason


def test_the_native_ingress_controller_knows_the_primary_family_only() -> None:
    first = {"load_balancers.nginx.backends": "pods", f"{OWN}.ip_families": ["ipv6", "ipv4"]}
    chain = dsflow.load(AS_BUILT).what_if(first).trace(CLIENT, SERVICE, family=4, tcp=80)
    assert (chain.disposition, "primary family" in chain.traces[0].reason) == ("no-backend", True)


def test_load_balancers_are_listed_with_what_annotations_make_of_them() -> None:
    simulation = built(annotations={f"{BETA}-connection-idle-timeout": "900", f"{BETA}-health-check-interval": "2000"})
    (item,) = listing(simulation, "load-balancers").to_json()["items"]
    assert (item["kind"], item["backends"], item["policy"]) == ("flexible", "nodes", ["ROUND_ROBIN"])
    assert (item["client"], item["rules"], item["idle"]) == (["hidden"], ["All"], ["900 s"])
    assert item["health_check"] == ["3 x 2000 ms (3000 ms)"]
    network = simulation.what_if({"load_balancers.nginx.kind": "network", f"{OWN}.external_traffic_policy": "Local"})
    (item,) = listing(network, "load-balancers").to_json()["items"]
    assert (item["policy"], item["client"], item["rules"]) == (["FIVE_TUPLE"], ["kept"], ["None"])
    assert item["idle"] == ["360 s"]


@BOTH
def test_a_cluster_ip_that_nobody_wrote_is_unknown(family: int) -> None:
    """A Service of the family has one; one of the other family has none."""
    unwritten = built(**{f"cluster_ipv{family}": None, "ip_families": ["ipv4", "ipv6"]})
    chain = unwritten.trace(ASKER, SERVICE, family=family, tcp=80)
    assert chain.disposition == "undetermined"
    assert chain.forward.mend == f"write it as its cluster_ipv{family}"
    assert unwritten.trace(ASKER, SERVICE, family=10 - family, tcp=80).succeeded
    other = built(**{f"cluster_ipv{family}": None, "ip_families": [f"ipv{10 - family}"]})
    chain = other.trace(ASKER, SERVICE, family=family, tcp=80)
    assert chain.disposition == "family-unavailable"
    assert f"serves IPv{10 - family} only" in chain.forward.reason


@BOTH
def test_machines_outside_the_cluster_ask_the_load_balancer(family: int) -> None:
    """A ClusterIP is known on nodes alone; a desk in the office uses the private VIP, as a pod of another VCN would."""
    chain = dsflow.load("oke-sydney-as-built").trace("device/desk", SERVICE, family=family, tcp=80)
    assert chain.succeeded
    assert [hop.device for hop in chain.traces[0].hops][-1] == "lb/nginx"
    assert f" -> {'100.0.2.10:80' if family == 4 else '[2001:db8:100:2::10]:80'}, " in chain_text(chain)


@BOTH
def test_the_article_leaves_open_what_is_at_a_node_port(family: int) -> None:
    """One not written may be any of the range; what is outside it is a closed port."""
    article = dsflow.load("oke-sydney-gua")
    written = article.what_if({f"{OWN}.ports": [{"port": 80, "target_port": 80, "node_port": 31080}]})
    for simulation, port, disposition in (
        (article, 31080, "undetermined"),
        (article, 29999, "no-listener"),
        (written, 31080, "undetermined"),
        (written, 31081, "no-listener"),
    ):
        chain = simulation.trace("node/node-2", "node/node-1", family=family, tcp=port)
        assert (chain.disposition, chain.forward.ended_at.device) == (disposition, "node/node-1")
    assert article.trace("node/node-2", "node/node-1", family=family, udp=31080).disposition == "no-listener"


@BOTH
def test_a_service_of_which_nothing_is_written_is_single_stack(family: int) -> None:
    """As the API server makes it: of the family of the first Service range."""
    service = {"services.default/plain": {"selector": {"app": "nginx"}, "ports": [{"port": 80}]}}
    ranges = ["10.96.0.0/16", "fd00:eeee:eeee:1::/108"]
    order = {"service_ranges": ranges if family == 4 else ranges[::-1]}
    plain = dsflow.load(AS_BUILT).what_if({**service, **order})
    assert plain.trace(ASKER, "service/default/plain", family=family, tcp=80).disposition == "undetermined"
    other = plain.trace(ASKER, "service/default/plain", family=10 - family, tcp=80)
    assert other.disposition == "family-unavailable"
    assert other.forward.reason == f"service/default/plain is SingleStack and serves IPv{family} only"
    assert other.forward.mend == f"serve IPv{10 - family} too: ip_family_policy: PreferDualStack"
    dual = plain.what_if({"services.default/plain.ip_family_policy": "PreferDualStack"})
    assert dual.trace(ASKER, "service/default/plain", family=10 - family, tcp=80).disposition == "undetermined"


@BOTH
def test_steps_tell_what_their_claims_rest_on(family: int) -> None:
    """kube-proxy was read in its source; the VCN and its security rules in Oracle's pages."""
    chain = dsflow.load("oke-sydney-as-built").trace("node/node-3", SERVICE, family=family, tcp=80)
    steps = [step for trace in chain.traces for hop in trace.hops for step in hop.steps]
    told = {(step.stage, step.evidence) for step in steps if str(step.rule).startswith("kube-proxy/")}
    there = ("service-dnat", "assumed")  # that kube-proxy knows pods is not documented
    assert told == {there, ("service-dnat", "source-code"), ("masquerade", "source-code")}
    assert {step.evidence for step in steps if step.stage == "vnic-security"} == {"documented"}
