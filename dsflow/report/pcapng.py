"""Every packet at every hop as a pcapng file for Wireshark and tshark: a door to scapy's writer.

Packets are raw IP (LINKTYPE_RAW), or whatever bytes were sent as such.  An interface of the file is a
device's interface; a comment on each packet says which chain, trace, device and interface it belongs to
and what was done to it there.
Timestamps are made from the estimated p50s, so they are an illustration, not measured in OCI.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from dsflow.net.packet import Packet
from dsflow.report.files import written_whole
from dsflow.trace.chain import Chain
from dsflow.trace.hop import Hop
from dsflow.trace.step import Effect, Step
from dsflow.trace.trace import Trace

__all__ = ["Capture", "captures", "write_pcapng"]

LINKTYPE_RAW = 101  # www.tcpdump.org/linktypes.html: the packet begins with an IPv4 or IPv6 header
_INBOUND, _OUTBOUND = 1, 2  # of the flags of an enhanced packet block (draft-ietf-opsawg-pcapng section 4.3)

EPOCH_US = 1_767_225_600_000_000
"""When every capture begins, 2026-01-01 UTC: a fixed time, so that equal chains give equal files."""

_PAUSE_US = 1_000_000
"""Between two chains, so that they can be told apart in a list of packets."""


class Capture(NamedTuple):
    """One packet of the file: ``time_us`` since 1970, when it reaches the device."""

    time_us: int
    raw: bytes
    interface: str
    outbound: bool
    comment: str


class _Record(bytes):
    """A packet as scapy's writer takes it: bytes that carry what the block's options are to say."""

    comments: list[bytes]
    sniffed_on: str
    direction: int


def write_pcapng(chains: Iterable[Chain], path: str | os.PathLike[str]) -> None:
    """Write the packets of every chain, in the order of their traces.

    Raises
    ------
    HostError
        When the file cannot be written.
    """
    logging.getLogger("scapy").setLevel(logging.ERROR)  # it warns about the host's network
    from scapy.utils import RawPcapNgWriter

    with written_whole(path) as temporary, RawPcapNgWriter(str(temporary)) as writer:
        writer.linktype = LINKTYPE_RAW
        writer.write_header(None)
        for capture in captures(chains):
            record = _Record(capture.raw)
            record.comments = [capture.comment.encode()]
            record.sniffed_on = capture.interface
            record.direction = _OUTBOUND if capture.outbound else _INBOUND
            seconds = Decimal(capture.time_us) / 1_000_000
            writer.write_packet(record, sec=seconds)  # type: ignore[arg-type]  # a float would round it


def captures(chains: Iterable[Chain]) -> Iterator[Capture]:
    """What every hop sent, at the last hop what arrived; time never goes back.

    A trace begins when the one before it has ended, and a packet is seen when it reaches the device.
    """
    clock_us = float(EPOCH_US)
    for chain in chains:
        for trace in chain.traces:
            for hop in trace.hops:
                for number, packet in enumerate(hop.left or hop.arrived):
                    yield _capture(chain, trace, hop, packet, number, int(clock_us))
                clock_us += 0.0 if hop.latency_us is None else float(hop.latency_us.p50.value)
        clock_us += _PAUSE_US


def _capture(chain: Chain, trace: Trace, hop: Hop, packet: Packet, number: int, time_us: int) -> Capture:
    outbound = bool(hop.left)
    interface = hop.out_interface if outbound else hop.in_interface
    comment = f"{_place(chain, trace, hop)} {'out' if outbound else 'in'} {interface}: {_told(hop)}"
    if number:
        comment = f"{comment} (fragment {number + 1})"
    return Capture(time_us, packet.raw, f"{hop.device} {interface}", outbound, comment)


def _place(chain: Chain, trace: Trace, hop: Hop) -> str:
    path = f"{chain.path_type} " if chain.path_type else ""
    way = _way(chain, trace)
    return f"{chain.scenario} {path}{trace.family} c{trace.connection} {way} #{hop.index} {hop.device}"


def _way(chain: Chain, trace: Trace) -> str:
    """The direction; errors about one packet are numbered, as each of its fragments may provoke one."""
    alike = [other for other in chain.traces if other.cause is not None and other.cause == trace.cause]
    if len(alike) < 2:
        return str(trace.direction)
    return f"{trace.direction} {1 + next(number for number, other in enumerate(alike) if other is trace)}"


def _told(hop: Hop) -> str:
    return "; ".join(_step(step) for step in hop.steps if step.effect is not Effect.SKIP)


def _step(step: Step) -> str:
    """A step in few words: its stage, what it did, and by which rule."""
    words = [str(step.stage)]
    if step.effect is not Effect.REWRITE:
        words.append(str(step.effect))
    if step.rule:
        words.append(step.rule)
    changes = ", ".join(f"{change.field} {change.before} -> {change.after}" for change in step.changes)
    return " ".join(words) + (f" ({changes})" if changes else "")
