"""Every hypothesis strategy of the test suite, a block for each room."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dsflow.net.address import Address, Family, Prefix
from dsflow.net.assemble import assembled
from dsflow.net.checksum import internet_checksum
from dsflow.net.packet import Packet
from dsflow.net.rfc6724 import Candidate
from tests.clusters import random_cluster
from tests.networks import random_network

# --- net: addresses, prefixes, packets ---------------------------------------------------------------------


def families() -> SearchStrategy[Family]:
    return st.sampled_from(Family)


def values(family: Family) -> SearchStrategy[int]:
    """Addresses of one family as integers, the edges of the space often."""
    highest = (1 << family.bits) - 1
    return st.integers(0, highest) | st.sampled_from([0, 1, highest])


def addresses() -> SearchStrategy[Address]:
    return families().flatmap(lambda family: st.builds(Address, st.just(family), values(family)))


def prefixes_of(family: Family) -> SearchStrategy[Prefix]:
    """Prefixes that nest and touch often: few bits vary."""
    few = st.integers(0, 31).map(lambda number: number << family.bits - 5 | number)
    address = (few | values(family)).map(lambda value: Address(family, value))
    return st.builds(Prefix.around, address, st.integers(0, family.bits))


def prefixes() -> SearchStrategy[Prefix]:
    return families().flatmap(prefixes_of)


_SELECTED = ("::1", "2001:db8:1::", "2002:c633:6401::", "2001::", "fd00::", "fec0::", "fe80::", "3ffe::", "::")
"""Where addresses begin that address selection tells apart."""


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    """A destination of address selection with its source, which may be missing."""
    family = draw(families())
    if family is Family.IPV4:
        near = st.sampled_from(["10.0.0.0", "169.254.0.0", "127.0.0.0", "198.51.100.0"])
    else:
        near = st.sampled_from(_SELECTED)
    address = near.flatmap(lambda start: st.integers(0, 3).map(lambda more: _moved(start, more))) | values(family).map(
        lambda value: Address(family, value)
    )
    return Candidate(draw(address), draw(st.none() | address))


def _moved(start: str, more: int) -> Address:
    first = Address.parse(start)
    return Address(first.family, first.value + more)


def ports() -> SearchStrategy[int]:
    return st.integers(0, 0xFFFF)


def unicast_values(family: Family) -> SearchStrategy[int]:
    """Addresses that one host may have and that ICMP errors may be sent to."""
    if family is Family.IPV4:
        return st.integers(0x0100_0000, 0x7EFF_FFFF)
    return st.integers(1, (0xFF << 120) - 1)


_IPV4_OPTIONS = st.sampled_from([b"", b"\x94\x04\0\0", b"\x07\x07\x04\0\0\0\0\0", b"\x94\x04\0\0\x07\x03\x04\0"])
"""None; router alert (copied); record route (not copied); both."""

_TCP_OPTIONS = st.sampled_from([b"", b"\x02\x04\x05\xb4", b"\x02\x04\x05\xb4\x04\x02\x01\x03\x03\x07\x01\x01"])
"""None; MSS; MSS, selective acknowledgement and window scale."""

_PADDING = b"\x01\x04\0\0\0\0"  # a PadN option that fills an extension header of 8 bytes

_EXTENSIONS = st.lists(st.sampled_from([43, 60]), max_size=2).flatmap(
    lambda kinds: st.booleans().map(lambda first: ([0] if first else []) + kinds)
)


@st.composite
def tcp_messages(draw: st.DrawFn, payload: SearchStrategy[bytes]) -> tuple[tuple[int, int], bytes]:
    sport, dport = draw(ports()), draw(ports())
    options = draw(_TCP_OPTIONS)
    numbers = draw(st.binary(min_size=8, max_size=8))
    flags = draw(st.sampled_from([0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x00]))
    start = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + numbers
    rest = bytes(((5 + len(options) // 4) << 4, flags)) + draw(st.binary(min_size=2, max_size=2)) + bytes(4)
    return (sport, dport), start + rest + options + draw(payload)


@st.composite
def udp_messages(draw: st.DrawFn, payload: SearchStrategy[bytes]) -> tuple[tuple[int, int], bytes]:
    sport, dport, data = draw(ports()), draw(ports()), draw(payload)
    words = (sport, dport, 8 + len(data), 0)
    return (sport, dport), b"".join(word.to_bytes(2, "big") for word in words) + data


@st.composite
def echo_messages(draw: st.DrawFn, family: Family, payload: SearchStrategy[bytes]) -> tuple[tuple[int, int], bytes]:
    kind = draw(st.sampled_from([8, 0] if family is Family.IPV4 else [128, 129]))
    identifier, sequence = draw(ports()), draw(ports())
    head = bytes((kind, 0, 0, 0)) + identifier.to_bytes(2, "big") + sequence.to_bytes(2, "big")
    return (identifier, identifier), head + draw(payload)


@st.composite
def packets(
    draw: st.DrawFn,
    families: SearchStrategy[Family] = families(),  # noqa: B008 - a strategy is a constant
    payload: SearchStrategy[bytes] = st.binary(max_size=64),  # noqa: B008 - a strategy is a constant
    plain: bool = False,
) -> Packet:
    """Well-formed TCP, UDP and echo packets with right checksums; unless ``plain`` with options too."""
    family = draw(families)
    messages = {
        6: tcp_messages(payload),
        17: udp_messages(payload),
        1 if family is Family.IPV4 else 58: echo_messages(family, payload),
    }
    protocol = draw(st.sampled_from(sorted(messages)))
    port_pair, message = draw(messages[protocol])
    packet = assembled(
        family,
        protocol,
        draw(unicast_values(family)),
        draw(unicast_values(family)),
        message,
        ports=port_pair,
        ttl=draw(st.integers(1, 255)),
        dont_fragment=draw(st.booleans()),
        traffic_class=draw(st.integers(0, 255)),
    )
    if plain:
        return packet
    if family is Family.IPV4:
        return with_ipv4_options(packet, draw(_IPV4_OPTIONS), identification=draw(ports()))
    return with_extensions(packet, draw(_EXTENSIONS))


def with_ipv4_options(packet: Packet, options: bytes, *, identification: int = 0) -> Packet:
    """The packet with IPv4 options (whole words of them) and an identification."""
    raw = packet.raw
    size = (len(raw) + len(options)).to_bytes(2, "big")
    start = bytes((raw[0] + len(options) // 4, raw[1])) + size + identification.to_bytes(2, "big") + raw[6:10]
    checksum = internet_checksum(start + raw[12:20] + options).to_bytes(2, "big")
    return Packet.parse(start + checksum + raw[12:20] + options + raw[20:])


def with_extensions(packet: Packet, kinds: list[int]) -> Packet:
    """The packet with IPv6 extension headers of 8 bytes that change nothing, in this order."""
    raw, chain = packet.raw, b""
    for kind in [*kinds[1:], packet.protocol] if kinds else []:
        own = kinds[len(chain) // 8]
        chain += bytes((kind, 0)) + (b"\xfd\0\0\0\0\0" if own == 43 else _PADDING)
    size = (len(raw) - 40 + len(chain)).to_bytes(2, "big")
    first = bytes((kinds[0] if kinds else packet.protocol,))
    return Packet.parse(raw[:4] + size + first + raw[7:40] + chain + raw[40:])


# --- end of net --------------------------------------------------------------------------------------------

# --- scenario: whole scenarios as data, always valid -------------------------------------------------------


Draw: TypeAlias = Callable[[SearchStrategy[Any]], Any]
"""hypothesis' ``draw`` where values of any kind are drawn."""


