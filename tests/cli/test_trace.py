"""``dsflow trace``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cases import CLIENT, MATE, POD, SERVICE, WEB
from tests.cli.conftest import Run

EGRESS = ("trace", "oke-sydney", POD, WEB)


def asked(run: Run, *words: str) -> Any:
    code, out, err = run(*words, "-o", "json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_both_families_are_asked_and_shown(run: Run) -> None:
    code, out, err = run(*EGRESS, "--family", "both", "--tcp", "443")
    assert (code, err) == (0, "")
    assert f"{POD} to {WEB}, IPv4, tcp port 443" in out
    assert f"{POD} to {WEB}, IPv6, tcp port 443" in out
    assert "gateway-snat at natgw/nat" in out
    assert "scope-unroutable at igw/igw" in out
    assert run(*EGRESS, "--tcp", "443").out == out


def test_one_family_prints_the_chain(run: Run) -> None:
    chain = asked(run, "trace", "oke-sydney-gua", CLIENT, SERVICE, "--family", "6", "--tcp", "80")
    assert (chain["schema"], chain["disposition"], chain["path_type"]) == ("dsflow.chain/1", "delivered", "ingress")


def test_both_families_print_both_chains(run: Run) -> None:
    both = asked(run, *EGRESS)
    assert both["schema"] == "dsflow.chains/1"
    assert [chain["question"]["family"] for chain in both["chains"]] == ["ipv4", "ipv6"]


def test_two_families_are_compared_after_their_chains(run: Run) -> None:
    out = run(*EGRESS, "--tcp", "443").out
    chains, _, comparison = out.partition(f"\n\nIPv4 beside IPv6: {POD} to {WEB}\n")
    assert chains.count("assumptions: ") == 2
    assert "3. gateway: IPv4 goes through natgw/nat, IPv6 through igw/igw" in comparison
    assert "tries IPv4 first: " in comparison
    assert comparison in run(*EGRESS, "--tcp", "443", "-o", "wide").out
    twin = asked(run, *EGRESS)["twin"]
    assert (twin["schema"], twin["choice"]["first"], twin["choice"]["rule"]) == ("dsflow.twin/1", "ipv4", 5)


def test_one_family_is_compared_with_nothing(run: Run) -> None:
    assert "IPv4 beside IPv6" not in run(*EGRESS, "--family", "4").out
    address = "198.51.100.80"
    assert "IPv4 beside IPv6" not in run("trace", "oke-sydney", POD, address).out
    code, out, _ = run("trace", "oke-sydney", POD, address, "-q", "-o", "json")
    assert code == 0
    assert json.loads(out).keys() == {"schema", "chains"}


def test_a_missing_default_route_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "without.yaml"
    text = 'apiVersion: dsflow/v1\nname: without\nbase: oke-sydney-gua\nroute_tables: {pods: {rules: {"::/0": null}}}\n'
    file.write_text(text)
    out = run("trace", str(file), POD, WEB, "--tcp", "443").out
    assert "2. missing-route: subnet/pods has 0.0.0.0/0 to natgw/nat but no ::/0" in out
    assert "with Happy Eyeballs (RFC 8305 section 5) tries IPv4" in out


def test_yaml_says_what_json_says(run: Run) -> None:
    assert yaml.safe_load(run(*EGRESS, "-o", "yaml").out) == asked(run, *EGRESS)


def test_wide_tells_every_step(run: Run) -> None:
    table, wide = run(*EGRESS, "--family", "4").out, run(*EGRESS, "--family", "4", "-o", "wide").out
    assert "hairpin-masquerade" not in table
    assert "hairpin-masquerade" in wide


def test_mermaid_is_a_diagram_for_each_family(run: Run) -> None:
    assert run(*EGRESS, "-o", "mermaid").out.count("sequenceDiagram") == 2


@pytest.mark.parametrize(
    ("flags", "field", "value"),
    [
        (("--tcp", "443"), ("protocol", "dport"), ("tcp", 443)),
        (("--udp", "53"), ("protocol", "dport"), ("udp", 53)),
        (("--icmp",), ("protocol", "dport"), ("icmp", None)),
        ((), ("protocol", "dport"), ("tcp", 80)),
        (("--tcp", "80", "--sport", "1234"), ("sport",), (1234,)),
    ],
)
def test_flags_make_the_question(
    run: Run, flags: tuple[str, ...], field: tuple[str, ...], value: tuple[object, ...]
) -> None:
    chain = asked(run, *EGRESS, "--family", "4", *flags)
    assert tuple(chain["question"][name] for name in field) == value


@pytest.mark.parametrize(
    ("flags", "byte", "value"),
    [(("--ttl", "9"), 8, 9), (("--size", "300"), 2, 1), (("--df",), 6, 0x40), (("--no-df",), 6, 0)],
)
def test_flags_make_the_packet(run: Run, flags: tuple[str, ...], byte: int, value: int) -> None:
    chain = asked(run, *EGRESS, "--family", "4", "--udp", "53", *flags)
    assert bytes.fromhex(chain["traces"][0]["hops"][0]["packets_out"][0])[byte] == value


def test_another_source_is_taken(run: Run) -> None:
    chain = asked(run, *EGRESS, "--family", "4", "--source", "100.0.5.9")
    assert chain["traces"][0]["hops"][0]["header_out"]["src"] == "100.0.5.9"


@pytest.mark.parametrize(
    ("words", "family"),
    [((POD, "198.51.100.80"), "IPv4"), ((POD, "2001:db8:ffff::80"), "IPv6"), (("100.0.5.102", WEB), "IPv4"),
     ((POD, WEB, "--source", "100.0.5.9"), "IPv4")],
)  # fmt: skip
def test_an_address_leaves_its_own_family_only_and_says_so(run: Run, words: tuple[str, ...], family: str) -> None:
    code, out, err = run("trace", "oke-sydney", *words, "-o", "json")
    assert code == 0
    assert err.endswith(f"is an {family} address: only {family} is asked\n")
    assert [chain["question"]["family"] for chain in json.loads(out)["chains"]] == [family.lower()]
    assert run("trace", "oke-sydney", *words, "-q").err == ""


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ((POD, "198.51.100.80", "--family", "6"), "198.51.100.80"),
        ((POD, "2001:db8:ffff::80", "--family", "4"), "2001:db8:ffff::80"),
        (("100.0.5.102", WEB, "--family", "6"), "100.0.5.102"),
        ((POD, WEB, "--family", "4", "--source", "fd00::1"), "fd00::1"),
        (("100.0.5.102", "2001:db8:ffff::80"), "2001:db8:ffff::80"),
    ],
)
def test_an_address_that_contradicts_the_family_is_exit_2(run: Run, words: tuple[str, ...], address: str) -> None:
    code, out, err = run("trace", "oke-sydney", *words)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith(f'"{address}": not an address of IPv')


def test_a_family_that_an_end_lacks_is_an_answer(run: Run, tmp_path: Path) -> None:
    text = "{apiVersion: dsflow/v1, name: lone, base: two-pods, expect: [], pods: {default/server: {ipv6: null}}}"
    (tmp_path / "s.yaml").write_text(text)
    code, out, _ = run("trace", str(tmp_path / "s.yaml"), "pod/default/client", "pod/default/server", "--tcp", "80")
    assert code == 0
    assert "family-unavailable" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*EGRESS, "--tcp", "70000"), 'dsflow trace: argument --tcp: "70000": expected a whole number, 1-65535'),
        ((*EGRESS, "--udp", "0"), 'dsflow trace: argument --udp: "0": expected a whole number, 1-65535'),
        ((*EGRESS, "--sport", "-1"), 'dsflow trace: argument --sport: "-1": expected'),
        ((*EGRESS, "--ttl", "256"), 'dsflow trace: argument --ttl: "256": expected a whole number, 1-255'),
        ((*EGRESS, "--size", "20"), "a packet of 20 bytes: expected 40-65535"),
        ((*EGRESS, "--tcp", "1", "--icmp"), "dsflow trace: argument --icmp: not allowed with argument --tcp"),
        ((*EGRESS, "--source", "010.0.0.1"), '"010.0.0.1": a leading zero'),
        (("trace", "oke-sydney", "pod/default/nginx", WEB), '"pod/default/nginx": no such pod'),
        (("trace", "oke-sydney", POD, "internet/wep"), 'did you mean "internet/web"'),
        (("trace", "oke-sydney", "igw/igw", WEB), '"igw/igw": packets pass through it'),
        (("trace", "oke-sydny", POD, WEB), '"oke-sydny": neither an embedded scenario nor a file; did you mean'),
    ],
)
def test_what_cannot_be_asked_is_exit_2_and_one_message(run: Run, words: tuple[str, ...], message: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_packets_are_written_as_pcapng(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.pcapng"
    code, out, err = run(*EGRESS, "--pcap", str(file), "-v")
    assert code == 0
    assert file.read_bytes()[:4] == bytes.fromhex("0a0d0d0a")
    assert f"{file}: the packets at every hop" in err
    assert "oke-sydney: 3 nodes, 19 pods, 16 devices, profile article, seed 0" in err
    assert out


def test_a_pcap_that_cannot_be_written_is_exit_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    code, out, err = run("trace", "oke-sydney", POD, MATE, "--pcap", str(tmp_path / "file" / "a.pcapng"))
    assert (code, out) == (2, "")
    assert "cannot be written" in err
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


BLOCKED = """
apiVersion: dsflow/v1
name: blocked
base: oke-sydney-gua
network_policies: {default/closed: {pod_selector: {match_labels: {app: nginx}}}}
"""


def test_all_blockers_are_listed_for_each_family(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "blocked.yaml"
    file.write_text(BLOCKED, encoding="utf-8")
    code, out, err = run("trace", str(file), POD, MATE, "--tcp", "80", "--all-blockers")
    assert (code, err) == (0, "")
    assert out.count("1 thing stands in the way.") == 2
    assert "evaluated: networkpolicy/default/closed" in out
    data = asked(run, "trace", str(file), POD, MATE, "--tcp", "80", "--all-blockers", "--family", "6")
    assert data["schema"] == "dsflow.blockers/1"
    ((family,),) = (data["families"],)
    assert [blocker["stage"] for blocker in family["blockers"]] == ["network-policy"]


def test_ignored_policies_are_told_with_what_they_would_have_done(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "blocked.yaml"
    file.write_text(BLOCKED, encoding="utf-8")
    out = run("trace", str(file), POD, MATE, "--tcp", "80", "--family", "6", "--ignore-policy").out
    assert (
        "delivered, and the answer came back\n  ignored: network-policy at node/node-1, forward: implicit deny" in out
    )
    assert "network-policy would refuse" in out
    chain = asked(run, "trace", str(file), POD, MATE, "--tcp", "80", "--family", "6", "--ignore-policy")
    steps = [step for hop in chain["traces"][0]["hops"] for step in hop["steps"] if step["stage"] == "network-policy"]
    assert [step["effect"] for step in steps] == ["skip"]


def test_blockers_go_with_a_table_or_json_only(run: Run) -> None:
    code, _, err = run(*EGRESS, "--all-blockers", "-o", "mermaid")
    assert (code, err) == (2, "--all-blockers: expected -o table or json, and no --pcap\n")
