"""What documents tell a reader to type can be typed, and their links lead somewhere."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from lulcseg.cli import command_parser, main
from lulcseg.errors import LulcsegError
from lulcseg.invocation import PROGRAMS
from lulcseg.launch.command_line import read_command_line
from lulcseg.launch.compose import compose_all
from lulcseg.launch.jobs import split_jobs
from tests.support.checkout import ROOT
from tests.support.documents import DOCUMENTS, commands

_TEXT = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


CALLS = {tuple(words): name(path) for path in DOCUMENTS for words in commands(path)}
"""Every command, with a document that has it."""


def test_there_are_commands_to_try() -> None:
    assert len(CALLS) > 100


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``lulcseg init`` writes, whose scene, experiment and trial the documents name."""
    folder = tmp_path_factory.mktemp("documents") / "my_project"
    main(["init", str(folder)])
    return folder


@pytest.mark.parametrize("words", CALLS, ids=lambda words: f"{CALLS[words]}: {' '.join(words)[:60]}")
def test_a_command_is_understood(words: tuple[str, ...], project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a sweep its first run and its last are composed."""
    monkeypatch.chdir(project)
    if words[-1] == "--help":
        return
    if words[0] not in PROGRAMS:
        command_parser().parse_args(words)
        return
    try:
        line = read_command_line(words[0], words[1:])
        jobs = split_jobs(line.overrides) if line.multirun else [line.overrides]
        compose_all(words[0], jobs if len(jobs) == 1 else [jobs[0], jobs[-1]])
    except LulcsegError as error:
        if "isn't installed" not in str(error):
            raise
        pytest.skip(str(error))


def anchors(path: Path) -> set[str]:
    """The places of a document that can be linked to, by the rule of Git hosts and of the site."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    plain = [unicodedata.normalize("NFKD", heading).lower() for heading in _HEADING.findall(text)]
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading).strip()) for heading in plain}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere_in_the_repository(path: Path) -> None:
    broken = []
    for link in _LINK.findall(_TEXT.sub("", path.read_text(encoding="utf-8"))):
        file, _, place = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if ":" not in link and not (target.exists() and (not place or place in anchors(target))):
            broken.append(link)
    assert broken == []
