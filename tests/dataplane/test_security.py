"""Security lists and NSGs at the VNICs: what they let through, what they track, and what they say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dsflow
from dsflow import Simulation
from dsflow.dataplane.service_ends import ServiceEnds
from dsflow.trace.chain import Chain
from dsflow.trace.step import VNIC_STAGE as STAGE
from tests.cases import AS_BUILT, CLIENT, DNS, HOST_POD, MATE, POD, PUBLIC_NODE, REMOTE, SERVICE, SERVICE_GATEWAY, WEB

MODE = 'services.default/nginx.annotations."service.beta.kubernetes.io/oci-load-balancer-security-list-management-mode"'
UNMANAGED = {MODE: "None"}
"""Without the rules that the cloud controller adds for a flexible load balancer."""

BOTH = pytest.mark.parametrize("family", [4, 6])
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
ADDRESS = {4: "100.0.5.102", 6: "2001:db8:100:4:0:6ed9:2497:6dd8"}  # of POD
ALL = [EVERYWHERE[4], EVERYWHERE[6]]
POD_VNICS = {f"nodes.node-{number}.pod_nsgs": ["pods"] for number in (1, 2, 3)}


def allow(*ends: str, **traffic: Any) -> dict[str, Any]:
    """Ingress and egress rules about the same ends and traffic."""
    return {
        "ingress": [{"from": end, **traffic} for end in ends],
        "egress": [{"to": end, **traffic} for end in ends],
    }


def grouped(ingress: list[dict[str, Any]], egress: list[dict[str, Any]], base: str = "oke-sydney-gua") -> Simulation:
    """The cluster with all pod VNICs in one group."""
    return dsflow.load(base).what_if({"nsgs": {"pods": {"ingress": ingress, "egress": egress}}, **POD_VNICS})


def end(chain: Chain) -> tuple[str, str]:
    return str(chain.disposition), chain.forward.hops[-1].device


@BOTH
def test_what_no_rule_allows_is_dropped_at_the_vnic_in_silence(family: int) -> None:
    """Egress at the sender's VNIC, ingress at the receiver's; all lists and groups are named."""
    lists = {"subnets.pods.security_lists": ["pods"], "security_lists": {"pods": {}}, "nsgs": {"pods": allow(*ALL)}}
    egress_only = dsflow.load("oke-sydney-gua").what_if(lists | {"nodes.node-1.pod_nsgs": ["pods"]})
    chain = egress_only.trace(POD, REMOTE, family=family, tcp=80)
    assert end(chain) == ("denied-ingress", "node/node-2")
    assert [str(trace.direction) for trace in chain.traces] == ["forward"]
    expected = f"no ingress rule allows tcp port 80 from {ADDRESS[family]}, and it answers nothing that is tracked"
    assert chain.forward.reason == f"implicit deny: {expected}; evaluated: security-list/pods"
    chain = egress_only.trace(REMOTE, POD, family=family, tcp=80)
    assert end(chain) == ("denied-egress", "node/node-2")


@BOTH
def test_the_union_of_lists_and_groups_holds(family: int) -> None:
    """Either may allow what the other does not."""
    changes = {
        "security_lists": {"pods": allow(EVERYWHERE[4])},
        "nsgs": {"pods": allow(EVERYWHERE[6])},
        "subnets.pods.security_lists": ["pods"],
        **POD_VNICS,
    }
    chain = dsflow.load("oke-sydney-gua").what_if(changes).trace(POD, REMOTE, family=family, tcp=80)
    assert chain.succeeded
    steps = [step for hop in chain.traces[0].hops for step in hop.steps if step.stage == "vnic-security"]
    holder = "security-list/pods" if family == 4 else "nsg/pods"
    assert [step.rule for step in steps] == [f"{holder}/egress#1", f"{holder}/ingress#1"]
    answers = [step for hop in chain.traces[1].hops for step in hop.steps if step.stage == "vnic-security"]
    assert [step.rule for step in answers] == [f"{holder}/ingress#1", f"{holder}/egress#1"]
    assert all("belongs to a connection" in step.reason for step in answers)


@BOTH
def test_what_is_stateful_is_answered_and_what_is_stateless_needs_a_rule_for_that(family: int) -> None:
    asks = {"to": EVERYWHERE[family], "protocol": "tcp", "dport": 80}
    asked = {"from": EVERYWHERE[family], "protocol": "tcp", "dport": 80}
    assert grouped([asked], [asks]).trace(POD, REMOTE, family=family, tcp=80).succeeded
    lost = grouped([asked], [asks | {"stateless": True}]).trace(POD, REMOTE, family=family, tcp=80)
    assert (lost.disposition, lost.round_trip) == ("delivered", "return-lost")
    assert (str(lost.traces[1].disposition), lost.traces[1].hops[-1].device) == ("denied-ingress", "node/node-1")
    back = {"from": EVERYWHERE[family], "protocol": "tcp", "sport": 80, "stateless": True}
    mended = grouped([asked, back], [asks | {"stateless": True}])
    assert mended.trace(POD, REMOTE, family=family, tcp=80).succeeded


@BOTH
def test_a_stateless_rule_wins_over_a_stateful_one(family: int) -> None:
    """Whatever their order (SR): the answer is not tracked."""
    asks = {"to": EVERYWHERE[family], "protocol": "tcp"}
    asked = {"from": EVERYWHERE[family], "protocol": "tcp", "dport": 80}
    chain = grouped([asked], [asks, asks | {"stateless": True}]).trace(POD, REMOTE, family=family, tcp=80)
    assert chain.round_trip == "return-lost"
    assert chain.traces[0].hops[1].steps[2].rule == "nsg/pods/egress#2"


@BOTH
def test_a_connection_that_was_tracked_stays_so_within_a_session(family: int) -> None:
    """The other end may go on with it, and with nothing else."""
    rules = (
        [{"from": EVERYWHERE[family], "protocol": "udp", "dport": 53}],
        [{"to": EVERYWHERE[family], "protocol": "udp"}],
    )
    with grouped(*rules).session() as session:
        assert session.trace(POD, DNS, family=family, udp=53, sport=40000).succeeded
        assert session.trace(DNS, POD, family=family, udp=40000, sport=53).disposition == "delivered"
        assert session.trace(DNS, POD, family=family, udp=40001, sport=53).disposition == "denied-ingress"


@BOTH
def test_rules_look_at_icmp_types_and_codes(family: int) -> None:
    protocol, echo = ("icmp", 8) if family == 4 else ("icmpv6", 128)
    out = [{"to": EVERYWHERE[family]}]
    for more, passes in (({}, True), ({"icmp_type": echo}, True), ({"icmp_type": 3}, False)):
        rules = [{"from": EVERYWHERE[family], "protocol": protocol, **more}]
        assert grouped(rules, out).trace(POD, REMOTE, family=family, icmp=True).succeeded is passes
    code = {"icmp_type": echo, "icmp_code": 1}
    rules = [{"from": EVERYWHERE[family], "protocol": protocol, **code}]
    assert not grouped(rules, out).trace(POD, REMOTE, family=family, icmp=True).succeeded


@BOTH
def test_errors_about_what_is_tracked_come_back_and_others_do_not(family: int) -> None:
    """Packet too big passes by the connection that it is about; without tracking it needs a rule of its own."""
    out = {"to": EVERYWHERE[family], "protocol": "udp"}
    big: dict[str, Any] = {"family": family, "udp": 53, "size": 4000, "df": True if family == 4 else None}
    stateful = grouped([], [out]).trace(POD, WEB, **big)
    assert [(str(t.direction), str(t.disposition)) for t in stateful.traces][1] == ("error", "delivered")
    stateless = grouped([], [out | {"stateless": True}]).trace(POD, WEB, **big)
    assert [(str(t.direction), str(t.disposition)) for t in stateless.traces][1] == ("error", "denied-ingress")
    protocol, icmp = ("icmp", {"icmp_type": 3, "icmp_code": 4}) if family == 4 else ("icmpv6", {"icmp_type": 2})
    rule = {"from": EVERYWHERE[family], "protocol": protocol, **icmp, "stateless": True}
    mended = grouped([rule], [out | {"stateless": True}]).trace(POD, WEB, **big)
    assert [(str(t.direction), str(t.disposition)) for t in mended.traces][1] == ("error", "delivered")


def test_fragments_but_the_first_have_no_ports() -> None:
    """A rule with ports lets the first one in; one without lets in all (connectionhang.htm)."""
    out = [{"to": EVERYWHERE[4]}]
    asked: dict[str, Any] = {"family": 4, "udp": 53, "size": 20000, "df": False}
    with_port = grouped([{"from": EVERYWHERE[4], "protocol": "udp", "dport": 53}], out).trace(POD, DNS, **asked)
    assert with_port.disposition == "denied-ingress"
    assert len(with_port.traces[0].hops[3].packets_in) == 3
    without = grouped([{"from": EVERYWHERE[4], "protocol": "udp"}], out).trace(POD, DNS, **asked)
    assert without.succeeded


@BOTH
def test_a_group_as_the_other_end_is_its_vnics(family: int) -> None:
    """All addresses of the pods behind them, and nobody else's; a public address is not the VNIC's own."""
    members = [{"from": "nsg/pods"}], [{"to": EVERYWHERE[4]}, {"to": EVERYWHERE[6]}]
    simulation = grouped(*members)
    assert simulation.trace(POD, REMOTE, family=family, tcp=80).succeeded
    assert end(simulation.trace(HOST_POD, REMOTE, family=family, tcp=80)) == ("denied-ingress", "node/node-2")
    assert end(simulation.trace(CLIENT, REMOTE, family=6, tcp=80)) == ("denied-ingress", "node/node-2")


def test_a_service_label_is_the_services_at_a_service_gateway() -> None:
    changes = {"nsgs": {"pods": {"egress": [{"to": "all"}]}}, **POD_VNICS, **SERVICE_GATEWAY}
    simulation = dsflow.load("oke-sydney-gua").what_if(changes)
    assert simulation.trace(POD, "internet/objects", family=4, tcp=443).succeeded
    assert end(simulation.trace(POD, WEB, family=4, tcp=443)) == ("denied-egress", "node/node-1")


@BOTH
def test_pods_of_one_node_meet_no_vnic(family: int) -> None:
    """Which is an assumption of every such answer, and of no other."""
    simulation = grouped([], [])
    chain = simulation.trace(POD, MATE, family=family, tcp=80)
    assert chain.succeeded
    assert "same-node-skips-nsg" in chain.assumptions
    assert (
        "same-node-skips-nsg" not in dsflow.load("oke-sydney-gua").trace(POD, MATE, family=family, tcp=80).assumptions
    )


@BOTH
def test_a_load_balancer_has_a_vnic_too(family: int) -> None:
    """Its clients come in, and what it dials goes out."""
    lb = {"load_balancers.nginx.nsgs": ["lb"], **UNMANAGED}
    no_way_in = dsflow.load(AS_BUILT).what_if({"nsgs": {"lb": {"egress": [{"to": "0.0.0.0/0"}]}}, **lb})
    chain = no_way_in.trace(CLIENT, SERVICE, family=family, tcp=80)
    assert end(chain) == ("denied-ingress", "lb/nginx")
    web = [{"from": EVERYWHERE[family], "protocol": "tcp", "dport": 80}]
    checks = [{"to": "100.0.3.0/24", "protocol": "tcp", "dport": 10256}]
    no_way_out = dsflow.load(AS_BUILT).what_if({"nsgs": {"lb": {"ingress": web, "egress": checks}}, **lb})
    assert end(no_way_out.trace(CLIENT, SERVICE, family=family, tcp=80)) == ("denied-egress", "lb/nginx")
    nodes = [{"to": "100.0.3.0/24", "protocol": "tcp", "dport": "30000-32767"}]
    both = dsflow.load(AS_BUILT).what_if({"nsgs": {"lb": {"ingress": web, "egress": nodes + checks}}, **lb})
    assert both.trace(CLIENT, SERVICE, family=family, tcp=80).succeeded


def test_what_comes_by_the_internet_gateway_is_judged_at_the_private_address() -> None:
    """The exchange of public for private addresses happens before the VNIC is reached."""
    changes = {
        **PUBLIC_NODE,
        "nodes.node-1.nsgs": ["ssh"],
        "nsgs": {"ssh": {"ingress": [{"from": "198.51.100.7/32", "protocol": "tcp", "dport": 22}]}},
    }
    simulation = dsflow.load("oke-sydney-gua").what_if(changes)
    assert simulation.trace(CLIENT, "node/node-1", family=4, tcp=22).succeeded
    assert end(simulation.trace(WEB, "node/node-1", family=4, tcp=22)) == ("denied-ingress", "node/node-1")


@BOTH
def test_an_appliance_in_a_subnet_has_a_vnic_too(family: int) -> None:
    """What it sends on leaves by a rule of its own: that it was let in does not let it out again."""

    def firewall(ingress: list[dict[str, Any]], egress: list[dict[str, Any]]) -> Chain:
        changes = {
            "nsgs": {"fw": {"ingress": ingress, "egress": egress}},
            "devices.firewall.interfaces.vnic.nsgs": ["fw"],
        }
        simulation = dsflow.load("onprem-firewall").what_if(changes)
        return simulation.trace("pod/default/shop", "database", family=family, tcp=5432)

    asked = {"protocol": "tcp", "dport": 5432}
    let_in, let_out = [{"from": EVERYWHERE[family], **asked}], [{"to": EVERYWHERE[family], **asked}]
    assert end(firewall([], let_out)) == ("denied-ingress", "device/firewall")
    assert end(firewall(let_in, [])) == ("denied-egress", "device/firewall")
    assert firewall(let_in, let_out).disposition == "delivered"


def test_an_empty_list_denies_and_an_unwritten_one_says_nothing() -> None:
    none_at_all = dsflow.load("oke-sydney-gua").what_if({"subnets.pods.security_lists": [], "nsgs": {"unused": {}}})
    chain = none_at_all.trace(POD, REMOTE, family=6, tcp=80)
    assert end(chain) == ("denied-egress", "node/node-1")
    assert chain.forward.mend == "give the subnet a security list"
    assert (
        dsflow.load("oke-sydney-gua").what_if({"nsgs": {"unused": {}}}).trace(POD, REMOTE, family=6, tcp=80).succeeded
    )


LISTED: dict[str, Any] = {
    "security_lists": {"lb": {}, "nodes": {"egress": [{"to": "0.0.0.0/0"}, {"to": "::/0"}]}},
    "subnets.lb.security_lists": ["lb"],
    "subnets.nodes.security_lists": ["nodes"],
}


@BOTH
def test_the_cloud_controller_adds_what_a_flexible_load_balancer_needs(family: int) -> None:
    """To the lists of its subnet and the nodes', unless it is told not to."""
    built = dsflow.load(AS_BUILT).what_if(LISTED)
    chain = built.trace(CLIENT, SERVICE, family=family, tcp=80)
    assert chain.succeeded
    rules = [step.rule for trace in chain.traces for hop in trace.hops for step in hop.steps if step.stage == STAGE]
    sides = {"lb/ingress", "lb/egress", "nodes/ingress"}
    assert {str(rule).partition("#")[0] for rule in rules} - {"security-list/nodes/egress"} == {
        f"cloud-controller/{side}" for side in sides
    }
    frontend = built.what_if({MODE: "Frontend"}).trace(CLIENT, SERVICE, family=family, tcp=80)
    assert end(frontend) == ("no-backend", "lb/nginx")
    assert end(built.what_if({MODE: "None"}).trace(CLIENT, SERVICE, family=family, tcp=80)) == (
        "denied-ingress", "lb/nginx",
    )  # fmt: skip


