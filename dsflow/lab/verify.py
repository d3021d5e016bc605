"""Probes through simulation and kernel alike, held against each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import groupby

from dsflow.errors import NotModelledError, UsageError
from dsflow.lab.beyond import beyond_twins
from dsflow.lab.compare import Caught, Ports
from dsflow.lab.expect import (
    RouteError,
    expected_packets,
    first_receiver,
    maybe_redirected,
    route_errors,
    tells_a_stranger,
)
from dsflow.lab.host import Lab
from dsflow.lab.judge import Question, Redirects, judged
from dsflow.lab.namespaces import fresh_prefix
from dsflow.lab.plan import make_plan
from dsflow.lab.plan_services import choices
from dsflow.lab.probe import Probe
from dsflow.lab.redirects import Limits, Told, compared, expected_redirects, note_others, seen_redirects
from dsflow.lab.report import Outcome, Report
from dsflow.model.topology import Topology
from dsflow.model.vcn import NatGateway
from dsflow.net.address import Address
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
    remarks: tuple[str, ...] = ()
    for group in _groups(simulation.topology, probes):
        plan = make_plan(simulation.topology, fresh_prefix())
        remarks = plan.remarks
        with Lab(plan) as lab, closing(_Run(simulation, lab)) as run:
            for probe in group:
                outcomes.append(run.outcome(probe))
                progress(len(outcomes))
    return Report(scenario=simulation.name, outcomes=tuple(outcomes), remarks=remarks, refused=tuple(refused))


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


class _Run:
    """Probes in a row: which session they are in, and how many errors each receiver has had of late."""

    def __init__(self, simulation: Simulation, lab: Lab) -> None:
        self._simulation = simulation
        self._lab = lab
        self._unsure = frozenset(_keepers_of_redirects(simulation.topology))
        self._in_rules = _ports_in_rules(simulation.topology)
        self._gateways = any(isinstance(one, NatGateway) for one in simulation.topology.gateways.values())
        self._name: str | None = None
        self._session = simulation.session()
        self._ports = Ports(frozenset())
        self._waiting = ExitStack()
        self._allowance: dict[RouteError, tuple[float, float]] = {}
        self._limits = Limits()

    def outcome(self, probe: Probe) -> Outcome:
        self._begin(probe)
        if probe.unsendable is not None:
            return Outcome(probe=probe, reason=probe.unsendable)
        try:
            chain = self._session.send(probe.device, probe.packet, interface=probe.interface)
        except (UsageError, NotModelledError) as error:
            return Outcome(probe=probe, reason=str(error))
        packets, elsewhere = expected_packets(chain, probe, self._lab.twins)
        reason = self._incomparable(chain, probe)
        if reason is not None:
            omitted = {reason: elsewhere + len(packets)}
            return Outcome(probe=probe, disposition=str(chain.disposition), omitted=omitted, reason=reason)
        sender = self._simulation.topology.devices.get(probe.device.removeprefix("device/"))
        question = Question(probe, sender, chain, packets)
        self._ports.translating = bool(chain.nat_applied)
        self._pace(route_errors(chain))
        heard, caught = self._ask(question)
        return judged(question, heard, caught, self._ports, self._redirects(question, caught))

    def _incomparable(self, chain: Chain, probe: Probe) -> str | None:
        """Why a probe is not sent: nothing stands for a device, or what stands for it does something else."""
        missing = sorted({hop.device for trace in chain.traces for hop in trace.hops} - self._lab.twins)
        return f"nothing stands for {', '.join(missing)}" if missing else beyond_twins(chain, probe)

    def _redirects(self, question: Question, caught: Sequence[Caught]) -> Redirects:
        """The redirects of the chain's hops, held against those that were seen."""
        now = time.monotonic()
        expected, seen = list(expected_redirects(question.chain)), seen_redirects(caught)
        strict = not (tells_a_stranger(question.chain, question.probe) or question.resets_by_itself(caught))
        found = Redirects(*compared(expected, seen, self._limits, self._surely_tells, now, strict=strict))
        note_others(question.chain, caught, self._limits, now)
        return found

    def _surely_tells(self, told: Told) -> bool:
        """Whether no rule of the device keeps a redirect back, and it or a neighbour has the address it goes to."""
        receiver = Address.from_packed(told.receiver)
        interfaces = self._simulation.dataplane[told.device].interfaces.values()
        near = (known for one in interfaces for known in (one.owners, one.addresses))
        return told.device not in self._unsure and any(
            receiver.value in known.get(receiver.family, ()) for known in near
        )

    def close(self) -> None:
        """Close the sockets of the session's senders."""
        self._waiting.close()

    def _begin(self, probe: Probe) -> None:
        """Forget everything, unless the probe goes on with the session of the one before."""
        if probe.session is None or probe.session != self._name:
            self.close()
            self._lab.forget()
            self._session = self._simulation.session()
            self._ports = Ports(self._in_rules, gateways=self._gateways)
        self._ports.learn(probe.packet)
        self._name = probe.session

    def _ask(self, question: Question) -> tuple[int | None, list[Caught]]:
        probe = question.probe
        self._lab.lead(choices(question.chain))
        if question.dialled is not None:
            return self._connect(question)
        waiting = self._lab.await_answer(probe)
        if waiting is not None:
            self._waiting.callback(waiting.close)
        self._note_redirects(question.chain)
        if probe.session is None:
            return self._exchange(question)
        with self._lab.without_resets(probe):
            return self._exchange(question)

    def _exchange(self, question: Question) -> tuple[int | None, list[Caught]]:
        heard = self._lab.send(question.probe, first_receiver(question.chain))
        return heard, self._lab.catch(question.is_complete)

    def _connect(self, question: Question) -> tuple[int | None, list[Caught]]:
        """A connection in earnest, as a proxy dials only when the client has done its part."""
        assert question.dialled is not None
        self._lab.dial(question.dialled)
        connection, heard = self._lab.connect(question.probe)
        with connection:
            caught = self._lab.catch(question.is_complete)
        self._lab.catch(lambda _: True)  # what closing it sends
        return heard, caught

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
            self._limits.disturbed(Told(*error), now)

    def _note_redirects(self, chain: Chain) -> None:
        """A redirect takes away what its receiver could have had of errors by now (ip_rt_send_redirect)."""
        for told in maybe_redirected(chain):
            self._allowance[told] = self._allowance.get(told, (0.0, 0.0))[0], time.monotonic()


def _ports_in_rules(topology: Topology) -> frozenset[int]:
    devices = topology.devices.values()
    return frozenset(rule.to_port for device in devices for rule in device.nat if rule.to_port is not None)


def _keepers_of_redirects(topology: Topology) -> Iterator[str]:
    """The devices that may keep a redirect to themselves: by a rule on what they send, or by a limit on errors."""
    for device in topology.devices.values():
        if device.nat or device.icmp_rate_limit or any(rule.hook == "output" for rule in device.filters):
            yield device.id
