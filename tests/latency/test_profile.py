"""Reading a profile: the shipped one, and every way in which a text can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import dsflow.latency.profile
from dsflow.errors import HostError, ScenarioError, UsageError
from dsflow.latency.profile import load_profile

SHIPPED = Path(dsflow.latency.profile.__file__).with_name("profile.yaml")


def problems(tmp_path: Path, content: str | bytes) -> list[str]:
    """The problems of a profile file with that content, each without the directory before its name."""
    file = tmp_path / "mine.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ScenarioError) as caught:
        load_profile(file)
    assert all(problem.file == str(file) for problem in caught.value.problems)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


def shipped_with(old: str, new: str) -> str:
    """The shipped profile's text with one passage replaced."""
    text = SHIPPED.read_text()
    assert text.count(old) == 1, old
    return text.replace(old, new)


def line_of(text: str, passage: str) -> int:
    return text[: text.index(passage)].count("\n") + 1


def test_every_shipped_entry_names_its_sources_and_what_it_is() -> None:
    profile = load_profile()
    for name, record in profile.records.items():
        assert record.what
        assert all(len(citation) > 20 for citation in profile.citations(name))


def test_every_shipped_source_is_used() -> None:
    profile = load_profile()
    assert {tag for record in profile.records.values() for tag in record.source} == set(profile.sources)


def test_the_shipped_profile_says_that_nothing_was_measured_in_oci() -> None:
    assert load_profile().caveat == "estimate, not measured in OCI"


def test_a_profile_file_is_read_by_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(shipped_with("p50_us: 20, p99_us: 100", "p50_us: 7, p99_us: 70"))
    mine = load_profile(file)
    assert (mine.file, mine.entry("igw").p50_us, mine.entry("igw").p99_us) == (str(file), 7, 70)
    assert load_profile(str(file)) == mine != load_profile()


def test_a_file_that_is_not_there_is_the_hosts_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"none\.yaml: latency profile cannot be read: No such file"):
        load_profile(tmp_path / "none.yaml")


def test_lookups_refuse_what_is_not_there() -> None:
    profile = load_profile()
    with pytest.raises(UsageError, match='no entry "vnics"; did you mean "vnic"'):
        profile["vnics"]
    with pytest.raises(UsageError, match='"internet" is not one of the profile\'s traversals'):
        profile.entry("internet")
    with pytest.raises(UsageError, match='"tls_sign_us" holds no constant "ed25519"'):
        profile.constant("tls_sign_us", "ed25519")
    with pytest.raises(UsageError, match='"igw" holds no constant "p50_us"'):
        profile.constant("igw", "p50_us")


