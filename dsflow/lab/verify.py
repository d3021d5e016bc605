"""Probes through simulation and kernel alike, held against each other."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import groupby

from dsflow.errors import NotModelledError, UsageError
from dsflow.lab.compare import Caught, Expected, Ports, Row, pair, ports_in
from dsflow.lab.expect import (
    LOOPBACK,
    RouteError,
    expected_errno,
    expected_packets,
    fails_at_home,
    first_receiver,
    maybe_redirected,
    route_errors,
)
from dsflow.lab.host import Lab
from dsflow.lab.leftover import is_own_reset, is_redirect, is_unreachable
from dsflow.lab.namespaces import fresh_prefix
from dsflow.lab.plan import make_plan
from dsflow.lab.probe import Probe
from dsflow.lab.report import Outcome, Report
from dsflow.model.devices import GenericDevice
from dsflow.model.topology import Topology
from dsflow.simulation import Simulation
from dsflow.trace.chain import Chain

__all__ = ["verify"]

_BURST, _PER_SECOND = 5.0, 1.0
"""How many errors about routes one receiver gets at once from one device, and how soon the next (ip_rt_error_cost)."""


def verify(
    simulation: Simulation,
    probes: Iterable[Probe],
    *,
    refused: Sequence[str] = (),
    progress: Callable[[int], None] = lambda _done: None,
) -> Report:
    """Every probe through the simulation and through this host's kernel, compared packet by packet.

    Parameters
    ----------
    simulation : Simulation
    probes : iterable of Probe
        See :func:`dsflow.lab.probe.scenario_probes` and :func:`dsflow.lab.random_probes.random_probes`.
    refused : sequence of str
        Questions that gave no probe, with why: told in the report.
    progress
        Called with the number of probes done.

    Raises
    ------
    HostError
        Without root, ``ip``, ``nft`` or ``socat``; and where the kernel refuses the network.
    """
    outcomes: list[Outcome] = []
    absent: tuple[str, ...] = ()
    for group in _groups(simulation.topology, probes):
        plan = make_plan(simulation.topology, fresh_prefix())
        absent = plan.absent
        with Lab(simulation.topology, plan) as lab, closing(_Run(simulation, lab)) as run:
            for probe in group:
                outcomes.append(run.outcome(probe))
                progress(len(outcomes))
    return Report(scenario=simulation.name, outcomes=tuple(outcomes), absent=absent, refused=tuple(refused))


def _groups(topology: Topology, probes: Iterable[Probe]) -> Iterator[Iterable[Probe]]:
    """The probes that one network serves: all, or where errors are limited each session, as nothing forgets those."""
    if not any(device.icmp_rate_limit for device in topology.devices.values()):
        yield probes
        return
    for session, group in groupby(probes, key=lambda probe: probe.session):
        if session is None:
            yield from ([probe] for probe in group)
        else:
            yield list(group)


@dataclass(frozen=True, slots=True)
class _Question:
    """A probe with the chain that the simulation makes of it, as packets."""

    probe: Probe
    sender: GenericDevice
    chain: Chain
    packets: list[Expected]

    @property
    def fails_at_home(self) -> bool:
        return fails_at_home(self.chain, self.probe, self.sender)


class _Run:
    """Probes in a row: which session they are in, and how many errors each receiver has had of late."""

    def __init__(self, simulation: Simulation, lab: Lab) -> None:
        self._simulation = simulation
        self._lab = lab
        self._twins = frozenset(device.id for device in simulation.topology.devices.values())
        self._in_rules = _ports_in_rules(simulation.topology)
        self._name: str | None = None
        self._session = simulation.session()
        self._ports = Ports(frozenset())
        self._waiting = ExitStack()
        self._allowance: dict[RouteError, tuple[float, float]] = {}

    def outcome(self, probe: Probe) -> Outcome:
        self._begin(probe)
        if probe.unsendable is not None:
            return Outcome(probe=probe, reason=probe.unsendable)
        try:
            chain = self._session.send(probe.device, probe.packet, interface=probe.interface)
        except (UsageError, NotModelledError) as error:
            return Outcome(probe=probe, reason=str(error))
        packets, elsewhere = expected_packets(chain, probe, self._twins)
        missing = sorted({hop.device for trace in chain.traces for hop in trace.hops} - self._twins)
        if missing:
            reason = f"nothing stands for {', '.join(missing)}"
            disposition = str(chain.disposition)
            return Outcome(probe=probe, disposition=disposition, elsewhere=elsewhere + len(packets), reason=reason)
        sender = self._simulation.topology.devices[probe.device.removeprefix("device/")]
        question = _Question(probe, sender, chain, packets)
        self._pace(route_errors(chain))
        heard, caught = self._ask(question)
        return _judged(question, heard, caught, self._ports)

    def close(self) -> None:
        """Close the sockets of the session's senders."""
        self._waiting.close()

    def _begin(self, probe: Probe) -> None:
        """Forget everything, unless the probe goes on with the session of the one before."""
        if probe.session is None or probe.session != self._name:
            self.close()
            self._lab.forget()
            self._session = self._simulation.session()
            self._ports = Ports(self._in_rules)
        self._ports.known |= ports_in(probe.packet)
        self._name = probe.session

    def _ask(self, question: _Question) -> tuple[int | None, list[Caught]]:
        probe = question.probe
        waiting = self._lab.await_answer(probe)
        if waiting is not None:
            self._waiting.callback(waiting.close)
        self._note_redirects(question.chain)
        if probe.session is None:
            return self._exchange(question)
        with self._lab.without_resets(probe):
            return self._exchange(question)

    def _exchange(self, question: _Question) -> tuple[int | None, list[Caught]]:
        heard = self._lab.send(question.probe, first_receiver(question.chain))
        return heard, self._lab.catch(lambda caught: _is_complete(question, caught))

    def _pace(self, errors: Sequence[RouteError]) -> None:
        """Wait until the kernel would send every error that is expected."""
        for error in errors:
            left, then = self._allowance.get(error, (_BURST, 0.0))
            now = time.monotonic()
            left = min(_BURST, left + (now - then) * _PER_SECOND)
            if left < 1:
                time.sleep((1 - left) / _PER_SECOND + 0.01)
                left, now = 1.0, time.monotonic()
            self._allowance[error] = left - 1, now

    def _note_redirects(self, chain: Chain) -> None:
        """A redirect takes away what its receiver could have had of errors by now (ip_rt_send_redirect)."""
        for told in maybe_redirected(chain):
            self._allowance[told] = self._allowance.get(told, (0.0, 0.0))[0], time.monotonic()


