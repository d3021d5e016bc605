"""Fragments by themselves: refused one by one, lost on an unequal wire, awaited by whoever puts them together."""

from __future__ import annotations

import errno

import pytest

import dsflow
from dsflow.lab.craft import mended
from dsflow.lab.expect import expected_errno
from dsflow.lab.probe import Probe
from dsflow.lab.verify import verify
from dsflow.net.fragment import fragment
from dsflow.net.packet import Packet
from tests.kernel.codes import TOO_BIG
from tests.kernel.facts import shows
from tests.kernel.mutations_fragments import pieces
from tests.kernel.networks import BOTH, H0, H2, Data, chain, masquerading
from tests.kernel.packets import arrived, datagram, errors, left
from tests.needs import needs_lab


def _narrow(link_mtu: int, r0: Data | None = None) -> Data:
    data = chain(**({} if r0 is None else {"r0": r0}))
    for name, port in (("r0", "e1"), ("r1", "e0")):
        data["devices"][name]["interfaces"][port]["mtu"] = link_mtu
    return data


@shows("8-each-by-itself")
def test_ipv6_pieces_that_fit_go_on_when_others_are_too_big() -> None:
    """The sender is told of each that was refused; the rest never becomes a datagram at its destination."""
    found = dsflow.load(_narrow(1400)).trace("h0", "h2", family=6, udp=53, size=3000)
    forward = found.traces[0]
    assert (str(found.disposition), forward.ended_at.device, forward.hops[-1].device) == (
        "too-big",
        "device/r0",
        "device/h2",
    )
    assert [one.length for one in arrived(forward, 1)] == [1496, 1496, 112]
    assert [one.length for one in left(forward, 1)] == [112]
    assert [(left(trace)[0].told, trace.cause and trace.cause.hop) for trace in errors(found)] == [(TOO_BIG[6], 1)] * 2
    assert forward.hops[-1].steps[-1].reason.startswith("not all fragments are here")


@BOTH
@shows("8-each-by-itself")
def test_a_port_rule_drops_the_first_piece_and_lets_the_rest_pass(family: int) -> None:
    """Only the first has ports."""
    rule = {"hook": "forward", "protocol": "udp", "dport": 53, "action": "drop"}
    found = dsflow.load(_narrow(1500, {"filters": [rule]})).trace("h0", "h2", family=family, udp=53, size=3000)
    assert str(found.disposition) == "denied-forward"
    assert [one.offset for one in left(found.traces[0], 1)] == [one.offset for one in arrived(found.traces[0], 1)][1:]


@shows("9-unequal-ends")
def test_what_a_device_divides_stops_at_the_first_piece_that_the_wire_loses() -> None:
    """r1's end of the link takes less than r0's: of the two pieces that r0 makes, the second is not sent."""
    data = _narrow(1400)
    data["devices"]["r1"]["interfaces"]["e0"]["mtu"] = 1300
    forward = dsflow.load(data).send("h0", datagram(4, H0, H2, size=1500, dport=53)).traces[0]
    assert [one.length for one in left(forward, 1)] == [1396]
    assert str(forward.disposition) == "too-big"


@BOTH
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [0, 0, 1, 2]])
@shows("11-waits")
def test_pieces_sent_one_after_another_become_whole(family: int, order: list[int]) -> None:
    """At their destination, and where connections are tracked already at the translator."""
    for net, device in ((chain(), "device/h2"), (masquerading(), "device/r0")):
        made = pieces(family, H0, H2)
        with dsflow.load(net).session() as session:
            *waiting, last = [session.send("h0", made[number]) for number in order]
        assert {(str(one.disposition), one.traces[0].ended_at.device) for one in waiting} == {("malformed", device)}
        assert str(last.disposition) == "delivered"
        assert any(step.reason.startswith("with what came before") for hop in last.traces[0].hops for step in hop.steps)


