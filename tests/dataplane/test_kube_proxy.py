"""What kube-proxy makes of Services on a node, from client to pod and back, in both families."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest

import dsflow
from dsflow import Simulation
from dsflow.net.address import Family
from dsflow.trace.chain import Chain
from tests.cases import AS_BUILT

SERVICE = "service/default/nginx"
ASKER = "pod/kube-system/coredns-bfd957d6b-ddr79"  # on node-1, and behind no Service
ENDS = (
    "pod/default/nginx-568f7cfd68-g4h2c",
    "pod/default/nginx-568f7cfd68-pvgct",
    "pod/default/nginx-568f7cfd68-vprr8",
)
NODE_PORT = 31080
BOTH = pytest.mark.parametrize("family", [4, 6])


@cache
def built(*changes: tuple[str, Any]) -> Simulation:
    return dsflow.load(AS_BUILT).what_if(dict(changes)) if changes else dsflow.load(AS_BUILT)


POLICY = "services.default/nginx.external_traffic_policy"


def reached(chain: Chain) -> str:
    return chain.traces[0].hops[-1].device


def seen_by(chain: Chain) -> str:
    """The source that the last device of the last forward trace sees."""
    header = chain.forward.hops[-1].header_in
    assert header is not None
    return header.src


def kinds(chain: Chain) -> list[str]:
    return [row.kind.value for row in chain.nat_applied if row.direction == "forward"]


@BOTH
def test_a_cluster_ip_leads_to_every_end_point_alike_and_keeps_the_source(family: int) -> None:
    """Uniformly over flows; the same flow always to the same."""
    chains = [built().trace(ASKER, SERVICE, family=family, tcp=80, sport=port) for port in range(20000, 20600)]
    counts = Counter(map(reached, chains))
    assert set(counts) == set(ENDS)
    expected = len(chains) / len(ENDS)
    assert sum((number - expected) ** 2 / expected for number in counts.values()) < 13.8  # chi square, 2 degrees, 0.1 %
    assert all(chain.round_trip == "delivered" and kinds(chain) == ["service-dnat"] for chain in chains)
    assert {seen_by(chain) for chain in chains} == {"100.0.5.110" if family == 4 else "2001:db8:100:4:0:a800:ed61:1c0d"}
    again = built().trace(ASKER, SERVICE, family=family, tcp=80, sport=20000)
    assert reached(again) == reached(chains[0])


@BOTH
def test_answers_of_what_a_node_translated_leave_by_its_primary_vnic(family: int) -> None:
    """They bear its address, so that no other VNIC would let them pass; the chain says that it rests on that."""
    chain = built((POLICY, "Local")).trace("node/node-3", _address("node-2", family), family=family, tcp=NODE_PORT)
    assert [hop.out_interface for hop in chain.traces[1].hops if hop.device == "node/node-2"] == ["eth0"]
    assert "service-answers-by-primary-vnic" in chain.assumptions


@BOTH
def test_answers_of_a_service_come_from_its_address(family: int) -> None:
    chain = built().trace(ASKER, SERVICE, family=family, tcp=80)
    answer = chain.traces[1].hops[-1].header_in
    assert answer is not None
    assert (answer.src, answer.sport) == ("10.96.120.10" if family == 4 else "fd00:eeee:eeee:1::a:10", 80)


@BOTH
def test_a_pod_that_its_service_leads_to_itself_sees_its_node(family: int) -> None:
    """Hairpin: the source is masqueraded for that flow, and for none of the others."""
    chains = [built().trace(ENDS[0], SERVICE, family=family, tcp=80, sport=port) for port in range(20000, 20060)]
    assert all(chain.round_trip == "delivered" for chain in chains)
    own = [chain for chain in chains if reached(chain) == ENDS[0]]
    assert own
    assert len(own) < len(chains)
    for chain in chains:
        hairpins = reached(chain) == ENDS[0]
        assert kinds(chain) == ["service-dnat", *(["hairpin-masquerade"] if hairpins else [])]


@BOTH
def test_a_node_port_under_cluster_hides_the_client_and_leads_anywhere(family: int) -> None:
    """To an end point on another node by one hop more, and back the same way."""
    chains = [
        built().trace("node/node-3", f"{_address('node-1', family)}", family=family, tcp=NODE_PORT, sport=port)
        for port in range(20000, 20060)
    ]
    assert {reached(chain) for chain in chains} == set(ENDS)
    assert {seen_by(chain) for chain in chains} == {_address("node-1", family)}
    assert all(chain.round_trip == "delivered" for chain in chains)
    assert {len(chain.traces[0].hops) for chain in chains} == {4, 6}


@BOTH
def test_a_node_port_under_local_keeps_the_client_and_is_silent_elsewhere(family: int) -> None:
    local = built((POLICY, "Local"))
    chain = local.trace("node/node-3", _address("node-2", family), family=family, tcp=NODE_PORT)
    assert (reached(chain), chain.round_trip, seen_by(chain)) == (ENDS[2], "delivered", _address("node-3", family))
    assert kinds(chain) == ["service-dnat"]
    silent = local.trace("node/node-1", _address("node-3", family), family=family, tcp=NODE_PORT)
    assert (silent.disposition, reached(silent), len(silent.traces)) == ("no-backend", "node/node-3", 1)
    assert "externalTrafficPolicy" in silent.traces[0].reason


@BOTH
def test_under_local_pods_and_the_node_itself_are_led_anywhere(family: int) -> None:
    """node-3 has no end point of its own."""
    local = built((POLICY, "Local"))
    own = "pod/kube-system/coredns-bfd957d6b-w2tgj"
    asked = local.trace(own, _address("node-3", family), family=family, tcp=NODE_PORT)
    assert (asked.round_trip, asked.disposition) == ("delivered", "delivered")
    assert "kube-proxy-knows-pods" in asked.assumptions
    itself = local.trace("node/node-3", _address("node-3", family), family=family, tcp=NODE_PORT)
    assert (itself.round_trip, kinds(itself)) == ("delivered", ["service-dnat", "masquerade"])
    hidden = next(row for row in itself.nat_applied if row.kind.value == "masquerade")
    assert hidden.before is not None
    assert hidden.after is not None
    assert hidden.before.src == hidden.after.src  # its source is the node's already, and gets another port
    assert hidden.before.sport != hidden.after.sport


@BOTH
def test_what_a_node_asks_of_a_cluster_ip_is_hidden_where_kube_proxy_knows_pods(family: int) -> None:
    """proxier.go: what is not local, as the detector has it, is marked; a pod of the node is local."""
    for value, kinds_of_node in (("detects", ["service-dnat", "masquerade"]), ("does-not-detect", ["service-dnat"])):
        simulation = built(("assumptions.kube-proxy-knows-pods", value))
        chain = simulation.trace("node/node-3", SERVICE, family=family, tcp=80)
        assert (kinds(chain), chain.round_trip) == (kinds_of_node, "delivered")
        pod = simulation.trace("pod/kube-system/coredns-bfd957d6b-w2tgj", SERVICE, family=family, tcp=80)
        assert kinds(pod) == ["service-dnat"]


@BOTH
def test_what_a_machine_is_led_to_itself_is_hidden_at_the_loopback(family: int) -> None:
    """postrouting comes before the loopback: a host-network end point that its own node asks (the hairpin)."""
    host = {
        "node": "node-3",
        "host_network": True,
        "labels": {"app": "only"},
        "listen": ["tcp/80"],
    }
    simulation = dsflow.load(AS_BUILT).what_if(
        {"pods.default/host": host, "services.default/nginx.selector": {"app": "only"}}
    )
    for target, port in ((SERVICE, 80), (_address("node-3", family), NODE_PORT)):
        chain = simulation.trace("node/node-3", target, family=family, tcp=port)
        forward = chain.traces[0]
        assert ([hop.device for hop in forward.hops], chain.round_trip) == (["node/node-3"], "delivered")
        applied = [row for row in chain.nat_applied if row.direction == "forward"]
        assert [row.kind.value for row in applied] == ["service-dnat", "hairpin-masquerade"]
        hidden = applied[-1]
        assert hidden.before is not None
        assert hidden.after is not None
        assert (hidden.before.src == hidden.after.src, hidden.before.sport == hidden.after.sport) == (True, False)
        back = [row.kind.value for row in chain.nat_applied if row.direction == "reply"]
        assert back == ["hairpin-masquerade", "service-dnat"]


@BOTH
def test_the_mode_nftables_rejects_what_asks_for_no_port_of_a_service(family: int) -> None:
    """pkg/proxy/nftables/proxier.go, cluster-ips-check; by iptables it leaves the node as anything else."""
    iptables = built().what_if({"service_ranges": ["10.96.0.0/16", "fd00:eeee:eeee:1::/108"]})
    nftables = iptables.what_if({"assumptions.kube-proxy-mode": "nftables"})
    unserved = "10.96.0.99" if family == 4 else "fd00:eeee:eeee:1::99"
    for origin, denied in (
        ("pod/kube-system/coredns-bfd957d6b-w2tgj", "denied-forward"),
        ("node/node-3", "denied-egress"),
    ):
        assert iptables.trace(origin, SERVICE, family=family, tcp=81).disposition not in (denied, "delivered")
        chain = nftables.trace(origin, SERVICE, family=family, tcp=81)
        assert (chain.disposition, len(chain.traces)) == (denied, 2 if origin.startswith("pod/") else 1)
        assert "which has tcp/80 only: kube-proxy rejects" in chain.traces[0].reason
        nobody = nftables.trace(origin, unserved, family=family, tcp=80)
        assert (nobody.disposition, len(nobody.traces)) == (denied, 1)
        assert "no Service has it: kube-proxy drops" in nobody.traces[0].reason
        for mode in (iptables, nftables):
            assert "kube-proxy-mode" in mode.trace(origin, SERVICE, family=family, tcp=81).assumptions
            assert mode.trace(origin, SERVICE, family=family, tcp=80).round_trip == "delivered"


@BOTH
def test_the_internal_policy_local_drops_where_no_end_point_is(family: int) -> None:
    local = built(("services.default/nginx.internal_traffic_policy", "Local"))
    chain = local.trace(ASKER, SERVICE, family=family, tcp=80)
    assert reached(chain) in ENDS[:2]
    silent = local.trace("pod/kube-system/coredns-bfd957d6b-w2tgj", SERVICE, family=family, tcp=80)
    assert (silent.disposition, len(silent.traces)) == ("no-backend", 1)
    assert "internalTrafficPolicy" in silent.traces[0].reason


@BOTH
def test_a_service_that_selects_nothing_rejects(family: int) -> None:
    """With a port unreachable, for TCP too; on its way through, at the node port, and for the node itself."""
    empty = built(("services.default/nginx.selector.app", "nothing"))
    for origin, target, port in (
        (ASKER, SERVICE, 80),
        ("node/node-2", _address("node-1", family), NODE_PORT),
    ):
        chain = empty.trace(origin, target, family=family, tcp=port)
        assert chain.disposition == "no-backend"
        (error,) = chain.traces[1:]
        told = error.hops[0].header_out
        assert told is not None
        assert told.icmp is not None
        assert (told.icmp.type, told.icmp.code) == ((3, 3) if family == 4 else (1, 4))
    assert empty.trace("node/node-1", SERVICE, family=family, tcp=80).disposition == "no-backend"


@BOTH
def test_another_port_of_a_cluster_ip_is_nobodys(family: int) -> None:
    """It is an ordinary address that the VCN has no route for, but the one to the Internet."""
    assert built().trace(ASKER, SERVICE, family=family, tcp=81).disposition != "delivered"
    assert built().trace(ASKER, SERVICE, family=family, icmp=True).disposition != "delivered"


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_the_flexible_load_balancer_dials_nodes_over_ipv4(family: int, policy: str) -> None:
    """Under Local only those that run an end point pass its health check."""
    simulation = built((POLICY, policy))
    dialled = set()
    for port in range(20000, 20040):
        chain = simulation.trace("internet/client", SERVICE, family=family, tcp=80, sport=port)
        assert (chain.disposition, chain.round_trip) == ("delivered", "delivered")
        second = chain.forward
        assert (second.connection, str(second.family)) == (2, "ipv4")
        dialled.add(next(hop.device for hop in second.hops if hop.kind == "node"))
        assert seen_by(chain) == ("100.0.2.10" if policy == "Local" else seen_by(chain))
        noted = {row.kind.value: row.reason for row in chain.nat_ledger if row.outcome == "noted"}
        assert "over IPv4" in noted["cross-family"]
    assert dialled == {"node/node-1", "node/node-2"} | ({"node/node-3"} if policy == "Cluster" else set())


def test_a_single_stack_ipv6_service_gets_no_flexible_load_balancer() -> None:
    only = built(("services.default/nginx.cluster_ipv4", None))
    chain = only.trace("internet/client", SERVICE, family=6, tcp=80)
    assert chain.disposition == "no-backend"
    assert "single-stack IPv6" in chain.traces[0].reason


@BOTH
def test_the_load_balancers_address_is_a_short_cut_on_a_node(family: int) -> None:
    """A pod that asks it never leaves for the load balancer."""
    front = "203.0.113.20" if family == 4 else "2001:db8:100:2::10"
    chain = built().trace(ASKER, front, family=family, tcp=80)
    assert (chain.round_trip, chain.traces[0].hops[-1].kind) == ("delivered", "pod")
    assert all(hop.kind != "lb" for trace in chain.traces for hop in trace.hops)


def test_node_ports_are_chosen_where_none_is_written() -> None:
    """By the Service's name, so that they stay what they are."""
    data = dsflow.load(AS_BUILT).what_if({"services.default/nginx.ports": [{"port": 80}]})
    rows = [row.targets for table in data.dataplane["node/node-1"].receive for row in getattr(table, "rows", ())]
    assert rows
    chain = data.trace("internet/client", SERVICE, family=4, tcp=80)
    assert chain.round_trip == "delivered"
    header = chain.forward.hops[0].header_out
    assert header is not None
    assert header.dport is not None
    assert 30000 <= header.dport <= 32767


