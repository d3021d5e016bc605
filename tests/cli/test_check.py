"""``dsflow check``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

EMBEDDED = ("oke-sydney", "oke-sydney-gua", "two-pods")

WRONG = """\
apiVersion: dsflow/v1
name: wrong
base: two-pods
expect:
  - {from: pod/default/client, to: pod/default/server, family: ipv4, dport: 80, disposition: delivered}
  - {from: pod/default/client, to: pod/default/server, family: ipv6, dport: 80, disposition: no-route}
"""


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    return str(file)


def test_the_embedded_scenarios_hold(run: Run) -> None:
    code, out, err = run("check", *EMBEDDED)
    assert (code, err) == (0, "")
    assert [line.partition(": ")[0] for line in out.splitlines()] == list(EMBEDDED)


def test_a_failure_is_exit_1_and_told_with_its_line(run: Run, wrong: str) -> None:
    code, out, err = run("check", "two-pods", wrong)
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "two-pods: all 3 expectations hold",
        "wrong: 1 of 2 expectations fails",
        "wrong.yaml:6: pod/default/client -> pod/default/server ipv6 tcp/80: disposition: delivered: expected no-route",
    ]


def test_a_scenario_that_cannot_be_read_does_not_hide_the_others(run: Run, wrong: str) -> None:
    code, out, err = run("check", "nope", wrong, "nepo")
    assert code == 2
    assert "wrong: 1 of 2" in out
    assert [line.partition(":")[0] for line in err.splitlines()] == ['"nope"', '"nepo"']


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "nothing is expected: the scenario has no expect: list"), (1, "the one expectation holds")],
)
def test_how_much_was_checked_is_said(run: Run, tmp_path: Path, count: int, told: str) -> None:
    head, _, entries = WRONG.partition("expect:\n")
    kept = "".join(entries.splitlines(keepends=True)[:count]) or "  []\n"
    (tmp_path / "s.yaml").write_text(f"{head}expect:\n{kept}")
    assert run("check", str(tmp_path / "s.yaml")) == (0, f"wrong: {told}\n", "")


def test_findings_are_warnings_and_fail_nothing(run: Run, tmp_path: Path) -> None:
    """A Service whose selector no pod matches can be used, and its author should know."""
    text = """\
apiVersion: dsflow/v1
name: s
base: oke-sydney
services: {default/nginx: {selector: {app: zebra}}}
expect: []
"""
    (tmp_path / "s.yaml").write_text(text)
    code, _, err = run("check", str(tmp_path / "s.yaml"))
    assert code == 0
    assert err.startswith("warning: ")
    assert run("check", str(tmp_path / "s.yaml"), "--quiet").err == ""


def test_every_alternative_is_tried_where_asked(run: Run) -> None:
    """The exit code goes by what is assumed."""
    code, out, err = run("check", "oke-sydney-gua", "--assumptions", "all")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "oke-sydney-gua: all 8 expectations hold"
    assert sum(line.endswith(": true if pod-vnic-carries-pod-traffic is pod-vnic") for line in lines) == 4
    both = ": true if node-masquerade-off is off and pod-vnic-carries-pod-traffic is pod-vnic"
    assert sum(line.endswith(both) for line in lines) == 2, "to the Internet"
    assert sum("whichever one is switched (node-masquerade-off: on tried)" in line for line in lines) == 2, "same node"
    assert lines[-1].startswith("not tried, as it is not modelled: ")