@st.composite
def scenario_data(draw: st.DrawFn, *, dual_stack: bool | None = None) -> dict[str, Any]:
    """A cluster as :func:`dsflow.scenario.read` takes it; ``dual_stack`` forces both families on all pods."""
    origin = draw(st.sampled_from(["ula", "oracle-gua", "byoip"]))
    net6 = "fd00:100:0" if origin == "ula" else "2001:db8:100"
    node_count, pod_count = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    access = st.sampled_from(["public", "private"])
    data: dict[str, Any] = {
        "apiVersion": "dsflow/v1",
        "name": draw(st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True)),
        "description": draw(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=20)),
        "vcns": {"v": {"ipv4": ["100.0.0.0/16"], "ipv6": [{"prefix": f"{net6}::/56", "origin": origin}]}},
        "gateways": draw(_gateways()),
        "subnets": {
            name: {
                "ipv4": f"100.0.{number}.0/24",
                "ipv6": [f"{net6}:{number}::/64"],
                "access": "public" if name == "lb" else draw(access),
            }
            for number, name in ((2, "lb"), (3, "nodes"), (4, "pods"))
        },
        "nodes": {
            f"node-{n}": {"ipv4": f"100.0.3.{n + 10}", "ipv6": f"{net6}:3::{n + 10:x}", "listen": ["tcp/22"]}
            for n in range(node_count)
        },
        "namespaces": draw(st.sampled_from([{}, {"quiet": {"labels": {"a": "b"}}}, {"default": {}}])),
        "pods": {},
        "internet": {
            "web": {
                "ipv4": "198.51.100.80",
                "ipv6": "2001:db8:ffff::80",
                "listen": ["tcp/443"],
                "distance_km": draw(st.floats(0, 20000)),
                "access": draw(st.sampled_from(["none", "fixed", "mobile"])),
            }
        },
    }
    for number in range(pod_count):
        both = {"ipv4": f"100.0.4.{number + 20}", "ipv6": f"{net6}:4::{number + 20:x}"}
        kept = both if dual_stack else draw(st.sampled_from([both, {"ipv4": both["ipv4"]}, {"ipv6": both["ipv6"]}, {}]))
        pod: dict[str, Any] = {
            "node": f"node-{draw(st.integers(0, node_count - 1))}",
            **kept,
            "listen": ["tcp/80"],
            "ports": {"web": "tcp/80"},
        }
        pod |= {} if kept else {"host_network": True}
        data["pods"][f"default/pod-{number}"] = pod | {"labels": draw(st.sampled_from([{}, {"app": "web"}]))}
    _add_routes(draw, data)
    _add_service(draw, data, net6)
    _add_questions(draw, data)
    return data


