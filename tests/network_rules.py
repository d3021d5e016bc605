"""Filters and translation of a generated network.

What refuses is mostly narrow, so that paths go on working; what accepts may be wide, and often stands before it.
Translation is that of a gateway between the hosts of one wire and the rest, in either family.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_interface, ip_network

from tests.network_plan import HIDDEN_BLOCK, Data, Plan, Port

P_FILTERS_ON_ROUTER, P_FILTERS_ON_HOST = 0.5, 0.25
P_STATE = 0.4
P_ONE_WAY = 0.12
P_TRANSLATION = 0.6
P_SOURCE_TRANSLATION, P_PORT_FORWARDING = 0.8, 0.7
P_MASQUERADE = 0.65
P_HAIRPIN = 0.5
P_OUTPUT_TRANSLATION, P_OUTPUT_TRANSLATION_ON_HOST = 0.35, 0.08
P_HIDDEN_ADDRESS = 0.4
REFUSALS = ("drop", "drop", "reject", "reject", "reject-admin", "reject-host", "reject-tcp-reset")
TEXT = {4: "ipv4", 6: "ipv6"}


# --- filters -------------------------------------------------------------------------------------------------


def add_filters(plan: Plan) -> None:
    """Rules on routers, where packets are forwarded too, and on some hosts."""
    for device in plan.devices:
        forwards = bool(plan.forwards[device])
        if plan.random.random() < (P_FILTERS_ON_ROUTER if forwards else P_FILTERS_ON_HOST):
            hooks = ("input", "forward", "forward", "forward", "output") if forwards else ("input", "output")
            rules = _state_rules(plan, device) if plan.random.random() < P_STATE else []
            rules += [_rule(plan, device, plan.random.choice(hooks)) for _ in range(plan.random.randint(1, 4))]
            plan.devices[device]["filters"] = rules


def _state_rules(plan: Plan, device: str) -> list[Data]:
    """What a firewall with connection tracking begins with."""
    random = plan.random
    hook = random.choice(("input", "forward", "forward", "output") if plan.forwards[device] else ("input", "output"))
    rules: list[Data] = [{"hook": hook, "state": ["established", "related"], "action": "accept"}]
    if random.random() < 0.4:
        rules.insert(random.randint(0, 1), {"hook": hook, "state": ["invalid"], "action": random.choice(REFUSALS[:3])})
    if random.random() < 0.3:
        rules.append({"hook": hook, "state": ["new"], "protocol": "udp", "dport": 123, "action": "drop"})
    if hook == "forward" and random.random() < P_ONE_WAY:
        entry = random.choice(plan.ports(device)).interface
        rules.append({"hook": hook, "state": ["new"], "in_interface": entry, "action": random.choice(REFUSALS[:6])})
    return rules


def _rule(plan: Plan, device: str, hook: str) -> Data:
    """A rule of one of the kinds that people write: by port, by ends, by protocol, by interface."""
    random = plan.random
    kind = random.choice((_by_port, _by_port, _by_port, _by_ends, _by_ends, _by_protocol, _by_prefix))
    rule: Data = {"hook": hook, **kind(plan)}
    accepts = random.random() < 0.25
    if kind is _by_prefix or random.random() < 0.25:
        rule |= _interfaces(plan, device, hook)
    action = "accept" if accepts else random.choice(REFUSALS)
    if action == "reject-tcp-reset" and rule.get("protocol") != "tcp":
        action = "reject"
    return rule | {"action": action}


def _by_port(plan: Plan) -> Data:
    random, family = plan.random, plan.random.choice((None, None, 4, 6))
    protocol = random.choice(("tcp", "udp"))
    known = {"tcp": (22, 80, 443, 9), "udp": (53, 123, 4500, 9)}[protocol]
    ports = random.choice(
        ({"dport": random.choice(known)}, {"dport": "9-19"}, {"sport": 666}, {"sport": "2000-2999", "dport": known[0]})
    )
    return {"protocol": protocol} | ports | ({} if family is None else {"family": TEXT[family]})


def _by_ends(plan: Plan) -> Data:
    """One end's address alone, or both; with the protocol where a whole host would be cut off."""
    family = plan.random.choice((4, 6))
    every = [entry for name in plan.devices for entry in plan.addresses(name, family)]
    if len(every) < 2:
        return _by_port(plan)
    one, other = (ip_network(entry.ip) for entry in plan.random.sample(every, 2))
    rule = plan.random.choice(
        (
            {"from": str(one), "to": str(other)},
            {"from": str(one), "protocol": plan.random.choice(("tcp", "udp"))},
            {"to": str(other), "protocol": plan.random.choice(("tcp", "udp"))},
        )
    )
    return rule if plan.random.random() < 0.5 else {"family": TEXT[family]} | rule


def _by_protocol(plan: Plan) -> Data:
    family = plan.random.choice((4, 6))
    icmp = "icmp" if family == 4 else plan.random.choice(("icmp", "icmpv6"))
    return {"family": TEXT[family], "protocol": plan.random.choice((icmp, "tcp", "udp", "udp"))}


def _by_prefix(plan: Plan) -> Data:
    """A wire's whole prefix as one end, and a protocol."""
    family = plan.random.choice((4, 6))
    every = [str(wire.prefixes[family]) for wire in plan.wires if family in wire.prefixes]
    end = {plan.random.choice(("from", "to")): plan.random.choice(every)} if every else {}
    return {"protocol": plan.random.choice(("tcp", "udp"))} | end


def _interfaces(plan: Plan, device: str, hook: str) -> Data:
    names = [port.interface for port in plan.ports(device)]
    allowed = {"input": ("in_interface",), "forward": ("in_interface", "out_interface"), "output": ("out_interface",)}
    chosen = plan.random.sample(allowed[hook], plan.random.randint(1, len(allowed[hook])))
    return {key: plan.random.choice(names) for key in sorted(chosen)}


