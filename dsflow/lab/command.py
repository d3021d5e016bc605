"""What a plan is made of: commands as data, the ports of devices on links, and what daemons serve."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from dsflow.model.devices import DeviceInterface
from dsflow.net.address import Address

__all__ = ["Command", "Listening", "Port", "Tool"]


class Tool(StrEnum):
    """What a command is for; the text is what follows the tool's own name."""

    IP = "ip"
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
    """An interface on a link, with the number and the hardware address that it gets."""

    device: str
    interface: DeviceInterface
    link: str
    number: int
    mac: str


class Listening(NamedTuple):
    """A socket that a daemon holds; ``address`` is None where it serves every address of the namespace."""

    namespace: str
    protocol: str
    address: Address | None
    port: int
    daemon: str
