"""A VNIC's security rules on the wire: packet by packet, outside of the machine that sends or takes it."""

from __future__ import annotations

from dsflow.dataplane.action import Drop
from dsflow.engine.conntrack import Memories, key_of, reversed_key
from dsflow.engine.granting import Judged, judge
from dsflow.engine.outcome import At
from dsflow.engine.program import Program
from dsflow.net.packet import Packet
from dsflow.trace.step import VNIC_STAGE, Effect, Record

__all__ = ["let_in", "let_out"]


def let_in(
    program: Program, state: Memories, at: At, vnic: str, packets: tuple[Packet, ...], records: list[Record]
) -> tuple[Packet, ...]:
    """What the VNIC lets in; the rest is refused, each packet by itself, before the machine sees it."""
    passed, refused = _sorted_out(program, state, vnic, packets, records, inward=True)
    if refused:
        at.enter(state.of(program.device.id), vnic, refused[0][1])
        at.refused += refused
    return passed


def let_out(
    program: Program, state: Memories, at: At, vnic: str, packets: tuple[Packet, ...], records: list[Record]
) -> tuple[Packet, ...]:
    """What the VNIC lets out; the rest is refused, each packet by itself, when the machine has let it go."""
    passed, refused = _sorted_out(program, state, vnic, packets, records, inward=False)
    if refused:
        at.packet = refused[0][1]
        at.refused += refused
    return passed


def _sorted_out(
    program: Program, state: Memories, vnic: str, packets: tuple[Packet, ...], records: list[Record], *, inward: bool
) -> tuple[tuple[Packet, ...], list[tuple[Drop, Packet, int]]]:
    """What passes and what does not; told are the first packet's story and the first refusal."""
    rules = program.vnics[vnic]
    grants = rules.ingress if inward else rules.egress
    passed: list[Packet] = []
    refused: list[tuple[Drop, Packet, int]] = []
    for packet in packets:
        judged = judge(grants, vnic, packet, packet.src if inward else packet.dst, state.of(program.device.id))
        _remember(program, state, vnic, packet, judged)
        verdict = judged.verdict
        effect = Effect.PASS
        if isinstance(verdict, Drop):
            effect = Effect.SKIP if state.lenient else Effect.DROP
        if packet is packets[0] or (effect is Effect.DROP and not refused):
            records.append((VNIC_STAGE, effect, verdict.rule, packet, None, None, 0))
        if isinstance(verdict, Drop) and not state.lenient:
            refused.append((verdict, packet, 0))
        else:
            passed.append(packet)
    return tuple(passed), refused


def _remember(program: Program, state: Memories, vnic: str, packet: Packet, judged: Judged) -> None:
    """Have a connection tracked that a rule let through: its packets pass both ways."""
    if judged.tracked is not None:
        known = state.own(program.device.id).let_through
        known[vnic, key_of(packet)] = known[vnic, reversed_key(key_of(packet))] = judged.tracked
