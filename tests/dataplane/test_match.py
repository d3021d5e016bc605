"""Conditions on a packet: every field that is given must agree."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow.dataplane.match import Match
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.build import first_packet
from dsflow.net.fragment import fragment
from dsflow.net.packet import Packet
from dsflow.net.ranges import PortRange


def _packet(protocol: str = "tcp", src: str = "10.0.0.1", dst: str = "10.0.0.2") -> Packet:
    one, other = Address.parse(src), Address.parse(dst)
    return first_packet(one.family, protocol, one.value, other.value, dport=None if protocol == "icmp" else 80)


HERE = Prefix.parse("10.0.0.0/24")
THERE = Prefix.parse("10.0.1.0/24")


def test_no_condition_covers_everything() -> None:
    """Both families, any interface."""
    assert Match().covers(_packet(), "a", "b")
    assert Match().covers(_packet("icmp", "fd00::1", "fd00::2"), None, None)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ({"family": Family.IPV4}, {"family": Family.IPV6}),
        ({"protocol": 6}, {"protocol": 17}),
        ({"src": HERE}, {"src": THERE}),
        ({"dst": HERE}, {"dst": THERE}),
        ({"dst": HERE}, {"dst": Prefix.parse("::/0")}),
        ({"sport": PortRange(40000, 40000)}, {"sport": PortRange(1, 2)}),
        ({"dport": PortRange(80, 90)}, {"dport": PortRange(81, 90)}),
        ({"in_interface": "in"}, {"in_interface": "out"}),
        ({"out_interface": "out"}, {"out_interface": "in"}),
    ],
)
def test_each_condition_must_agree(right: dict[str, Any], wrong: dict[str, Any]) -> None:
    """One that does not is enough to refuse."""
    assert Match(**right).covers(_packet(), "in", "out")
    assert not Match(**wrong).covers(_packet(), "in", "out")
    assert not Match(**{"family": Family.IPV4, **wrong}).covers(_packet(), "in", "out")


def test_ports_are_of_packets_that_have_some() -> None:
    """A port range never covers a piece of a datagram without the upper header."""
    _, second = fragment(first_packet(4, "udp", 0x0A000001, 0x0A000002, dport=80, size_bytes=2000), 1500)
    assert not Match(dport=PortRange(0, 65535)).covers(second, None, None)
    assert not Match(sport=PortRange(0, 65535)).covers(second, None, None)
    assert Match(protocol=17, dst=HERE).covers(second, None, None)


@pytest.mark.parametrize(
    ("match", "family", "interface", "may"),
    [
        (Match(), 4, None, True),
        (Match(family=Family.IPV6), 4, None, False),
        (Match(src=HERE), 6, None, False),
        (Match(dst=HERE), 4, "x", True),
        (Match(in_interface="x"), 4, "x", True),
        (Match(in_interface="x"), 4, "y", False),
        (Match(src=HERE, dst=Prefix.parse("fd00::/8")), 4, None, False),
    ],
)
def test_what_a_rule_may_ever_cover(match: Match, family: int, interface: str | None, may: bool) -> None:
    """Families and the incoming interface settle that before any packet comes."""
    assert match.may_cover(family, interface) is may
