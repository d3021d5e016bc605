"""The generator of networks: always valid, small, repeatable, and with enough of everything."""

from __future__ import annotations

from collections import Counter
from functools import cache
from ipaddress import ip_address, ip_interface, ip_network
from random import Random
from typing import Any

import pytest

from dsflow import scenario
from dsflow.scenario.sources import without_sources
from tests.networks import FEATURES, features, random_network

Data = dict[str, Any]

SEEDS = range(200)
LEAST_SHARE = 0.1
MOST_DEVICES, MOST_LINKS = 9, 8
USUAL_METRIC = {4: 0, 6: 1024}


@cache
def _network(seed: int) -> Data:
    return random_network(Random(seed))


def _addresses(device: Data) -> list[Any]:
    return [ip_interface(text) for every in device["interfaces"].values() for text in every["addresses"]]


def test_equal_seeds_give_equal_networks_and_others_give_others() -> None:
    assert all(random_network(Random(seed)) == _network(seed) for seed in range(20))
    assert len({repr(_network(seed)) for seed in SEEDS}) == len(SEEDS)


def test_networks_are_small_enough_to_be_set_up_often() -> None:
    for seed in SEEDS:
        data = _network(seed)
        assert len(data["devices"]) <= MOST_DEVICES, seed
        assert len(data["links"]) <= MOST_LINKS, seed
        assert sum(bool(device.get("forwarding")) for device in data["devices"].values()) >= 2
        assert sum(name.startswith("h") for name in data["devices"]) >= 2


def test_every_feature_occurs_in_a_sensible_share() -> None:
    found = Counter(feature for seed in SEEDS for feature in features(_network(seed)))
    rare = {feature: found[feature] for feature in FEATURES if found[feature] < LEAST_SHARE * len(SEEDS)}
    assert rare == {}


def test_features_have_words_of_their_own() -> None:
    assert {feature for seed in SEEDS for feature in features(_network(seed))} <= FEATURES


def test_every_link_has_two_to_five_ends() -> None:
    for seed in SEEDS:
        data = _network(seed)
        devices = data["devices"].values()
        ends = Counter(every["link"] for one in devices for every in one["interfaces"].values() if "link" in every)
        assert set(ends) == set(data["links"])
        assert all(2 <= number <= 5 for number in ends.values()), seed


def test_every_address_has_one_owner_and_every_connected_prefix_one_interface() -> None:
    for seed in SEEDS:
        devices = _network(seed)["devices"]
        every = Counter(entry.ip for device in devices.values() for entry in _addresses(device))
        assert max(every.values()) == 1, seed
        for device in devices.values():
            interfaces = [{ip_interface(a).network for a in one["addresses"]} for one in device["interfaces"].values()]
            assert max(Counter(network for own in interfaces for network in own).values()) == 1, seed


def test_every_next_hop_is_on_link_and_no_route_is_written_twice() -> None:
    for seed in SEEDS:
        devices = _network(seed)["devices"]
        owned = {entry.ip for device in devices.values() for entry in _addresses(device)}
        for device in devices.values():
            routes = device.get("routes", [])
            for route in routes:
                if "via" in route:
                    via = ip_address(route["via"])
                    assert via in owned, seed
                    assert sum(via in entry.network for entry in _addresses(device)) >= 1, seed
            families = [ip_network(route["to"]).version for route in routes]
            places = [
                (route["to"], route.get("metric", USUAL_METRIC[family]))
                for route, family in zip(routes, families, strict=True)
            ]
            assert len(places) == len(set(places)), seed


@pytest.mark.parametrize("first", range(0, len(SEEDS), 50))
def test_every_network_is_a_valid_scenario_and_survives_the_round_trip(first: int) -> None:
    for seed in SEEDS[first : first + 50]:
        topology = scenario.build(scenario.read(_network(seed)))
        assert list(topology.devices) == list(_network(seed)["devices"])
        again = scenario.build(scenario.read(scenario.to_data(topology)))
        assert without_sources(again) == without_sources(topology), seed
