"""Packets to send through simulation and kernel alike: from a scenario's own questions, or from a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsflow.errors import HostError, NotModelledError, UsageError, did_you_mean
from dsflow.lab.chatter import is_chatter
from dsflow.lab.leftover import is_redirect
from dsflow.lab.plan_ports import ports_of
from dsflow.model.question import Flow
from dsflow.model.topology import Topology
from dsflow.net.packet import MalformedPacket, Packet
from dsflow.query.select import select
from dsflow.simulation import Simulation
from dsflow.trace.hop import Hop

__all__ = ["Probe", "read_probes", "scenario_probes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One packet and who sends it.

    Attributes
    ----------
    device : str
        The id of the sender, a machine: a generic device, pod, node, load balancer or Internet host.
    packet : bytes
        From the IP header on.
    interface : str or None
        Straight onto the wire of this interface, past the sender's own routes and filters.
    session : str or None
        Probes in a row of one name share what the devices remember; every other starts anew.
    """

    device: str
    packet: bytes
    interface: str | None = None
    session: str | None = None

    @property
    def unsendable(self) -> str | None:
        """Why no kernel can be asked to send it as it is; None where one can."""
        if not self.packet:
            return "no bytes: there is nothing to send"
        if is_chatter(self.packet):
            return "multicast membership and neighbour discovery: what the kernel itself says of these is left out"
        if is_redirect(self.packet):
            return "a redirect: those of the kernel are compared as notes, so that another one would be taken for one"
        if self.interface is not None:
            return None
        try:
            Packet.parse(self.packet)
        except MalformedPacket as error:
            return f"a raw socket mends or refuses this header ({error}): give an interface to put it on"
        return None

    def to_json(self) -> dict[str, Any]:
        """The probe as a line of a probe file has it."""
        told = {"device": self.device, "packet": self.packet.hex()}
        told |= {"interface": self.interface} if self.interface is not None else {}
        return told | ({"session": self.session} if self.session is not None else {})

    def __str__(self) -> str:
        wire = f" on {self.interface}" if self.interface is not None else ""
        try:
            told = repr(Packet.parse(self.packet)).removeprefix("Packet(").removesuffix(")")
        except MalformedPacket as error:
            told = f"malformed, {len(self.packet)} bytes ({error})"
        return f"{self.device}{wire}: {told}"


def scenario_probes(simulation: Simulation) -> tuple[list[Probe], list[str]]:
    """The first packets of the scenario's questions, each once, and what cannot be asked, with why.

    Its flows, its expectations, and the questions of the main job: every path type in both families.
    """
    topology = simulation.topology
    own = [*topology.flows, *(expectation.flow for expectation in topology.expect)]
    flows = dict.fromkeys([*own, *(selection.flow for selection in select(topology) if selection.flow is not None)])
    probes: dict[Probe, None] = {}
    refused: list[str] = []
    for flow in flows:
        try:
            probe = _first(simulation, flow)
        except (UsageError, NotModelledError) as error:
            refused.append(f"{flow.origin} -> {flow.target} {flow.family}: {error}")
            continue
        if probe is None:
            refused.append(f"{flow.origin} -> {flow.target} {flow.family}: no packet is made for this question")
        else:
            probes[probe] = None
    return list(probes), refused


def _first(simulation: Simulation, flow: Flow) -> Probe | None:
    """The packet as its sender makes it, before the sender's own translations."""
    origin = simulation.ask(flow).traces[0].hops[0]
    packet = _made(origin)
    return None if packet is None else Probe(device=origin.device, packet=packet.raw)


def _made(origin: Hop) -> Packet | None:
    return next((decision.before for decision in origin.decisions if decision.before is not None), None)


def read_probes(path: str, topology: Topology) -> list[Probe]:
    """The probes of a file of JSON lines: ``{"device": ..., "packet": hex, "interface": ...}``.

    Raises
    ------
    HostError
        For a file that cannot be read.
    UsageError
        For lines that are no probes, all of them at once.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    probes, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                probes.append(_probe(line, topology))
            except ValueError as error:
                problems.append(f"{path}:{number}: {error}")
    if problems:
        raise UsageError("\n".join(problems))
    return probes


_KEYS = ("device", "packet", "interface", "session")


def _probe(line: str, topology: Topology) -> Probe:
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(data, dict):
        raise ValueError(f"found {line.strip()[:40]}: expected an object with the keys device and packet")
    _check_keys(data)
    device = _sender_named(data["device"], topology)
    interface = data.get("interface")
    if interface is not None:
        wired = [port.trace_name for port in ports_of(topology) if port.device == device]
        if interface not in wired:
            raise ValueError(f'interface "{interface}": expected one of {device} on a link: {", ".join(wired)}')
    try:
        packet = bytes.fromhex(data["packet"])
    except ValueError:
        raise ValueError("packet: expected hexadecimal digits, two for each byte") from None
    return Probe(device=device, packet=packet, interface=interface, session=data.get("session"))


def _check_keys(data: dict[str, Any]) -> None:
    for key, value in data.items():
        if key not in _KEYS:
            raise ValueError(f'key "{key}": expected one of {", ".join(_KEYS)}')
        if not isinstance(value, str) and not (value is None and key in ("interface", "session")):
            raise ValueError(f"{key}: found {value!r}: expected a text")
    missing = [key for key in ("device", "packet") if key not in data]
    if missing:
        raise ValueError(f"{' and '.join(missing)} missing")


def _sender_named(text: str, topology: Topology) -> str:
    """The machine of this id, or the generic device of this name."""
    ids = [device.id for device in topology.devices.values()] + [node.id for node in topology.nodes.values()]
    ids += [pod.id for pod in topology.pods.values() if not pod.host_network]  # the others send as their nodes
    ids += [lb.id for lb in topology.load_balancers.values()] + [host.id for host in topology.internet.values()]
    if text in topology.devices:
        return topology.devices[text].id
    if text not in ids:
        hint = did_you_mean(text, [*ids, *topology.devices])
        raise ValueError(f'"{text}": expected a device, pod, node, lb or internet host of the scenario{hint}')
    return text
