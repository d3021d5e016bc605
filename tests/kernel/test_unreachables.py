"""Routes that refuse, neighbours that fail, closed ports, rejects, and limits on errors."""

from __future__ import annotations

import errno

import pytest

import dsflow
from dsflow.dataplane.disposition import Disposition
from dsflow.lab.expect import expected_errno
from dsflow.lab.probe import Probe
from tests.kernel.codes import ADMIN, NEIGHBOUR, NO_ROUTE, PORT, PROHIBIT, UNREACHABLE
from tests.kernel.facts import shows
from tests.kernel.networks import BITS, BOTH, CLIENT, H0, H2, NOWHERE, R0, R0_FAR, R1, SERVER, Data, chain, lan
from tests.kernel.packets import answers, datagram, ended, error, errors, left, ping, segment, sent

ODD = {4: "10.9.0.0/16", 6: "fd00:9::/32"}
NOBODY = {4: "10.0.0.77", 6: "fd00:a::77"}
ALL = {4: "0.0.0.0/0", 6: "::/0"}


def _special(family: int, kind: str) -> Data:
    return chain(r0={"routes": [{"to": ODD[family], "type": kind}]})


def _local(family: int, kind: str) -> tuple[Disposition, int | None, int]:
    """What a device's own packet meets on such a route: disposition, error number, and how many traces."""
    data = _special(family, kind) if kind else chain()
    packet = datagram(family, R0, NOWHERE)
    found = dsflow.load(data).send("r0", packet)
    return found.disposition, expected_errno(found, Probe(device="device/r0", packet=packet)), len(found.traces)


@BOTH
@pytest.mark.parametrize("kind", ["", "throw"])
@shows("unreachable-none")
def test_no_route(family: int, kind: str) -> None:
    """Throw goes on to the next table, and there is none."""
    found = dsflow.load(_special(family, kind) if kind else chain()).send("h0", datagram(family, H0, NOWHERE))
    assert (found.disposition, error(found).told) == ("no-route", NO_ROUTE[family])
    assert _local(family, kind) == ("no-route", errno.ENETUNREACH, 1)


@BOTH
@shows("unreachable-unreachable")
def test_an_unreachable_route(family: int) -> None:
    """A host that cannot be reached in IPv4, no route in IPv6."""
    found = dsflow.load(_special(family, "unreachable")).send("h0", datagram(family, H0, NOWHERE))
    assert (found.disposition, error(found).told) == ("unreachable-route", UNREACHABLE[family])
    assert _local(family, "unreachable") == ("unreachable-route", errno.EHOSTUNREACH, 1)


@BOTH
@shows("unreachable-prohibit")
def test_a_prohibiting_route(family: int) -> None:
    """Administratively filtered."""
    found = dsflow.load(_special(family, "prohibit")).send("h0", datagram(family, H0, NOWHERE))
    assert (found.disposition, error(found).told) == ("prohibited", PROHIBIT[family])
    assert _local(family, "prohibit") == ("prohibited", errno.EACCES, 1)


@BOTH
@shows("unreachable-blackhole")
def test_a_blackhole(family: int) -> None:
    """Nobody hears of it but the device's own programs."""
    found = dsflow.load(_special(family, "blackhole")).send("h0", datagram(family, H0, NOWHERE))
    assert (found.disposition, len(found.traces)) == ("blackholed", 1)
    assert _local(family, "blackhole") == ("blackholed", errno.EINVAL, 1)


@BOTH
@shows("unreachable-neighbour")
def test_a_neighbour_that_does_not_answer(family: int) -> None:
    """Told by the router of the link; the local sender's call succeeds, and nothing leaves."""
    found = dsflow.load(chain()).send("h2", datagram(family, H2, NOBODY))
    assert (found.disposition, error(found).told, sent(found)) == ("neighbor-unreachable", NEIGHBOUR[family], "r0")
    packet = datagram(family, H0, NOBODY)
    own = dsflow.load(chain()).send("h0", packet)
    assert (own.disposition, ended(own)) == ("neighbor-unreachable", "h0")
    assert expected_errno(own, Probe(device="device/h0", packet=packet)) is None
    assert left(own.traces[0]) == []


