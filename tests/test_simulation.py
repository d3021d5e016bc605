"""Asking: questions, packets of one's own, sessions, changes, and what is refused before any packet moves."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6

import dsflow
from dsflow.dataplane.disposition import Disposition
from dsflow.errors import DsflowError, NotModelledError, UsageError
from dsflow.trace.chain import PathType
from dsflow.trace.ledger import Outcome
from dsflow.trace.schema import chain_schema
from dsflow.trace.trace import Direction
from tests.cases import (
    BALANCER,
    CLIENT,
    DNS,
    HOST_POD,
    MATE,
    NAT_ADDRESS,
    POD,
    REMOTE,
    REMOTE_HOST_POD,
    SERVICE,
    WEB,
    arrived,
    by_family,
    gua,
    left,
    sydney,
    way,
)

FAMILIES = pytest.mark.parametrize("family", [4, 6])


# --- loading -------------------------------------------------------------------------------------------------


def test_a_simulation_has_the_scenarios_name_and_shows_its_size() -> None:
    """The representation tells how many devices there are."""
    simulation = sydney()
    assert simulation.name == "oke-sydney"
    assert repr(simulation) == f"<Simulation oke-sydney: {len(simulation.dataplane)} devices>"


def test_an_unknown_scenario_is_a_usage_error() -> None:
    """The name is told, and a near one."""
    with pytest.raises(UsageError, match="oke-sydney"):
        dsflow.load("oke-sidney")


def test_a_mapping_is_a_scenario_too() -> None:
    """Data may come from anywhere."""
    data: dict[str, Any] = {"apiVersion": "dsflow/v1", "name": "bare", "internet": {"a": {"ipv4": "192.0.2.1"}}}
    data["internet"]["b"] = {"ipv4": "192.0.2.2", "listen": ["tcp/80"]}
    chain = dsflow.load(data).trace("internet/a", "internet/b", family=4)
    assert chain.round_trip is Disposition.DELIVERED
    assert chain.path_type is None  # no cluster


# --- questions -----------------------------------------------------------------------------------------------


def test_without_a_port_the_first_open_one_is_asked() -> None:
    """The target's first listener as written, else an echo."""
    assert (chain := sydney().trace(POD, DNS, family=6)).question.dport == 53
    assert chain.question.protocol == "udp"
    echo = sydney().trace(POD, "node/node-1", family=6).question
    assert (echo.protocol, echo.sport, echo.dport) == ("icmp", None, None)
    assert sydney().trace(CLIENT, SERVICE, family=4).question.dport == 80
    assert sydney().trace(CLIENT, BALANCER, family=4).question.dport == 80


def test_first_packets_are_as_asked() -> None:
    """Source port, size, hop limit, DF and source address go into the first packet."""
    chain = sydney().trace(POD, DNS, family=4, udp=53, sport=7, size=500, ttl=9, df=True, source="100.0.5.215")
    packet = chain.to_packets()[0][0][0]
    assert (packet["UDP"].sport, packet.ttl, str(packet.flags), packet.src) == (7, 9, "DF", "100.0.5.215")
    assert len(packet) == 500


def test_defaults_of_first_packets() -> None:
    """TTL 64, identification 0, DF on TCP, source port 40000, window 64240, 32 zero bytes elsewhere."""
    segment = sydney().trace(POD, REMOTE, family=4, tcp=80).to_packets()[0][0][0]
    assert (segment.ttl, segment.id, str(segment.flags)) == (64, 0, "DF")
    assert (segment["TCP"].sport, segment["TCP"].seq, segment["TCP"].window) == (40000, 0, 64240)
    datagram = sydney().trace(POD, DNS, family=6, udp=53).to_packets()[0][0][0]
    assert (datagram.hlim, bytes(datagram["UDP"].payload)) == (64, bytes(32))
    echo = sydney().trace(POD, DNS, family=6, icmp=True).to_packets()[0][0][0]["ICMPv6 Echo Request"]
    assert (echo.id, echo.seq, echo.data) == (1, 1, bytes(32))


