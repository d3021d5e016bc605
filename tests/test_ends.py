"""The two ends of a question: what a name or an address stands for."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow import scenario
from dsflow.ends import End, Ends
from dsflow.errors import NotModelledError, UsageError
from dsflow.net.address import Address, Family
from dsflow.trace.chain import PathType
from tests.cases import BALANCER, HOST_POD, POD, PUBLIC_NODE, SERVICE, WEB, gua, sydney


def _ends() -> Ends:
    return Ends(sydney().topology)


def _texts(end: End, *, from_outside: bool) -> list[str | None]:
    found = (end.address(family, from_outside=from_outside) for family in Family)
    return [None if address is None else str(address) for address in found]


def test_a_pod_has_its_own_addresses_wherever_it_is_seen_from() -> None:
    """Device, node, ports and both addresses."""
    end = _ends().target(POD)
    assert (end.id, end.kind, end.device, end.node) == (POD, "pod", POD, "node-1")
    assert _texts(end, from_outside=False) == ["100.0.5.102", "fd00:100:0:4:0:6ed9:2497:6dd8"]
    assert _texts(end, from_outside=True) == _texts(end, from_outside=False)
    assert [str(port) for port in end.listen] == ["tcp/80"]


def test_a_host_network_pod_is_its_node_but_keeps_its_name() -> None:
    """Its packets start at the node's device with the node's addresses."""
    end = _ends().target(HOST_POD)
    assert (end.id, end.kind, end.device, end.node) == (HOST_POD, "pod", "node/node-1", "node-1")
    assert _texts(end, from_outside=False)[0] == "100.0.3.90"


def test_a_node_answers_on_its_own_ports_and_its_host_pods() -> None:
    """From outside it is known by its public address, where it has one."""
    change = PUBLIC_NODE | {f"pods.{HOST_POD.removeprefix('pod/')}.listen": ["tcp/10256"]}
    end = sydney().what_if(change).end("node/node-1")
    assert [str(port) for port in end.listen] == ["tcp/22", "tcp/10256"]
    assert _texts(end, from_outside=True)[0] == "203.0.113.77"
    assert _texts(end, from_outside=False)[0] == "100.0.3.90"


def test_a_balancer_has_a_front_and_an_inside() -> None:
    """Public address and private VIP; one IPv6 address for both."""
    end = _ends().target(BALANCER)
    assert _texts(end, from_outside=True) == ["203.0.113.20", "2001:db8:100:2::10"]
    assert _texts(end, from_outside=False) == ["100.0.2.10", "2001:db8:100:2::10"]
    assert [str(port) for port in end.listen] == ["tcp/80"]


def test_a_service_is_an_end_and_no_device() -> None:
    """Outside it is its load balancer's front; inside its ClusterIPs, which the article lacks."""
    end = _ends().target(SERVICE)
    assert (end.kind, end.device) == ("service", None)
    assert _texts(end, from_outside=True) == ["203.0.113.20", "2001:db8:100:2::10"]
    assert _texts(end, from_outside=False) == [None, None]
    alone = sydney().what_if(
        {"services.default/inner": {"ports": [{"port": 5}], "cluster_ipv4": "10.96.0.9", "selector": {"app": "nginx"}}}
    )
    inner = alone.end("service/default/inner")
    assert _texts(inner, from_outside=True) == [None, None]
    assert _texts(inner, from_outside=False) == ["10.96.0.9", None]


def test_an_address_is_who_has_it() -> None:
    """The owner's device, and this address only."""
    ends = _ends()
    pod = ends.target("100.0.5.102")
    assert (pod.id, pod.kind, pod.device) == ("100.0.5.102", "pod", POD)
    assert _texts(pod, from_outside=True) == ["100.0.5.102", None]
    assert ends.target("fd00:100:0:4::6ED9:2497:6dd8").device == POD  # another spelling of its address
    assert ends.target("203.0.113.20").device == BALANCER
    assert ends.target("198.51.100.80").device == WEB