# --- translation ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Gateway:
    """A router between hosts on one of its wires and everything by way of another."""

    device: str
    family: int
    inside: Port
    outside: Port
    servers: list[Port]


def add_translation(plan: Plan) -> None:
    """Make some router a gateway that translates, in one family or both."""
    families = plan.random.choice(((4,), (4,), (4,), (6,), (4, 6)))
    if plan.random.random() < P_TRANSLATION:
        for family in families:
            if gateways := list(_gateways(plan, family)):
                _add_gateway(plan, plan.random.choice(gateways))
    for device in plan.devices:
        likely = P_OUTPUT_TRANSLATION_ON_HOST
        if "nat" in plan.devices[device]:
            likely = P_OUTPUT_TRANSLATION
        if plan.random.random() < likely:
            _translate_own(plan, device)


def _gateways(plan: Plan, family: int) -> list[_Gateway]:
    found = []
    for device in plan.routers:
        ports = plan.ports(device, family) if family in plan.forwards[device] else []
        for inside in ports:
            servers = [port for port in inside.wire.ports if port.device in plan.hosts and port.carries(family)]
            others = [port for port in ports if port is not inside]
            found += [_Gateway(device, family, inside, outside, servers) for outside in others if servers]
    return found


def _add_gateway(plan: Plan, gateway: _Gateway) -> None:
    rules = plan.devices[gateway.device].setdefault("nat", [])
    if plan.random.random() < P_PORT_FORWARDING:
        rules += _port_forwarding(plan, gateway)
    if plan.random.random() < P_SOURCE_TRANSLATION or not rules:
        rules.append(_source_translation(plan, gateway))


def _source_translation(plan: Plan, gateway: _Gateway) -> Data:
    """Masquerading, or a fixed source; of everything that leaves, or of the inside prefix alone."""
    random, family = plan.random, gateway.family
    rule: Data = {"hook": "postrouting", "family": TEXT[family], "out_interface": gateway.outside.interface}
    if random.random() < 0.4:
        rule["from"] = str(gateway.inside.own[family].network)
    if random.random() < 0.3:
        rule["protocol"] = random.choice(("tcp", "udp", "icmp"))
    if random.random() < P_MASQUERADE:
        return rule | {"action": "masquerade"}
    own = [entry for entry in gateway.outside.addresses if entry.version == family]
    rule |= {"action": "snat", "to_address": str(random.choice(own).ip)}
    if rule.get("protocol") in ("tcp", "udp"):
        rule["to_port"] = random.randint(1024, 65535)  # there is one connection to each peer
    return rule


def _port_forwarding(plan: Plan, gateway: _Gateway) -> list[Data]:
    """A door to a server inside: the gateway's outer address, or one that nobody but this rule knows."""
    random, family = plan.random, gateway.family
    server = random.choice(gateway.servers)
    listens = plan.devices[server.device].get("listen", ["udp/53"])
    protocol, port = random.choice(listens).split("/")
    door = str(gateway.outside.own[family].ip)
    if random.random() < P_HIDDEN_ADDRESS:
        door = _hidden_address(plan, gateway)
    rule: Data = {"hook": "prerouting", "protocol": protocol, "to": str(ip_network(door))}
    whole = random.random() < 0.15 and door != str(gateway.outside.own[family].ip)
    if whole:
        del rule["protocol"]
    elif random.random() < 0.6:
        rule |= {"dport": random.choice((8080, 5353)), "to_port": int(port)}
    else:
        rule |= {"dport": int(port)}
    rule |= {"action": "dnat", "to_address": str(server.own[family].ip)}
    hairpins = random.random() < P_HAIRPIN
    if not hairpins and random.random() < 0.5:
        rule["in_interface"] = gateway.outside.interface
    rules = [rule]
    if random.random() < 0.3 and not whole:
        rules.append({key: value for key, value in rule.items() if key != "in_interface"} | {"hook": "output"})
    if hairpins:
        inside = str(gateway.inside.own[family].network)
        back = {"hook": "postrouting", "family": TEXT[family], "from": inside, "to": inside}
        rules.append(back | {"out_interface": gateway.inside.interface, "action": "masquerade"})
    return rules


def _hidden_address(plan: Plan, gateway: _Gateway) -> str:
    """An address that others have a route for, and that no interface has."""
    block = plan.block(gateway.family, HIDDEN_BLOCK)
    network = ip_network(int(block.network_address) + len(plan.hidden) + 1)
    if gateway.family == 6:
        network = ip_network(block.network_address + len(plan.hidden) + 1)
    plan.hidden.setdefault(gateway.device, []).append(network)
    return str(network.network_address)


def _translate_own(plan: Plan, device: str) -> None:
    """What the device itself asks of one address or port goes to another host."""
    random, family = plan.random, plan.random.choice((4, 6))
    others = [entry for name in plan.hosts if name != device for entry in plan.addresses(name, family)]
    if not others or not plan.addresses(device, family):
        return
    new = random.choice(others).ip
    asked = random.choice([entry.ip for entry in others] + [ip_interface(_nobody(plan, family)).ip])
    protocol, port = random.choice((("udp", 53), ("tcp", 80), ("udp", 5353)))
    rule: Data = {"hook": "output", "protocol": protocol, "to": str(ip_network(asked)), "action": "dnat"}
    rule |= {"to_address": str(new)} | random.choice(({}, {"dport": port}, {"dport": port, "to_port": 53}))
    plan.devices[device].setdefault("nat", []).append(rule)


def _nobody(plan: Plan, family: int) -> str:
    return str(plan.nobodys(family).network_address + 9)
