"""Bad input, through the whole command: exit 2, one clear message per problem, nothing half-written."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.scenario.helpers import TEXT

GOOD = TEXT.read_text()
BOMB = "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in pairwise("abcdefghi"))

BAD: dict[str, tuple[str | bytes, list[str]]] = {
    "cut off mid-line": (
        GOOD[: GOOD.index("node-2, ipv4") + 4],
        ["the text breaks off or is no YAML: did not find expected"],
    ),
    "binary": (bytes(range(256)), ["s.yaml:2: the byte 0x80: expected a text in UTF-8"]),
    "not UTF-8": (b"name: \xff\n", ["s.yaml:1: the byte 0xff"]),
    "empty": ("", ["s.yaml:1: an empty file: expected a mapping"]),
    "duplicate keys": (
        GOOD.replace("  node-2: {", "  node-1: {"),
        ['s.yaml:18: "node-1" again, first on line 17'],
    ),
    "1:20 unquoted": (
        GOOD.replace("dport: 81", "dport: 1:20"),
        ['expect[2].dport: "1:20": expected a whole number'],
    ),
    "1:2:3:4:5:6:7:8 unquoted": (
        GOOD.replace('ipv6: "fd00:10:0:2::22"', "ipv6: 1:2:3:4:5:6:7:8"),
        ['pods.default/server.ipv6: "1:2:3:4:5:6:7:8"'],
    ),
    "aliases nested to explode": (BOMB, ["more than 5,000,000 values, those behind aliases counted each time"]),
    "two problems": (
        GOOD.replace("node: node-1", "node: node-9").replace("disposition: no-listener", "disposition: lost"),
        ["pods.default/client.node:", "expect[2].disposition:"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_scenario_is_exit_2_and_told(run: Run, tmp_path: Path, name: str) -> None:
    content, expected = BAD[name]
    file = tmp_path / "s.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = run("run", str(file), "--out", str(tmp_path / "out"))
    assert (code, out) == (2, "")
    told = err.splitlines()
    assert len(told) == len(expected)
    for line, message in zip(told, expected, strict=True):
        assert line.startswith(f"{file}:")
        assert message in line
    assert [found.name for found in tmp_path.iterdir()] == ["s.yaml"]


def test_100_megabytes_of_junk_are_refused_unread(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "junk.yaml"
    with file.open("wb") as stream:
        stream.truncate(100_000_000)
    code, out, err = run("check", str(file))
    assert (code, out) == (2, "")
    assert err == f"{file}: more than 64 MiB of text: expected a scenario\n"


def test_a_scenario_is_no_folder(run: Run, tmp_path: Path) -> None:
    assert run("run", str(tmp_path)) == (2, "", f"cannot read {tmp_path}: Is a directory\n")