@BOTH
@shows("unreachable-closed-port")
def test_a_closed_udp_port(family: int) -> None:
    """Of the host or of a router, with the whole datagram quoted as it came."""
    for target, ttl in ((H2, 62), (R1, 63)):
        found = dsflow.load(chain()).send("h0", datagram(family, H0, target, dport=9))
        assert (found.disposition, error(found).told, error(found).src) == ("no-listener", PORT[family], target[family])
        assert (error(found).quote.ttl, error(found).quote.ports) == (ttl, (40000, 9))


@BOTH
@shows("5-longest-then-metric")
def test_the_longest_prefix_then_the_lower_metric(family: int) -> None:
    """A metric decides between routes to one prefix only."""
    narrow = {4: "10.9.9.0/24", 6: "fd00:9::/64"}[family]
    routes = [
        {"to": ODD[family], "type": "prohibit", "metric": 5},
        {"to": ODD[family], "type": "unreachable", "metric": 9},
        {"to": narrow, "type": "unreachable", "metric": 90},
    ]
    net = dsflow.load(chain(r0={"routes": routes}))
    assert net.send("h0", datagram(family, H0, NOWHERE)).disposition == "unreachable-route"
    beside = {4: "10.9.1.1", 6: "fd00:9:1::1"}[family]
    assert net.send("h0", datagram(family, H0, beside)).disposition == "prohibited"


@BOTH
@shows("5-longest-then-metric")
def test_a_written_route_of_lower_metric_beats_the_connected_one(family: int) -> None:
    """A connected route has metric 0 in IPv4 and 256 in IPv6."""
    prefix = {4: "10.0.1.0/24", 6: "fd00:b::/64"}[family]
    target = {4: "10.0.1.2", 6: "fd00:b::2"}[family]
    for metric, wins in ((1, family == 6), (300, False)):
        net = dsflow.load(chain(r0={"routes": [{"to": prefix, "type": "prohibit", "metric": metric}]}))
        found = net.send("h0", datagram(family, H0, target, dport=9))
        assert found.disposition == ("prohibited" if wins else "no-listener")


@BOTH
@shows("5-special-is-ordinary")
def test_a_refusing_route_is_an_ordinary_one(family: int) -> None:
    """Longer than a way on it wins, shorter it loses."""
    host = {4: f"{H2[4]}/32", 6: f"{H2[6]}/128"}[family]
    net = dsflow.load(chain(r0={"routes": [{"to": host, "type": "blackhole"}]}))
    assert net.send("h0", ping(family, H0, H2)).disposition == "blackholed"
    wide = dsflow.load(chain(r0={"routes": [{"to": ALL[family], "type": "prohibit"}]}))
    assert wide.send("h0", ping(family, H0, H2)).disposition == "delivered"
    assert wide.send("h0", ping(family, H0, NOWHERE)).disposition == "prohibited"


@BOTH
@shows("6-host-does-not-route")
def test_a_host_does_not_route(family: int) -> None:
    """Put onto its wire, a packet for somebody else ends there in silence."""
    net = dsflow.load(chain())
    found = net.send("r1", datagram(family, R0_FAR, NOWHERE, ttl=1), interface="e1")
    assert (found.disposition, ended(found), len(found.traces)) == ("not-forwarding", "h2", 1)


@BOTH
@pytest.mark.parametrize("kind", ["unreachable", "prohibit", "throw"])
@shows("6-host-does-not-route")
def test_a_host_refuses_by_its_routes_in_ipv6_only(family: int, kind: str) -> None:
    """IPv6 looks for the route first, IPv4 asks first whether it routes at all."""
    net = dsflow.load(chain(h2={"routes": [{"to": ODD[family], "type": kind}]}))
    found = net.send("r1", datagram(family, R0_FAR, NOWHERE), interface="e1")
    if family == 4:
        assert (found.disposition, len(found.traces)) == ("not-forwarding", 1)
    else:
        assert error(found).told == (PROHIBIT[6] if kind == "prohibit" else NO_ROUTE[6])
        assert error(found).src == H2[6]


