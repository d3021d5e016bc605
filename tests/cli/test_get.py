"""``dsflow get``."""

from __future__ import annotations

import json

import pytest
import yaml

from dsflow.query.listing import KINDS
from tests.cli.conftest import Run

NODE_1 = ("100.0.3.90", "fd00:100:0:3:0:d02f:752e:66c7")
NODE_2 = ("100.0.3.117", "fd00:100:0:3:0:eab9:9713:9d05")
NODE_3 = ("100.0.3.174", "fd00:100:0:3:0:d4c0:26f3:8990")

ARTICLE = (
    ("default", "nginx-568f7cfd68-g4h2c", "100.0.5.102", "fd00:100:0:4:0:6ed9:2497:6dd8"),
    ("default", "nginx-568f7cfd68-pvgct", "100.0.5.215", "fd00:100:0:4:0:bc9b:fecf:997"),
    ("default", "nginx-568f7cfd68-vprr8", "100.0.5.106", "fd00:100:0:4:0:c05c:cfe5:7593"),
    ("kube-system", "coredns-bfd957d6b-ddr79", "100.0.5.110", "fd00:100:0:4:0:a800:ed61:1c0d"),
    ("kube-system", "coredns-bfd957d6b-slxml", "100.0.5.104", "fd00:100:0:4:0:3717:f114:d94d"),
    ("kube-system", "coredns-bfd957d6b-w2tgj", "100.0.5.122", "fd00:100:0:4:0:d046:deaf:a1f0"),
    ("kube-system", "csi-oci-node-rfmkw", *NODE_1),
    ("kube-system", "csi-oci-node-s2thk", *NODE_2),
    ("kube-system", "csi-oci-node-tc5rc", *NODE_3),
    ("kube-system", "kube-dns-autoscaler-7f9c9ddb55-c4vdd", "100.0.5.125", "fd00:100:0:4:0:6eee:830e:daf7"),
    ("kube-system", "kube-proxy-5cwj5", *NODE_2),
    ("kube-system", "kube-proxy-pb427", *NODE_1),
    ("kube-system", "kube-proxy-zldlk", *NODE_3),
    ("kube-system", "proxymux-client-g9bhp", *NODE_3),
    ("kube-system", "proxymux-client-tbqdm", *NODE_1),
    ("kube-system", "proxymux-client-w9cdf", *NODE_2),
    ("kube-system", "vcn-native-ip-cni-8qfhn", *NODE_2),
    ("kube-system", "vcn-native-ip-cni-fqdx7", *NODE_1),
    ("kube-system", "vcn-native-ip-cni-gszjb", *NODE_3),
)
"""The listing of the article, in its order."""


def test_pods_are_the_articles_listing(run: Run) -> None:
    code, out, err = run("get", "pods", "oke-sydney")
    assert (code, err) == (0, "")
    header, *rows = (tuple(line.split()) for line in out.splitlines())
    assert header == ("NS", "NAME", "IPv4", "IPv6", "NODE")
    assert tuple(row[:4] for row in rows) == ARTICLE
    assert {row[4] for row in rows} == {"node-1", "node-2", "node-3"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_listed(run: Run, kind: str) -> None:
    where = {"links": "nat-box", "policies": "oke-sydney-as-built", "security-rules": "oke-sydney-as-built"}
    code, out, _ = run("get", kind, where.get(kind, "oke-sydney"))
    assert code == 0
    assert len(out.splitlines()) > 1


def test_wide_adds_columns(run: Run) -> None:
    header = run("get", "po", "oke-sydney", "-o", "wide").out.splitlines()[0]
    wide = ["SUBNET", "LISTEN", "LABELS", "HOST-NETWORK", "STATE"]
    assert header.split() == ["NS", "NAME", "IPv4", "IPv6", "NODE", *wide]


def test_names_are_ids(run: Run) -> None:
    assert run("get", "nodes", "two-pods", "-o", "name").out == "node/node-1\nnode/node-2\n"


def test_json_and_yaml_say_the_same(run: Run) -> None:
    data = json.loads(run("get", "pods", "oke-sydney", "-o", "json").out)
    assert yaml.safe_load(run("get", "pods", "oke-sydney", "-o", "yaml").out) == data
    assert (data["kind"], len(data["items"])) == ("pods", 19)


def test_nothing_of_a_kind_is_said_on_the_other_stream(run: Run) -> None:
    assert run("get", "services", "two-pods") == (0, "", "no services in two-pods\n")
    assert run("get", "services", "two-pods", "-q") == (0, "", "")
    assert json.loads(run("get", "services", "two-pods", "-o", "json").out)["items"] == []


def test_an_unknown_kind_is_exit_2(run: Run) -> None:
    code, out, err = run("get", "bods", "nowhere")
    assert (code, out) == (2, "")
    assert err.startswith('"bods": no such kind; there is pods, nodes,')
