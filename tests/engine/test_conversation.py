"""What a packet sets off: answers, resets, ICMP errors with their cause, a proxy's next connection."""

from __future__ import annotations

import pytest

from dsflow.dataplane.disposition import Disposition
from dsflow.net.address import Address
from dsflow.net.packet import Packet
from dsflow.trace.trace import Direction
from tests.cases import (
    BALANCER,
    BALANCER_ADDRESS,
    CLIENT,
    DNS,
    LOCAL_DNS,
    MATE,
    POD,
    REMOTE,
    SERVICE,
    WEB,
    arrived,
    by_family,
    gua,
    kinds,
    left,
    quote_in,
    sydney,
    way,
)

FAMILIES = pytest.mark.parametrize("family", [4, 6])


# --- answers -------------------------------------------------------------------------------------------------


@FAMILIES
def test_a_syn_is_answered_by_syn_and_ack(family: int) -> None:
    """Sequence number 0, acknowledgement 1, turned ports."""
    chain = by_family(family).trace(POD, REMOTE, family=family, tcp=80)
    assert [trace.direction for trace in chain.traces] == [Direction.FORWARD, Direction.REPLY]
    segment = chain.to_packets()[1][0][0]["TCP"]
    assert (str(segment.flags), segment.seq, segment.ack) == ("SA", 0, 1)
    assert (segment.sport, segment.dport) == (80, 40000)


@FAMILIES
def test_a_udp_listener_echoes(family: int) -> None:
    """The answer carries what the question carried."""
    chain = by_family(family).trace(POD, DNS, family=family, udp=53, size=400)
    assert chain.round_trip is Disposition.DELIVERED
    assert {left(trace.hops[0]).length for trace in chain.traces} == {400}


@FAMILIES
def test_ping_is_answered_with_its_own_identifier(family: int) -> None:
    """Echo and echo reply carry one identifier (RFC 792, RFC 4443)."""
    chain = by_family(family).trace(POD, REMOTE, family=family, icmp=True, sport=9)
    asked, answered = (arrived(trace.hops[-1]).icmp for trace in chain.traces)
    assert asked is not None
    assert answered is not None
    assert (asked.type, answered.type) == ((8, 0) if family == 4 else (128, 129))
    assert asked.id == answered.id == 9


@FAMILIES
def test_a_closed_tcp_port_resets(family: int) -> None:
    """A reset is a reply, acknowledges the SYN, and no round trip is due."""
    chain = by_family(family).trace(POD, REMOTE, family=family, tcp=81)
    assert chain.disposition is Disposition.NO_LISTENER
    assert [trace.direction for trace in chain.traces] == [Direction.FORWARD, Direction.REPLY]
    assert str(chain.to_packets()[1][0][0]["TCP"].flags) == "RA"
    assert chain.round_trip is None
    assert chain.failed is chain.traces[0]


@FAMILIES
def test_a_closed_udp_port_is_unreachable(family: int) -> None:
    """The host that was asked sends the error, from the address that was asked (RFC 1122, RFC 4443)."""
    chain = by_family(family).trace(POD, REMOTE, family=family, udp=9)
    error = chain.traces[1]
    assert error.direction is Direction.ERROR
    assert error.cause == (0, len(chain.traces[0].hops) - 1)
    message = left(error.hops[0])
    assert message.src == arrived(chain.traces[0].hops[-1]).dst
    assert message.icmp is not None
    assert (message.icmp.type, message.icmp.code) == ((3, 3) if family == 4 else (1, 4))
    assert quote_in(error).dport == 9


def test_a_lost_answer_to_a_closed_door_sends_no_icmp_about_tcp() -> None:
    """A segment that nobody awaits is answered by TCP alone (RFC 9293 section 3.10.7.1), never by ICMP."""
    chain = sydney().trace(POD, REMOTE, family=4, tcp=80, source="100.0.5.215")
    assert chain.round_trip is Disposition.RETURN_LOST
    assert way(chain.traces[1])[-1] == MATE
    assert chain.traces[1].disposition is Disposition.NO_LISTENER
    assert all(trace.direction is not Direction.ERROR for trace in chain.traces)