@BOTH
@pytest.mark.parametrize("action", ["reject", "reject-admin", "reject-host"])
@shows("6-reject")
def test_rejects_say_their_code_of_tcp_too(family: int, action: str) -> None:
    """Port unreachable unless another code is asked for, from the router's address."""
    wanted = {"reject": PORT, "reject-admin": ADMIN, "reject-host": NEIGHBOUR}[action][family]
    net = dsflow.load(chain(r0={"filters": [{"hook": "forward", "action": action}]}))
    for packet in (datagram(family, H0, H2), segment(family, H0, H2), ping(family, H0, H2)):
        found = net.send("h0", packet)
        assert (found.disposition, error(found).told) == ("denied-forward", wanted)
        assert (error(found).src, error(found).quote.ttl) == (R0[family], 63)


@BOTH
@shows("6-reject")
def test_a_reject_on_input_speaks_from_the_address_asked(family: int) -> None:
    """Nothing was lowered yet."""
    net = dsflow.load(chain(r0={"filters": [{"hook": "input", "action": "reject"}]}))
    found = net.send("h0", segment(family, H0, R0_FAR))
    assert (found.disposition, error(found).told) == ("denied-ingress", PORT[family])
    assert (error(found).src, error(found).quote.ttl) == (R0_FAR[family], 64)


@BOTH
@shows("6-reject")
def test_a_reject_answers_no_error(family: int) -> None:
    """An error about an error is never sent, and nothing is said of a wrong checksum."""
    net = dsflow.load(chain(r0={"filters": [{"hook": "forward", "action": "reject"}]}))
    refused = net.send("h2", datagram(family, H2, H0, dport=9))
    assert [ended(refused), len(refused.traces)] == ["r0", 2]
    wrong = datagram(family, H0, H2, chksum=0x1234)
    assert len(net.send("h0", wrong).traces) == 1


@BOTH
@pytest.mark.parametrize(
    ("flags", "answer", "numbers"),
    [("S", 0x14, (0, 101)), ("A", 0x04, (7, 0)), ("PA", 0x04, (7, 0)), ("SF", 0x14, (0, 102)), ("", 0x14, (0, 100))],
)
@shows("6-tcp-reset")
def test_a_filters_reset_speaks_for_the_destination(
    family: int, flags: str, answer: int, numbers: tuple[int, int]
) -> None:
    """From address and port asked; what it acknowledges follows from the flags."""
    net = dsflow.load(chain(r0={"filters": [{"hook": "forward", "action": "reject-tcp-reset", "protocol": "tcp"}]}))
    found = net.send("h0", segment(family, H0, H2, flags=flags, ack=7))
    assert found.disposition == "denied-forward"
    (trace,) = answers(found)
    (reset,) = left(trace)
    assert (trace.hops[0].device, reset.src, reset.ports) == ("device/r0", H2[family], (80, 40000))
    assert (reset.flags, reset.numbers, reset.ttl) == (answer, numbers, 64)
    assert family == 6 or (reset.df, reset.ident, reset.length) == (True, 0, 40)


@BOTH
@pytest.mark.parametrize("flags", ["R", "RA"])
@shows("6-no-reset-for-reset")
def test_a_reset_is_not_reset(family: int, flags: str) -> None:
    """Neither by a filter nor by a closed port."""
    net = dsflow.load(chain(r0={"filters": [{"hook": "forward", "action": "reject-tcp-reset", "protocol": "tcp"}]}))
    assert len(net.send("h0", segment(family, H0, H2, flags=flags)).traces) == 1
    assert len(net.send("h0", segment(family, H0, R0, flags=flags)).traces) == 1