def test_an_address_of_nobody_is_inside_or_outside_by_the_vcns_prefixes() -> None:
    """100.0.0.0/16 is private to its VCN although its bits are public, and a ULA elsewhere is not inside."""
    ends = _ends()
    assert ends.target("100.0.77.7").kind == "address"
    assert ends.target("100.1.0.1").kind == "internet"
    assert ends.target("fd00:100:0:9::1").kind == "address"
    assert ends.target("fd00:200::1").kind == "internet"


def test_only_what_has_a_device_can_send() -> None:
    """A Service and nobody's address are asked, never asking."""
    ends = _ends()
    assert ends.origin(POD).device == POD
    for text in (SERVICE, "100.0.77.7", "192.0.2.1"):
        with pytest.raises(UsageError, match="packets start at"):
            ends.origin(text)


@pytest.mark.parametrize("text", ["igw/igw", "natgw/nat", "vcn/oke"])
def test_what_only_passes_packets_on_is_no_end(text: str) -> None:
    """A gateway or a VCN is named as what it is."""
    with pytest.raises(UsageError, match="none begins or ends"):
        _ends().target(text)


@pytest.mark.parametrize("text", ["pod/x", "pods/default/x", "subnet/pods", "node/", "/", "1.2.3", "a:b", "010.0.0.1"])
def test_unknown_names_and_bad_addresses_are_refused(text: str) -> None:
    """Whatever it looks like, the message repeats it."""
    with pytest.raises(UsageError) as caught:
        _ends().target(text)
    assert f'"{text}"' in str(caught.value)


def test_owners_follow_the_scenario() -> None:
    """In the overlay the pod's ULA is nobody's."""
    assert Ends(gua().topology).target("fd00:100:0:4:0:6ed9:2497:6dd8").device is None
    assert Address.parse("2001:db8:100:4:0:6ed9:2497:6dd8") == gua().end(POD).address(Family.IPV6, from_outside=True)


@pytest.mark.parametrize("text", ["224.0.0.1", "127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1", "ff02::1"])
def test_what_is_no_unicast_address_of_a_network_is_refused(text: str) -> None:
    """Multicast, broadcast and loopback are not modelled, and the message says so."""
    with pytest.raises(NotModelledError, match="not modelled"):
        Ends(sydney().topology).target(text)


def _network(name: str, changes: dict[str, Any] | None = None) -> Ends:
    """The ends of an embedded scenario with changes, its own questions left out."""
    quiet: dict[str, Any] = {"expect": [], "flows": []}
    return Ends(scenario.build(scenario.with_changes(scenario.read(name), quiet | (changes or {}))))


def test_a_device_is_known_by_its_id_and_by_its_bare_name() -> None:
    """Its first address of each family, and what it listens on."""
    ends = _network("two-routers")
    bare, full = ends.target("r0"), ends.origin("device/r0")
    assert bare == full
    assert (bare.id, bare.kind, bare.device, bare.node, bare.vcn) == ("device/r0", "device", "device/r0", None, None)
    assert _texts(bare, from_outside=False) == _texts(bare, from_outside=True) == ["10.1.0.1", "fd00:1::1"]
    assert [str(port) for port in ends.target("h2").listen] == ["tcp/80", "udp/53"]


def test_every_address_of_a_device_is_the_devices() -> None:
    """Those of later interfaces and of lo too; none where IPv6 is off."""
    ends = _network("two-routers", {"devices.h0.interfaces.e0.mtu": 1000})
    for text in ("10.1.0.1", "10.1.1.1", "192.0.2.1", "fd00:1:1::1"):
        found = ends.target(text)
        assert (found.id, found.kind, found.device) == (text, "device", "device/r0")
    assert ends.target("fd00:1::2").device is None
    assert ends.target("h0").address(Family.IPV6, from_outside=False) is None


def test_where_devices_stand_alone_nobodys_address_is_no_internet() -> None:
    """There is nothing that says which addresses the Internet has."""
    ends = _network("two-routers")
    assert ends.target("10.1.2.99").kind == ends.target("198.51.100.7").kind == "address"
    with pytest.raises(UsageError, match=r"packets start at .* generic device"):
        ends.origin("10.1.2.99")