def test_a_lost_answer_is_a_lost_return() -> None:
    """The forward way is delivered, the reply's own trace says why it was lost."""
    chain = sydney().trace(WEB, BALANCER, family=4, tcp=80, source="100.0.77.7")
    assert chain.disposition is Disposition.RE_ORIGINATED
    assert chain.round_trip is Disposition.RETURN_LOST
    assert chain.failed is chain.traces[1]
    assert chain.traces[1].disposition is Disposition.NEIGHBOR_UNREACHABLE
    assert len(chain.traces) == 2  # the client never sends, so nothing is dialled


def test_an_answer_that_leaves_the_model_cannot_be_told() -> None:
    """Whether a reply to an address that nobody here has arrives, the model does not know."""
    chain = gua().trace(CLIENT, POD, family=6, tcp=80, source="2001:db8:5e::1")
    assert chain.traces[1].disposition is Disposition.LEFT_MODEL
    assert chain.round_trip is Disposition.UNDETERMINED
    assert chain.failed is chain.traces[1]


# --- errors --------------------------------------------------------------------------------------------------


@FAMILIES
@pytest.mark.parametrize(("ttl", "dies_at"), [(1, "node"), (2, "vcn"), (3, "natgw or igw")])
def test_an_expired_packet_is_reported_by_the_router_that_saw_it(family: int, ttl: int, dies_at: str) -> None:
    """Hop limits 1, 2 and 3 end at node, VCN and gateway; the error names that hop as its cause."""
    chain = by_family(family).trace(POD, WEB, family=family, tcp=443, ttl=ttl)
    forward, error = chain.traces
    assert chain.disposition is Disposition.HOP_LIMIT_EXCEEDED
    assert forward.hops[-1].kind in dies_at
    assert (error.direction, error.disposition) == (Direction.ERROR, Disposition.DELIVERED)
    assert error.cause == (0, ttl)
    assert way(error) == way(forward)[::-1]
    message = left(error.hops[0]).icmp
    assert message is not None
    assert (message.type, message.code) == ((11, 0) if family == 4 else (3, 0))
    quote = quote_in(error)
    assert (quote.sport, quote.dport, quote.ttl) == (40000, 443, 1)


def test_routers_speak_from_their_own_addresses() -> None:
    """A node answers from its primary address, the VCN and its gateways from the sender's virtual router."""
    senders = [left(sydney().trace(POD, WEB, family=4, tcp=443, ttl=ttl).traces[1].hops[0]).src for ttl in (1, 2, 3)]
    assert senders == ["100.0.3.90", "100.0.5.1", "100.0.5.1"]


def test_an_expired_packet_from_the_internet_ends_in_silence_at_the_gateway() -> None:
    """The Internet gateway has no address for senders outside, so it says nothing."""
    chain = sydney().trace(CLIENT, BALANCER, family=4, tcp=80, ttl=1)
    assert chain.disposition is Disposition.HOP_LIMIT_EXCEEDED
    assert len(chain.traces) == 1


def test_nothing_is_sent_about_an_icmp_error() -> None:
    """An error that cannot be delivered provokes no error (RFC 1122 section 3.2.2, RFC 4443 section 2.4)."""
    chain = gua().trace(POD, REMOTE, family=6, udp=9)
    raw = bytearray(chain.traces[1].hops[0].packets_out[0])
    raw[7] = 1  # its hop limit
    lost = gua().send(REMOTE, bytes(raw))
    assert lost.disposition is Disposition.HOP_LIMIT_EXCEEDED
    assert len(lost.traces) == 1


def test_a_packet_that_its_own_device_refuses_leaves_no_error() -> None:
    """One hop, and nobody to tell."""
    chain = sydney().trace(POD, POD, family=4, udp=9)
    assert chain.disposition is Disposition.NO_LISTENER
    assert [way(trace) for trace in chain.traces] == [[POD]]


