"""What a generated network has, told from its data alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network
from itertools import permutations
from typing import Any

Data = dict[str, Any]
Network = IPv4Network | IPv6Network

IPV6_LEAST_MTU_BYTES = 1280
USUAL_MTU_BYTES = 1500

FEATURES = frozenset(
    {
        *("lan", "mtu-narrow", "mtu-mismatch", "mtu-jumbo", "ipv6-off", "family-missing", "several-addresses"),
        *("lo-address", "forwarding-one-family", "rp-strict", "rp-loose", "listen-tcp", "listen-udp"),
        *("route-default", "route-blackhole", "route-unreachable", "route-prohibit", "route-throw", "route-on-link"),
        *("route-mtu", "route-source", "route-host", "metric", "overlap", "prefix-in-prefix", "loop"),
        *("accept", "drop", "reject", "reject-admin", "reject-host", "reject-tcp-reset"),
        *("filter-input", "filter-forward", "filter-output", "state", "state-new", "state-established"),
        *("state-related", "state-invalid", "match-family", "match-protocol", "match-from", "match-to"),
        *("match-sport", "match-dport", "match-in_interface", "match-out_interface", "match-port-range"),
        *("nat-masquerade", "nat-snat", "nat-dnat", "nat-dnat-port", "nat-output", "nat-hairpin", "nat-ipv6"),
    }
)
"""Every word that :func:`features` can say."""


def features(data: Data) -> set[str]:
    """The features that the network has.

    >>> sorted(features({"links": {"l0": {}}, "devices": {"h0": {"rp_filter": "strict", "listen": ["udp/53"]}}}))
    ['listen-udp', 'rp-strict']
    """
    found = set(_of_links(data))
    for device in data["devices"].values():
        found.update(_of_device(device), _of_routes(device), _of_filters(device), _of_translation(device))
    if _loops(data):
        found.add("loop")
    return found


def _of_links(data: Data) -> Iterator[str]:
    interfaces = [every for device in data["devices"].values() for every in device.get("interfaces", {}).values()]
    for link in data["links"]:
        ends = [interface for interface in interfaces if interface.get("link") == link]
        sizes = {end.get("mtu", USUAL_MTU_BYTES) for end in ends}
        families = [{ip_interface(text).version for text in end["addresses"]} for end in ends]
        yield from (["lan"] if len(ends) > 2 else [])
        yield from (["mtu-mismatch"] if len(sizes) > 1 else [])
        yield from (["mtu-narrow"] if sizes and min(sizes) < USUAL_MTU_BYTES else [])
        yield from (["mtu-jumbo"] if sizes and max(sizes) > USUAL_MTU_BYTES else [])
        yield from (["ipv6-off"] if sizes and min(sizes) < IPV6_LEAST_MTU_BYTES else [])
        yield from (["family-missing"] if any(len(own) < 2 for own in families) else [])


def _of_device(device: Data) -> Iterator[str]:
    for listener in device.get("listen", []):
        yield f"listen-{listener.partition('/')[0]}"
    if device.get("rp_filter", "off") != "off":
        yield f"rp-{device['rp_filter']}"
    if isinstance(device.get("forwarding"), dict):
        yield "forwarding-one-family"
    for name, interface in device.get("interfaces", {}).items():
        families = Counter(ip_interface(text).version for text in interface["addresses"])
        yield from (["several-addresses"] if max(families.values(), default=0) > 1 else [])
        yield from (["lo-address"] if name == "lo" else [])
    connected = _connected(device)
    if any(_is_inside(one, other) for one, other in permutations(connected, 2)):
        yield "prefix-in-prefix"


def _connected(device: Data) -> list[Network]:
    return [
        ip_interface(text).network for every in device.get("interfaces", {}).values() for text in every["addresses"]
    ]


def _is_inside(inner: Network, outer: Network) -> bool:
    return inner != outer and _covers(outer, inner)


def _covers(outer: Network, inner: Network) -> bool:
    return outer.version == inner.version and (
        int(outer.network_address) <= int(inner.network_address)
        and int(inner.broadcast_address) <= int(outer.broadcast_address)
    )


def _of_routes(device: Data) -> Iterator[str]:
    routes = device.get("routes", [])
    prefixes = [ip_network(route["to"]) for route in routes]
    for route, to in zip(routes, prefixes, strict=True):
        yield from ([f"route-{route['type']}"] if "type" in route else [])
        yield from (f"route-{key}" for key in ("mtu", "source") if key in route)
        yield from (["route-default"] if to.prefixlen == 0 else [])
        yield from (["route-host"] if to.num_addresses == 1 else [])
        yield from (["route-on-link"] if "interface" in route and "via" not in route else [])
    yield from (["metric"] if len(set(prefixes)) < len(prefixes) else [])
    wide = [to for to in prefixes if to.prefixlen > 0]
    every = [*prefixes, *_connected(device)]
    yield from (["overlap"] if any(_is_inside(inner, outer) for outer in wide for inner in every) else [])


def _of_filters(device: Data) -> Iterator[str]:
    for rule in device.get("filters", []):
        yield f"filter-{rule['hook']}"
        yield rule["action"]
        yield from (["state"] if "state" in rule else [])
        yield from (f"state-{state}" for state in rule.get("state", []))
        yield from (f"match-{key}" for key in rule if key not in ("hook", "action", "state"))
        yield from (["match-port-range"] if any("-" in str(rule.get(key)) for key in ("sport", "dport")) else [])


def _of_translation(device: Data) -> Iterator[str]:
    rules = device.get("nat", [])
    for rule in rules:
        yield f"nat-{rule['action']}"
        yield from (["nat-dnat-port"] if "to_port" in rule else [])
        yield from (["nat-output"] if rule["hook"] == "output" else [])
        yield from (["nat-ipv6"] if ":" in rule.get("to_address", "") or rule.get("family") == "ipv6" else [])
    doors = [rule for rule in rules if rule["hook"] == "prerouting" and "in_interface" not in rule]
    backs = [ip_network(rule["to"]) for rule in rules if rule["hook"] == "postrouting" and "to" in rule]
    if any(ip_address(door["to_address"]) in back for door in doors for back in backs):
        yield "nat-hairpin"


def _loops(data: Data) -> bool:
    """Whether two devices take each other for the way to one prefix."""
    owners = {
        str(ip_interface(text).ip): name
        for name, device in data["devices"].items()
        for interface in device.get("interfaces", {}).values()
        for text in interface["addresses"]
    }
    steps = {
        (name, route["to"], owners.get(route["via"]))
        for name, device in data["devices"].items()
        for route in device.get("routes", [])
        if "via" in route
    }
    return any((other, to, name) in steps for name, to, other in steps)
