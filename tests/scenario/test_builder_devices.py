"""Generic devices: from text to model, with what Linux fills in by itself."""

from __future__ import annotations

from typing import Any

import pytest

from dsflow.model.devices import DeviceRoute, GenericDevice, RouteType, RpFilter
from dsflow.net.address import Address, Family, Prefix
from dsflow.net.ranges import PortRange
from tests.scenario.helpers import built

FIREWALL: dict[str, Any] = {
    "interfaces": {"vnic": {"link": "subnet/lb", "addresses": ["100.0.2.77/24", "2001:db8:100:2::77/128"]}}
}


def device(name: str, changes: dict[str, Any] | None = None, base: str = "two-routers") -> GenericDevice:
    return built({"expect": [], "flows": []} | (changes or {}), base).devices[name]


def test_two_routers_are_as_written() -> None:
    r0 = device("r0")
    assert (r0.id, r0.forwarding, r0.rp_filter) == ("device/r0", frozenset(Family), RpFilter.OFF)
    assert [(entry.name, entry.link, entry.mtu_bytes) for entry in r0.interfaces.values()] == [
        ("e0", "left", 1500),
        ("e1", "middle", 1400),
        ("lo", None, 65536),
    ]
    assert [str(entry) for entry in r0.interfaces["e0"].addresses] == ["10.1.0.1/24", "fd00:1::1/64"]
    assert r0.interfaces["e0"].addresses[0].prefix == Prefix.parse("10.1.0.0/24")
    assert device("h0").forwarding == frozenset()
    assert [str(listener) for listener in device("h2").listen] == ["tcp/80", "udp/53"]


def test_everything_has_its_place_in_the_text() -> None:
    r1 = device("r1")
    places = [entry.source for entry in (r1, r1.interfaces["e0"], r1.routes[0], r1.filters[0])]
    lines = [int(place.removeprefix("two-routers.yaml:")) for place in places]
    assert lines == sorted(set(lines))
    assert built({}, "two-routers").links["left"].source == "two-routers.yaml:7"


def test_a_route_without_interface_leaves_by_the_link_of_its_next_hop() -> None:
    r0 = device("r0")
    assert r0.routes[0].interface == "e1"
    assert r0.routes[2] == DeviceRoute(
        to=Prefix.parse("10.1.9.0/24"), type=RouteType.UNREACHABLE, source=r0.routes[2].source
    )


def test_of_two_links_the_longer_prefix_has_the_next_hop() -> None:
    changes = {
        "devices.r0.interfaces.e0.addresses": ["10.1.0.1/16"],
        "devices.r0.routes": [{"to": "10.9.0.0/16", "via": "10.1.1.9"}, {"to": "10.8.0.0/16", "via": "10.1.2.9"}],
    }
    assert [route.interface for route in device("r0", changes).routes] == ["e1", "e0"]


def test_a_next_hop_may_be_on_link_by_an_earlier_route() -> None:
    routes = [{"to": "172.16.0.1/32", "interface": "e0"}, {"to": "10.9.0.0/16", "via": "172.16.0.1"}]
    assert device("r0", {"devices.r0.routes": routes}).routes[1].interface == "e0"


def test_the_routes_of_an_interface_without_ipv6_are_idle_and_no_mistake() -> None:
    changed = device("h0", {"devices.h0.interfaces.e0.mtu": 1000})
    assert changed.routes[1].interface == "e0"
    assert changed.addresses(Family.IPV6) == ()


@pytest.mark.parametrize(("written", "metric"), [({"metric": 0}, 1024), ({}, None), ({"metric": 7}, 7)])
def test_linux_takes_the_ipv6_metric_0_for_1024(written: dict[str, int], metric: int | None) -> None:
    routes = [{"to": "fd00:9::/64", "via": "fd00:1::1", **written}]
    assert device("h0", {"devices.h0.routes": routes}).routes[0].metric == metric


@pytest.mark.parametrize(
    ("written", "families"),
    [(True, {4, 6}), (False, set()), ({"ipv4": True}, {4}), ({"ipv4": False, "ipv6": True}, {6}), ({}, set())],
)
def test_forwarding_is_of_both_families_or_of_each(written: bool | dict[str, bool], families: set[int]) -> None:
    assert device("r0", {"devices.r0.forwarding": written}).forwarding == families


@pytest.mark.parametrize("mode", ["off", "strict", "loose"])
def test_off_is_a_mode_and_no_truth_value(mode: str, tmp_path: Any) -> None:
    from dsflow import scenario

    file = tmp_path / "s.yaml"
    file.write_text(f"apiVersion: dsflow/v1\nname: x\ndevices: {{r: {{rp_filter: {mode}}}}}\n")
    assert scenario.build(scenario.read(file)).devices["r"].rp_filter is RpFilter(mode)


def test_a_rule_of_a_filter_is_as_written() -> None:
    rule = {"hook": "forward", "family": "ipv6", "protocol": "udp", "from": "fd00:1::/64", "to": "fd00:4::2/128",
            "sport": "1000-2000", "dport": 53, "in_interface": "e0", "out_interface": "e1",
            "state": ["new", "related", "new"], "action": "reject-host"}  # fmt: skip
    found = device("r0", {"devices.r0.filters": [rule]}).filters[0]
    match = found.match
    assert (found.hook, found.action, match.family, match.protocol) == ("forward", "reject-host", 6, "udp")
    assert (match.src, match.dst) == (Prefix.parse("fd00:1::/64"), Prefix.parse("fd00:4::2/128"))
    assert (match.sport, match.dport) == (PortRange(1000, 2000), PortRange(53, 53))
    assert (match.in_interface, match.out_interface, match.states) == ("e0", "e1", ("new", "related"))


def test_a_translation_is_of_the_family_of_its_new_address() -> None:
    rules = [
        {
            "hook": "prerouting",
            "protocol": "tcp",
            "dport": 80,
            "action": "dnat",
            "to_address": "fd00:1::9",
            "to_port": 8,
        },
        {"hook": "postrouting", "out_interface": "e1", "action": "masquerade"},
    ]
    dnat, masquerade = device("r0", {"devices.r0.nat": rules}).nat
    assert (dnat.match.family, dnat.to_address, dnat.to_port) == (6, Address.parse("fd00:1::9"), 8)
    assert (masquerade.match.family, masquerade.to_address, masquerade.match.out_interface) == (None, None, "e1")


def test_what_every_machine_has_on_lo_is_not_told() -> None:
    lo = {"addresses": ["127.0.0.1/8", "::1/128", "192.0.2.7/32"]}
    changed = device("h0", {"devices.h0.interfaces.lo": lo, "devices.h2.interfaces.lo": {"addresses": ["::1/128"]}})
    assert [str(entry) for entry in changed.interfaces["lo"].addresses] == ["192.0.2.7/32"]


def test_an_interface_in_a_subnet_has_a_vnics_mtu() -> None:
    topology = built({"devices": {"fw": FIREWALL}})
    vnic = topology.devices["fw"].interfaces["vnic"]
    assert (vnic.link, vnic.mtu_bytes) == ("subnet/lb", 9000)
    assert [str(entry) for entry in vnic.addresses] == ["100.0.2.77/24", "2001:db8:100:2::77/128"]
    assert not [finding for finding in topology.findings if finding.path.startswith("devices")]


def test_limits_of_icmp_are_off_unless_said() -> None:
    assert not device("r0").icmp_rate_limit
    assert device("r0", {"devices.r0.icmp_rate_limit": True}).icmp_rate_limit