def test_an_unknown_device_is_refused_with_a_hint() -> None:
    """The bare names are offered too."""
    with pytest.raises(UsageError, match=r'"device/r00": no such .* device; did you mean "device/r0"'):
        _network("two-routers").target("device/r00")


MIXED: dict[str, Any] = {
    "links": {"office": {}},
    "devices": {
        "fw": {
            "forwarding": True,
            "interfaces": {
                "vnic": {"link": "subnet/lb", "addresses": ["100.0.2.77/24"]},
                "e1": {"link": "office", "addresses": ["10.77.0.1/24"]},
            },
        },
        "desk": {"interfaces": {"e0": {"link": "office", "addresses": ["10.77.0.2/24"]}}, "listen": ["tcp/22"]},
    },
}


@pytest.mark.parametrize(
    ("origin", "target", "path_type"),
    [
        ("desk", POD, PathType.ON_PREMISES),
        (POD, "desk", PathType.ON_PREMISES),
        (POD, "10.77.0.2", PathType.ON_PREMISES),
        (POD, "10.77.0.99", PathType.ON_PREMISES),
        ("desk", SERVICE, PathType.ON_PREMISES),
        ("desk", "fw", None),
        ("desk", "10.77.0.99", None),
        ("desk", WEB, None),
        ("fw", POD, PathType.VCN_INTERNAL),
        ("fw", WEB, PathType.EGRESS),
        (POD, WEB, PathType.EGRESS),
    ],
)
def test_the_kind_of_path_with_devices_beside_a_cluster(origin: str, target: str, path_type: PathType | None) -> None:
    """A device in a subnet is inside its VCN; another is on premises."""
    ends = _network("oke-sydney", MIXED)
    assert ends.target("fw").vcn == "oke"
    assert ends.path_type(ends.origin(origin), ends.target(target)) is path_type


@pytest.mark.parametrize(
    ("origin", "target", "path_type"),
    [
        ("pod/default/shop", "files", PathType.ON_PREMISES),
        ("files", "node/node-1", PathType.ON_PREMISES),
        ("pod/default/shop", "192.168.7.7", PathType.ON_PREMISES),
        ("pod/default/shop", "10.255.0.1", PathType.ON_PREMISES),
        ("pod/default/shop", "fd00:99:0:ffff::1", PathType.ON_PREMISES),
        ("pod/default/shop", "database", PathType.VCN_INTERNAL),
        ("pod/default/shop", "10.0.4.99", PathType.VCN_INTERNAL),
        ("pod/default/shop", "192.0.2.7", PathType.EGRESS),
        ("files", "edge", None),
        ("firewall", "files", None),
    ],
)
def test_the_kind_of_path_with_a_drg(origin: str, target: str, path_type: PathType | None) -> None:
    """What a DRG has routes for is on premises, nobody's addresses there too; the VCN's own stays its own."""
    ends = _network("onprem-firewall", {'gateways.office.routes."10.0.0.0/8"': "10.255.0.2"})
    assert ends.path_type(ends.origin(origin), ends.target(target)) is path_type


def test_a_default_route_of_a_drg_makes_nobody_on_premises() -> None:
    """Else the whole Internet would be."""
    ends = _network("onprem-firewall", {'gateways.office.routes."0.0.0.0/0"': "10.255.0.2"})
    assert ends.path_type(ends.origin("pod/default/shop"), ends.target("192.0.2.7")) is PathType.EGRESS


def test_nothing_begins_or_ends_at_a_drg_but_it_can_put_packets_onto_a_wire() -> None:
    """As any gateway."""
    ends = _network("onprem-firewall")
    with pytest.raises(UsageError, match="packets pass through it"):
        ends.target("drg/office")
    assert ends.sender("drg/office").kind == "drg"


def test_without_a_cluster_a_path_has_no_type() -> None:
    """Path types are those of a cluster."""
    ends = _network("two-routers")
    assert ends.path_type(ends.origin("h0"), ends.target("h2")) is None