def test_a_target_may_be_an_address() -> None:
    """Of a pod, a host, or nobody."""
    named, numbered = (sydney().trace(POD, target, family=4, tcp=80) for target in (REMOTE, "100.0.5.106"))
    assert numbered.path_type is PathType.CROSS_NODE
    assert [way(trace) for trace in named.traces] == [way(trace) for trace in numbered.traces]
    assert sydney().trace(POD, "198.51.100.80", family=4, tcp=443).round_trip is Disposition.DELIVERED


def test_a_flow_of_the_scenario_can_be_asked() -> None:
    """Every expectation's flow is a question, with each of its fields."""
    for expectation in sydney().topology.expect:
        chain = sydney().ask(expectation.flow)
        assert chain.disposition == dict(expectation.expected)["disposition"]
    flow = {"from": POD, "to": DNS, "family": "ipv4", "protocol": "udp", "dport": 53, "sport": 6, "size": 99}
    simulation = sydney().what_if({"flows": [flow | {"ttl": 5, "df": True, "source": "100.0.5.215"}, flow]})
    header = left(simulation.ask(simulation.topology.flows[0]).traces[0].hops[0])
    assert (header.src, header.sport, header.ttl, header.length) == ("100.0.5.215", 6, 5, 99)


# --- refused before any packet moves -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "target", "options", "message"),
    [
        ("pod/default/nginx-568f7cfd68-g4h2d", POD, {"family": 4}, "did you mean"),
        (POD, "internet/wep", {"family": 4}, 'did you mean "internet/web"'),
        (POD, "zebra", {"family": 4}, "no such"),
        ("", POD, {"family": 4}, "no such"),
        (POD, "natgw/nat", {"family": 4}, "none begins or ends there"),
        ("vcn/oke", POD, {"family": 4}, "none begins or ends there"),
        (SERVICE, POD, {"family": 4}, "packets start at"),
        ("100.0.5.77", POD, {"family": 4}, "packets start at"),
        (POD, "100.0.5.999", {"family": 4}, "not an IPv4 or IPv6 address"),
        (POD, "fe80::1%eth0", {"family": 6}, "zone"),
        (POD, "2001:db8::1", {"family": 4}, "not an address of IPv4"),
        (POD, "192.0.2.1", {"family": 6}, "not an address of IPv6"),
        ("100.0.5.102", MATE, {"family": 6}, "not an address of IPv6"),
        (POD, WEB, {"family": 5}, "expected 4 or 6"),
        (POD, WEB, {"family": 4, "tcp": 70000}, "70000"),
        (POD, WEB, {"family": 4, "udp": 0}, "expected a whole number, 1-65535"),
        (POD, WEB, {"family": 4, "tcp": "80"}, "expected a whole number"),
        (POD, WEB, {"family": 4, "tcp": 80, "udp": 80}, "at most one"),
        (POD, WEB, {"family": 4, "tcp": 80, "icmp": True}, "at most one"),
        (POD, WEB, {"family": 4, "tcp": 80, "sport": 70000}, "70000"),
        (POD, WEB, {"family": 4, "tcp": 80, "sport": -1}, "-1"),
        (POD, WEB, {"family": 4, "icmp": True, "sport": 65536}, "65536"),
        (POD, WEB, {"family": 4, "tcp": 80, "ttl": 256}, "256"),
        (POD, WEB, {"family": 6, "tcp": 80, "ttl": 0}, "expected 1-255"),
        (POD, WEB, {"family": 4, "tcp": 80, "size": 39}, "expected 40-65535"),
        (POD, WEB, {"family": 6, "udp": 53, "size": 65536}, "65536"),
        (POD, WEB, {"family": 4, "tcp": 80, "source": "2001:db8::1"}, "not an address of IPv4"),
        (POD, WEB, {"family": 4, "tcp": 80, "source": "here"}, "here"),
    ],
)
def test_what_cannot_be_asked_is_refused(origin: str, target: str, options: dict[str, Any], message: str) -> None:
    """One clear message: what was found, and where it helps what was meant."""
    with pytest.raises(UsageError, match=message):
        sydney().trace(origin, target, **options)


# --- what is told without a packet ---------------------------------------------------------------------------


