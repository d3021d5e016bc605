"""Routes of a generated network: first those that make it work, then odd ones on top.

A router has a route for every prefix that is not its own, or one default or aggregate in place of all that lead to
the same neighbour.  Two routers whose defaults lead to each other are a loop for what nobody has.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from tests.network_plan import IPV6_LEAST_MTU_BYTES, LOOP_BLOCK, Data, Interface, Network, Plan, Port

P_UNANNOUNCED_LOOPBACK = 0.2
P_SUMMARISED_ROUTER, P_SUMMARISED_HOST = 0.6, 0.85
P_DEFAULT_AMONG_SUMMARIES = 0.75
P_NEXT_HOP_ALONE = 0.4
P_SPECIAL_ON_ROUTER, P_SPECIAL_ON_HOST = 0.6, 0.12
P_SPECIAL_OVER_A_HOST = 0.05
P_LOOP, P_STRAY_ROUTE, P_ON_LINK = 0.2, 0.25, 0.15
P_SECOND_METRIC, P_BETTER_METRIC = 0.4, 0.2
P_ROUTE_MTU, P_ROUTE_SOURCE = 0.35, 0.35
SPECIAL_TYPES = ("blackhole", "unreachable", "prohibit", "throw")
ROUTE_MTUS_BYTES = {4: (576, 800, 1280, 1300, 1400, 1492), 6: (1280, 1300, 1400, 1492)}
FAR_AWAY = {4: ("203.0.113.0/24", "192.0.2.0/24"), 6: ("2001:db8:dead::/48", "2001:db8:ffff::/48")}
EVERYTHING: dict[int, Network] = {4: IPv4Network("0.0.0.0/0"), 6: IPv6Network("::/0")}
USUAL_METRIC = {4: 0, 6: 1024}
"""What Linux takes where none is written; a connected route has 0 and 256."""


def add_routes(plan: Plan) -> None:
    """What makes every device reach every other, as far as the wires carry the family."""
    announced = {name: list(entries) for name, entries in plan.loopback.items()}
    for name in plan.loopback:
        if plan.random.random() < P_UNANNOUNCED_LOOPBACK:
            announced[name] = []
    for family in (4, 6):
        for device in plan.devices:
            routes = _needed(plan, device, family, announced)
            for to, (port, other) in _summarised(plan, device, routes).items():
                add(plan, device, to, port, other.own[family].ip)


def _needed(
    plan: Plan, device: str, family: int, announced: dict[str, list[Interface]]
) -> dict[Network, tuple[Port, Port]]:
    """The first step of the way to each prefix that the device has not itself."""
    ways = plan.ways(device, family)
    found: dict[Network, tuple[Port, Port]] = {}
    own = {port.wire for port in plan.ports(device, family)}
    for wire in plan.wires:
        behind = [name for name in ways if any(port.wire is wire for port in plan.ports(name, family))]
        if wire not in own and behind:
            found |= dict.fromkeys(wire.networks(family), ways[behind[0]])
    for name, way in ways.items():
        more = [entry.network for entry in announced.get(name, [])] + plan.hidden.get(name, [])
        found |= {network: way for network in more if network.version == family}
    return found


def _summarised(plan: Plan, device: str, routes: dict[Network, tuple[Port, Port]]) -> dict[Network, tuple[Port, Port]]:
    """One short prefix for all that lead to the most usual neighbour, unless a longer one hides it."""
    likely = P_SUMMARISED_ROUTER if plan.forwards[device] else P_SUMMARISED_HOST
    if not routes or plan.random.random() > likely:
        return routes
    family = next(iter(routes)).version
    usual = Counter(way for way in routes.values()).most_common(1)[0][0]
    kept = [entry.network for port in plan.ports(device, family) for entry in port.addresses]
    written: dict[Network, tuple[Port, Port]] = {}
    for network in sorted(routes, key=lambda network: network.prefixlen):
        if routes[network] != usual or any(within(network, wide) for wide in kept):
            written[network] = routes[network]
            kept.append(network)
    whole = [EVERYTHING[family]] if plan.random.random() < P_DEFAULT_AMONG_SUMMARIES else plan.spaces[family]
    return written | dict.fromkeys(whole, usual)


def within(inner: Network, outer: Network) -> bool:
    """Whether one prefix lies in the other, of whatever families."""
    shift = outer.max_prefixlen - outer.prefixlen
    same = inner.version == outer.version and inner.prefixlen >= outer.prefixlen
    return same and int(inner.network_address) >> shift == int(outer.network_address) >> shift


# --- writing one ---------------------------------------------------------------------------------------------


def add(
    plan: Plan, device: str, to: Network, port: Port, via: IPv4Address | IPv6Address | None, **more: object
) -> Data | None:
    """Write a route, unless the device has one of this prefix and metric already."""
    route: Data = {"to": str(to)}
    if via is not None:
        route["via"] = str(via)
    if via is None or _is_ambiguous(plan, device, via) or plan.random.random() > P_NEXT_HOP_ALONE:
        route["interface"] = port.interface
    return _write(plan, device, route | more)


def _is_ambiguous(plan: Plan, device: str, via: IPv4Address | IPv6Address) -> bool:
    """Whether the next hop is on-link by more than one of the device's prefixes."""
    own = {entry.network for port in plan.ports(device) for entry in port.addresses}
    return sum(within(ip_network(via), network) for network in own) > 1