@BOTH
@pytest.mark.parametrize("kind", ["flexible", "network"])
def test_health_checks_that_do_not_get_through_leave_no_back_end(kind: str, family: int) -> None:
    """The listener's own way is open: only the port of the health check is closed, at either VNIC."""
    ports: list[dict[str, Any]] = [{"protocol": "tcp", "dport": dport} for dport in ("30000-32767", 10256)]
    clients = [{"from": EVERYWHERE[6], "protocol": "tcp", "dport": 80}, {"from": EVERYWHERE[4]}]
    nodes = ["100.0.3.0/24", "2001:db8:100:3::/64"]

    def rules(at_balancer: int, at_node: int, **more: Any) -> Simulation:
        out = [{"to": node} | port | more for node in nodes for port in ports[:at_balancer]]
        into = [{"from": end} | port for end in ("100.0.2.0/24", "2001:db8:100:2::/64") for port in ports[:at_node]]
        groups = {
            "lb": {"ingress": clients, "egress": out},
            "nodes": {"ingress": into, "egress": [{"to": to} for to in ALL]},
        }
        members = {f"nodes.node-{n}.nsgs": ["nodes"] for n in (1, 2, 3)} | {"load_balancers.nginx.nsgs": ["lb"]}
        return dsflow.load(AS_BUILT).what_if(
            {"nsgs": groups, **members, "load_balancers.nginx.kind": kind, **UNMANAGED}
        )

    assert rules(2, 2).trace(CLIENT, SERVICE, family=family, tcp=80).disposition == "delivered"
    for simulation, at in ((rules(1, 2), "egress rule"), (rules(2, 1), "ingress rule")):
        chain = simulation.trace(CLIENT, SERVICE, family=family, tcp=80)
        assert end(chain) == ("no-backend", "lb/nginx")
        assert "no node passes the health check on port 10256: at node/node-1 implicit deny" in chain.forward.reason
        assert at in chain.forward.reason
        assert chain.forward.mend is not None
        assert "tcp port 10256" in chain.forward.mend
        open_to_all = simulation.trace(CLIENT, SERVICE, family=family, tcp=80, ignore_policy=True)
        assert open_to_all.disposition == "delivered"
        assert [(blocker.stage, blocker.device) for blocker in open_to_all.blockers] == [("health-check", "lb/nginx")]
    lost = rules(2, 2, stateless=True).trace(CLIENT, SERVICE, family=family, tcp=80)
    assert lost.disposition == ("no-backend" if (kind, family) == ("network", 6) else "delivered")


