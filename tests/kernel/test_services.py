"""What load balancers and kube-proxy do, as generic devices with the same rules show it."""

from __future__ import annotations

import pytest

import dsflow
from tests.cases import CLIENT as INTERNET_CLIENT
from tests.cases import SERVICE
from tests.kernel.codes import HOP_LIMIT, NO_ROUTE, PORT
from tests.kernel.facts import shows
from tests.kernel.networks import BITS, BOTH, H1, H2, POD, POD2, R0, R0_FAR, VIP, Data, chain, node
from tests.kernel.packets import answers, arrived, datagram, ended, error, left, ping, segment

PEER = {4: "10.0.0.3", 6: "fd00:a::3"}
NODE = {4: "10.0.0.2", 6: "fd00:a::2"}
GATEWAY = {4: "10.5.0.1", 6: "fd00:5::1"}


def _balanced(family: int, *more: Data) -> Data:
    """A balancer r0 that hands on to h1, whose own way out is another router x beside it."""
    rule = {
        "hook": "prerouting",
        "protocol": "tcp",
        "dport": 80,
        "to": f"{VIP[family]}/{BITS[family]}",
        "action": "dnat",
        "to_address": H1[family],
    }
    other = {
        "forwarding": True,
        "interfaces": {
            "e0": {"link": "near", "addresses": ["10.0.0.9/24", "fd00:a::9/64"]},
            "e1": {"link": "far", "addresses": ["10.0.2.9/24", "fd00:c::9/64"]},
        },
    }
    data = chain(
        r0={"nat": [rule, *more]},
        r1={"routes": [{"to": f"{VIP[family]}/{BITS[family]}", "via": R0_FAR[family]}]},
        x=other,
    )
    data["devices"]["h1"]["routes"] = [{"to": "0.0.0.0/0", "via": "10.0.0.9"}, {"to": "::/0", "via": "fd00:a::9"}]
    return data


@BOTH
@shows("19-other-way")
def test_an_answer_by_another_router_is_not_translated(family: int) -> None:
    """The client knows nothing of the server, and resets."""
    found = dsflow.load(_balanced(family)).send("h2", segment(family, H2, VIP))
    assert (found.disposition, found.round_trip) == ("delivered", "return-lost")
    (answer,) = answers(found)
    assert [hop.device for hop in answer.hops] == ["device/h1", "device/x", "device/h2"]
    assert (arrived(answer)[0].src, answer.disposition) == (H1[family], "no-listener")


@BOTH
@shows("19-with-snat")
def test_with_source_translation_the_answer_comes_by_the_balancer(family: int) -> None:
    """The server sees the balancer, and answers it."""
    found = dsflow.load(_balanced(family, {"hook": "postrouting", "action": "masquerade"})).send(
        "h2", segment(family, H2, VIP)
    )
    assert found.round_trip == "delivered"
    assert arrived(found.traces[0])[0].src == R0[family]
    (answer,) = answers(found)
    assert [hop.device for hop in answer.hops] == ["device/h1", "device/r0", "device/r1", "device/h2"]
    assert arrived(answer)[0].src == VIP[family]


@BOTH
@shows("19-proxy")
def test_a_proxy_completes_the_handshake_and_starts_anew(family: int) -> None:
    """Its own packet has a fresh hop limit, and follows the answer to the client."""
    found = dsflow.load("oke-sydney").trace(INTERNET_CLIENT, SERVICE, family=family, tcp=80, ttl=9)
    assert [(trace.connection, str(trace.direction)) for trace in found.traces][:3] == [
        (1, "forward"),
        (1, "reply"),
        (2, "forward"),
    ]
    assert arrived(found.traces[0])[0].ttl == 7
    assert left(found.traces[2])[0].ttl == 64


def _port_rule(family: int, end: dict[int, str], protocol: str = "tcp") -> Data:
    """A port of the node that stands for port 80 or 53 of a pod."""
    return {
        "hook": "prerouting",
        "protocol": protocol,
        "dport": 30080,
        "to": f"{NODE[family]}/{BITS[family]}",
        "action": "dnat",
        "to_address": end[family],
        "to_port": 80,
    }


@BOTH
@shows("20-cluster")
def test_translating_both_ends_loses_the_clients_address(family: int) -> None:
    """Even toward a pod of the node itself."""
    rules = [_port_rule(family, POD), {"hook": "postrouting", "action": "masquerade"}]
    found = dsflow.load(node(node={"nat": rules})).send("peer", segment(family, PEER, NODE, dport=30080))
    assert (found.disposition, found.round_trip, ended(found)) == ("delivered", "delivered", "pod")
    assert arrived(found.traces[0])[0].src == GATEWAY[family]
    answer = arrived(answers(found)[0])[0]
    assert (answer.src, answer.ports) == (NODE[family], (30080, 40000))


@BOTH
@shows("20-cluster")
def test_an_end_on_another_node_adds_hops(family: int) -> None:
    """The packet goes in and out of the node by the same interface."""
    rules = [_port_rule(family, PEER), {"hook": "postrouting", "action": "masquerade"}]
    found = dsflow.load(node(node={"nat": rules})).send("r", segment(family, R0, NODE, dport=30080))
    assert (found.round_trip, ended(found)) == ("delivered", "peer")
    hop = found.traces[0].hops[1]
    assert (hop.in_interface, hop.out_interface) == ("eth0", "eth0")
    assert (arrived(found.traces[0])[0].src, arrived(found.traces[0])[0].ttl) == (NODE[family], 63)


