"""The networks in which switched-off rules are seen: each has much of what the kernel does in one place."""

from __future__ import annotations

from tests.kernel.networks import (
    BITS,
    FAR,
    H0,
    H2,
    NOWHERE,
    R0,
    R0_FAR,
    R1,
    SERVER,
    VIP,
    Data,
    chain,
    lan,
    masquerading,
)

__all__ = ["ADDRESSES", "NETWORKS", "VIP_NOWHERE", "virtual"]

VIP_NOWHERE = {4: "10.7.0.9", 6: "fd00:7::9"}

ADDRESSES = {
    "unreachable": {4: "10.9.1.1", 6: "fd00:9:1::1"},
    "prohibit": {4: "10.9.2.1", 6: "fd00:9:2::1"},
    "blackhole": {4: "10.9.3.1", 6: "fd00:9:3::1"},
    "throw": {4: "10.9.4.1", 6: "fd00:9:4::1"},
    "two metrics": {4: "10.9.5.1", 6: "fd00:9:5::1"},
}
"""Destinations that meet a special route at r0."""


def _around(address: str) -> str:
    return f"{address.rpartition('.')[0]}.0/24" if "." in address else f"{address.rpartition('::')[0]}::/48"


def _special() -> list[Data]:
    plain = [
        {"to": _around(ADDRESSES[kind][family]), "type": kind}
        for kind in ("unreachable", "prohibit", "blackhole", "throw")
        for family in (4, 6)
    ]
    metrics = [
        {"to": _around(ADDRESSES["two metrics"][family]), "type": kind, "metric": metric}
        for kind, metric in (("prohibit", 10), ("unreachable", 20))
        for family in (4, 6)
    ]
    return plain + metrics


def _plain() -> Data:
    """Narrow links behind r0 and r1, special routes, a filter of each kind."""
    filters = [
        {"hook": "forward", "protocol": "udp", "dport": port, "action": action}
        for port, action in ((666, "drop"), (667, "reject"), (668, "reject-admin"), (669, "reject-host"))
    ]
    filters += [
        {"hook": "forward", "protocol": "tcp", "dport": 670, "action": "reject-tcp-reset"},
        {"hook": "input", "protocol": "udp", "dport": 671, "action": "drop"},
    ]
    data = chain(
        h0={"filters": [{"hook": "output", "protocol": "udp", "dport": 672, "action": "drop"}]},
        r0={"filters": filters, "routes": _special()},
    )
    return _with_mtu(data, ("r0", "e1", 1400), ("r1", "e0", 1400), ("r1", "e1", 1300), ("h2", "e0", 1300))


def _with_mtu(data: Data, *limits: tuple[str, str, int]) -> Data:
    for name, port, mtu in limits:
        data["devices"][name]["interfaces"][port]["mtu"] = mtu
    return data


def virtual(target: dict[int, str], virtual: dict[int, str] = VIP) -> list[Data]:
    """Rules that stand for a target at a virtual address."""
    return [
        {
            "hook": "prerouting",
            "to": f"{virtual[family]}/{BITS[family]}",
            "action": "dnat",
            "to_address": target[family],
        }
        for family in (4, 6)
    ]


def _translating() -> Data:
    """r0 hides the LAN, and stands for h2 at a virtual address."""
    data = masquerading(*virtual(H2), *virtual(NOWHERE, VIP_NOWHERE))
    return _with_mtu(data, ("r0", "e1", 1400), ("r1", "e0", 1400))


def _tracking() -> Data:
    """r1 divides for a narrow link, r0 tracks what it forwards and has a wide one."""
    rule = {"hook": "forward", "state": ["established", "related"], "action": "accept"}
    return _with_mtu(chain(r0={"filters": [rule]}), ("r1", "e0", 1300), ("r0", "e1", 1300))


def _addressed() -> Data:
    """r0 has several addresses on both sides."""
    inner = ["10.0.0.1/24", "2001:db8::1/64", "fd00:a::1/64", "fd00:a:0:1::1/64", "fd00:a::f1/64"]
    outer = ["10.4.0.1/24", "10.0.1.1/24", "10.0.1.9/24", "fd00:b::1/64"]
    return chain(
        h0={"interfaces": {"e0": {"addresses": ["10.0.0.2/24", "fd00:a::2/64", "2001:db8::2/64"]}}},
        r0={"interfaces": {"e0": {"addresses": inner}, "e1": {"addresses": outer}}},
        r1={"interfaces": {"e0": {"addresses": ["10.0.1.2/24", "10.4.0.7/24", "fd00:b::2/64"]}}},
    )