@BOTH
@pytest.mark.parametrize("kind", ["flexible", "network"])
def test_only_nodes_that_are_healthy_are_back_ends(kind: str, family: int) -> None:
    """One node lets no health check in; it is left out, unless policies are ignored."""
    closed: dict[str, Any] = {"ingress": [], "egress": [{"to": to} for to in ALL]}
    changes = {"nsgs": {"closed": closed}, "nodes.node-1.nsgs": ["closed"], "load_balancers.nginx.kind": kind}
    simulation = dsflow.load(AS_BUILT).what_if(changes | UNMANAGED)

    def dialled(**options: Any) -> set[str]:
        branches = simulation.branches(CLIENT, SERVICE, family=family, tcp=80, **options)
        firsts = [trace.hops for branch in branches for trace in branch.chain.traces if trace.direction == "forward"]
        return {next(hop.device for hop in hops if hop.kind == "node") for hops in firsts if hops[-1].kind != "lb"}

    assert dialled() == {"node/node-2", "node/node-3"}
    assert dialled(ignore_policy=True) == {"node/node-1", "node/node-2", "node/node-3"}


def test_ranges_of_one_family_keep_the_other_out() -> None:
    """As the controller uses them as they are."""
    ranges = {"services.default/nginx.load_balancer_source_ranges": ["198.51.100.0/24"]}
    built = dsflow.load(AS_BUILT).what_if({**LISTED, **ranges})
    assert built.trace(CLIENT, SERVICE, family=4, tcp=80).succeeded
    assert end(built.trace(CLIENT, SERVICE, family=6, tcp=80)) == ("denied-ingress", "lb/nginx")


