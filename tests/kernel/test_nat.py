"""Source translation: which port a connection gets, who may use it, and what is not translated at all."""

from __future__ import annotations

import pytest

import dsflow
from dsflow import Simulation
from dsflow.errors import NotModelledError
from dsflow.lab.craft import mended
from dsflow.lab.fields import read_fields
from dsflow.net.packet import Packet
from dsflow.session import Session
from dsflow.trace.chain import Chain
from tests.kernel.codes import PORT
from tests.kernel.facts import shows
from tests.kernel.mutations_fragments import tunnelled
from tests.kernel.networks import BOTH, H0, H1, H2, R0_FAR, R1, Data, chain, masquerading
from tests.kernel.packets import Seen, answers, arrived, datagram, ended, error, errors, left, ping, segment


def _net(*rules: Data) -> Simulation:
    return dsflow.load(masquerading(*rules))


def _outside(chain: Chain) -> Seen:
    """The packet as it leaves the translator."""
    hop = next(hop for hop in chain.traces[0].hops if hop.device == "device/r0")
    (raw,) = hop.packets_out
    return Seen(raw)


def _port(chain: Chain) -> int:
    return _outside(chain).ports[0]


@BOTH
@pytest.mark.parametrize("sport", [1, 53, 700, 1023, 1024, 40000, 65535])
@shows("12-kept")
def test_a_source_keeps_its_port(family: int, sport: int) -> None:
    """Whatever its class, and so it does toward every destination that tells the answers apart."""
    with _net().session() as session:
        one = session.send("h0", datagram(family, H0, H2, sport=sport, dport=53))
        assert (_outside(one).src, _port(one), one.round_trip) == (R0_FAR[family], sport, "delivered")
        other_port = session.send("h1", datagram(family, H1, H2, sport=sport, dport=54))
        other_host = session.send("h1", datagram(family, H1, R1, sport=sport, dport=53))
        assert [_port(other_port), _port(other_host)] == [sport, sport]
        assert _port(session.send("h1", segment(family, H1, H2, sport=sport, dport=53))) == sport


@BOTH
@pytest.mark.parametrize(("sport", "low", "high"), [(300, 1, 511), (700, 600, 1023), (40000, 1024, 65535)])
@shows("12-class")
def test_a_taken_port_gives_way_within_its_class(family: int, sport: int, low: int, high: int) -> None:
    """Two inside hosts with one port to one destination; both are answered."""
    with _net().session() as session:
        for packet in (datagram, segment):
            first = session.send("h0", packet(family, H0, H2, sport=sport, dport=53 if packet is datagram else 80))
            second = session.send("h1", packet(family, H1, H2, sport=sport, dport=53 if packet is datagram else 80))
            assert _port(first) == sport
            assert _port(second) != sport
            assert low <= _port(second) <= high
            assert (first.round_trip, second.round_trip) == ("delivered", "delivered")
            assert arrived(second.traces[1])[0].ports[1] == sport


@BOTH
@shows("12-echo")
def test_the_identifier_of_an_echo_is_its_port(family: int) -> None:
    """Kept while it is free; another one of all if not, and the reply bears the sender's own."""
    with _net().session() as session:
        first = session.send("h0", ping(family, H0, H2, ident=5))
        second = session.send("h1", ping(family, H1, H2, ident=5))
        assert _outside(first).echo_id == 5
        assert _outside(second).echo_id != 5
        assert arrived(second.traces[1])[0].echo_id == 5
        assert second.round_trip == "delivered"


@BOTH
@shows("12-own-flows")
def test_the_translators_own_connections_collide_too(family: int) -> None:
    """Whoever comes first keeps the port; the translator's own packet is no exception."""
    own, inner = datagram(family, R0_FAR, H2, dport=53), datagram(family, H0, H2, dport=53)
    with _net().session() as session:
        assert _port(session.send("r0", own)) == 40000
        assert _port(session.send("h0", inner)) != 40000
    with _net().session() as session:
        assert _port(session.send("h0", inner)) == 40000
        found = session.send("r0", own)
        assert (_port(found) != 40000, found.round_trip) == (True, "delivered")


