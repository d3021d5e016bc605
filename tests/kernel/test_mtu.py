"""What fits and what does not: fragments, MTUs of routes, unequal ends, learned path MTUs, tracked fragments."""

from __future__ import annotations

import errno

import pytest

import dsflow
from dsflow.lab.expect import expected_errno
from dsflow.lab.probe import Probe
from dsflow.net.fragment import fragment
from dsflow.net.packet import Packet
from tests.kernel.codes import NO_ROUTE, TOO_BIG
from tests.kernel.facts import shows
from tests.kernel.networks import BOTH, H0, H2, R0, R0_FAR, R1, Data, chain, masquerading
from tests.kernel.packets import Seen, answers, arrived, datagram, ended, error, errors, left, ping, segment, sent, told


def _narrow(first: int = 1400, second: int = 1500, **changes: Data) -> Data:
    """The chain with narrower links behind r0 and behind r1."""
    data = chain(**changes)
    devices = data["devices"]
    for name, port, mtu in (("r0", "e1", first), ("r1", "e0", first), ("r1", "e1", second), ("h2", "e0", second)):
        devices[name]["interfaces"][port]["mtu"] = mtu
    return data


@pytest.mark.parametrize(("size", "pieces"), [(1400, [1400]), (1401, [1396, 25]), (1500, [1396, 124])])
@shows("8-multiples")
def test_fragments_carry_multiples_of_eight(size: int, pieces: list[int]) -> None:
    """An MTU of 1400 makes fragments of 1396 bytes."""
    found = dsflow.load(_narrow()).send("h0", datagram(4, H0, H2, size=size, dport=53))
    assert [one.length for one in left(found.traces[0], 1)] == pieces
    assert found.disposition == "delivered"


@shows("8-again")
def test_each_router_divides_further() -> None:
    """r1 divides what r0 has divided, with offsets of the whole."""
    found = dsflow.load(_narrow(1400, 1300)).send("h0", datagram(4, H0, H2, size=1500, dport=53))
    pieces = left(found.traces[0], 2)
    assert [(one.length, one.offset, one.more) for one in pieces] == [
        (1300, 0, True),
        (116, 1280, True),
        (124, 1376, False),
    ]


@shows("8-kept")
def test_fragments_keep_identification_and_a_router_keeps_df() -> None:
    """Whole packets and fragments alike; a fragment with DF that is too big is refused."""
    found = dsflow.load(_narrow()).send("h0", datagram(4, H0, H2, size=1500, dport=53, ident=4711))
    assert {(one.ident, one.df) for one in left(found.traces[0], 1)} == {(4711, False)}
    packet = Packet.parse(datagram(4, H0, H2, size=1200, dport=53, ident=4711, df=True))
    piece = fragment(packet, 700)[0].raw
    (passed,) = left(dsflow.load(_narrow()).send("h0", piece).traces[0], 1)
    assert (passed.df, passed.more, passed.ident) == (True, True, 4711)
    refused = dsflow.load(_narrow(600)).send("h0", piece)
    assert (error(refused).told, error(refused).mtu, error(refused).quote.more) == (TOO_BIG[4], 600, True)


@shows("8-kept")
def test_ipv4_tells_of_first_fragments_only() -> None:
    """A later one that is too big and has DF is lost in silence."""
    packet = Packet.parse(datagram(4, H0, H2, size=1800, dport=53, df=True))
    later = fragment(packet, 1000)[1].raw
    assert Seen(later).offset
    found = dsflow.load(_narrow(600)).send("h0", later)
    assert (found.disposition, len(found.traces)) == ("too-big", 1)


@pytest.mark.parametrize("size", [1401, 1500])
@shows("8-ipv6-never")
def test_no_router_divides_ipv6(size: int) -> None:
    """It tells the sender instead, who hears what fits."""
    found = dsflow.load(_narrow()).send("h0", datagram(6, H0, H2, size=size, dport=53))
    assert (found.disposition, error(found).told, error(found).mtu) == ("too-big", TOO_BIG[6], 1400)
    assert (sent(found), error(found).src) == ("r0", R0[6])