@BOTH
def test_for_a_network_load_balancer_it_adds_nothing_unless_told(family: int) -> None:
    """Where the client is kept, the nodes let in clients; their health checks still come from the load balancer."""
    network = {"load_balancers.nginx.kind": "network", "services.default/nginx.external_traffic_policy": "Local"}
    built = dsflow.load(AS_BUILT).what_if({**LISTED, **network})
    assert end(built.trace(CLIENT, SERVICE, family=family, tcp=80)) == ("denied-ingress", "lb/nginx")
    mode = (
        'services.default/nginx.annotations."oci-network-load-balancer.oraclecloud.com/security-list-management-mode"'
    )
    managed = built.what_if({mode: "All"})
    assert managed.trace(CLIENT, SERVICE, family=family, tcp=80).succeeded
    (number,) = ServiceEnds(managed.topology).health_check_ports.values()
    assert not managed.trace("lb/nginx", "node/node-1", family=family, tcp=number).disposition.is_denial
    assert managed.trace(CLIENT, "node/node-1", family=6, tcp=number).disposition == "denied-ingress"


@BOTH
def test_what_the_controller_adds_counts_beside_groups(family: int) -> None:
    """Every subnet has a list that it can add to, though the scenario may not write one."""
    closed = dsflow.load(AS_BUILT).what_if({"nsgs": {"lb": {}}, "load_balancers.nginx.nsgs": ["lb"]})
    assert closed.trace(CLIENT, SERVICE, family=family, tcp=80).succeeded
    bare = closed.what_if({"subnets.lb.security_lists": []})
    assert end(bare.trace(CLIENT, SERVICE, family=family, tcp=80)) == ("denied-ingress", "lb/nginx")


