"""``dsflow diff`` and ``dsflow whatif``."""

from __future__ import annotations

import pytest

from tests.cases import POD
from tests.cli.conftest import Run


def rows(out: str) -> list[tuple[str, str]]:
    """Path type and family of every row."""
    families = ("ipv4", "ipv6")
    split = [line.split() for line in out.splitlines() if not line.startswith(" ")]
    return [(words[0], words[1]) for words in split if len(words) > 1 and words[1] in families]


def test_a_disabled_nat_gateway_changes_ipv4_egress_and_only_it(run: Run) -> None:
    code, out, err = run("whatif", "oke-sydney-gua", "--set", "gateways.nat.enabled=false")
    assert (code, err) == (1, "")
    assert rows(out) == [("egress", "ipv4")]
    assert out.startswith("oke-sydney-gua -> oke-sydney-gua with gateways.nat.enabled=false\n")
    assert "why: after: at natgw/nat: natgw/nat is disabled" in out


def test_the_two_clusters_differ_in_ipv6_rows(run: Run) -> None:
    code, out, err = run("diff", "oke-sydney", "oke-sydney-gua")
    assert (code, err) == (1, "")
    assert {family for _, family in rows(out)} == {"ipv6"}
    assert ("egress", "ipv6") in rows(out)


def test_no_difference_is_exit_0(run: Run) -> None:
    code, out, _ = run("diff", "oke-sydney", "oke-sydney")
    assert code == 0
    assert "No difference in 12 questions." in out
    assert run("whatif", "two-pods", "--set", "description=other").code == 0


def test_values_are_yaml_and_null_takes_away(run: Run) -> None:
    code, out, _ = run(
        "whatif", "two-pods", "--set", "pods.default/server.listen=[tcp/8080]", "--set", "pods.default/server.ipv6=null"
    )
    assert code == 1
    assert "delivered -> no-listener" in out
    assert "delivered -> family-unavailable" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "gateways"), '--set "gateways": expected PATH=VALUE, as in gateways.nat.enabled=false'),
        (("--set", "=1"), '--set "=1": expected PATH=VALUE'),
        (("--set", "name=a", "--set", "name =b"), '--set "name =b": name is set twice'),
        (("--set", "gateways.nta.enabled=false"), 'gateways.nta: nothing of that name; did you mean "nat"?'),
        (("--set", "gateways.nat.enabled=maybe"), 'gateways.nat.enabled: "maybe": expected true or false'),
        ((), "the following arguments are required: --set"),
    ],
)
def test_a_change_that_cannot_be_made_is_exit_2(run: Run, words: tuple[str, ...], message: str) -> None:
    code, out, err = run("whatif", "oke-sydney", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_standard_input_holds_one_scenario(run: Run) -> None:
    assert run("diff", "-", "-").err == "- and -: standard input holds one scenario only\n"
    text = b"{apiVersion: dsflow/v1, name: same, base: two-pods}"
    assert run("diff", "two-pods", "-", stdin=text).code == 0


def test_ends_that_are_missing_on_one_side_are_told(run: Run) -> None:
    code, out, _ = run("diff", "two-pods", "oke-sydney")
    assert code == 1
    assert "Only in two-pods:" in out
    assert f"    {POD}" in out
