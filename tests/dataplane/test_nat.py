"""Ports of a pool, and what a device says of translations that it did not make."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dsflow.dataplane.action import Rule
from dsflow.dataplane.nat import NatCapability, NatKind, PortPool, next_port, preferred_port

numbers = st.integers(0, 2**32 - 1)


@given(first=st.integers(1, 65_500), size=st.integers(1, 30), src=numbers, dst=numbers, seed=st.integers(0, 99))
def test_every_port_of_the_pool_is_tried_once(first: int, size: int, src: int, dst: int, seed: int) -> None:
    """From the preferred one upwards, and round to it again."""
    pool = PortPool(first=first, last=first + size - 1)
    tried = [preferred_port(pool, src, 40000, dst, 80, seed)]
    while (port := next_port(pool, tried[-1])) != tried[0]:
        tried.append(port)
    assert sorted(tried) == list(range(first, first + size))


@given(src=numbers, sport=st.integers(0, 65535), seed=st.integers(0, 99))
def test_the_preferred_port_is_a_function_of_the_flow(src: int, sport: int, seed: int) -> None:
    """The same flow and seed prefer the same port of the pool."""
    one, two = (preferred_port(PortPool(), src, sport, 1, 80, seed) for _ in range(2))
    assert one == two
    assert 1024 <= one <= 65535


def test_flows_spread_over_the_pool() -> None:
    """A thousand flows do not crowd at one port."""
    preferred = {preferred_port(PortPool(), 7, sport, 9, 80, 0) for sport in range(1000)}
    assert len(preferred) > 950


def test_two_kinds_are_no_nat() -> None:
    """A proxy opens a connection of its own; everything else rewrites."""
    assert {kind for kind in NatKind if not kind.is_nat} == {NatKind.PROXY_RE_ORIGINATION, NatKind.CROSS_FAMILY}


def test_a_capability_tells_why_not() -> None:
    """What it could have done is idle; what it can never do is said so."""
    idle, cannot = Rule(reason="idle"), Rule(reason="cannot")
    both = NatCapability(kind=NatKind.MASQUERADE, idle=idle)
    ipv4 = NatCapability(kind=NatKind.GATEWAY_SNAT, idle=idle, families=(4,), cannot=cannot)
    assert [both.rule_for(family) for family in (4, 6)] == [idle, idle]
    assert [ipv4.rule_for(family) for family in (4, 6)] == [idle, cannot]