@BOTH
def test_source_ranges_keep_out_whom_no_other_rule_lets_in(family: int) -> None:
    """They are rules of the controller's, and rules only allow."""
    net = "203.0.113.0/24" if family == 4 else "2001:db8:aaaa::/48"
    ranges = {"services.default/nginx.load_balancer_source_ranges": [net]}
    group = {"nsgs": {"lb": {"ingress": []}}, "load_balancers.nginx.nsgs": ["lb"]}
    ranged = dsflow.load(AS_BUILT).what_if({**ranges, **group})
    refused = ranged.trace(CLIENT, SERVICE, family=family, tcp=80)
    assert end(refused) == ("denied-ingress", "lb/nginx")
    assert refused.forward.hops[-1].steps[0].stage == STAGE
    opened = ranged.what_if({"nsgs.lb.ingress": [{"from": EVERYWHERE[family], "protocol": "tcp", "dport": 80}]})
    assert opened.trace(CLIENT, SERVICE, family=family, tcp=80).succeeded


RULE_MODE = 'services.default/nginx.annotations."oci.oraclecloud.com/security-rule-management-mode"'
BACKEND_GROUPS = 'services.default/nginx.annotations."oci.oraclecloud.com/oci-backend-network-security-group"'


@BOTH
@pytest.mark.parametrize("kind", ["flexible", "network", "keeping"])
def test_the_mode_nsg_lets_clients_in_and_back_ends_only_where_their_groups_are_named(kind: str, family: int) -> None:
    """A group of the load balancer's own; ContEng, contengconfiguringloadbalancersnetworkloadbalancers-subtopic."""
    members: dict[str, Any] = {f"nodes.node-{n}.nsgs": ["workers"] for n in (1, 2, 3)}
    workers = {"egress": [{"to": to} for to in ALL]}
    changes = {
        "nsgs": {"lb": {}, "workers": workers},
        "load_balancers.nginx.nsgs": ["lb"],
        "load_balancers.nginx.kind": "flexible" if kind == "flexible" else "network",
        "services.default/nginx.external_traffic_policy": "Local" if kind == "keeping" else "Cluster",
        RULE_MODE: "NSG",
        **members,
    }
    front = dsflow.load(AS_BUILT).what_if(changes)
    assert end(front.trace(CLIENT, SERVICE, family=family, tcp=80)) == ("no-backend", "lb/nginx")
    both = front.what_if({BACKEND_GROUPS: "workers"})
    chain = both.trace(CLIENT, SERVICE, family=family, tcp=80)
    assert chain.succeeded
    rules = {str(step.rule).partition("#")[0] for trace in chain.traces for hop in trace.hops for step in hop.steps}
    assert {"cloud-controller/lb/nginx/ingress", "cloud-controller/lb/nginx/egress"} <= rules
    assert "cloud-controller/nsg/workers/ingress" in rules
    direct = both.trace(CLIENT, "node/node-1", family=6, tcp=31080)
    assert direct.disposition == ("delivered" if kind == "keeping" else "denied-ingress")
    other = [str(finding) for finding in front.what_if({BACKEND_GROUPS: "nobody"}).topology.findings]
    assert any('"nobody" is no NSG of the scenario' in finding for finding in other)
    without = [str(finding) for finding in both.what_if({RULE_MODE: "SL-All"}).topology.findings]
    assert any("no effect without oci.oraclecloud.com/security-rule-management-mode: NSG" in told for told in without)


