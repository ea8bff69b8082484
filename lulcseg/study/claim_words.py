"""Words of a text held against the tags beside them: directions, no difference, what can't be told, intervals."""

from __future__ import annotations

import re
from collections.abc import Iterator

NUMBER = r"[+−]?\d*\.\d+"
"""A number as the study's texts write it: "−.39"."""
_MARK = re.compile(rf"\s({NUMBER})\\?([*‡=?])")
_SENTENCE = re.compile(r"(?<=[.;!?])[)*]*\s(?![^()]*\))")  # not within parentheses
_CLAUSE = re.compile(r"(?<=[.;:!?])\s")
_UNTOLD = re.compile(
    r"(?:can't|can’t|cannot) (?:be )?tell|(?:can't|can’t|cannot) be told|\b(?:no|nothing)\b[^,;:]*\bcan be told"
    r"|inconclusive",
    re.IGNORECASE,
)
_SAME = re.compile(r"\b(?:no difference|changes? nothing|costs? nothing)\b(?![^,;:]*\bcan be told)", re.IGNORECASE)
_DOWN = re.compile(r"\b(?:loses?|lost|loss|losses|costs?|lower|worse|worst|falls?|fell|behind)\b", re.IGNORECASE)
_UP = re.compile(r"\b(?:gains?|gained|raises?|rises?|rose|higher|better|best|ahead|beats?)\b", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:no|not|nor|neither|nothing|without|less)\b|n['’]t\b|instead of", re.IGNORECASE)
_INTERVAL = re.compile(rf"\((?:[^()]*\s)?({NUMBER}|[-–]\d*\.\d+) to ({NUMBER}|[-–]\d*\.\d+)\b[^()]*\)")


def words_against_tags(text: str, tag: re.Pattern[str]) -> list[str]:
    """Name what a text says in words and the tags beside it don't.

    A sentence, or a row of a table, that something "can't be told" needs a tag with ?; that there is "no difference",
    one with =. Where the words before a tag name one direction ("it costs", "ahead of"), and deny none, its effect has
    that sign. An interval in parentheses that isn't written behind a tag is named, as nothing holds it against a row.

    Args:
        text: Markdown.
        tag: Pattern of a tag, whose second group is what follows the row's name.
    """
    wrong = []
    for number, line in enumerate(text.splitlines(), 1):
        for sentence in [line] if line.startswith("|") else _SENTENCE.split(line):
            wrong += [f"line {number}: {found}" for found in _in_sentence(sentence, tag)]
    return wrong


def _in_sentence(sentence: str, tag: re.Pattern[str]) -> Iterator[str]:
    marks = [mark for _, mark in _stated(sentence, tag)]
    if not marks:
        return
    if _UNTOLD.search(sentence) and "?" not in marks:
        yield f"'{sentence.strip()}' says that it can't be told, and none of its tags has ?"
    elif _SAME.search(sentence) and not {"=", "?"} & set(marks):
        yield f"'{sentence.strip()}' says that there is no difference, and none of its tags has ="
    yield from _directions(sentence, tag)
    for part in sentence.split("|"):
        if tag.search(part):
            for low, high in _INTERVAL.findall(tag.sub("", part)):
                yield f"({low} to {high}) is no tag's interval; write it behind its tag: (−.52 to −.34)"


def _stated(sentence: str, tag: re.Pattern[str]) -> list[tuple[str, str]]:
    """Return size and mark of each tag."""
    found = [_MARK.match(each[2]) for each in tag.finditer(sentence)]
    return [(each[1], each[2]) for each in found if each]


def _directions(sentence: str, tag: re.Pattern[str]) -> Iterator[str]:
    """Name each tag whose sign isn't that of the words before it; in a row of a table, those before its first tag."""
    at = 0
    for found in tag.finditer(sentence):
        before, at = sentence[at : found.start()], found.end()
        stated = _MARK.match(found[2])
        words = before if sentence.startswith("|") else _CLAUSE.split(before)[-1]
        down, up = _DOWN.search(words), _UP.search(words)
        one = up or down
        if stated is None or stated[2] in "=?" or one is None or (up and down) or _DENIED.search(words):
            continue
        if (stated[1].startswith("−")) == bool(up):
            yield f"'{one[0]}' stands before {found[1]}, which is {stated[1]}"
