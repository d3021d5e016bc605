"""The door to scapy: packets to hand out, packets taken in, and an independent rebuilding.

Only its IP layers are imported, on first use; that import reads the interfaces and routes of the host and
fills a cache of scapy's own.  Nothing here sends, receives or resolves, and no result depends on the host:
an address that scapy would have to look up is refused.
"""

from __future__ import annotations

import logging
import socket
import struct
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from dsflow.errors import UsageError
from dsflow.net.address import Address
from dsflow.net.wire import ICMP, ICMPV6, TCP, UDP, is_fragment, parse_fields

__all__ = ["destination_of", "from_scapy", "rebuild", "to_scapy"]


class _Scapy(NamedTuple):
    inet: ModuleType
    inet6: ModuleType


@cache
def _scapy() -> _Scapy:
    """The IP layers of scapy, without the warnings it logs about the host's network."""
    logging.getLogger("scapy").setLevel(logging.ERROR)
    from scapy.layers import inet, inet6

    return _Scapy(inet, inet6)


def to_scapy(raw: bytes) -> Any:
    """The scapy packet (``IP`` or ``IPv6``) of these bytes; ``Raw`` where scapy can make no header of them."""
    inet, inet6 = _scapy()
    layer = {4: inet.IP, 6: inet6.IPv6}.get(raw[0] >> 4 if raw else 0, inet.conf.raw_layer)
    try:
        return layer(raw)
    except struct.error:  # shorter than a header
        return inet.conf.raw_layer(raw)


def destination_of(packet: Any) -> Address | None:
    """The destination of a scapy packet, where it is given as a plain address."""
    inet, inet6 = _scapy()
    layer = packet.getlayer(inet.IP) or packet.getlayer(inet6.IPv6)
    try:
        return None if layer is None else Address.parse(layer.fields.get("dst"))
    except (TypeError, ValueError, AttributeError):
        return None


def from_scapy(packet: Any, *, src: str | None = None) -> bytes:
    """The bytes of a scapy packet from its IP or IPv6 layer on; the packet stays as it is.

    Parameters
    ----------
    packet
        Any scapy packet with an IP layer.  Layers below that one are left out.
    src
        The source address where the packet leaves it open; scapy itself would ask the host's routes.

    Raises
    ------
    UsageError
        When there is no IP layer, or an address is open or not a plain address (a name, a range).
    """
    inet, inet6 = _scapy()
    layers = [layer for layer in packet.iterpayloads() if isinstance(layer, (inet.IP, inet6.IPv6))]
    if not layers:
        raise UsageError(f"{type(packet).__name__}: expected a packet with an IP or IPv6 layer")
    opened = layers[0].fields.get("src") is None
    for layer in layers:
        kind = socket.AF_INET if isinstance(layer, inet.IP) else socket.AF_INET6
        given = src if opened and layer is layers[0] else layer.fields.get("src")
        _check_plain("src", given, kind)
        _check_plain("dst", layer.fields.get("dst"), kind)
    found = layers[0].copy()
    if opened:
        found.src = src
    return bytes(found)


def _check_plain(name: str, address: Any, kind: socket.AddressFamily) -> None:
    """Refuse what scapy would look up, or of which it would take the first of many."""
    if address is None:
        raise UsageError(f"{name}: the packet leaves it open, expected an address")
    if getattr(address, "scope", None) is not None:
        raise UsageError(f"{name}: found {address} with a zone, which means something on one host only")
    try:
        socket.inet_pton(kind, address)
    except (OSError, TypeError):  # a TypeError for what is no text: a range or a list
        raise UsageError(f"{name}: found {address!r}, expected one address of the layer's family") from None


def rebuild(raw: bytes) -> bytes:
    """The bytes that scapy builds from the fields of ``raw``, all lengths and checksums left to scapy.

    The payload (with a packet that an ICMP error quotes) is taken as it stands.  The upper checksum stays
    where no sum over this packet gives it: in a fragment, and a zero in UDP, which says that there is none.
    """
    fields = parse_fields(raw)
    packet = to_scapy(raw)
    _clear(packet, "len", "ihl", "chksum", "plen")
    layer = _upper_layer(packet, fields.protocol)
    if layer is not None and not is_fragment(raw):
        _plain_payload(layer)
        _clear(layer, "len", "dataofs")
        if fields.checksum_at:
            _clear(layer, "chksum", "cksum")
    return bytes(packet)


def _upper_layer(packet: Any, protocol: int) -> Any:
    """The TCP, UDP, ICMP or ICMPv6 layer of the packet itself (not of one it quotes), or None."""
    if protocol not in (TCP, UDP, ICMP, ICMPV6):
        return None
    inet, _ = _scapy()
    layers = (layer for layer in packet.iterpayloads() if not isinstance(layer, inet.IP))
    return next((layer for layer in layers if layer.fields.keys() & {"chksum", "cksum"}), None)


def _plain_payload(layer: Any) -> None:
    """Undo scapy's reading of the payload, so that it is built back as the bytes it was."""
    payload = layer.payload.original
    layer.remove_payload()
    if payload:
        layer.add_payload(bytes(payload))


def _clear(layer: Any, *names: str) -> None:
    for name in names:
        if name in layer.fields:
            layer.delfieldval(name)
