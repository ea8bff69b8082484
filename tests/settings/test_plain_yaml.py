"""YAML files that users write: each value as it is written, and one sentence for whatever can't be read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lulcseg.errors import LulcsegError
from lulcseg.settings.plain_yaml import read_yaml, refuse_references


def read(folder: Path, text: str) -> dict[str, Any]:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"), ("No", "No"), ("on", "on"), ("true", True), ("False", False), ("~", None), ("null", None),
        ("", None), ("010", "010"), ("0", 0), ("-12", -12), ("1_000", "1_000"), ("0x10", "0x10"), ("1:30", "1:30"),
        ("1.5", 1.5), ("1e-5", 1e-5), ("-.inf", -math.inf), ("2018-02-30", "2018-02-30"), ("9" * 30, "9" * 30),
        ("'1'", "1"), ("{a: 1}", {"a": 1}), ("[1, a]", [1, "a"]), ("{10: a, yes: b}", {"10": "a", "yes": "b"}),
    ],
)  # fmt: skip
def test_values_are_read_as_they_are_written(tmp_path: Path, written: str, value: Any) -> None:
    found = read(tmp_path, f"key: {written}")["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: !!int abc", "not YAML"), ("a: &a [*a]", "contains itself"), ("a: " + "[" * 5000, "nested too deeply"),
        ("a: " + "{a: " * 400 + "1" + "}" * 400, "nested too deeply"), ("a: 1\na: 2", "line 2: 'a' stands there twice"),
        ("{[1]: a}", "a key is not text"), ("a:\n\tb: 1", "line 2"), ("a: !!python/object:os.system x", "not YAML"),
        ("a: !!binary aGk=", "not YAML"), ("a: !!set {b}", "not YAML"), ("a: !!timestamp 2018-13-01", "not YAML"),
        ("- a", "no settings"), ("", "no settings"), ("a: *b", "not YAML"), ("a: \x00", "not YAML"),
        ("".join(f"{n}: &x{n} [{f'*x{n - 1},' * 9 if n else '1'}]\n" for n in range(8)), "more than 100,000 values"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_gets_a_sentence(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(LulcsegError, match=told) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'file.yaml'}: ")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LulcsegError, match="can't be read"):
        read_yaml(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9")
    with pytest.raises(LulcsegError, match="not YAML"):
        read_yaml(tmp_path / "latin.yaml")


@given(st.text())
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
    try:
        read_yaml(path)
    except LulcsegError:
        return


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False) | st.text("abc yes:-"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1), _VALUES, min_size=1, max_size=3))
def test_what_yaml_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert read_yaml(path) == content


def test_references_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    content = {"imagery": {"files": ["a.tif", "${oc.env:HOME}/b.tif"]}}
    with pytest.raises(LulcsegError, match=r"'\$\{oc\.env:HOME\}/b\.tif' refers to a value elsewhere"):
        refuse_references(content, tmp_path)
    refuse_references({"name": "a $ {b}"}, tmp_path)


def test_merges_are_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text("a: &a {x: 1}\nb:\n  <<: *a\n")
    with pytest.raises(LulcsegError, match=r"line 3: mappings aren't merged with <<: write their entries out"):
        read_yaml(path)
    path.write_text("crosswalk: {'<<': Water}\n")
    assert read_yaml(path) == {"crosswalk": {"<<": "Water"}}