@BOTH
@shows("6-output-drop")
def test_a_filter_on_output_fails_the_senders_call(family: int) -> None:
    """Operation not permitted, and nothing leaves."""
    net = dsflow.load(chain(h0={"filters": [{"hook": "output", "protocol": "udp", "action": "drop"}]}))
    packet = datagram(family, H0, H2)
    found = net.send("h0", packet)
    assert (found.disposition, len(found.traces)) == ("denied-egress", 1)
    assert expected_errno(found, Probe(device="device/h0", packet=packet)) == errno.EPERM
    assert net.send("h0", packet, interface="e0").disposition == "no-listener"


def _told(data: Data, packets: list[bytes]) -> list[int]:
    """How many errors each of several packets in a row meets."""
    with dsflow.load(data).session() as session:
        return [len(errors(session.send("h0", packet))) for packet in packets]


@BOTH
@shows("7-burst")
def test_a_receiver_gets_six_errors_in_a_burst(family: int) -> None:
    """Where the scenario asks for the limit; each receiver has its own."""
    data = chain(r0={"icmp_rate_limit": True})
    packets = [datagram(family, H0, R0, sport=1000 + number) for number in range(8)]
    assert _told(data, packets) == [1] * 6 + [0] * 2
    with dsflow.load(data).session() as session:
        for packet in packets:
            session.send("h0", packet)
        other = {4: "10.0.0.3", 6: "fd00:a::3"}
        assert len(errors(session.send("h1", datagram(family, other, R0)))) == 1


@BOTH
@shows("7-burst")
def test_a_redirect_takes_from_the_same_bucket(family: int) -> None:
    """In IPv4 all that its receiver could have had, in IPv6 one."""
    ways = [{"to": f"{SERVER[one]}/{BITS[one]}", "via": R0[one]} for one in (4, 6)]
    data = lan(c={"routes": ways}, r={"icmp_rate_limit": True})
    with dsflow.load(data).session() as session:
        around = session.send("c", datagram(family, CLIENT, SERVER, dport=53))
        assert any(step.stage == "redirect" for step in around.traces[0].hops[1].steps)
        spent = [session.send("c", datagram(family, CLIENT, SERVER, ttl=1, sport=2000 + number)) for number in range(8)]
    assert sum(len(errors(found)) for found in spent) == (0 if family == 4 else 5)


@shows("7-route-errors")
def test_errors_about_ipv4_routes_are_limited_twice() -> None:
    """Each takes one of the five and, where errors are limited at all, one more out of the same bucket: two remain."""
    packets = [datagram(4, H0, NOWHERE, sport=1000 + number) for number in range(8)]
    assert _told(chain(r0={"icmp_rate_limit": True}), packets) == [1, 1] + [0] * 6
    packets = [datagram(6, H0, NOWHERE, sport=1000 + number) for number in range(8)]
    assert sum(_told(chain(r0={"icmp_rate_limit": True}), packets)) == 6


@BOTH
@shows("7-lifted")
def test_without_the_limit_every_packet_is_told_of(family: int) -> None:
    """The default: a simulation has no clock."""
    for target in (R0, NOWHERE):
        packets = [datagram(family, H0, target, sport=1000 + number) for number in range(20)]
        assert _told(chain(), packets) == [1] * 20


@shows("7-lifted")
def test_the_lab_lifts_the_limit_by_the_mask() -> None:
    """A rate of 0 would silence the errors of routes, which share the bucket."""
    from dsflow.lab.plan import make_plan

    texts = [command.text for command in make_plan(dsflow.load(chain()).topology, "any").commands]
    assert any("icmp_ratemask=0" in text for text in texts)
    assert not any("ipv4.icmp_ratelimit=0" in text for text in texts)


@BOTH
@shows("unreachable-neighbour", "unreachable-none")
def test_an_error_is_never_told_of(family: int) -> None:
    """A closed port's error to a source without a way ends where it is made."""
    stranger = {4: "10.8.8.8", 6: "fd00:8::8"}
    found = dsflow.load(chain()).send("h0", datagram(family, stranger, R0))
    assert found.disposition == "no-listener"
    (trace,) = errors(found)
    assert (trace.disposition, trace.hops[0].packets_out) == ("no-route", ())
