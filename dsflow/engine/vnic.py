"""A VNIC's security rules on the wire: packet by packet, outside of the machine that sends or takes it."""

from __future__ import annotations

from dsflow.dataplane.action import Continue, Drop, Rule
from dsflow.engine.conntrack import Memories, Memory, key_of, reversed_key
from dsflow.engine.granting import judge
from dsflow.engine.outcome import At
from dsflow.engine.program import Program
from dsflow.net.address import Family
from dsflow.net.packet import Packet
from dsflow.trace.step import VNIC_STAGE, Effect, Record

__all__ = ["let_in", "let_out"]

_IGNORED = Continue(Rule(reason="its connection was let through, as policies are ignored"))


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
        judged = judge(
            grants, vnic, packet, state.of(program.device.id), inward=inward, judges_errors=rules.judges_errors
        )
        verdict = judged.verdict
        neighbors = rules.neighbors if packet.family is Family.IPV6 else None
        if neighbors is not None and not neighbors.finds(packet.src if inward else packet.dst):
            verdict = neighbors.unfound
        tracked = _IGNORED if state.lenient and isinstance(verdict, Drop) else judged.tracked
        if tracked is not None:
            _remember(state.own(program.device.id), vnic, packet, tracked, inward=inward)
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


def _remember(memory: Memory, vnic: str, packet: Packet, told: Continue, *, inward: bool) -> None:
    """Have a connection tracked: the like of this packet passes, and the other way its answers."""
    key = key_of(packet)
    memory.let_through[vnic, inward, key] = memory.let_through[vnic, not inward, reversed_key(key)] = told