@BOTH
@shows("8-own-link")
def test_a_raw_packet_fails_only_above_the_senders_own_link(family: int) -> None:
    """Message too long, and nobody is told; the links beyond are found out about on the way."""
    data = _narrow()
    data["devices"]["h0"]["interfaces"]["e0"]["mtu"] = 1450
    net = dsflow.load(data)
    packet = datagram(family, H0, H2, size=1451)
    found = net.send("h0", packet)
    assert (found.disposition, len(found.traces)) == ("too-big", 1)
    assert expected_errno(found, Probe(device="device/h0", packet=packet)) == errno.EMSGSIZE
    assert ended(net.send("h0", datagram(family, H0, H2, size=1450, df=True))) == "r0"


ROUTE_MTU: dict[int, Data] = {
    family: {"to": {4: "10.0.2.2/32", 6: "fd00:c::2/128"}[family], "via": R1[family], "mtu": 1300} for family in (4, 6)
}


@BOTH
@shows("9-route-mtu")
def test_the_mtu_of_a_route_holds_for_what_is_forwarded(family: int) -> None:
    """IPv4 checks it with the link's, IPv6 once the packet was lowered."""
    net = dsflow.load(chain(r0={"routes": [ROUTE_MTU[family]]}))
    found = net.send("h0", datagram(family, H0, H2, size=1400, df=True))
    assert (found.disposition, error(found).told, error(found).mtu) == ("too-big", TOO_BIG[family], 1300)
    assert (error(found).src, error(found).quote.ttl) == (R0[family], 64 if family == 4 else 63)
    assert net.send("h0", ping(family, H0, H2, size=1300)).disposition == "delivered"
    if family == 4:
        divided = net.send("h0", datagram(4, H0, H2, size=1400, dport=53))
        assert [one.length for one in left(divided.traces[0], 1)] == [1300, 120]


@BOTH
@pytest.mark.parametrize("action", ["drop", "reject"])
@shows("9-route-mtu")
def test_only_ipv6_filters_before_the_mtu_of_a_route(family: int, action: str) -> None:
    """Where the filter refuses the packet, IPv6 says nothing of its size."""
    rule = {"hook": "forward", "protocol": "udp", "action": action}
    net = dsflow.load(chain(r0={"routes": [ROUTE_MTU[family]], "filters": [rule]}))
    found = net.send("h0", datagram(family, H0, H2, size=1400, df=True))
    assert found.disposition == ("too-big" if family == 4 else "denied-forward")


@BOTH
@shows("9-unequal-ends")
def test_a_veth_loses_what_its_receiver_does_not_allow_for(family: int) -> None:
    """Four bytes more than its MTU are let in, for the tag of a VLAN."""
    data = chain()
    data["devices"]["r1"]["interfaces"]["e0"]["mtu"] = 1400
    net = dsflow.load(data)
    assert net.send("h0", ping(family, H0, H2, size=1404)).disposition == "delivered"
    lost = net.send("h0", ping(family, H0, H2, size=1405))
    assert (lost.disposition, len(lost.traces)) == ("too-big", 1)
    assert len(left(lost.traces[0], 1)) == 1


@BOTH
@shows("9-below-1280")
def test_an_interface_below_1280_bytes_has_no_ipv6(family: int) -> None:
    """Its addresses and routes are gone; IPv4 goes on."""
    data = _narrow(1279)
    for name, port in (("r0", "e1"), ("r1", "e0")):
        held = data["devices"][name]["interfaces"][port]
        held["addresses"] = [text for text in held["addresses"] if ":" not in text]
        data["devices"][name]["routes"] = [
            {"to": "fd00::/16", "interface": port},
            *(item for item in data["devices"][name]["routes"] if ":" not in item["to"]),
        ]
    found = dsflow.load(data).send("h0", datagram(family, H0, H2, dport=53))
    if family == 4:
        assert found.disposition == "delivered"
    else:
        assert (found.disposition, error(found).told) == ("no-route", NO_ROUTE[6])


