"""The site: its reference is complete, its checks find what is wrong, and it builds without warnings."""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lulcseg.cli import command_parser
from lulcseg.launch.compose import SCHEMAS
from lulcseg.scene.spec import SceneSpec
from lulcseg.settings.schema import defaults_of, known_keys
from lulcseg.study.claims import read_claims
from tests.support.checkout import ROOT

FOLDER = ROOT / "docs" / "site"


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The site's scripts import each other by their names."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


def leaves(schema: type) -> set[str]:
    keys = known_keys(schema)
    return {key for key in keys if not any(other.startswith(f"{key}.") for other in keys)}


@pytest.mark.parametrize("program", SCHEMAS)
def test_every_setting_is_listed_with_its_sentence(program: str) -> None:
    wording = importlib.import_module("wording")
    page = importlib.import_module("settings_pages").settings_pages()[f"{program}.md"]
    for key, field in known_keys(SCHEMAS[program]).items():
        if key in leaves(SCHEMAS[program]):
            assert f'<span id="{key}">`{key}`</span>' in page
            assert wording.cell(field.metadata["about"]) in page
    assert page.count("<span id=") == len(leaves(SCHEMAS[program]))


def test_a_setting_has_default_bounds_and_choices() -> None:
    page = importlib.import_module("settings_pages").settings_pages()["train.md"]
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| <span")}
    assert defaults_of(SCHEMAS["train"])["sampling"]["patch_size"] == 512
    assert "| `512` |" in rows["sampling.patch_size"]
    assert "0 to 4294967295" in rows["seed"]
    assert "one of: plan, training" in rows["stop_after"]
    assert "A preset of conf/augment/" in rows["augment.name"]
    assert "paper" in rows["augment.name"].rpartition("one of:")[2]


def test_defaults_are_those_of_the_program() -> None:
    """Prediction maps by several passes unless told otherwise, training by one."""
    pages = importlib.import_module("settings_pages").settings_pages()
    for name, default in (("train.md", "single"), ("predict.md", "multiple")):
        (row,) = (line for line in pages[name].splitlines() if 'id="mosaic.name"' in line)
        assert f"| `{default}` |" in row


def test_every_key_of_a_scene_is_listed() -> None:
    page = importlib.import_module("settings_pages").settings_pages()["scene.md"]
    for key in [
        *known_keys(SceneSpec),
        "labels.crosswalk",
        "points.design",
        "synthetic.size",
        "imagery.bands",
        "imagery[].range",
    ]:
        assert f'<span id="{key}">' in page or f"## {key}\n" in page, key


def every_command(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in set(action.choices.values()):
                yield each
                yield from every_command(each)


def test_every_command_and_option_is_listed() -> None:
    page = importlib.import_module("command_page").command_page()
    sections = {part.partition("\n")[0]: part for part in page.split("\n## ")[1:]}
    parsers = list(every_command(command_parser()))
    assert sections.keys() == {parser.prog for parser in parsers}
    for parser in parsers:
        for action in parser._actions:
            for option in action.option_strings:
                assert option in {"-h", "--help"} or f"`{option}" in sections[parser.prog], (parser.prog, option)


def test_every_preset_experiment_and_sweep_is_listed() -> None:
    pages = importlib.import_module("preset_pages").preset_pages()
    for folder, page in (("conf/augment", "presets"), ("conf/experiment", "experiments"), ("sweeps", "sweeps")):
        for path in (ROOT / folder).glob("*.yaml"):
            assert f"### {path.stem}\n" in pages[f"{page}.md"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="b.html#there">x</a><a href="https://example.org/">x</a><img src="p.png">', None),
        ('<a href="c.html">x</a>', "a.html links to c.html, which isn't there"),
        ('<a href="b.html#nowhere">x</a>', "a.html links to b.html#nowhere, which isn't there"),
        ('<img src="q.png">', "a.html uses q.png, which isn't there"),
        ('<script src="https://example.org/x.js"></script>', "a.html fetches https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "a.html fetches //example.org/x.css"),
    ],
)
def test_what_is_wrong_with_a_page_is_found(body: str, problem: str | None, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(body)
    (tmp_path / "b.html").write_text('<h2 id="there">x</h2>')
    (tmp_path / "p.png").touch()
    found = importlib.import_module("link_check").problems(tmp_path)
    assert found == ([] if problem is None else [problem])


def test_links_fit_where_pages_lie(tmp_path: Path) -> None:
    pytest.importorskip("jupytext")
    pages = importlib.import_module("site_pages")
    (tmp_path / "pages").mkdir()
    pages.gather_pages(tmp_path / "pages")
    assert "](mosaic.md)" in (tmp_path / "pages" / "index.md").read_text()
    assert "](notebooks/read_a_run.md)" in (tmp_path / "pages" / "index.md").read_text()
    assert "](decisions/README.md)" in (tmp_path / "pages" / "contributing.md").read_text()
    assert "](../accuracy.md)" in (tmp_path / "pages" / "notebooks" / "assess_a_map.md").read_text()
    assert not list((tmp_path / "pages").rglob("*.py"))


def test_it_builds_offline_without_warnings(tmp_path: Path) -> None:
    pytest.importorskip("zensical")
    command = [sys.executable, str(FOLDER / "build.py"), str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '<script src="assets/file_worker.js">' in (tmp_path / "site" / "index.html").read_text()
    assert '<script src="../assets/file_worker.js">' in (tmp_path / "site" / "reference" / "train.html").read_text()
    assert (tmp_path / "site" / "search.js").is_file()
    assert "map_scene" in (tmp_path / "site" / "reference" / "python.html").read_text()
    for page in (ROOT / "docs" / "study.md", *(ROOT / "docs" / "study" / "trials").glob("*.md")):
        tags = [(each.row, f"{each.effect}{each.mark}") for each in read_claims(page.read_text(encoding="utf-8"))]
        built = (tmp_path / "site" / page.relative_to(ROOT / "docs")).with_suffix(".html").read_text(encoding="utf-8")
        shown = re.findall(r'<span class="effect">(\S+?)†? <small>(\S+)</small></span>', built)
        assert [(row, effect) for effect, row in shown] == tags, page.name


def test_every_document_is_in_the_navigation() -> None:
    listed = (ROOT / "docs" / "site" / "zensical.toml").read_text(encoding="utf-8")
    assert [path.name for path in sorted((ROOT / "docs").glob("*.md")) if f'"{path.name}"' not in listed] == []
