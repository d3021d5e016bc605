"""The outcome of a probe: what the simulation has of it beside what the kernel did.  Pure.

Some packets are right although no chain has them, and are left out: redirects, which are notes of hops; the
sender's own reset of an answer that its kernel knows nothing of; and of a proxied connection all after its opening.
Not compared, and counted so, are the errors that a sender's own device tells another one: a packet without
``interface`` and with a foreign source, refused late by its sender, has one hop and no error trace by contract, while
the kernel sends the error to the source, wherever that is.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dsflow.lab.compare import Caught, Expected, Ports, Row, pair
from dsflow.lab.expect import LOOPBACK, Dialled, dialled, expected_errno, fails_at_home, tells_a_stranger
from dsflow.lab.leftover import is_later_segment, is_own_reset, is_redirect, is_refusal, is_told_of, is_unreachable
from dsflow.lab.probe import Probe
from dsflow.lab.redirects import HELD_BACK
from dsflow.lab.report import Outcome
from dsflow.model.devices import GenericDevice
from dsflow.trace.chain import Chain

__all__ = ["Question", "Redirects", "judged"]

TO_ITSELF = "what a device sends itself about refusals, or by way of a translation"
TO_A_STRANGER = "errors about packets in another's name that the sender's own device refused"


@dataclass(frozen=True, slots=True)
class Question:
    """A probe with the chain that the simulation makes of it, as packets; ``sender`` where it is a generic device."""

    probe: Probe
    sender: GenericDevice | None
    chain: Chain
    packets: list[Expected]

    @property
    def fails_at_home(self) -> bool:
        """Whether the sender is told of its own neighbour's failure over its loopback."""
        return fails_at_home(self.chain, self.probe, self.sender)

    @property
    def dialled(self) -> Dialled | None:
        """The proxied connection, if there is one."""
        return dialled(self.chain)

    def is_complete(self, caught: Sequence[Caught]) -> bool:
        """Whether as much was caught as is expected."""
        if self.fails_at_home:
            return any(packet.interface == LOOPBACK for packet in caught)
        return sum(self._counts(packet) for packet in caught) >= len(self.packets)

    def compares_loopback(self, device: str) -> bool:
        """Whether what the device sends itself is expected: that of generic devices without translation."""
        hops = (hop.at for trace in self.chain.traces for hop in trace.hops if hop.device == device)
        return any(at.kind == "device" and not at.capabilities for at in hops)

    def resets_by_itself(self, caught: Sequence[Caught]) -> bool:
        """Whether the sender's own kernel reset what it knows nothing of."""
        return any(is_own_reset(packet.raw, self.packets) for packet in caught)

    def _counts(self, packet: Caught) -> bool:
        if packet.interface == LOOPBACK:
            return packet.direction == "out" and any(one.interface == LOOPBACK for one in self.packets)
        return not (self.dialled is not None and is_later_segment(packet.raw))


@dataclass(frozen=True, slots=True)
class Redirects:
    """What came of comparing redirects."""

    agreeing: int = 0
    held_back: int = 0
    differing: Sequence[str] = ()


def judged(
    question: Question, heard: int | None, caught: Sequence[Caught], ports: Ports, redirects: Redirects
) -> Outcome:
    """The outcome: packets, redirects, and what the sender heard."""
    passed = [packet for packet in caught if not _is_seen_twice(packet) and not is_redirect(packet.raw)]
    pairing = pair(question.packets, passed, ports)
    omitted = Counter({HELD_BACK: redirects.held_back})
    rows = []
    for row in pairing.rows:
        if _is_told_itself(row, question):
            omitted[TO_ITSELF] += 1
        elif _is_told_a_stranger(row, question):
            omitted[TO_A_STRANGER] += 1
        elif not _is_left_out(row, question):
            rows.append(row)
    remark, told = _at_home(question, heard, caught)
    remarks = ([] if remark is None else [remark]) + list(redirects.differing)
    return Outcome(
        probe=question.probe,
        disposition=str(question.chain.disposition),
        compared=pairing.agreeing + told + redirects.agreeing,
        omitted=+omitted,
        rows=tuple(rows),
        remark="; ".join(remarks) or None,
        redirects=sum(is_redirect(packet.raw) for packet in caught),
    )


def _is_seen_twice(packet: Caught) -> bool:
    """Whether it is the arrival of what a loopback was seen to send."""
    return packet.interface == LOOPBACK and packet.direction == "in"


def _is_told_itself(row: Row, question: Question) -> bool:
    """Whether an unexpected packet on a loopback is a refusal, or passes at a device whose loopback is not compared.

    By contract a packet that its own device refuses has one hop and no error trace.
    """
    if row.expected is not None or row.caught is None or row.caught.interface != LOOPBACK:
        return False
    return is_refusal(row.caught.raw) or not question.compares_loopback(row.caught.device)


def _is_left_out(row: Row, question: Question) -> bool:
    """Whether an unexpected packet is the sender's own reset, or goes on with what a proxied probe opened."""
    if row.expected is not None or row.caught is None:
        return False
    if question.dialled is not None and is_later_segment(row.caught.raw):
        return True
    return is_own_reset(row.caught.raw, question.packets)


def _is_told_a_stranger(row: Row, question: Question) -> bool:
    if row.expected is not None or row.caught is None:
        return False
    return tells_a_stranger(question.chain, question.probe) and is_told_of(row.caught.raw, question.probe.packet)


def _at_home(question: Question, heard: int | None, caught: Sequence[Caught]) -> tuple[str | None, int]:
    """Where what the sender itself hears differs from what it should, in words; and how many such hops agree."""
    if question.dialled is not None:
        return (None, 0) if heard is None else (f"connecting: {_error_name(heard)} heard", 0)
    wanted = expected_errno(question.chain, question.probe)
    if wanted != heard:
        return f"sending: {_error_name(wanted)} expected, {_error_name(heard)} heard", 0
    if question.fails_at_home:
        told = any(packet.interface == LOOPBACK and is_unreachable(packet.raw) for packet in caught)
        return (None, 1) if told else ("sending: host unreachable expected over lo, nothing heard", 0)
    return None, int(wanted is not None)


def _error_name(number: int | None) -> str:
    return "success" if number is None else errno.errorcode.get(number, str(number))