def _back(family: int) -> Data:
    """A narrow way back to h0."""
    return {"to": {4: "10.0.0.2/32", 6: "fd00:a::2/128"}[family], "via": R0_FAR[family], "mtu": 1300}


def _answered(packets: list[bytes], data: Data) -> list[tuple[str | None, list[Seen]]]:
    """What becomes of each of several packets in a row, and what leaves in answer."""
    with dsflow.load(data).session() as session:
        chains = [session.send("h0", packet) for packet in packets]
    return [(found.round_trip, left(answers(found)[0])) for found in chains]


@BOTH
@shows("10-first-lost")
def test_the_answer_above_the_path_mtu_is_lost_and_the_next_divided(family: int) -> None:
    """The answering socket learns from the error, and divides at the source, without DF."""
    data = chain(r1={"routes": [_back(family)]})
    packets = [datagram(family, H0, H2, size=1400, dport=53, sport=port) for port in (1001, 1002)]
    first, second = _answered(packets, data)
    assert first[0] == "return-lost"
    assert [one.is_fragment for one in first[1]] == [False]
    assert second[0] == "delivered"
    assert [one.length for one in second[1]] == ([1300, 120] if family == 4 else [1296, 160])
    assert all(one.is_fragment and not (family == 4 and one.df) for one in second[1])


@shows("10-socket-df")
def test_a_udp_socket_sets_df_where_the_datagram_fits() -> None:
    """Otherwise it divides, without DF."""
    found = dsflow.load(chain()).send("h0", datagram(4, H0, H2, dport=53))
    (answer,) = left(answers(found)[0])
    assert (answer.df, answer.ttl, answer.tos) == (True, 64, 0)
    data = chain(h2={"interfaces": {"e0": {"mtu": 1400}}}, r1={"interfaces": {"e1": {"mtu": 1400}}})
    found = dsflow.load(data).send("h0", datagram(4, H0, H2, size=1450, dport=53))
    assert [(one.length, one.df) for one in left(answers(found)[0])] == [(1396, False), (74, False)]


@pytest.mark.parametrize("df", [False, True])
@shows("10-echo-reply")
def test_an_echo_reply_has_no_df(df: bool) -> None:
    """Whatever the request had."""
    found = dsflow.load(chain()).send("h0", ping(4, H0, H2, df=df))
    (reply,) = left(answers(found)[0])
    assert (reply.df, reply.told) == (False, (0, 0))


@shows("10-syn-ack")
def test_a_syn_ack_has_identification_zero_and_df() -> None:
    """As every segment that belongs to no connection."""
    for port, flags in ((80, 0x12), (81, 0x14)):
        found = dsflow.load(chain()).send("h0", segment(4, H0, H2, dport=port))
        (answer,) = left(answers(found)[0])
        assert (answer.flags, answer.ident, answer.df) == (flags, 0, True)
        assert answer.numbers[1] == 101


@BOTH
@shows("10-first-lost")
def test_an_echo_reply_learns_too(family: int) -> None:
    """The reply is the kernel's own; both families learn from errors about it."""
    with dsflow.load(chain(r1={"routes": [_back(family)]})).session() as session:
        first, second = (session.send("h0", ping(family, H0, H2, size=1400)) for _ in range(2))
    if family == 4:  # without DF the router divides, and nobody learns
        assert [found.round_trip for found in (first, second)] == ["delivered", "delivered"]
        assert [len(left(answers(found)[0])) for found in (first, second)] == [1, 1]
    else:
        assert [found.round_trip for found in (first, second)] == ["return-lost", "delivered"]
        assert [one.length for one in left(answers(second)[0])] == [1296, 160]