def test_constants_are_found_by_entry_and_key() -> None:
    assert load_profile().constant("handshake_rtts", "tls12") == 2


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "mine.yaml:1: an empty file"),
        ("[" * 100_000, "mine.yaml:1: a value nested too deeply"),
        (b"\x00\xff\xfe", "mine.yaml:1: the byte 0xff"),
        ("version: 1\ntraversals: {pod_hop: {p50", "the text breaks off"),
        ("- 1", "mine.yaml:1: a list as the whole file"),
        ("a: 1", "mine.yaml:1: a: unknown field"),
        ("version: 1\nsources: 1", "mine.yaml:2: sources: 1: expected a mapping"),
    ],
)
def test_what_is_no_profile_at_all_is_refused(tmp_path: Path, content: str | bytes, problem: str) -> None:
    assert any(problem in each for each in problems(tmp_path, content))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("version: 1", "version: 2", "version: 2: expected 1"),
        ("version: 1\n", "", "version: missing: expected to be given"),
        ("\nrules:", "\nrule:", 'rule: unknown field; did you mean "rules"?'),
        ("p50_us: 20,", "p50_us: fast,", 'traversals.igw.p50_us: "fast": expected a number above 0'),
        ("p50_us: 20,", "p50_us: nan,", 'traversals.igw.p50_us: "nan": expected a number above 0'),
        ("p50_us: 20,", "p50_us: 1:20,", 'traversals.igw.p50_us: "1:20": expected a number above 0'),
        ("p50_us: 20,", "p50_us: 0,", "traversals.igw.p50_us: 0: expected a number above 0"),
        ("p50_us: 20,", "p50_us: [20],", "traversals.igw.p50_us: a list: expected a number above 0"),
        ("p50_us: 20,", "", "traversals.igw.p50_us: missing"),
        ("p50_us: 20,", "p50_us: true,", "traversals.igw.p50_us: true: expected a number above 0"),
        ("p50_us: 20,", "p50_us: 20, p50_us: 20,", '"p50_us" again'),
        ("p50_us: 20,", "p50_us: 20, p90_us: 50,", "traversals.igw.p90_us: unknown field"),
        (
            "p50_us: 20,",
            "p50_us: 200,",
            "traversals.igw: loc_us 0, p50_us 200, p99_us 100: expected loc_us < p50",
        ),
        ("loc_us: 11,", "loc_us: -1,", "traversals.lb_l7.loc_us: -1: expected a number of at least 0"),
        ("x90: 1.1,", "x90: 0.9,", "constants.v6_cpu_factor.x90: 0.9: expected a factor of at least 1"),
        (
            "correlation: 0.5",
            "correlation: 1.5",
            "load_state.correlation: 1.5: expected a number from 0 to 1",
        ),
        ("prob: 0.002", "prob: -1", "constants.interference.prob: -1: expected a number from 0 to 1"),
        ("prob: 0.002, ", "", "constants.interference.prob: missing"),
        ("  pause:", "  pauses:", "constants.pause: missing"),
        (
            "min_us: 1000",
            "min_us: 40000",
            "constants.pause: min_us 40000, max_us 30000: expected min_us <= max_us",
        ),
        (
            "{inflation: 1.9",
            "{inflation: 0",
            "pairs.internet: base_us 0 and inflation 0: expected one of them",
        ),
        ('what: "the Internet gateway"', "what: 3", "traversals.igw.what: 3: expected a text"),
        ("cpu: true, p50_us: 1.3", "cpu: 1, p50_us: 1.3", "traversals.ct_new.cpu: 1: expected true or false"),
        ("source: [AN]", "source: AN", 'traversals.vnic.source: "AN": expected a list of tags'),
        ("source: [AN]", "source: []", "traversals.vnic.source: a list: expected a list of tags"),
        ("source: [AN]", "source: [XX]", 'vnic.source: a list: expected tags that sources explains, not "XX"'),
        (
            "source: [AN]",
            "source: [AN, {a: 1}]",
            "vnic.source: a list: expected tags that sources explains, not a mapping",
        ),
        ("  igw:", "  vnic:", '"vnic" again'),
        ("  internet:", "  igw:", "pairs.igw: the name of another section's entry"),
        ("inflation: 1.60", "inflation: 1.60, confidence: E", '"confidence" again'),
    ],
)
def test_each_mistake_is_told_with_its_line_and_entry(tmp_path: Path, old: str, new: str, problem: str) -> None:
    told = problems(tmp_path, shipped_with(old, new))
    assert any(problem in each for each in told), told
    assert all(each.startswith("mine.yaml:") and each.split(":")[1].isdigit() for each in told)


def test_all_problems_are_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = shipped_with("p50_us: 20,", "p50_us: x,").replace("cpu: true, p50_us: 1.3", "cpu: maybe, p50_us: 1.3")
    text = text.replace('confidence: D, source: [judgement],\n     what: "the Internet', 'confidence: E,\n what: "the')
    assert problems(tmp_path, text) == [
        f'mine.yaml:{line_of(text, "maybe")}: traversals.ct_new.cpu: "maybe": expected true or false',
        f"mine.yaml:{line_of(text, '  igw:')}: traversals.igw.source: missing: expected to be given",
        f'mine.yaml:{line_of(text, "p50_us: x")}: traversals.igw.p50_us: "x": expected a number above 0',
        f'mine.yaml:{line_of(text, "p50_us: x")}: traversals.igw.confidence: "E": expected A or B or C or D',
    ]
