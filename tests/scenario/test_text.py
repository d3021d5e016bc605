"""YAML text to data that knows its lines."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dsflow.errors import ScenarioError, UsageError
from dsflow.scenario import text
from dsflow.scenario.document import Document, Items, Section


def parsed(source: str | bytes) -> Document:
    return text.parse(source if isinstance(source, bytes) else source.encode(), "a.yaml")


def refusals(source: str | bytes) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parsed(source)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("80", 80),
        ("-3", -3),
        ("6.5", 6.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("e1", "e1"),
        ("-e1", "-e1"),
        ("1.", "1."),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("1:20", "1:20"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("no", "no"),
        ("True", "True"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("2026-11-01", "2026-11-01"),
        ("10.0.0.0/16", "10.0.0.0/16"),
        (".", "."),
        ("-", "-"),
    ],
)
def test_only_what_people_mean_is_read_from_a_plain_scalar(plain: str, value: object) -> None:
    assert text.resolve(plain) == value
    assert type(text.resolve(plain)) is type(value)


def test_quoted_scalars_are_texts() -> None:
    assert parsed("a: '80'\nb: \"true\"\n").data == {"a": "80", "b": "true"}


def test_every_key_and_item_knows_its_line() -> None:
    document = parsed("a: 1\nb:\n  c:\n    - x\n    - y\n  d: {e: 2}\n")
    sources = [document.source(path) for path in (("a",), ("b", "c"), ("b", "c", 1), ("b", "d", "e"), ("b", "zz"))]
    assert sources == ["a.yaml:1", "a.yaml:3", "a.yaml:5", "a.yaml:6", "a.yaml:2"]


def test_sources_give_the_base_name_and_problems_the_file_as_given() -> None:
    document = text.parse(b"a: 1\n", "some/where/a.yaml")
    assert document.source(("a",)) == "a.yaml:1"
    assert str(document.problem(("a",), "1", "2")) == "some/where/a.yaml:1: a: 1: expected 2"


def test_a_duplicate_key_names_both_lines() -> None:
    assert refusals("a: 1\nb: 2\na: 3\n") == ['a.yaml:3: "a" again, first on line 1: expected every key once']


def test_all_problems_of_the_text_are_told_at_once() -> None:
    told = refusals("a: 1\na: 2\n3: x\nb: !!python/name:os.system x\n<<: {c: 1}\n[1]: 2\n")
    assert told == [
        'a.yaml:2: "a" again, first on line 1: expected every key once',
        "a.yaml:3: the key 3: expected a text in quotes",
        'a.yaml:4: the tag "tag:yaml.org,2002:python/name:os.system": expected plain YAML without tags',
        'a.yaml:5: the merge key "<<": expected the keys themselves, or a scenario with base:',
        "a.yaml:6: the key a list: expected a text",
    ]


def test_problems_before_the_one_that_ends_the_reading_are_kept() -> None:
    assert len(refusals("a: 1\na: 2\nb: [1, 2\n")) == 2
    assert len(refusals("a: 1\na: 2\nb: *nowhere\n")) == 2


def test_a_flood_of_problems_is_cut() -> None:
    assert len(refusals("a: 1\n" * 5000)) == 100


def test_what_is_no_mapping_is_refused() -> None:
    assert refusals("") == ['a.yaml:1: an empty file: expected a mapping that begins with "apiVersion: dsflow/v1"']
    assert refusals("# nothing\n")[0].startswith("a.yaml:1: an empty file")
    assert refusals("- a\n")[0].startswith("a.yaml:1: a list as the whole file")
    assert refusals("just words\n")[0].startswith('a.yaml:1: "just words" as the whole file')


def test_a_second_document_is_refused() -> None:
    assert refusals("a: 1\n---\nb: 2\n") == ["a.yaml:2: a second document: expected one scenario per file"]


def test_what_is_not_utf8_text_is_refused_with_its_line() -> None:
    assert refusals(b"a: 1\nb: \xff\xfe\n") == ["a.yaml:2: the byte 0xff: expected a text in UTF-8"]
    assert refusals(b"a: 1\n\0") == ["a.yaml:2: the control character U+0000: expected a text in UTF-8"]
    assert refusals("a: 1".encode("utf-16"))[0].startswith("a.yaml:1: the byte")


def test_a_byte_order_mark_is_let_pass() -> None:
    assert parsed(b"\xef\xbb\xbfa: 1\n").data == {"a": 1}


def test_nesting_has_a_limit() -> None:
    told = refusals("a: " + "[" * 200_000)
    assert told == ["a.yaml:1: a value nested too deeply: expected at most 50 levels"]


def test_aliases_stand_for_their_anchor() -> None:
    document = parsed("a: &x {b: [1, 2]}\nc: *x\n*y : 1\n".replace("*y : 1\n", "&k d: 1\ne: *k\n"))
    assert document.data == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": 1, "e": "d"}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("a: *b\n", "a.yaml:1: the alias *b: expected an anchor written before it"),
        ("a: &b [*b]\n", "a.yaml:1: the alias *b: expected an anchor outside of its own value"),
    ],
)
def test_an_alias_of_nothing_is_refused(source: str, told: str) -> None:
    assert refusals(source) == [told]


def test_aliases_that_explode_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more than 5,000,000 values" in refusals("\n".join(lines))[0]


def test_a_large_text_is_refused_unread() -> None:
    told = refusals(b"\xff" * (text.SIZE_LIMIT_BYTES + 1))
    assert told == ["a.yaml: more than 64 MiB of text: expected a scenario"]


def test_the_parser_in_python_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = (Path(__file__).parents[2] / "scenarios" / "oke-sydney.yaml").read_bytes()
    fast = text.parse(raw, "a.yaml")
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    slow = text.parse(raw, "a.yaml")
    assert fast == slow
    assert fast.source(("pods", "default/nginx-568f7cfd68-g4h2c")) == slow.source(
        ("pods", "default/nginx-568f7cfd68-g4h2c")
    )


def test_the_parser_in_python_leaks_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert refusals('a: "\\UFFFFFFFF"\n')[0].startswith("a.yaml: the text is no YAML")


def test_values_of_a_command_line_follow_the_same_rules() -> None:
    values = [text.parse_value(word) for word in ("false", " 80 ", "fd00::1", "", "no", "[tcp/80]", "{a: 1}", "'80'")]
    assert values == [False, 80, "fd00::1", None, "no", ["tcp/80"], {"a": 1}, "80"]


@given(st.text("0123456789.eE+-_xo", max_size=12) | st.text(max_size=5))
def test_any_plain_scalar_has_a_value(word: str) -> None:
    value = text.resolve(word)
    if isinstance(value, int | float) and not isinstance(value, bool):
        assert float(word) == value
    else:
        assert value in (word, None, True, False)


@pytest.mark.parametrize("word", ["[tcp/80", "{a: 1, a: 2}", '"\0"', "[*a]"])
def test_a_broken_value_of_a_command_line_is_the_callers_fault(word: str) -> None:
    with pytest.raises(UsageError):
        text.parse_value(word)


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda words: words.encode("utf-8", "surrogatepass")))
def test_junk_gives_a_document_or_problems_with_a_place(raw: bytes) -> None:
    try:
        outcome: object = text.parse(raw, "a.yaml").data
    except ScenarioError as error:
        outcome = {problem.file for problem in error.problems}
    assert isinstance(outcome, Section) or outcome == {"a.yaml"}


_JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text("abc:/. -'\"#é", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc:/.", max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=4), _JSON_LIKE, min_size=1, max_size=4))
def test_what_yaml_writes_is_read_back_wherever_both_agree(data: dict[str, object]) -> None:
    """PyYAML quotes whatever it might itself take for something else, so its dumps mean the same here."""
    source = yaml.safe_dump(data, allow_unicode=True, default_style='"').replace('!!null "null"', "null")
    for kind in ("bool", "int"):
        source = source.replace(f"!!{kind} ", "")
    document = parsed(source)
    assert _strings(document.data) == _strings(data)


def _strings(value: object) -> object:
    """Values as text, since the dump quotes them all."""
    if isinstance(value, dict):
        return {key: _strings(entry) for key, entry in value.items()}
    if isinstance(value, list | Items):
        return [_strings(entry) for entry in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