@FAMILIES
def test_an_end_without_the_family_is_told_in_one_hop(family: int) -> None:
    """No packet is made; the hop at the origin says who lacks what, and how to mend it."""
    key = f"ipv{family}"
    for lacking in (POD, REMOTE):
        simulation = by_family(family).what_if({f"pods.{lacking.removeprefix('pod/')}.{key}": None})
        chain = simulation.trace(POD, REMOTE, family=family, tcp=80)
        assert chain.disposition is Disposition.FAMILY_UNAVAILABLE
        assert chain.path_type is PathType.CROSS_NODE
        (trace,) = chain.traces
        (hop,) = trace.hops
        assert (hop.device, hop.packets_in, hop.packets_out) == (POD, (), ())
        assert trace.reason == f"{lacking} has no IPv{family} address"
        assert trace.mend == f"give {lacking} an IPv{family} address"
        assert chain.to_json()["traces"][0]["hops"][0]["header_out"] is None
        assert all(row.outcome is not Outcome.APPLIED for row in chain.nat_ledger)


@FAMILIES
@pytest.mark.parametrize("origin", [POD, "node/node-1", BALANCER])
def test_a_service_asked_from_inside_is_undetermined(origin: str, family: int) -> None:
    """The article does not say, so neither does dsflow."""
    chain = sydney().trace(origin, SERVICE, family=family, tcp=80)
    assert chain.disposition is Disposition.UNDETERMINED
    assert chain.round_trip is None
    assert "article" in chain.traces[0].reason
    assert chain.traces[0].hops[0].steps[0].effect == "unknown"


@pytest.mark.parametrize(("family", "address"), [(4, "10.96.3.4"), (6, "fd00:eeee:eeee:1::4")])
def test_a_cluster_address_asked_by_number_is_undetermined_too(family: int, address: str) -> None:
    """Naming a Service by its ClusterIP asks the same question."""
    cluster = {"services.default/nginx.cluster_ipv4": "10.96.3.4"}
    cluster["services.default/nginx.cluster_ipv6"] = "fd00:eeee:eeee:1::4"
    chain = sydney().what_if(cluster).trace(POD, address, family=family, tcp=80)
    assert chain.disposition is Disposition.UNDETERMINED


# --- seeds ---------------------------------------------------------------------------------------------------


def test_a_negative_seed_is_refused_at_once() -> None:
    """Not only when times are first drawn."""
    with pytest.raises(UsageError, match="seed -1"):
        dsflow.load("two-pods", seed=-1)


# --- near ends -----------------------------------------------------------------------------------------------


@FAMILIES
def test_a_pod_reaches_itself_without_leaving(family: int) -> None:
    """One hop there, one hop back, nothing on any wire."""
    chain = sydney().trace(POD, POD, family=family, tcp=80)
    assert chain.round_trip is Disposition.DELIVERED
    assert [way(trace) for trace in chain.traces] == [[POD], [POD]]
    assert chain.path_type is PathType.SAME_NODE


@FAMILIES
def test_pod_and_node_reach_each_other_directly(family: int) -> None:
    """No VCN is between a pod and its own node."""
    there = sydney().trace(POD, "node/node-1", family=family, icmp=True)
    back = sydney().trace("node/node-1", POD, family=family, tcp=80)
    assert way(there.traces[0]) == [POD, "node/node-1"]
    assert way(back.traces[0]) == ["node/node-1", POD]
    for chain in (there, back):
        assert chain.round_trip is Disposition.DELIVERED
        assert chain.path_type is PathType.VCN_INTERNAL
        assert arrived(chain.traces[0].hops[-1]).ttl == 64


@FAMILIES
def test_host_network_pods_are_their_nodes(family: int) -> None:
    """Their packets start and end on the node, with its addresses."""
    across = sydney().trace(HOST_POD, REMOTE_HOST_POD, family=family, icmp=True)
    assert way(across.traces[0]) == ["node/node-1", "vcn/oke", "node/node-2"]
    assert across.path_type is PathType.CROSS_NODE
    near = sydney().trace(HOST_POD, POD, family=family, tcp=80)
    assert way(near.traces[0]) == ["node/node-1", POD]
    assert near.path_type is PathType.SAME_NODE
    own = sydney().trace(HOST_POD, "pod/kube-system/csi-oci-node-rfmkw", family=family, icmp=True)
    assert [way(trace) for trace in own.traces] == [["node/node-1"], ["node/node-1"]]
    assert {chain.round_trip for chain in (across, near, own)} == {Disposition.DELIVERED}


