"""A plan carried out on this host: the network built, probes sent, packets caught, everything taken away.

Only kernels and stock daemons forward and answer here; this module sends probes and listens.
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from struct import Struct

from dsflow.errors import HostError
from dsflow.lab.command import Listening, Tool, Twin
from dsflow.lab.compare import Caught
from dsflow.lab.expect import Dialled
from dsflow.lab.leftover import reset_rule
from dsflow.lab.namespaces import Keeper, entered, remove_leftovers
from dsflow.lab.plan import Plan
from dsflow.lab.plan_services import Choice
from dsflow.lab.probe import Probe
from dsflow.lab.station import Station, destination

__all__ = ["Lab", "check_host"]

QUIET_S = 0.018
"""How long nothing may happen before a probe's packets are held to be over."""

QUIET_AFTER_ASKING_S = 0.060
"""The same where a neighbour was asked for: the kernel gives up after a few of its ticks, and then tells."""

PATIENCE_S = 1.5
"""How long packets that are expected are waited for."""

_MUTE = "dsflow-probe"
_MUTE_HOOK = "type filter hook output priority -310; policy accept;"  # connections are tracked from -200 on

_READY_S = 5.0
_SIOCETHTOOL, _SET_TX_CHECKSUMS = 0x8946, 0x17


def check_host(plan: Plan) -> None:
    """Refuse a host on which the plan cannot be carried out.

    Raises
    ------
    HostError
        With everything that is missing.
    """
    programs = {Tool.NFT: "nft", Tool.DAEMON: "socat", Tool.BRIDGE: "bridge"}
    needed = {"ip"} | {programs[command.tool] for command in plan.commands if command.tool in programs}
    missing = [f"the program {name}" for name in sorted(needed) if shutil.which(name) is None]
    if not sys.platform.startswith("linux"):
        raise HostError("the lab needs Linux: it runs the scenario on the kernel itself")
    if os.geteuid() != 0:
        missing.insert(0, "root (it makes network namespaces)")
    if missing:
        raise HostError(f"the lab needs {' and '.join(missing)}; dsflow lab plan shows the commands without it")


class Lab:
    """A running network; usable in ``with``, and gone afterwards whatever happened.

    Parameters
    ----------
    plan : Plan
        Of a topology, with a prefix that no other lab has.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stations: dict[str, Station] = {}
        self._daemons: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
        self._dialling = {port: port.daemon(port.backends[0]) for port in plan.proxies}
        self._leading: dict[str, str] = {}
        self._poll = select.poll()
        self._open = ExitStack()

    def __enter__(self) -> Lab:
        check_host(self._plan)
        remove_leftovers()
        with ExitStack() as guard:
            guard.callback(self._take_away)
            keeper = Keeper(tuple(self._plan.namespaces.values()))
            guard.callback(keeper.close)
            guard.callback(self._stop_daemons)
            self._build()
            _await(self._plan.listening)
            for device, twin in self._plan.twins.items():
                self._stations[device] = self._station(twin)
            self._open = guard.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _take_away(self) -> None:
        for station in self._stations.values():
            station.close()

    def _stop_daemons(self) -> None:
        for daemon in self._daemons.values():
            daemon.kill()
        for daemon in self._daemons.values():
            daemon.wait()

    def _build(self) -> None:
        for (tool, namespace), group in groupby(self._plan.commands, key=lambda command: command[:2]):
            texts = [command.text for command in group]
            if namespace is None:
                _run(["ip", "-batch", "-"], texts)
            else:
                with entered(namespace):
                    self._carry_out(tool, namespace, texts)

    def _carry_out(self, tool: Tool, namespace: str, texts: Sequence[str]) -> None:
        match tool:
            case Tool.IP | Tool.IPV6 | Tool.BRIDGE:
                _run([*tool.split(), "-batch", "-"], texts)
            case Tool.SYSCTL:
                for text in texts:
                    _set(text)
            case Tool.NFT:
                for text in texts:
                    _run(["nft", "-f", "-"], [text])
            case Tool.ETHTOOL:
                for text in texts:
                    _write_checksums_out(text.split()[1])
            case Tool.DAEMON:
                self._daemons |= {(namespace, text): _start(text) for text in texts}

    def _station(self, twin: Twin) -> Station:
        with entered(twin.namespace):
            station = Station(twin)
        self._poll.register(station.ring, select.POLLIN)
        return station

    @property
    def twins(self) -> frozenset[str]:
        """The devices that a namespace stands for."""
        return frozenset(self._stations)

    def dial(self, wanted: Dialled) -> None:
        """Have the proxy behind an address and port of a load balancer dial this back end from now on."""
        key = wanted.balancer, wanted.address, wanted.port
        proxy = next(found for found in self._dialling if (found.device, found.address, found.port) == key)
        before, text = self._dialling[proxy], proxy.daemon(wanted.backend)
        if text == before:
            return
        old = self._daemons.pop((proxy.namespace, before))
        old.kill()
        old.wait()
        with entered(proxy.namespace):
            self._daemons[proxy.namespace, text] = _start(text)
        self._dialling[proxy] = text
        _await([Listening(proxy.namespace, "tcp", proxy.address, proxy.port, text)])

    def lead(self, chosen: Mapping[str, Choice]) -> None:
        """Have the nodes lead Services to these end points from now on."""
        for rules in self._plan.services:
            text = rules.text(chosen.get(rules.device.id, {}))
            if rules.device.id in chosen and self._leading.get(rules.device.id) != text:
                with entered(rules.namespace):
                    _run(["nft", "-f", "-"], [text])
                self._leading[rules.device.id] = text

    def forget(self) -> None:
        """Have all kernels forget earlier probes."""
        for station in self._stations.values():
            station.memory.forget()

    def send(self, probe: Probe, receiver: tuple[str, str] | None = None) -> int | None:
        """Send a probe; the error number if its own kernel refuses it.

        ``receiver``, a device and its interface, is whom a packet is for that is put on a wire.
        """
        station = self._stations[probe.device]
        with entered(self._plan.namespaces[probe.device]):
            if probe.interface is None:
                return station.send(probe.packet)
            mac = self._plan.hardware_address(receiver, destination(probe.packet))
            return station.put_on_wire(probe.packet, self._plan.kernel_name(probe.device, probe.interface), mac)

    def connect(self, probe: Probe) -> tuple[socket.socket, int | None]:
        """Open the connection that a SYN opens; the error number where the sender's own kernel refuses it."""
        with entered(self._plan.namespaces[probe.device]):
            return self._stations[probe.device].connect(probe.packet)

    def await_answer(self, probe: Probe) -> socket.socket | None:
        """A socket for the answer to a datagram, which would else be refused; None where there is nothing to await."""
        with entered(self._plan.namespaces[probe.device]):
            return self._stations[probe.device].await_datagram(probe.packet)

    @contextmanager
    def without_resets(self, probe: Probe) -> Iterator[None]:
        """Keep the sender's kernel from resetting the answer to a SYN, as it knows nothing of the connection.

        The reset is dropped before connection tracking sees it, so that what comes next in the session finds the
        connection as the answer left it.
        """
        rule = reset_rule(probe.packet)
        if rule is None:
            yield
            return
        with entered(self._plan.namespaces[probe.device]):
            _run(["nft", "-f", "-"], [f"table inet {_MUTE} {{", "chain out {", _MUTE_HOOK, f"{rule} drop", "}", "}"])
        try:
            yield
        finally:
            with entered(self._plan.namespaces[probe.device]):
                _run(["nft", "-f", "-"], [f"delete table inet {_MUTE}"])

    def catch(self, is_complete: Callable[[Sequence[Caught]], bool]) -> list[Caught]:
        """The packets that passed, once nothing more comes: all that is expected, or after some patience."""
        caught: list[Caught] = []
        began = time.monotonic()
        while True:
            asked = any(station.ring.asked for station in self._stations.values())
            quiet = QUIET_AFTER_ASKING_S if asked else QUIET_S
            moved = self._poll.poll(quiet * 1000)
            caught += self._read()
            waited = time.monotonic() - began
            if not moved and (is_complete(caught) or waited > PATIENCE_S):
                break
        for station in self._stations.values():
            station.ring.check()
            station.ring.asked = False
        return sorted(caught, key=lambda packet: packet.time_ns)

    def _read(self) -> Iterator[Caught]:
        for device, station in self._stations.items():
            twin = self._plan.twins[device]
            for seen in station.ring.read():
                interface = twin.trace_name(seen.interface)
                if interface is not None:
                    yield Caught(device, interface, seen.direction, seen.raw, seen.time_ns)