def _ports_in_rules(topology: Topology) -> frozenset[int]:
    devices = topology.devices.values()
    return frozenset(rule.to_port for device in devices for rule in device.nat if rule.to_port is not None)


def _is_complete(question: _Question, caught: Sequence[Caught]) -> bool:
    if question.fails_at_home:
        return any(packet.interface == LOOPBACK for packet in caught)
    return sum(packet.interface != LOOPBACK for packet in caught) >= len(question.packets)


def _judged(question: _Question, heard: int | None, caught: Sequence[Caught], ports: Ports) -> Outcome:
    """The outcome of a probe: its packets, and what its sender heard."""
    probe, chain = question.probe, question.chain
    passed = [packet for packet in caught if packet.interface != LOOPBACK]
    redirects = sum(is_redirect(packet.raw) for packet in passed)
    pairing = pair(question.packets, [packet for packet in passed if not is_redirect(packet.raw)], ports)
    rows = tuple(row for row in pairing.rows if not _is_ours(row, question.packets))
    remark, told = _at_home(question, heard, caught)
    return Outcome(
        probe=probe,
        disposition=str(chain.disposition),
        compared=pairing.agreeing + told,
        rows=rows,
        remark=remark,
        redirects=redirects,
    )


def _is_ours(row: Row, expected: Sequence[Expected]) -> bool:
    """Whether an unexpected packet is the sender's own reset of an answer that it knows nothing of."""
    return row.expected is None and row.caught is not None and is_own_reset(row.caught.raw, expected)


def _at_home(question: _Question, heard: int | None, caught: Sequence[Caught]) -> tuple[str | None, int]:
    """Where what the sender itself hears differs from what it should, in words; and how many such hops agree."""
    wanted = expected_errno(question.chain, question.probe)
    if wanted != heard:
        return f"sending: {_error_name(wanted)} expected, {_error_name(heard)} heard", 0
    if question.fails_at_home:
        told = any(packet.interface == LOOPBACK and is_unreachable(packet.raw) for packet in caught)
        return (None, 1) if told else ("sending: host unreachable expected over lo, nothing heard", 0)
    return None, int(wanted is not None)


def _error_name(number: int | None) -> str:
    return "success" if number is None else errno.errorcode.get(number, str(number))