# --- packets of one's own ------------------------------------------------------------------------------------


def test_any_scapy_packet_can_be_sent() -> None:
    """The chain is that of the same question, with the packet's own ports."""
    packet = IPv6(src="2001:db8:100:4:0:6ed9:2497:6dd8", dst="2001:db8:ffff::80") / TCP(sport=1234, dport=443)
    chain = gua().send(POD, packet)
    assert chain.round_trip is Disposition.DELIVERED
    assert (chain.question.protocol, chain.question.sport, chain.question.dport) == ("tcp", 1234, 443)
    assert chain.path_type is PathType.EGRESS
    assert chain.traces[0].hops[0].packets_out[0] == bytes(packet)


def test_bytes_can_be_sent() -> None:
    """What was recorded at one hop can be sent again."""
    asked = sydney().trace(POD, WEB, family=4, udp=53)
    sent = sydney().send(POD, asked.traces[0].hops[0].packets_out[0])
    assert [hop.packets_in for hop in sent.forward.hops] == [hop.packets_in for hop in asked.forward.hops]
    echo = sydney().send(POD, bytes(IP(src="100.0.5.102", dst="100.0.5.215") / ICMP(id=5)))
    assert echo.question.protocol == "icmp"
    assert echo.round_trip is Disposition.DELIVERED


def test_an_open_source_is_filled_in() -> None:
    """A packet without a source gets its sender's, not one of this machine."""
    chain = sydney().send(POD, IPv6(dst="fd00:100:0:4:0:bc9b:fecf:997") / UDP(dport=9))
    assert left(chain.traces[0].hops[0]).src == "fd00:100:0:4:0:6ed9:2497:6dd8"


@pytest.mark.parametrize("junk", [b"", b"abc", bytes(40), bytes.fromhex("45")])
def test_bytes_that_are_no_packet_are_malformed(junk: bytes) -> None:
    """They end where they are sent, and the reason names the field."""
    chain = sydney().send(POD, junk)
    assert chain.disposition is Disposition.MALFORMED
    assert len(chain.traces[0].hops) == 1
    assert any(field in chain.traces[0].reason for field in ("version", "ipv4", "ipv6"))
    jsonschema.validate(json.loads(json.dumps(chain.to_json())), chain_schema())


@pytest.mark.parametrize("junk", [5, "text", None, [IP(dst="100.0.5.215")]])
def test_what_is_no_packet_is_refused(junk: object) -> None:
    """Nothing but packets and their bytes can be sent."""
    with pytest.raises(UsageError):
        sydney().send(POD, junk)


def test_a_checksum_that_is_wrong_stays_wrong() -> None:
    """Routers and translators do not look; they bring up to date what they change."""
    packet = IP(src="100.0.5.102", dst="198.51.100.80") / UDP(sport=7, dport=53, chksum=1) / b"dsflow"
    chain = sydney().send(POD, packet)
    assert chain.nat_applied
    assert chain.to_packets()[0][-1][0]["UDP"].chksum != 0


# --- sessions ------------------------------------------------------------------------------------------------


def test_what_was_opened_in_a_session_is_known_to_the_next_question() -> None:
    """The NAT gateway admits what answers an earlier question, and forgets when the session ends."""
    with sydney().session() as session:
        opened = session.trace(POD, WEB, family=4, udp=53)
        port = left(opened.traces[0].hops[3]).sport
        assert port is not None
        late = session.trace(WEB, NAT_ADDRESS, family=4, udp=port, sport=53)
        assert late.disposition is Disposition.DELIVERED
        assert way(late.traces[0])[-1] == POD
    gone = session.trace(WEB, NAT_ADDRESS, family=4, udp=port, sport=53)
    assert gone.disposition is Disposition.DENIED_INGRESS
    assert sydney().trace(WEB, NAT_ADDRESS, family=4, udp=port, sport=53).disposition is Disposition.DENIED_INGRESS


# --- changes -------------------------------------------------------------------------------------------------


