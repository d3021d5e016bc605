"""One connection in one direction."""

from __future__ import annotations

from dsflow.net.address import Family
from dsflow.trace.trace import Cause, Direction
from tests.cases import POD, REMOTE, WEB, sydney


def test_reason_and_mend_are_about_the_packet_that_ended() -> None:
    """Templates filled from the last decision."""
    trace = sydney().trace(POD, REMOTE, family=4, tcp=81).traces[0]
    assert trace.reason == f"nothing at {REMOTE} listens on tcp/81"
    assert trace.mend == f"add tcp/81 to pods.{REMOTE.removeprefix('pod/')}.listen"


def test_a_delivered_trace_needs_no_mending() -> None:
    """Mend is None where nothing is to be done."""
    trace = sydney().trace(POD, REMOTE, family=4, tcp=80).traces[0]
    assert trace.mend is None
    assert trace.reason == "tcp port 80 is open"


def test_the_mtu_in_the_words_is_the_links() -> None:
    """A refusal for size tells both sizes."""
    trace = sydney().trace(POD, WEB, family=4, udp=53, size=2000, df=True).traces[0]
    assert trace.reason.startswith("2000 bytes do not fit the link's 1500")


def test_only_errors_have_a_cause() -> None:
    """The provoking trace by its place in the chain."""
    chain = sydney().trace(POD, WEB, family=4, udp=9)
    assert chain.traces[0].cause is None
    assert chain.traces[1].cause == Cause(trace=0, hop=4)
    assert chain.traces[1].direction is Direction.ERROR


def test_a_passage_is_the_way_without_the_packets() -> None:
    """Devices with the links they left by, the last without one."""
    chain = sydney().trace(POD, REMOTE, family=6, tcp=80)
    there, back = (trace.passage for trace in chain.traces)
    assert (there.forward, back.forward, there.family) == (True, False, Family.IPV6)
    assert [device.id for device, _ in there.path] == [hop.device for hop in chain.traces[0].hops]
    assert [neighbor is None for _, neighbor in there.path] == [False] * 4 + [True]
