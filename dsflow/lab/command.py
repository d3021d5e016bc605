"""What a plan is made of: commands as data, the ports of devices on links, what daemons serve, what stands for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from dsflow.model.devices import DeviceInterface
from dsflow.net.address import Address, Family

__all__ = ["Command", "Listening", "Port", "ProxyPort", "Tool", "Twin"]


class Tool(StrEnum):
    """What a command is for; the text is what follows the tool's own name."""

    IP = "ip"
    IPV6 = "ip -6"
    BRIDGE = "bridge"
    SYSCTL = "sysctl"
    NFT = "nft"
    ETHTOOL = "ethtool"
    DAEMON = "daemon"


class Command(NamedTuple):
    """One command; ``namespace`` is None for those that make namespaces."""

    tool: Tool
    namespace: str | None
    text: str


class Port(NamedTuple):
    """An interface on a link, with the number and the hardware address that it gets.

    ``interface.name`` is the kernel's name for it, ``alias`` that of the trace where it is another one.
    """

    device: str
    interface: DeviceInterface
    link: str
    number: int
    mac: str
    alias: str | None = None

    @property
    def name(self) -> str:
        """The name that the kernel has for it."""
        return self.interface.name

    @property
    def trace_name(self) -> str:
        """The name that traces have for it."""
        return self.alias or self.interface.name


class Listening(NamedTuple):
    """A socket that a daemon holds; ``address`` is None where it serves every address of the namespace."""

    namespace: str
    protocol: str
    address: Address | None
    port: int
    daemon: str


class ProxyPort(NamedTuple):
    """A listener of a load balancer: a stock proxy serves it, toward one back end at a time."""

    device: str
    namespace: str
    address: Address
    port: int
    backends: tuple[tuple[Address, int], ...]

    def daemon(self, backend: tuple[Address, int]) -> str:
        """The proxy that dials ``backend``.

        >>> one, other = Address.parse("10.0.2.10"), Address.parse("10.0.5.7")
        >>> ProxyPort("lb/web", "dsl-0", one, 80, ((other, 8080),)).daemon((other, 8080))
        'socat TCP4-LISTEN:80,bind=10.0.2.10,reuseaddr,fork TCP4:10.0.5.7:8080'
        """
        listener = f"TCP{self.address.family.value}-LISTEN:{self.port},bind={_in_brackets(self.address)},reuseaddr,fork"
        return f"socat {listener} TCP{backend[0].family.value}:{_in_brackets(backend[0])}:{backend[1]}"


def _in_brackets(address: Address) -> str:
    return f"[{address}]" if address.family is Family.IPV6 else str(address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """The namespace that stands for a device.

    Attributes
    ----------
    namespace : str
    what : str
        What it is, in words.
    names : mapping
        The trace's names of interfaces by the kernel's; others have the same in both.
    hidden : frozenset of str
        Interfaces of the kernel that no trace knows.
    longest_bytes : int
        The largest MTU of its interfaces.
    tracks : bool
        Whether connections are tracked.
    switches : bool
        Whether it passes on frames that are addressed to others.
    """

    namespace: str
    what: str
    names: Mapping[str, str]
    hidden: frozenset[str] = frozenset()
    longest_bytes: int = 1500
    tracks: bool = False
    switches: bool = False

    def trace_name(self, interface: str) -> str | None:
        """The trace's name of an interface; None for one that no trace knows."""
        return None if interface in self.hidden else self.names.get(interface, interface)