def test_what_if_leaves_the_original_untouched() -> None:
    """A change makes a new simulation; the old one answers as before."""
    simulation = dsflow.load("oke-sydney-gua")
    before = simulation.trace(POD, WEB, family=4, tcp=443).to_json()
    other = simulation.what_if({"gateways.nat.enabled": False})
    assert other.trace(POD, WEB, family=4, tcp=443).disposition is Disposition.GATEWAY_DISABLED
    assert simulation.trace(POD, WEB, family=4, tcp=443).to_json() == before
    assert simulation.topology.gateways["nat"].enabled
    assert other.seed == simulation.seed


def test_a_change_that_cannot_be_is_refused() -> None:
    """Unknown paths and impossible values are errors, not silence."""
    with pytest.raises(DsflowError):
        sydney().what_if({"gateway.nat.enabled": False})
    with pytest.raises(DsflowError):
        sydney().what_if({"gateways.nat.enabled": "perhaps"})


def test_tables_can_be_replaced() -> None:
    """A simulation on other tables shares the scenario, not the answers."""
    simulation = sydney()
    twin = simulation.with_dataplane(simulation.dataplane.replacing(gua().dataplane[POD]))
    assert twin.topology == simulation.topology
    assert twin.dataplane[POD] is not simulation.dataplane[POD]


# --- path types ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "target", "expected"),
    [
        (POD, MATE, PathType.SAME_NODE),
        (POD, REMOTE, PathType.CROSS_NODE),
        (POD, WEB, PathType.EGRESS),
        ("node/node-1", WEB, PathType.EGRESS),
        (POD, "192.0.2.9", PathType.EGRESS),
        (CLIENT, SERVICE, PathType.INGRESS),
        (CLIENT, BALANCER, PathType.INGRESS),
        (CLIENT, POD, PathType.INGRESS),
        (POD, BALANCER, PathType.VCN_INTERNAL),
        (POD, "node/node-2", PathType.VCN_INTERNAL),
        (POD, "100.0.9.9", PathType.VCN_INTERNAL),
        (POD, SERVICE, PathType.VCN_INTERNAL),
        (CLIENT, WEB, None),
    ],
)
def test_path_types(origin: str, target: str, expected: PathType | None) -> None:
    """Judged by the model: an address inside the VCN is inside, whatever its bits."""
    assert sydney().path_type(origin, target) is expected


def test_the_latency_of_a_chain_is_that_of_its_traces() -> None:
    """One way is less than the round trip, and each hop has its part."""
    chain = sydney().trace(POD, WEB, family=4, tcp=443)
    assert chain.latency.one_way.p50.value < chain.latency.round_trip.p50.value
    assert all(hop.latency_us is not None for trace in chain.traces for hop in trace.hops)
    assert chain.traces[0].direction is Direction.FORWARD


def test_a_protocol_that_nobody_here_speaks_is_refused() -> None:
    """GRE has no listener and no error in the model, so it is not sent at all."""
    with pytest.raises(NotModelledError, match="47"):
        sydney().send(POD, IP(src="100.0.5.102", dst="100.0.5.215", proto=47))


def test_a_reply_that_nobody_awaits_stays_lost_whoever_listens() -> None:
    """Translated on its way back, an answer is none, and no listener is proposed to catch it."""
    wrong = {'route_tables.lb.rules."0.0.0.0/0"': "natgw/nat", "internet.client.listen": ["tcp/40000"]}
    chain = sydney().what_if(wrong).trace("internet/client", SERVICE, family=4, tcp=80)
    assert (chain.round_trip, chain.succeeded) == (Disposition.RETURN_LOST, False)
    assert chain.failed is not None
    assert "203.0.113.10" in chain.failed.reason
    assert chain.failed.mend is None


@pytest.mark.parametrize(
    ("change", "family", "mend"),
    [
        ({"load_balancers.nginx.public_ipv4": None}, 4, "give lb/nginx a public_ipv4"),
        ({"load_balancers.nginx.ipv6": None}, 6, "give lb/nginx an IPv6 address"),
    ],
)
def test_a_balancer_without_a_usable_address_is_mended_there(change: dict[str, Any], family: int, mend: str) -> None:
    """The mend names the load balancer, not the Service in front of it."""
    chain = sydney().what_if(change).trace("internet/client", SERVICE, family=family, tcp=80)
    assert chain.failed is not None
    assert chain.failed.mend == mend