@BOTH
@shows("20-local")
def test_translating_the_destination_alone_keeps_the_clients_address(family: int) -> None:
    """The pod sees who asks, and its answer passes the node."""
    found = dsflow.load(node(node={"nat": [_port_rule(family, POD)]})).send(
        "peer", segment(family, PEER, NODE, dport=30080)
    )
    assert found.round_trip == "delivered"
    assert arrived(found.traces[0])[0].src == PEER[family]


@BOTH
@shows("20-local")
def test_pods_and_the_node_itself_use_ends_anywhere(family: int) -> None:
    """As kube-proxy writes the policy Local: its silence is for others, from within any end will do."""
    asked = {"protocol": "tcp", "dport": 30080, "to": f"{NODE[family]}/{BITS[family]}"}
    end = {"action": "dnat", "to_address": PEER[family], "to_port": 80}
    inside = [{"hook": "prerouting", "in_interface": name, **asked, **end} for name in ("veth", "veth2")]
    rules = [*inside, {"hook": "output", **asked, **end}, {"hook": "postrouting", "action": "masquerade"}]
    drop = {"hook": "input", "in_interface": "eth0", **asked, "action": "drop"}
    del drop["to"]
    net = dsflow.load(node(node={"nat": rules, "filters": [drop]}))
    for sender, source in (("pod", POD), ("node", NODE)):
        found = net.send(sender, segment(family, source, NODE, dport=30080))
        assert (found.round_trip, ended(found)) == ("delivered", "peer")
        assert arrived(found.traces[0])[0].src == NODE[family]
    outside = net.send("r", segment(family, R0, NODE, dport=30080))
    assert (outside.disposition, len(outside.traces)) == ("denied-ingress", 1)


@BOTH
@shows("20-local")
def test_a_port_without_a_local_end_is_silent(family: int) -> None:
    """From outside, where no rule leads to an end elsewhere."""
    drop = {"hook": "input", "in_interface": "eth0", "protocol": "tcp", "dport": 30080, "action": "drop"}
    net = dsflow.load(node(node={"filters": [drop]}))
    found = net.send("peer", segment(family, PEER, NODE, dport=30080))
    assert (found.disposition, len(found.traces)) == ("denied-ingress", 1)
    assert net.send("pod", segment(family, POD, NODE, dport=30080)).disposition == "no-listener"


def _service(family: int, end: dict[int, str], *more: Data, protocol: str = "tcp") -> Data:
    """A virtual address for one port of a pod, at the node."""
    rule = {
        "hook": "prerouting",
        "protocol": protocol,
        "dport": 8000,
        "to": f"{VIP[family]}/{BITS[family]}",
        "action": "dnat",
        "to_address": end[family],
        "to_port": 80 if protocol == "tcp" else 53,
    }
    way = {"to": f"{VIP[family]}/{BITS[family]}", "via": NODE[family]}
    return node(node={"nat": [rule, *more]}, r={"routes": [way]})


@BOTH
@shows("21-ports-only")
def test_a_virtual_address_exists_for_its_port_only(family: int) -> None:
    """A ping, another port, another protocol go on by the default route."""
    data = _service(family, POD2)
    del data["devices"]["r"]["routes"][-1]
    net = dsflow.load(data)
    found = net.send("pod", segment(family, POD, VIP, dport=8000))
    assert (found.round_trip, ended(found)) == ("delivered", "pod2")
    others = (ping(family, POD, VIP), segment(family, POD, VIP, dport=81), datagram(family, POD, VIP, dport=8000))
    for packet in others:
        routed = net.send("pod", packet)
        assert (routed.disposition, ended(routed)) == ("no-route", "r")
        assert error(routed).told == NO_ROUTE[family]


@BOTH
@shows("21-nobody")
def test_a_service_without_ends_refuses(family: int) -> None:
    """By a reject, as kube-proxy writes it: for what is routed on, from the address of the node."""
    rule = {"hook": "forward", "to": f"{VIP[family]}/{BITS[family]}", "action": "reject"}
    found = dsflow.load(node(node={"filters": [rule]})).send("pod", segment(family, POD, VIP, dport=8000))
    assert (error(found).told, error(found).src) == (PORT[family], GATEWAY[family])


@BOTH
@shows("21-hairpin")
def test_a_pod_that_reaches_itself_sees_the_node(family: int) -> None:
    """Without it the pod would drop, or answer, itself."""
    itself = f"{POD[family]}/{BITS[family]}"
    masquerade = {"hook": "postrouting", "from": itself, "to": itself, "action": "masquerade"}
    found = dsflow.load(_service(family, POD, masquerade)).send("pod", segment(family, POD, VIP, dport=8000))
    assert (found.disposition, found.round_trip, ended(found)) == ("delivered", "delivered", "pod")
    assert arrived(found.traces[0])[0].src == GATEWAY[family]
    bare = dsflow.load(_service(family, POD)).send("pod", segment(family, POD, VIP, dport=8000))
    assert bare.round_trip != "delivered"


@BOTH
@pytest.mark.parametrize("end", [POD, POD2])
@shows("21-sticks")
def test_the_second_packet_goes_where_the_first_went(family: int, end: dict[int, str]) -> None:
    """By its session, once its first was answered; and so does an error about it."""
    with dsflow.load(_service(family, end, protocol="udp")).session() as session:
        for _ in range(2):
            found = session.send("peer", datagram(family, PEER, VIP, dport=8000))
            asked, answer = arrived(found.traces[0])[0], arrived(answers(found)[0])[0]
            assert (asked.dst, asked.ports) == (end[family], (40000, 53))
            assert (answer.src, answer.ports) == (VIP[family], (8000, 40000))
        late = session.send("peer", datagram(family, PEER, VIP, dport=8000, ttl=2))
        assert (error(late).told, error(late).src) == (HOP_LIMIT[family], VIP[family])