def _collided(session: Session, family: int) -> int:
    """The port that h1 was given instead of 40000."""
    session.send("h0", datagram(family, H0, H2, dport=53))
    return _port(session.send("h1", datagram(family, H1, H2, dport=53)))


@BOTH
@shows("13-sticky")
def test_a_source_keeps_the_port_it_was_given(family: int) -> None:
    """Toward another port and another host, although its own would be free there."""
    with _net().session() as session:
        given = _collided(session, family)
        assert given != 40000
        assert _port(session.send("h1", datagram(family, H1, H2, dport=54))) == given
        assert _port(session.send("h1", datagram(family, H1, R1, dport=53))) == given
        assert _port(session.send("h1", datagram(family, H1, H2, sport=40001, dport=53))) == 40001


@BOTH
@shows("14-other-peer")
def test_a_translated_port_is_open_to_its_peer_only(family: int) -> None:
    """Another peer, or the peer's other port, meets the translator itself."""
    with _net().session() as session:
        session.send("h0", datagram(family, H0, H2, dport=53))
        other = session.send("r1", datagram(family, R1, R0_FAR, sport=53, dport=40000))
        assert (other.disposition, ended(other)) == ("no-listener", "r0")
        assert (error(other).told, error(other).src) == (PORT[family], R0_FAR[family])
        wrong = session.send("h2", datagram(family, H2, R0_FAR, sport=54, dport=40000))
        assert (wrong.disposition, ended(wrong)) == ("no-listener", "r0")
        right = session.send("h2", datagram(family, H2, R0_FAR, sport=53, dport=40000))
        assert ended(right) == "h0"
        assert arrived(right.traces[0])[0].dst == H0[family]


@BOTH
@shows("14-other-peer")
def test_tcp_to_a_translated_port_is_reset_by_the_translator(family: int) -> None:
    """And a stray reply to a ping is not for anybody."""
    with _net().session() as session:
        session.send("h0", segment(family, H0, H2))
        found = session.send("r1", segment(family, R1, R0_FAR, sport=80, dport=40000))
        assert (found.disposition, ended(found)) == ("no-listener", "r0")
        assert left(found.traces[1])[0].flags == 0x14
        stray = session.send("r1", ping(family, R1, R0_FAR, reply=True))
        assert (ended(stray), len(stray.traces)) == ("r0", 1)


@BOTH
@pytest.mark.parametrize("flags", ["SA", "R", "RA", "FA", "F", "", "SF", "FPU", "SR"])
@shows("15-leak")
def test_first_segments_that_open_nothing_leak(family: int, flags: str) -> None:
    """Invalid packets are forwarded as they are, with their private source."""
    found = _net().send("h0", segment(family, H0, H2, flags=flags))
    assert _outside(found).src == H0[family]


@BOTH
@shows("15-leak")
def test_packets_with_wrong_checksums_leak(family: int) -> None:
    """As do replies and errors that nobody asked for; the receiver drops what is damaged."""
    for packet in (datagram(family, H0, H2, dport=53, chksum=0x1234), segment(family, H0, H2, chksum=0x1234)):
        found = _net().send("h0", packet)
        assert (_outside(found).src, found.disposition) == (H0[family], "malformed")
    assert _outside(_net().send("h0", ping(family, H0, H2, reply=True))).src == H0[family]


@BOTH
@shows("15-leak")
def test_a_filter_can_stop_the_leak(family: int) -> None:
    """Its state is invalid."""
    rule = {"hook": "forward", "state": ["invalid"], "action": "drop"}
    net = dsflow.load(masquerading(r0={"filters": [rule]}))
    assert net.send("h0", segment(family, H0, H2, flags="SA")).disposition == "denied-forward"
    assert net.send("h0", segment(family, H0, H2)).disposition == "delivered"


