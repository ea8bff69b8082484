"""The repository's documents: their commands, and their links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.support.checkout import ROOT

DOCUMENTS = sorted(
    path
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    if (ROOT / "docs" / "site") not in path.parents
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CALL = re.compile(r"(?:^|\s)(?:srun )?(?:python (train|predict)\.py|lulcseg)(?=\s|$)")


def blocks(path: Path) -> list[tuple[str, str]]:
    """Return a document's fenced blocks: language (empty: commands) and content."""
    return _FENCE.findall(path.read_text(encoding="utf-8"))


def commands(path: Path) -> list[list[str]]:
    """Return the words of every command of lulcseg in a document's blocks, without ``lulcseg``."""
    found = []
    for language, content in blocks(path):
        if not language:
            for line in content.replace("\\\n", " ").splitlines():
                found += [words for words in [_words(line)] if words]
    return found


def _words(line: str) -> list[str]:
    """Return the words of the command in a line, which other commands may stand before; none: no words."""
    call = _CALL.search(line)
    if call is None or "#" in line[: call.start()]:
        return []
    words = shlex.split(line[call.end() :], comments=True)
    for end in (">", "|", ";"):
        words = words[: words.index(end)] if end in words else words
    words = [call[1], *words] if call[1] else words
    return [_optional(word).replace("…", "x") for word in words if word != "…"]


def _optional(word: str) -> str:
    """Return a word without the bracket of what may be left out: ``[model=smp model.encoder=resnet18]``."""
    if word.startswith("[") and "]" not in word:
        return word[1:]
    return word[:-1] if word.endswith("]") and "[" not in word else word