def test_the_article_knows_no_such_rows() -> None:
    article = built(("profile", "article"))
    assert article.trace(ASKER, SERVICE, family=4, tcp=80).disposition == "undetermined"
    assert article.dataplane["node/node-1"].tracks_connections == frozenset()


@BOTH
def test_a_session_keeps_to_its_end_point(family: int) -> None:
    with built().session() as session:
        ways = {session.trace(ASKER, SERVICE, family=family, tcp=80).traces[0].hops[-1].device for _ in range(3)}
    assert len(ways) == 1


def _address(node: str, family: int) -> str:
    found = built().topology.nodes[node].address(dsflow.net.address.Family(family))
    assert found is not None
    return str(found)


def test_session_affinity_leads_a_client_to_one_end_point_by_whichever_address_it_asks() -> None:
    """Clients differ in theirs: over many, every end point is as likely as another."""
    sticky = built(("services.default/nginx.session_affinity", "ClientIP"))
    node = sticky.topology.nodes["node-3"]
    for family, own in ((4, node.ipv4), (6, node.ipv6)):
        chains = [sticky.trace(ASKER, SERVICE, family=family, tcp=80, sport=port) for port in range(20000, 20040)]
        chains += [sticky.trace(ASKER, str(own), family=family, tcp=NODE_PORT, sport=20000)]
        assert len(set(map(reached, chains))) == 1
        assert "and this client always to the same" in str(chains[0].to_json())
        branches = sticky.branches(ASKER, SERVICE, family=family, tcp=80)
        assert {reached(branch.chain) for branch in branches} == set(ENDS)