@shows("10-first-lost")
def test_a_kernel_learns_from_errors_about_its_echo_replies() -> None:
    """Also from those that a raw socket sent; of its echo requests a raw socket learns nothing."""
    for reply, held in ((True, ["device/h0"]), (False, [])):
        net = dsflow.load(_narrow())
        with net.session() as session:
            for _ in range(2):
                found = session.send("h0", ping(4, H0, H2, size=1450, df=True, reply=reply))
            assert [trace.hops[-1].device for trace in found.traces if len(trace.hops) == 1] == held


TRACKED: Data = {"filters": [{"hook": "forward", "state": ["established", "related"], "action": "accept"}]}


@BOTH
@shows("11-reassembles")
def test_a_tracking_box_translates_the_whole_datagram(family: int) -> None:
    """A socket divides at the source; every piece leaves translated, cut where it was."""
    found = dsflow.load(masquerading()).trace("h0", "h2", family=family, udp=53, size=2000)
    assert found.round_trip == "delivered"
    came, went = arrived(found.traces[0], 1), left(found.traces[0], 1)
    assert [one.length for one in went] == [one.length for one in came]
    assert len(came) == 2
    assert {one.src for one in went} == {R0_FAR[family]}


@BOTH
@shows("11-reassembles")
def test_a_tracking_box_quotes_the_whole_datagram(family: int) -> None:
    """One error, about what the pieces made; without tracking IPv6 tells of each, IPv4 of the first."""
    found = dsflow.load(masquerading()).trace("h0", "h2", family=family, udp=53, size=2000, ttl=1)
    quote = error(found).quote
    assert (quote.is_fragment, quote.length, quote.ttl) == (False, 2000, 1)
    plain = dsflow.load(chain()).trace("h0", "h2", family=family, udp=53, size=2000, ttl=1)
    quotes = [left(trace)[0].quote for trace in errors(plain)]
    assert [one.is_fragment for one in quotes] == [True] * (1 if family == 4 else 2)


@shows("11-reassembles", "11-largest")
@pytest.mark.parametrize(("near", "far", "pieces"), [(1300, 1500, [1300, 120]), (1400, 1300, [1300, 120])])
def test_a_tracking_box_sends_nothing_larger_than_what_it_got(near: int, far: int, pieces: list[int]) -> None:
    """r1 divides for a narrow link, r0 tracks: what leaves is as it came, or smaller, and has no DF."""
    data = chain(r0=TRACKED)
    devices = data["devices"]
    for name, port, mtu in (("r1", "e0", near), ("r0", "e1", near), ("r0", "e0", far), ("h0", "e0", far)):
        devices[name]["interfaces"][port]["mtu"] = mtu
    devices["h1"]["interfaces"]["e0"]["mtu"] = far
    devices["h0"]["listen"] = ["udp/53"]
    found = dsflow.load(data).send("h2", datagram(4, H2, H0, size=1400, dport=53))
    assert [one.length for one in left(found.traces[0], 1)] == ([1300, 120] if near == 1300 else [1400])
    assert [one.length for one in left(found.traces[0], 2)] == pieces
    assert not any(one.df for one in left(found.traces[0], 2))
    assert found.disposition == "delivered"


@BOTH
@shows("11-reassembles")
def test_a_tracking_box_filters_the_whole_datagram(family: int) -> None:
    """Its rules about ports meet all of it, and a reject is sent, as its checksum can be verified."""
    rule = {"hook": "forward", "protocol": "udp", "dport": 9, "action": "reject"}
    for rules, told_of in (([rule], 0), ([*TRACKED["filters"], rule], 1)):
        net = dsflow.load(chain(r1={"filters": rules}))
        found = net.trace("h0", "h2", family=family, udp=9, size=2000)
        assert found.disposition == "denied-forward"
        assert len(errors(found)) == told_of


@BOTH
@shows("9-route-mtu")
def test_the_error_comes_back_to_the_sender(family: int) -> None:
    """Lowered by no router between them."""
    found = dsflow.load(_narrow()).send("h0", datagram(family, H0, H2, size=1450, df=True))
    assert (told(found).ttl, told(found).dst, told(found).checksums_hold) == (64, H0[family], True)