@BOTH
def test_errors_of_ipv6_pass_with_their_connection_by_an_assumption(family: int) -> None:
    """A datagram that is too long for a link beyond: the error comes back to the VNIC that let the datagram out."""
    listed = {
        "security_lists.pods": {"egress": [{"to": to} for to in ALL]},
        "subnets.pods.security_lists": ["pods"],
    }
    passes = dsflow.load("oke-sydney-gua").what_if(listed)
    judged = passes.what_if({"assumptions.icmpv6-errors-pass-with-connections": "judged"})
    asked: dict[str, Any] = {"udp": 53, "size": 4000, "df": True if family == 4 else None}
    for simulation, through in ((passes, True), (judged, family == 4)):
        chain = simulation.trace(POD, WEB, family=family, **asked)
        told = next(trace for trace in chain.traces if trace.direction == "error")
        assert (told.disposition == "delivered") == through
        assert ("icmpv6-errors-pass-with-connections" in chain.assumptions) == (through and family == 6)


def test_in_the_article_there_is_no_controller() -> None:
    article = dsflow.load("oke-sydney-gua").what_if(LISTED)
    assert end(article.trace(CLIENT, SERVICE, family=4, tcp=80)) == ("denied-ingress", "lb/nginx")


PORTS = st.integers(1, 65535)


@given(rules=st.lists(st.tuples(PORTS, PORTS), max_size=4), port=PORTS, family=st.sampled_from([4, 6]))
def test_an_oracle_of_the_union(rules: list[tuple[int, int]], port: int, family: int) -> None:
    """A packet passes exactly where some rule's range holds its port, whatever the order."""
    written = [{"from": EVERYWHERE[family], "protocol": "tcp", "dport": f"{min(pair)}-{max(pair)}"} for pair in rules]
    simulation = grouped(written, [{"to": EVERYWHERE[family]}])
    denied = simulation.trace(POD, REMOTE, family=family, tcp=port).disposition == "denied-ingress"
    assert denied is not any(min(pair) <= port <= max(pair) for pair in rules)
