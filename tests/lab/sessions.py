"""Drawn sessions: a packet, the same from another port, the first once more, and the first as others would send it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from dsflow.lab.probe import Probe
from dsflow.lab.random_probes import random_probes
from dsflow.model.topology import Topology
from dsflow.net.address import Family
from dsflow.net.packet import MalformedPacket, Packet, rewritten

__all__ = ["random_sessions"]


def random_sessions(topology: Topology, count: int, *, seed: int, family: Family) -> list[Probe]:
    """The probes of so many sessions between a topology's machines, the same for the same seed."""
    random = Random(seed)
    drawn = random_probes(topology, count, seed=seed + 1_000_000, family=family)
    return [probe for number, first in enumerate(drawn) for probe in _session(random, first, f"{family}-{number}")]


def _session(random: Random, first: Probe, name: str) -> Iterator[Probe]:
    first = replace(first, session=name)
    yield first
    other = _from_another_port(random, first.packet)
    if other is not None:
        yield replace(first, packet=other)
    yield first


def _from_another_port(random: Random, raw: bytes) -> bytes | None:
    """The packet with another source port, or echo identifier; None for one that has none, or is damaged."""
    try:
        packet = Packet.parse(raw)
    except MalformedPacket:
        return None
    if packet.sport is None or packet.is_fragment:
        return None
    return rewritten(packet, sport=random.randint(1, 65535)).raw
