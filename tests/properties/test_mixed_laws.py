"""The laws of every chain where cloud objects and generic devices meet: an appliance, a DRG, an office behind it."""

from __future__ import annotations

from functools import cache
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsflow import Simulation
from dsflow.dataplane.disposition import Disposition
from dsflow.net.address import Address, Family
from dsflow.net.build import first_packet
from dsflow.trace.chain import Chain
from tests.cases import office
from tests.properties.laws import LAWS, bytes_are_sound, ipv6_is_not_translated

PODS = "pod/default/shop", "pod/default/cart"
ENDS = (*PODS, "node/node-1", "internet/web", "firewall", "database", "edge", "files")
VNIC = "devices.firewall.interfaces.vnic"
CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"gateways.office.enabled": False},
    {f"{VNIC}.source_destination_check": True},
    {f"{VNIC}.mtu": 1400},
    {"devices.edge.interfaces.wan.mtu": 1280},
    {"devices.firewall.filters": [], "devices.firewall.nat": []},
    {"devices.edge.nat": [{"hook": "postrouting", "family": "ipv4", "out_interface": "wan", "action": "masquerade"}]},
    {"devices.edge.interfaces.wan.addresses": ["10.255.0.2/30"], "devices.edge.routes": []},
    {'route_tables.firewall.rules."0.0.0.0/0"': "private-ip/10.0.9.10"},
    {'route_tables.pods.rules."10.0.3.0/24"': "drg/office", 'route_tables.pods.rules."0.0.0.0/0"': "drg/office"},
)


@cache
def _changed(number: int) -> Simulation:
    return office().what_if(CHANGES[number]) if CHANGES[number] else office()


def _keeps_the_laws(chain: Chain, known: set[bytes]) -> None:
    for law in LAWS:
        law(chain)
    bytes_are_sound(chain, known)
    if chain.question.family == 6:
        ipv6_is_not_translated(chain)


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_every_pair_of_ends_keeps_the_laws(number: int) -> None:
    """Both families, an open port and an echo, whatever became of them."""
    known: set[bytes] = set()
    questions: tuple[dict[str, Any], ...] = ({}, {"icmp": True})
    for origin, target in permutations(ENDS, 2):
        for family in (4, 6):
            for options in questions:
                _keeps_the_laws(_changed(number).trace(origin, target, family=family, **options), known)


@settings(max_examples=150)
@given(
    st.integers(0, len(CHANGES) - 1),
    st.permutations(ENDS).map(lambda ends: ends[:2]),
    st.sampled_from([4, 6]),
    st.sampled_from([{"icmp": True}, {"udp": 53}, {"tcp": 443}, {"tcp": 5432}]),
    st.integers(1, 12),
    st.integers(68, 9000),
    st.booleans(),
)
def test_any_packet_of_any_size_keeps_the_laws(
    number: int, ends: list[str], family: int, options: dict[str, Any], ttl: int, size: int, df: bool
) -> None:
    """Hop limits that run out and links that are too narrow, with errors and fragments."""
    origin, target = ends
    flag = df if family == 4 else None
    chain = _changed(number).trace(origin, target, family=family, ttl=ttl, size=size, df=flag, **options)
    _keeps_the_laws(chain, set())


def test_a_narrow_line_divides_and_the_office_puts_together() -> None:
    """IPv4 without *don't fragment*: the DRG is assumed to divide as any router; IPv6 is told to send less."""
    chain = office().trace(PODS[0], "files", family=4, icmp=True, size=4000)
    assert chain.round_trip is Disposition.DELIVERED
    assert [len(hop.packets_out) for hop in chain.traces[0].hops[2:5]] == [1, 3, 3]
    assert office().trace(PODS[0], "files", family=6, icmp=True, size=4000).disposition is Disposition.TOO_BIG


def test_an_unknown_source_from_the_office_is_carried_but_its_answer_is_not() -> None:
    """Nothing between checks sources; who answers has no way back."""
    source, target = (Address.parse(text).value for text in ("172.16.0.1", "10.0.4.21"))
    packet = first_packet(Family.IPV4, "icmp", source, target)
    chain = office().send("files", packet.raw)
    assert chain.disposition is Disposition.DELIVERED
    assert chain.round_trip is Disposition.RETURN_LOST