# --- the proxy -----------------------------------------------------------------------------------------------


@FAMILIES
def test_the_proxy_completes_the_handshake_before_it_dials(family: int) -> None:
    """Connection 1 forward and reply, then connection 2 forward and reply, in the client's family."""
    chain = by_family(family).trace(CLIENT, SERVICE, family=family, tcp=80)
    assert [(trace.connection, trace.direction) for trace in chain.traces] == [
        (1, Direction.FORWARD),
        (1, Direction.REPLY),
        (2, Direction.FORWARD),
        (2, Direction.REPLY),
    ]
    assert chain.traces[0].disposition is Disposition.RE_ORIGINATED
    assert chain.disposition is chain.round_trip is Disposition.DELIVERED
    assert kinds(chain.traces[2])[0] == "lb"
    assert kinds(chain.traces[2])[-1] == "pod"
    dialled = left(chain.traces[2].hops[0])
    assert (dialled.ttl, dialled.dport) == (64, 80)
    assert dialled.src == ("100.0.2.10" if family == 4 else "2001:db8:100:2::10")


def test_the_articles_cluster_takes_ipv6_in_although_its_pods_have_ula() -> None:
    """The load balancer's own connection stays inside the VCN, where a ULA is as good as any."""
    chain = sydney().trace(CLIENT, SERVICE, family=6, tcp=80)
    assert chain.round_trip is Disposition.DELIVERED
    assert arrived(chain.forward.hops[-1]).dst.startswith("fd00:100:0:4:")
    assert chain.nat_applied == ()


@FAMILIES
def test_a_port_without_listener_at_the_balancer_resets(family: int) -> None:
    """The proxy answers for itself."""
    chain = by_family(family).trace(CLIENT, BALANCER, family=family, tcp=81)
    assert chain.disposition is Disposition.NO_LISTENER
    assert [trace.direction for trace in chain.traces] == [Direction.FORWARD, Direction.REPLY]
    assert way(chain.traces[0])[-1] == BALANCER


@FAMILIES
def test_a_service_without_pods_of_a_family_has_no_backend(family: int) -> None:
    """The listener is there, and nobody of the client's family behind it."""
    key = f"ipv{family}"
    lacking = {f"pods.{pod.removeprefix('pod/')}.{key}": None for pod in (POD, MATE, REMOTE)}
    chain = by_family(family).what_if(lacking).trace(CLIENT, SERVICE, family=family, tcp=80)
    assert chain.disposition is Disposition.NO_BACKEND
    assert "3 pods" in chain.traces[0].reason
    nobody = by_family(family).what_if({"services.default/nginx.selector": {"app": "crat"}})
    lost = nobody.trace(CLIENT, SERVICE, family=family, tcp=80).traces[0]
    assert (lost.disposition, "app=crat, which no pod" in lost.reason) == (Disposition.NO_BACKEND, True)
    assert f"IPv{family}" in chain.traces[0].reason
    other = 10 - family
    still = by_family(other).what_if(lacking).trace(CLIENT, SERVICE, family=other, tcp=80)
    assert still.disposition is Disposition.DELIVERED


def test_a_backend_whose_port_is_closed_resets_the_proxys_connection() -> None:
    """The chain ends as its last connection ends; the client's own was answered."""
    simulation = sydney().what_if({"services.default/nginx.ports": [{"port": 80, "target_port": 8080}]})
    chain = simulation.trace(CLIENT, SERVICE, family=4, tcp=80)
    assert chain.traces[0].disposition is Disposition.RE_ORIGINATED
    assert chain.disposition is Disposition.NO_LISTENER
    assert chain.failed is chain.traces[2]
    assert "tcp/8080" in str(chain.traces[2].mend)