def test_a_service_with_session_affinity_gets_no_load_balancer() -> None:
    sticky = built(("services.default/nginx.session_affinity", "ClientIP"))
    chain = sticky.trace("internet/client", SERVICE, family=4, tcp=80)
    assert chain.disposition == "no-backend"
    assert "sessionAffinity ClientIP, which the cloud controller refuses" in chain.traces[0].reason
    assert any("sessionAffinity ClientIP" in finding for finding in map(str, sticky.topology.findings))


NODE_1, NODE_1_TOO, NODE_2 = (f"pods.{end.removeprefix('pod/')}" for end in ENDS)
HERE = (f"{NODE_1}.terminating", True), (f"{NODE_1_TOO}.terminating", True)


def led_to(simulation: Simulation, target: str, family: int, port: int = 80) -> set[str]:
    branches = simulation.branches("node/node-3", target, family=family, tcp=port)
    return {reached(branch.chain) for branch in branches if branch.chain.disposition == "delivered"}


@BOTH
def test_services_leave_out_what_is_not_ready_and_what_is_being_deleted(family: int) -> None:
    """While one pod is ready; pods that are being deleted serve where there is no other."""
    assert led_to(built(*HERE), SERVICE, family) == {ENDS[2]}
    assert led_to(built((f"{NODE_1}.ready", False)), SERVICE, family) == set(ENDS[1:])
    assert led_to(built(*HERE, (f"{NODE_2}.ready", False)), SERVICE, family) == set(ENDS[:2])
    nobody = built(*((f"{pod}.ready", False) for pod in (NODE_1, NODE_1_TOO, NODE_2)))
    chain = nobody.trace(ASKER, SERVICE, family=family, tcp=80)
    assert chain.disposition == "no-backend"
    assert "selects 3 pods, but none is ready" in chain.traces[0].reason
    assert nobody.trace(ASKER, ENDS[0], family=family, tcp=80).disposition == "delivered"


