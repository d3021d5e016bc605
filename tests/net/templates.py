"""The first packets of flows as scapy builds them: the oracle of those that are laid out in bytes."""

from __future__ import annotations

from functools import cache
from typing import Any

from scapy.layers import inet, inet6

from dsflow.net.address import Family

__all__ = ["template"]


@cache
def template(family: int, protocol: str) -> bytes:
    """The first packet of a flow from and to no address, built by scapy.

    A SYN without options, sequence number 0, window 64240 and DF; or a UDP datagram or echo request
    (identifier 1, sequence number 1) of 32 zero bytes.  TTL 64, IPv4 identification 0.
    """
    if family == Family.IPV4:
        flags = "DF" if protocol == "tcp" else 0
        lower: Any = inet.IP(src="0.0.0.0", dst="0.0.0.0", id=0, flags=flags, ttl=64)
        echo: Any = inet.ICMP(type="echo-request", id=1, seq=1) / bytes(32)
    else:
        lower = inet6.IPv6(src="::", dst="::", hlim=64)
        echo = inet6.ICMPv6EchoRequest(id=1, seq=1, data=bytes(32))
    upper = {
        "tcp": inet.TCP(sport=0, dport=0, flags="S", seq=0, window=64240),
        "udp": inet.UDP(sport=0, dport=0) / bytes(32),
        "icmp": echo,
    }
    return bytes(lower / upper[protocol])