@BOTH
@shows("11-waits")
def test_pieces_that_overlap_are_lost_with_all_that_waited(family: int) -> None:
    """RFC 5722, which Linux keeps in IPv4 too."""
    made = pieces(family, H0, H2)
    with dsflow.load(chain()).session() as session:
        for piece in (made[0], pieces(family, H0, H2, 1288)[1], *made[1:]):
            assert str(session.send("h0", piece).disposition) == "malformed"


@shows("11-waits")
def test_a_question_by_itself_waits_for_nothing() -> None:
    net = dsflow.load(chain())
    assert {str(net.send("h0", piece).disposition) for piece in pieces(4, H0, H2)} == {"malformed"}


@BOTH
@shows("11-own-fragments")
def test_ones_own_filter_and_link_come_before_what_a_host_puts_together(family: int) -> None:
    """A fragment to oneself meets output; one that is too long for the link is not even awaited by tracking."""
    rule = {"hook": "output", "protocol": "udp", "dport": 53, "action": "reject"}
    to_itself = fragment(
        Packet.parse(datagram(family, H0, H0, size=1400, dport=53, ident=4711)), 700, identification=4711
    )[0].raw
    net = dsflow.load(chain(h0={"filters": [rule]}))
    found = net.send("h0", to_itself)
    assert str(found.disposition) == "denied-egress"
    assert expected_errno(found, Probe(device="device/h0", packet=to_itself)) == errno.EPERM
    too_long = pieces(family, H0, H2, 1600)[0]
    refused = dsflow.load(masquerading()).send("r0", too_long)
    assert str(refused.disposition) == "too-big"


@shows("11-reassembles")
def test_a_fragment_that_is_all_there_is_loses_its_header_at_a_tracking_box() -> None:
    """RFC 6946; another router carries it as it is."""
    whole = Packet.parse(datagram(6, H0, H2, dport=53))
    raw = whole.raw[:4] + (whole.length - 32).to_bytes(2, "big") + b"\x2c" + whole.raw[7:40]
    atomic = raw + b"\x11\0\0\0\0\0\0\x05" + whole.raw[40:]
    for net, length in ((chain(), whole.length + 8), (masquerading(), whole.length)):
        found = dsflow.load(net).send("h0", atomic)
        assert (str(found.disposition), left(found.traces[0], 1)[0].length) == ("delivered", length)


@shows("11-waits")
def test_pieces_that_add_up_to_more_than_a_packet_are_carried_and_lost() -> None:
    """Only whoever puts them together sees it (ip_frag_reasm)."""
    late = Packet.parse(pieces(4, H0, H2)[2])
    place = (0x1FFF).to_bytes(2, "big")
    first = Packet.parse(pieces(4, H0, H2)[0])
    far = mended(late.raw[:6] + place + late.raw[8:])
    with dsflow.load(chain()).session() as session:
        found = session.send("h0", far)
        assert (str(found.disposition), found.traces[0].hops[-1].device) == ("malformed", "device/h2")
        step, offset = 1280, 0
        while offset < 0x1FFF * 8:
            size = min(step, 0x1FFF * 8 - offset)
            header = first.raw[:2] + (20 + size).to_bytes(2, "big") + first.raw[4:6]
            piece = header + (0x2000 | offset // 8).to_bytes(2, "big") + first.raw[8:20] + bytes(size)
            found = session.send("h0", mended(piece))
            offset += size
        assert str(found.disposition) == "malformed"


@needs_lab
@BOTH
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2], [0, 3, 1, 2]])
@shows("11-waits")
def test_the_kernel_waits_for_the_same_pieces(family: int, order: list[int]) -> None:
    """Through a narrow link, and through a translator; piece 3 overlaps."""
    sent = [*pieces(family, H0, H2), pieces(family, H0, H2, 1288)[1]]
    for net in (_narrow(1400), masquerading()):
        probes = [Probe(device="device/h0", packet=sent[number], session="one") for number in order]
        report = verify(dsflow.load(net), probes)
        assert report.holds, str(report)