@BOTH
def test_under_local_a_node_keeps_to_its_own_that_are_being_deleted_and_fails_its_health_check(family: int) -> None:
    local = built((POLICY, "Local"), *HERE)
    own = local.topology.nodes["node-1"].address(Family(family))
    asked = local.branches("node/node-2", str(own), family=family, tcp=NODE_PORT)
    assert {reached(branch.chain) for branch in asked} == set(ENDS[:2])
    dialled = local.branches("internet/client", SERVICE, family=family, tcp=80)
    hops = [hop for branch in dialled for trace in branch.chain.traces for hop in trace.hops]
    assert {hop.device for hop in hops if hop.kind == "node"} == {"node/node-2"}
    none = built((POLICY, "Local"), *HERE, (f"{NODE_2}.terminating", True))
    chain = none.trace("internet/client", SERVICE, family=family, tcp=80)
    assert chain.disposition == "no-backend"
    assert "those that are ready are being deleted" in chain.traces[0].reason


def test_a_node_without_an_address_of_the_family_cannot_hide_who_asks() -> None:
    """Linux drops what it has no address for (nf_nat_masquerade.c); IPv4 is not touched by that."""
    bare = built(("nodes.node-1.ipv6", None))
    chain = bare.trace(ASKER, "2001:db8:100:2::10", family=6, tcp=80)
    assert (chain.disposition, chain.forward.hops[-1].device) == ("family-unavailable", "node/node-1")
    assert "has no address to masquerade with" in chain.forward.reason
    assert bare.trace(ASKER, "100.0.2.10", family=4, tcp=80).disposition != "family-unavailable"


@BOTH
def test_nodes_of_another_vcn_are_no_back_ends(family: int) -> None:
    far = {
        "vcns.far": {"ipv4": ["10.9.0.0/16"]},
        "subnets.far": {"vcn": "far", "ipv4": "10.9.1.0/24"},
        "nodes.far-node": {"ipv4": "10.9.1.10"},
        **{f"{kind}.vcn": "oke" for kind in ("gateways.igw", "gateways.nat")},
        **{f"{kind}.{name}.vcn": "oke" for kind in ("route_tables", "subnets") for name in ("nodes", "pods", "lb")},
    }
    branches = built().what_if(far).branches("internet/client", SERVICE, family=family, tcp=80)
    dialled = {trace.hops[2].device for branch in branches for trace in branch.chain.traces[2:3]}
    assert dialled == {"node/node-1", "node/node-2", "node/node-3"}