def _write(plan: Plan, device: str, route: Data) -> Data | None:
    routes = plan.devices[device].setdefault("routes", [])
    if any(_place(route) == _place(other) for other in routes) or not _is_harmless(plan, device, route):
        return None
    routes.append(route)
    return route


def _place(route: Data) -> tuple[str, int]:
    """No two routes of a device have the same prefix and metric: Linux refuses it, or balances."""
    family = 6 if ":" in route["to"] else 4
    return route["to"], route.get("metric", USUAL_METRIC[family])


def _is_harmless(plan: Plan, device: str, route: Data) -> bool:
    """It covers no address that the device has or sends through, so that every next hop stays on-link."""
    to = ip_network(route["to"])
    near = [other.own[to.version] for _, other in plan.near(device, to.version)]
    own = [entry for port in plan.ports(device) for entry in port.addresses] + plan.loopback.get(device, [])
    if any(within(ip_network(entry.ip), to) and within(to, entry.network) for entry in own):
        return False
    return not any(within(ip_network(entry.ip), to) and within(to, entry.network) for entry in near)


# --- odd ones ------------------------------------------------------------------------------------------------


def add_odd_routes(plan: Plan) -> None:
    """Special routes, loops, strays, second metrics, MTUs and sources."""
    random = plan.random
    for device in plan.devices:
        likely = P_SPECIAL_ON_ROUTER if plan.forwards[device] else P_SPECIAL_ON_HOST
        for family in (4, 6):
            while random.random() < likely:
                _special(plan, device, family)
                likely /= 2
    for family in (4, 6):
        if random.random() < P_LOOP:
            _loop(plan, family)
        if random.random() < P_STRAY_ROUTE:
            _stray(plan, family)
        if random.random() < P_ON_LINK:
            _on_link(plan, family)
    for device in plan.devices:
        for route in list(plan.devices[device].get("routes", [])):
            _vary(plan, device, route)


def _special(plan: Plan, device: str, family: int) -> None:
    kind = plan.random.choice(SPECIAL_TYPES)
    to = plan.random.choice((_far_away, _far_away, _unowned_part, Plan.nobodys, Plan.nobodys))(plan, family)
    if plan.random.random() < P_SPECIAL_OVER_A_HOST:
        to = _somebodys(plan, family) or to
    elif plan.random.random() < 0.1:
        to = EVERYTHING[family]
    _write(plan, device, {"to": str(to), "type": kind})


def _far_away(plan: Plan, family: int) -> Network:
    return ip_network(plan.random.choice(FAR_AWAY[family]))