def _run(program: Sequence[str], lines: Sequence[str]) -> None:
    done = subprocess.run(  # noqa: S603 - the plan's own commands
        program, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise HostError(f"the lab cannot build the network: {' '.join(program)}: {done.stderr.strip()}")


def _start(text: str) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603 - the plan's own daemons
        shlex.split(text), stdin=quiet, stdout=quiet, stderr=quiet
    )


def _set(setting: str) -> None:
    """Write a kernel setting; one with a question mark may be missing."""
    name, _, value = setting.removeprefix("?").partition("=")
    path = Path("/proc/sys") / name.replace(".", "\0").replace("/", ".").replace("\0", "/")
    try:
        path.write_text(value, encoding="ascii")
    except OSError as error:
        if not setting.startswith("?"):
            raise HostError(f"the lab cannot set {name}: {error.strerror}") from None


def _write_checksums_out(interface: str) -> None:
    """What ``ethtool -K IF tx off`` does: checksums are whole when packets are caught."""
    import array
    import fcntl

    value = array.array("B", Struct("=II").pack(_SET_TX_CHECKSUMS, 0))
    request = Struct("@16sP16x").pack(interface.encode(), value.buffer_info()[0])  # struct ifreq
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


def _await(listening: Sequence[Listening]) -> None:
    """Wait until every socket is there that daemons were started for."""
    deadline = time.monotonic() + _READY_S
    for namespace, group in groupby(listening, key=lambda served: served.namespace):
        served = list(group)
        with entered(namespace):
            while missing := [one for one in served if not _is_served(one)]:
                if time.monotonic() > deadline:
                    raise HostError(f"the lab's daemon does not listen: {missing[0].daemon}")
                time.sleep(0.003)


_LISTENS = "0A"  # TCP_LISTEN of net/tcp_states.h


def _is_served(served: Listening) -> bool:
    wanted = f":{served.port:04X}"
    name = f"{served.protocol}{'' if served.address is not None and served.address.family == 4 else '6'}"
    owner = "" if served.address is None else _table_form(served.address.packed)
    lines = Path(f"/proc/thread-self/net/{name}").read_text(encoding="ascii").splitlines()[1:]
    sockets = [line.split() for line in lines]
    return any(
        one[1].endswith(wanted) and one[1].startswith(owner) and (served.protocol == "udp" or one[3] == _LISTENS)
        for one in sockets
    )


def _table_form(packed: bytes) -> str:
    """An address as /proc/net has it: words of 32 bits in the host's order."""
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