@st.composite
def _gateways(draw: st.DrawFn) -> dict[str, Any]:
    enabled = st.booleans()
    every = {
        "igw": {"kind": "internet", "enabled": draw(enabled)},
        "nat": {"kind": "nat", "public_ipv4": "203.0.113.10", "enabled": draw(enabled)},
        "sgw": {"kind": "service", "services": {"all-services": ["134.70.0.0/16"]}},
    }
    return {name: every[name] for name in draw(st.sets(st.sampled_from(sorted(every))))}


def _add_routes(draw: Draw, data: dict[str, Any]) -> None:
    targets = {"igw": "igw/igw", "nat": "natgw/nat", "sgw": "sgw/sgw"}
    present = [name for name in targets if name in data["gateways"]]
    data["route_tables"] = {}
    for name, subnet in data["subnets"].items():
        rules = {}
        for destination in ("0.0.0.0/0", "::/0", "192.0.2.0/24", "2001:db8:ffff::/48"):
            able = [gateway for gateway in present if ":" in destination or gateway != "sgw"]
            if able and draw(st.booleans()):
                rules[destination] = targets[draw(st.sampled_from(able))]
        if "sgw" in present and draw(st.booleans()):
            rules["all-services"] = targets["sgw"]
        data["route_tables"][name] = {"rules": rules}
        subnet["route_table"] = name


def _add_service(draw: Draw, data: dict[str, Any], net6: str) -> None:
    if draw(st.booleans()):
        data["load_balancers"] = {"web": {"ipv4": "100.0.2.10", "public_ipv4": "203.0.113.20", "ipv6": f"{net6}:2::10"}}
        port = {"port": draw(st.integers(1, 65535)), "target_port": 80, "name": "http"}
        data["services"] = {
            "default/web": {
                "type": "LoadBalancer",
                "selector": {"app": "web"},
                "ports": [port],
                "load_balancer": "lb/web",
                "cluster_ipv4": "10.96.0.10",
            }
        }


def _add_questions(draw: Draw, data: dict[str, Any]) -> None:
    question = {"from": "pod/default/pod-0", "to": "internet/web", "family": draw(st.sampled_from(["ipv4", "ipv6"]))}
    tcp = question | {"dport": draw(st.integers(1, 65535)), "sport": draw(st.integers(1, 65535)), "df": False}
    echo = question | {"protocol": "icmp", "size": draw(st.integers(48, 1500)), "ttl": draw(st.integers(1, 255))}
    claims = draw(
        st.sampled_from(
            [
                {"disposition": "delivered", "nat": "none"},
                {"nat": ["gateway-snat"], "round_trip": None},
                {"path_type": None},
            ]
        )
    )
    data["flows"] = [tcp, echo]
    data["expect"] = [tcp | claims]


# --- end of scenario ---------------------------------------------------------------------------------------

# --- dataplane, engine, trace: generated clusters and networks -----------------------------------------------


def clusters() -> SearchStrategy[dict[str, Any]]:
    """Clusters of the article's profile as scenario data: always valid, often not working."""
    return st.randoms(use_true_random=False).map(random_cluster)


def networks() -> SearchStrategy[dict[str, Any]]:
    """Networks of generic devices as scenario data: always valid, and odd in many ways.

    Only the seed is drawn: one network takes hundreds of choices, more than hypothesis likes to hold.
    """
    return st.integers(0, 99_999).map(Random).map(random_network)


# --- end of generated clusters and networks ------------------------------------------------------------------