def _unowned_part(plan: Plan, family: int) -> Network:
    """The upper half of a wire's prefix, or one address there; nobody has it."""
    wires = [wire.prefixes[family] for wire in plan.wires if family in wire.prefixes]
    wide = [network for network in wires if network.num_addresses > 64]
    if not wide:
        return Plan.nobodys(plan, family)
    network = plan.random.choice(wide)
    length = plan.random.choice((network.prefixlen + 1, network.max_prefixlen))
    return ip_network((int(network.broadcast_address) - 5, length), strict=False)


def _somebodys(plan: Plan, family: int) -> Network | None:
    every = [entry.ip for name in plan.hosts for entry in plan.addresses(name, family)]
    return ip_network(plan.random.choice(every)) if every else None


def _loop(plan: Plan, family: int) -> None:
    """Two routers that each take the other for the way."""
    pairs = [pair for name in plan.routers if plan.forwards[name] for pair in plan.neighbours(name, family)]
    both = [(one, other) for one, other in pairs if family in plan.forwards[one.device]]
    if both:
        one, other = plan.random.choice(both)
        to = plan.block(family, LOOP_BLOCK)
        add(plan, one.device, to, one, other.own[family].ip)
        add(plan, other.device, to, other, one.own[family].ip)


def _stray(plan: Plan, family: int) -> None:
    """A route for one host's address alone, by whichever neighbour: even by a host, which forwards nothing."""
    device, to = plan.random.choice(plan.routers), _somebodys(plan, family)
    ways = list(plan.near(device, family))
    if ways and to is not None:
        port, other = plan.random.choice(ways)
        add(plan, device, to, port, other.own[family].ip)


def _on_link(plan: Plan, family: int) -> None:
    """A prefix that nobody has, said to be on a wire."""
    device = plan.random.choice(list(plan.devices))
    if ports := plan.ports(device, family):
        add(plan, device, plan.nobodys(family), plan.random.choice(ports), None)


def _vary(plan: Plan, device: str, route: Data) -> None:
    random, family = plan.random, 6 if ":" in route["to"] else 4
    if random.random() < P_SECOND_METRIC / max(2, len(plan.devices[device]["routes"])):
        _second(plan, device, route, family)
    if "via" not in route:
        return
    port = _port_of(plan, device, route)
    every = ROUTE_MTUS_BYTES[family]
    sizes = [size for size in every if size <= port.mtu_bytes and (family == 4 or size >= IPV6_LEAST_MTU_BYTES)]
    if sizes and random.random() < P_ROUTE_MTU / len(plan.devices[device]["routes"]):
        route["mtu"] = random.choice(sizes)
    if random.random() < P_ROUTE_SOURCE / len(plan.devices[device]["routes"]):
        route["source"] = str(random.choice(plan.addresses(device, family)).ip)


def _port_of(plan: Plan, device: str, route: Data) -> Port:
    """The port that a route leads out of, by its interface or by its next hop."""
    ports = plan.ports(device)
    if "interface" in route:
        return next(port for port in ports if port.interface == route["interface"])
    via = ip_network(route["via"])
    return next(port for port in ports if any(within(via, entry.network) for entry in port.addresses))


def _second(plan: Plan, device: str, route: Data, family: int) -> None:
    """The same prefix once more, with a better or a worse metric: by another neighbour, or to nowhere."""
    random = plan.random
    ways = [way for way in plan.neighbours(device, family) if str(way[1].own[family].ip) != route.get("via")]
    metric = random.choice((1, 10, 50)) + USUAL_METRIC[family]
    if random.random() < P_BETTER_METRIC:
        route["metric"], metric = 3000, random.choice((5, 200))
    if ways:
        port, other = random.choice(ways)
        add(plan, device, ip_network(route["to"]), port, other.own[family].ip, metric=metric)
    else:
        _write(plan, device, {"to": route["to"], "type": random.choice(SPECIAL_TYPES), "metric": metric})