def test_ping_to_the_balancer_is_undetermined() -> None:
    """No source says whether it answers: neither delivered nor dropped."""
    chain = sydney().trace(CLIENT, BALANCER_ADDRESS, family=4, icmp=True)
    assert chain.disposition is Disposition.UNDETERMINED
    assert chain.round_trip is None
    assert chain.traces[0].hops[-1].steps[-1].effect != "drop"


def test_the_address_of_the_client_is_not_kept() -> None:
    """Behind a proxy the pod sees the load balancer, which is no NAT."""
    chain = gua().trace(CLIENT, SERVICE, family=6, tcp=80)
    packet = Packet.parse(chain.traces[2].hops[-1].packets_in[0])
    assert packet.src == Address.parse("2001:db8:100:2::10").value
    noted = {row.kind for row in chain.nat_ledger if row.outcome == "noted"}
    assert {str(kind) for kind in noted} == {"proxy-re-origination", "cross-family"}


# --- what nobody awaits --------------------------------------------------------------------------------------


def test_an_error_about_a_packet_that_was_never_sent_is_not_delivered() -> None:
    """A host finds the socket by what the error quotes (RFC 1122 section 3.2.2), and here there is none."""
    error = gua().trace(POD, REMOTE, family=6, udp=9).traces[1].hops[0].packets_out[0]
    chain = gua().send(REMOTE, error)
    assert way(chain.traces[0])[-1] == POD
    assert chain.disposition is not Disposition.DELIVERED
    assert len(chain.traces) == 1


def test_an_error_about_an_answer_reaches_who_sent_that() -> None:
    """The sender of a reply that was too big is told, and knows the reply as its own."""
    chain = gua().trace(CLIENT, LOCAL_DNS, family=6, udp=53, size=4000)
    reply, error = chain.traces[1:]
    assert reply.disposition is Disposition.TOO_BIG
    assert (error.disposition, way(error)[-1]) == (Disposition.DELIVERED, LOCAL_DNS)


@FAMILIES
def test_an_answer_that_nobody_asked_for_is_reset_or_refused(family: int) -> None:
    """A SYN-ACK out of the blue is no connection (RFC 9293 section 3.10.7.1)."""
    answer = by_family(family).trace(POD, REMOTE, family=family, tcp=80).traces[1].hops[0].packets_out[0]
    chain = by_family(family).send(REMOTE, answer)
    assert chain.disposition is Disposition.NO_LISTENER
    assert [trace.direction for trace in chain.traces] == [Direction.FORWARD, Direction.REPLY]


@FAMILIES
def test_a_sender_learns_how_large_its_packets_may_be(family: int) -> None:
    """The first datagram is lost to *too big*, the next leaves the sender in pieces (RFC 1191, RFC 8201)."""
    with by_family(family).session() as session:
        first = session.trace(POD, WEB, family=family, udp=53, size=4000, df=True if family == 4 else None)
        assert (first.disposition, first.traces[1].direction) == (Disposition.TOO_BIG, Direction.ERROR)
        second = session.trace(POD, WEB, family=family, udp=53, size=4000)
        assert second.succeeded
        pieces = second.traces[0].hops[0].packets_out
        assert len(pieces) == 3
        assert max(map(len, pieces)) <= 1500
        elsewhere = session.trace(POD, REMOTE, family=family, udp=9, size=4000)
        assert len(elsewhere.traces[0].hops[0].packets_out) == 1
    afresh = by_family(family).trace(POD, WEB, family=family, udp=53, size=4000, df=True if family == 4 else None)
    assert afresh.disposition is Disposition.TOO_BIG


def test_a_sender_that_may_not_divide_refuses_its_own_packet() -> None:
    """With *don't fragment* what is known to be too big is not even sent, and no error travels."""
    with gua().session() as session:
        session.trace(POD, WEB, family=4, udp=53, size=4000, df=True)
        again = session.trace(POD, WEB, family=4, udp=53, size=4000, df=True)
    assert (again.disposition, len(again.traces), len(again.traces[0].hops)) == (Disposition.TOO_BIG, 1, 1)
    assert "1500" in again.traces[0].reason
