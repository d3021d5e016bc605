"""The small networks in which the kernel's behaviour is shown, as scenario data, and who has which address."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

__all__ = [
    "BITS",
    "BOTH",
    "CLIENT",
    "FAR",
    "H0",
    "H1",
    "H2",
    "NEAR",
    "NOWHERE",
    "POD",
    "POD2",
    "PROXY",
    "R0",
    "R0_FAR",
    "R1",
    "R1_FAR",
    "SERVER",
    "VIP",
    "Data",
    "chain",
    "lan",
    "masquerading",
    "node",
]

BITS = {4: 32, 6: 128}
"""How long an address of each family is."""

Data = dict[str, Any]

BOTH = pytest.mark.parametrize("family", [4, 6])
"""The mark of an example that is the same in both families."""

H0 = {4: "10.0.0.2", 6: "fd00:a::2"}
H1 = {4: "10.0.0.3", 6: "fd00:a::3"}
R0 = {4: "10.0.0.1", 6: "fd00:a::1"}
R0_FAR = {4: "10.0.1.1", 6: "fd00:b::1"}
R1 = {4: "10.0.1.2", 6: "fd00:b::2"}
R1_FAR = {4: "10.0.2.1", 6: "fd00:c::1"}
H2 = {4: "10.0.2.2", 6: "fd00:c::2"}
NEAR = {4: "10.0.0.0/24", 6: "fd00:a::/64"}
FAR = {4: "10.0.2.0/24", 6: "fd00:c::/64"}
NOWHERE = {4: "10.9.9.9", 6: "fd00:9::9"}
VIP = {4: "10.7.0.1", 6: "fd00:7::1"}

_EVERYTHING = {4: "0.0.0.0/0", 6: "::/0"}


def _routes(*pairs: tuple[dict[int, str], dict[int, str]]) -> list[Data]:
    return [{"to": to[family], "via": via[family]} for to, via in pairs for family in (4, 6)]


def _on(link: str, *addresses: str, **more: Any) -> Data:
    return {"link": link, "addresses": list(addresses), **more}


def _changed(data: Data, changes: Data) -> Data:
    """The network with other devices: routes are added, interfaces merged, everything else is replaced."""
    devices = deepcopy(data["devices"])
    for name, change in changes.items():
        device = devices.setdefault(name, {})
        for key, value in change.items():
            if key == "routes":
                device[key] = [*device.get(key, []), *value]
            elif key == "interfaces":
                held = device.setdefault(key, {})
                held.update({port: {**held.get(port, {}), **found} for port, found in value.items()})
            else:
                device[key] = value
    return {**data, "devices": devices}


def chain(**changes: Data) -> Data:
    """h0 and h1 on a LAN with r0, then r1, then h2; r0 knows no way but to h2, and r1 none but back.

    >>> sorted(chain()["devices"])
    ['h0', 'h1', 'h2', 'r0', 'r1']
    """
    devices: Data = {
        "h0": {
            "interfaces": {"e0": _on("near", "10.0.0.2/24", "fd00:a::2/64")},
            "routes": _routes((_EVERYTHING, R0)),
        },
        "h1": {
            "interfaces": {"e0": _on("near", "10.0.0.3/24", "fd00:a::3/64")},
            "routes": _routes((_EVERYTHING, R0)),
            "listen": ["tcp/80", "udp/53"],
        },
        "r0": {
            "forwarding": True,
            "interfaces": {
                "e0": _on("near", "10.0.0.1/24", "fd00:a::1/64"),
                "e1": _on("middle", "10.0.1.1/24", "fd00:b::1/64"),
            },
            "routes": _routes((FAR, R1)),
        },
        "r1": {
            "forwarding": True,
            "interfaces": {
                "e0": _on("middle", "10.0.1.2/24", "fd00:b::2/64"),
                "e1": _on("far", "10.0.2.1/24", "fd00:c::1/64"),
            },
            "routes": _routes((NEAR, R0_FAR)),
        },
        "h2": {
            "interfaces": {"e0": _on("far", "10.0.2.2/24", "fd00:c::2/64")},
            "routes": _routes((_EVERYTHING, R1_FAR)),
            "listen": ["tcp/80", "udp/53"],
        },
    }
    data = {
        "apiVersion": "dsflow/v1",
        "name": "chain",
        "links": {"near": {}, "middle": {}, "far": {}},
        "devices": devices,
    }
    return _changed(data, changes)


_MASQUERADE = {"hook": "postrouting", "out_interface": "e1", "action": "masquerade"}


def masquerading(*more: Data, **changes: Data) -> Data:
    """The chain with r0 hiding the LAN behind its far address; ``more`` are rules of r0 that come first."""
    data = chain(r0={"nat": [*more, _MASQUERADE]})
    return _changed(data, changes)


CLIENT = {4: "10.0.0.2", 6: "fd00:a::2"}
SERVER = {4: "10.0.0.3", 6: "fd00:a::3"}


def lan(**changes: Data) -> Data:
    """c, s and two routers on one segment; c asks r for everything, and r sends on by g, or back onto the LAN.

    Behind g is the host b.  r reaches the network of b by an address of g's, in IPv6 a global one.
    """
    devices: Data = {
        "c": {
            "interfaces": {"e0": _on("segment", "10.0.0.2/24", "fd00:a::2/64")},
            "routes": _routes((_EVERYTHING, R0)),
        },
        "s": {
            "interfaces": {"e0": _on("segment", "10.0.0.3/24", "fd00:a::3/64")},
            "listen": ["tcp/80", "udp/53"],
        },
        "r": {
            "forwarding": True,
            "interfaces": {"e0": _on("segment", "10.0.0.1/24", "fd00:a::1/64")},
            "routes": _routes((FAR, {4: "10.0.0.4", 6: "fd00:a::4"})),
        },
        "g": {
            "forwarding": True,
            "interfaces": {
                "e0": _on("segment", "10.0.0.4/24", "fd00:a::4/64"),
                "e1": _on("behind", "10.0.2.1/24", "fd00:c::1/64"),
            },
        },
        "b": {
            "interfaces": {"e0": _on("behind", "10.0.2.2/24", "fd00:c::2/64")},
            "routes": _routes((_EVERYTHING, R1_FAR)),
            "listen": ["tcp/80", "udp/53"],
        },
    }
    data = {"apiVersion": "dsflow/v1", "name": "lan", "links": {"segment": {}, "behind": {}}, "devices": devices}
    return _changed(data, changes)


POD = {4: "10.5.0.2", 6: "fd00:5::2"}
POD2 = {4: "10.5.1.2", 6: "fd00:5:1::2"}
PROXY = {4: "10.0.0.1", 6: "fd00:a::1"}


def node(**changes: Data) -> Data:
    """A node with two pods, on a segment with its router r and a peer; r knows the pods behind the node."""
    devices: Data = {
        "pod": {
            "interfaces": {"eth0": _on("cable", "10.5.0.2/24", "fd00:5::2/64")},
            "routes": _routes((_EVERYTHING, {4: "10.5.0.1", 6: "fd00:5::1"})),
            "listen": ["tcp/80", "udp/53"],
        },
        "pod2": {
            "interfaces": {"eth0": _on("cable2", "10.5.1.2/24", "fd00:5:1::2/64")},
            "routes": _routes((_EVERYTHING, {4: "10.5.1.1", 6: "fd00:5:1::1"})),
            "listen": ["tcp/80", "udp/53"],
        },
        "node": {
            "forwarding": True,
            "interfaces": {
                "eth0": _on("segment", "10.0.0.2/24", "fd00:a::2/64"),
                "veth": _on("cable", "10.5.0.1/24", "fd00:5::1/64"),
                "veth2": _on("cable2", "10.5.1.1/24", "fd00:5:1::1/64"),
            },
            "routes": _routes((_EVERYTHING, PROXY)),
        },
        "r": {
            "forwarding": True,
            "interfaces": {"e0": _on("segment", "10.0.0.1/24", "fd00:a::1/64")},
            "routes": _routes(
                ({4: "10.5.0.0/16", 6: "fd00:5::/32"}, {4: "10.0.0.2", 6: "fd00:a::2"}),
            ),
        },
        "peer": {
            "interfaces": {"e0": _on("segment", "10.0.0.3/24", "fd00:a::3/64")},
            "routes": _routes((_EVERYTHING, PROXY)),
            "listen": ["tcp/80", "udp/53"],
        },
    }
    links: Data = {"segment": {}, "cable": {}, "cable2": {}}
    return _changed({"apiVersion": "dsflow/v1", "name": "node", "links": links, "devices": devices}, changes)