def _route_mtu() -> Data:
    """A narrow route at r0, and one on the way back at r1."""
    routes = [{"to": f"{H2[family]}/{BITS[family]}", "via": R1[family], "mtu": 1300} for family in (4, 6)]
    back = [{"to": f"{H0[family]}/{BITS[family]}", "via": R0_FAR[family], "mtu": 1350} for family in (4, 6)]
    rule = {"hook": "forward", "protocol": "udp", "dport": 666, "action": "drop"}
    return chain(r0={"routes": routes, "filters": [rule]}, r1={"routes": back})


def _path_mtu() -> Data:
    back = [{"to": f"{H0[family]}/{BITS[family]}", "via": R0_FAR[family], "mtu": 1300} for family in (4, 6)]
    return chain(r1={"routes": back})


def _without_ipv6() -> Data:
    data = _with_mtu(chain(), ("r0", "e1", 1279), ("r1", "e0", 1279))
    for name, port in (("r0", "e1"), ("r1", "e0")):
        held = data["devices"][name]
        addresses = held["interfaces"][port]["addresses"]
        held["interfaces"][port]["addresses"] = [text for text in addresses if ":" not in text]
        held["routes"] = [item for item in held["routes"] if ":" not in item["to"]]
    data["devices"]["r0"]["routes"].append({"to": FAR[6], "interface": "e1"})
    return data


def _roundabout() -> Data:
    """c asks r for its neighbour s too."""
    return lan(c={"routes": [{"to": f"{SERVER[family]}/{BITS[family]}", "via": R0[family]} for family in (4, 6)]})


def _secondary() -> Data:
    """r0 hides the LAN behind the second address of a prefix."""
    rule = {"hook": "postrouting", "family": "ipv4", "out_interface": "e1", "action": "snat", "to_address": "10.0.1.9"}
    addresses = ["10.0.1.1/24", "10.0.1.9/24", "fd00:b::1/64"]
    return chain(r0={"interfaces": {"e1": {"addresses": addresses}}, "nat": [rule]})


def _refusing_hosts() -> Data:
    """Hosts that would know a way for what is not theirs, and one that does not."""
    return chain(
        h2={"routes": [{"to": "10.9.0.0/16", "type": "prohibit"}, {"to": "fd00:9::/32", "type": "prohibit"}]},
    )


_STATEFUL: list[Data] = [
    {"hook": "forward", "state": ["established", "related"], "action": "accept"},
    {"hook": "forward", "in_interface": "e1", "action": "reject-admin"},
]

_DOOR: list[Data] = [
    {
        "hook": "prerouting",
        "protocol": "tcp",
        "to": f"{R0_FAR[4]}/32",
        "dport": 8080,
        "action": "dnat",
        "to_address": H0[4],
        "to_port": 80,
    }
]

NETWORKS: dict[str, Data] = {
    "plain": _plain(),
    "translating": _translating(),
    "hairpin": lan(r={"nat": [*virtual(SERVER), {"hook": "postrouting", "action": "masquerade"}]}),
    "tracking": _tracking(),
    "addressed": _addressed(),
    "route mtu": _route_mtu(),
    "path mtu": _path_mtu(),
    "unequal": _with_mtu(chain(), ("r1", "e0", 1400)),
    "unequal pieces": _with_mtu(chain(), ("r0", "e1", 1450), ("r1", "e0", 1300)),
    "narrow": _with_mtu(chain(), ("r0", "e1", 1400), ("r1", "e0", 1400)),
    "without ipv6": _without_ipv6(),
    "strict": chain(r0={"rp_filter": "strict"}),
    "loose": chain(r0={"rp_filter": "loose"}),
    "open": chain(),
    "roundabout": _roundabout(),
    "spoofed": _roundabout(),
    "secondary": _secondary(),
    "stateful": chain(r0={"filters": _STATEFUL}),
    "limited": chain(r0={"icmp_rate_limit": True}),
    "doors": chain(r0={"nat": _DOOR}),
    "hosts": _refusing_hosts(),
}
"""Scenario data by name."""