@BOTH
@pytest.mark.parametrize("flags", ["S", "A", "PA", "AU", "SP", "SU"])
@shows("15-bare-ack")
def test_a_bare_acknowledgement_is_translated(family: int, flags: str) -> None:
    """Connections that were opened earlier are taken up."""
    assert _outside(_net().send("h0", segment(family, H0, H2, flags=flags))).src == R0_FAR[family]


@BOTH
@shows("15-no-checksum")
def test_a_datagram_without_checksum_stays_without(family: int) -> None:
    """It is translated; IPv4 takes it, and IPv6 does not."""
    found = _net().send("h0", datagram(family, H0, H2, dport=53, chksum=0))
    packet = _outside(found)
    assert (packet.src, packet.raw[packet.upper + 6 : packet.upper + 8]) == (R0_FAR[family], b"\0\0")
    assert found.disposition == ("delivered" if family == 4 else "malformed")


@BOTH
@shows("15-leak")
def test_a_tunnel_that_tracking_cannot_place_leaks(family: int) -> None:
    """GRE of version 1 with anything but PPP in it (RFC 2637)."""
    net = dsflow.load(masquerading())
    for protocol, source in ((0x1234, H0), (0x880B, R0_FAR)):
        found = net.send("h0", tunnelled(family, H0, H2, protocol=protocol))
        assert left(found.traces[0], 1)[0].src == source[family]


@BOTH
@shows("12-class")
def test_what_has_no_ports_to_draw_from_is_dropped_where_answers_could_not_be_told_apart(family: int) -> None:
    """Of two hosts that speak to a third by a protocol without ports, behind one address."""
    raw = {host: tunnelled(family, src, H2, protocol=0x880B) for host, src in (("h0", H0), ("h1", H1))}
    with dsflow.load(masquerading()).session() as session:
        found = [str(session.send(host, packet).disposition) for host, packet in raw.items()]
    assert found == ["no-listener", "nat-exhausted"]


@shows("15-leak")
def test_no_next_header_can_be_placed_nowhere() -> None:
    """RFC 8200 section 4.7."""
    bare = Packet.parse(datagram(6, H0, H2)).raw
    nothing = bare[:4] + b"\0\0\x3b" + bare[7:40]
    found = dsflow.load(masquerading()).send("h0", nothing)
    assert left(found.traces[0], 1)[0].src == H0[6]


@pytest.mark.parametrize("protocol", [33, 51, 132, 136])
def test_what_tracking_reads_by_rules_of_its_own_is_refused(protocol: int) -> None:
    """SCTP and its like, only where connections are tracked."""
    bare = Packet.parse(datagram(6, H0, H2)).raw
    other = bare[:6] + bytes((protocol,)) + bare[7:]
    with pytest.raises(NotModelledError, match="where connections are tracked"):
        dsflow.load(masquerading()).send("h0", other)
    assert str(dsflow.load(chain()).send("h0", other).disposition) == "no-listener"


@shows("10-syn-ack")
@BOTH
def test_a_listener_takes_an_offer_to_be_told_of_congestion(family: int) -> None:
    """RFC 3168 section 6.1.1: unless the SYN itself was marked on its way."""
    net = dsflow.load(chain())
    for marked, flags in ((False, "SAE"), (True, "SA")):
        raw = segment(family, H0, H2, dport=80, flags="SEC")
        if marked and family == 4:
            raw = mended(raw[:1] + b"\x02" + raw[2:])
        elif marked:
            raw = raw[:1] + b"\x20" + raw[2:]
        answer = answers(net.send("h0", raw))[0].hops[0].packets_out[0]
        assert read_fields(answer)["tcp.flags"] == flags


@shows("6-reject", "15-no-checksum")
def test_a_reject_tells_of_a_datagram_without_checksum() -> None:
    """There is nothing to verify."""
    rule = {"hook": "forward", "protocol": "udp", "dport": 9, "action": "reject"}
    net = dsflow.load(chain(r0={"filters": [rule]}))
    assert len(errors(net.send("h0", datagram(6, H0, H2, chksum=0)))) == 1
    assert errors(net.send("h0", datagram(6, H0, H2, chksum=0x1234))) == []
