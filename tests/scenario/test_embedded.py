"""The scenarios that come with dsflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsflow import scenario
from dsflow.model.vcn import Origin
from dsflow.net.address import Address, Family
from dsflow.scenario import embedded

SEED_ROWS = """\
default nginx-568f7cfd68-g4h2c 100.0.5.102 fd00:100:0:4:0:6ed9:2497:6dd8
default nginx-568f7cfd68-pvgct 100.0.5.215 fd00:100:0:4:0:bc9b:fecf:997
default nginx-568f7cfd68-vprr8 100.0.5.106 fd00:100:0:4:0:c05c:cfe5:7593
kube-system coredns-bfd957d6b-ddr79 100.0.5.110 fd00:100:0:4:0:a800:ed61:1c0d
kube-system coredns-bfd957d6b-slxml 100.0.5.104 fd00:100:0:4:0:3717:f114:d94d
kube-system coredns-bfd957d6b-w2tgj 100.0.5.122 fd00:100:0:4:0:d046:deaf:a1f0
kube-system csi-oci-node-rfmkw 100.0.3.90 fd00:100:0:3:0:d02f:752e:66c7
kube-system csi-oci-node-s2thk 100.0.3.117 fd00:100:0:3:0:eab9:9713:9d05
kube-system csi-oci-node-tc5rc 100.0.3.174 fd00:100:0:3:0:d4c0:26f3:8990
kube-system kube-dns-autoscaler-7f9c9ddb55-c4vdd 100.0.5.125 fd00:100:0:4:0:6eee:830e:daf7
kube-system kube-proxy-5cwj5 100.0.3.117 fd00:100:0:3:0:eab9:9713:9d05
kube-system kube-proxy-pb427 100.0.3.90 fd00:100:0:3:0:d02f:752e:66c7
kube-system kube-proxy-zldlk 100.0.3.174 fd00:100:0:3:0:d4c0:26f3:8990
kube-system proxymux-client-g9bhp 100.0.3.174 fd00:100:0:3:0:d4c0:26f3:8990
kube-system proxymux-client-tbqdm 100.0.3.90 fd00:100:0:3:0:d02f:752e:66c7
kube-system proxymux-client-w9cdf 100.0.3.117 fd00:100:0:3:0:eab9:9713:9d05
kube-system vcn-native-ip-cni-8qfhn 100.0.3.117 fd00:100:0:3:0:eab9:9713:9d05
kube-system vcn-native-ip-cni-fqdx7 100.0.3.90 fd00:100:0:3:0:d02f:752e:66c7
kube-system vcn-native-ip-cni-gszjb 100.0.3.174 fd00:100:0:3:0:d4c0:26f3:8990
"""
"""The article's listing of its pods: namespace, name, IPv4, IPv6."""

IDENTIFIER = (1 << 64) - 1


def test_names_are_those_of_the_files() -> None:
    assert embedded.names() == (
        "lan-segment",
        "nat-box",
        "oke-sydney",
        "oke-sydney-as-built",
        "oke-sydney-gua",
        "oke-virtual-nodes",
        "onprem-firewall",
        "two-pods",
        "two-routers",
    )
    assert embedded.path("zebra") is None


def test_the_wheels_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dsflow" / "scenarios").mkdir(parents=True)
    (tmp_path / "dsflow" / "scenarios" / "inside.yaml").write_text("")
    monkeypatch.setattr(embedded, "_PACKAGE", tmp_path / "dsflow")
    assert embedded.names() == ("inside",)


def test_oke_sydney_is_the_articles_listing_in_its_order() -> None:
    topology = scenario.build(scenario.read("oke-sydney"))
    rows = []
    for pod in topology.pods.values():
        holder = topology.nodes[pod.node] if pod.host_network else pod
        rows.append(f"{pod.namespace} {pod.name} {holder.ipv4} {holder.ipv6}\n")
    assert "".join(rows) == SEED_ROWS


def test_oke_sydney_has_same_node_and_cross_node_pairs_of_nginx() -> None:
    topology = scenario.build(scenario.read("oke-sydney"))
    nodes = [pod.node for pod in topology.backends(topology.services["default/nginx"])]
    assert sorted(nodes) == ["node-1", "node-1", "node-2"]


def test_the_gua_variant_moves_nodes_and_pods_and_keeps_interface_identifiers() -> None:
    ula, gua = (scenario.build(scenario.read(name)) for name in ("oke-sydney", "oke-sydney-gua"))
    vcn = gua.vcns["oke"]
    for kind in ("nodes", "pods"):
        for name, moved in getattr(gua, kind).items():
            old: Address | None = getattr(ula, kind)[name].address(Family.IPV6)
            new: Address | None = moved.address(Family.IPV6)
            if old is None or new is None:
                assert old is new
                continue
            prefix = vcn.ipv6_prefix_of(new)
            assert prefix is not None
            assert prefix.origin is Origin.ORACLE_GUA
            assert old.value & IDENTIFIER == new.value & IDENTIFIER
            assert old.value >> 64 & 0xFF == new.value >> 64 & 0xFF


@pytest.mark.parametrize("name", embedded.names())
def test_every_scenario_says_what_it_expects(name: str) -> None:
    topology = scenario.build(scenario.read(name))
    assert topology.name == name
    assert {expectation.flow.family for expectation in topology.expect} == set(Family)


def test_the_starter_is_a_scenario_without_findings(tmp_path: Path) -> None:
    file = tmp_path / "my-cluster.yaml"
    file.write_text(scenario.starter())
    topology = scenario.build(scenario.read(file))
    assert topology.expect
    assert not topology.findings
