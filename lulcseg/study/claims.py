"""Claims of a text held against the effects: a tag beside a sentence states the row, the size and the verdict."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lulcseg.errors import LulcsegError
from lulcseg.study.effects import LEVEL

MARKS = {"differs": "*", "no difference": "=", "can't be told": "?"}
"""Mark of each verdict in a tag, such as ``[A1.held −0.39*]``."""
CORRECTED = "‡"
"""Mark instead of * where the difference stands after correction for the number of questions too (Holm)."""
MARKED = f"{CORRECTED} differs, for all questions together too, * differs, = no difference, ? can't be told"

_NUMBER = r"[+−]?\d*\.\d+"
_TAG = re.compile(rf"\[([A-Z]+\d+\.\w+)([^\]]*)\](?:\**\s\(({_NUMBER}) to ({_NUMBER})\))?")
_CLAIM = re.compile(rf"\s({_NUMBER})([{CORRECTED}*=?])")
_SENTENCE = re.compile(r"(?<=[.;!?])[)*]*\s(?![^()]*\))")  # not within parentheses
_UNTOLD = re.compile(
    r"(?:can't|can’t|cannot) be told|\b(?:no|nothing)\b[^,;:]*\bcan be told|inconclusive", re.IGNORECASE
)
_INTERVAL = re.compile(rf"\((?:[^()]*\s)?({_NUMBER}|[-–]\d*\.\d+) to ({_NUMBER}|[-–]\d*\.\d+)\b[^()]*\)")
_LIKE_A_TAG = re.compile(rf"\[([^\[\]]*\s{_NUMBER}[{CORRECTED}*=?])\]")


@dataclass(frozen=True)
class StatedEffect:
    """What a tag states.

    Attributes:
        row: Row of the effects: question and view.
        effect: Size as written, with its digits: "−0.39".
        mark: Mark of the verdict.
        line: Line of the text, from 1.
        interval: Both ends of the 95 % interval as written after the tag, "(−.52 to −.34)"; None if it states none.
    """

    row: str
    effect: str
    mark: str
    line: int
    interval: tuple[str, str] | None = None


def read_claims(text: str) -> list[StatedEffect]:
    """Return the claims of a text.

    Raises:
        LulcsegError: A tag that states no size or no verdict, or a bracket that looks like a tag and is none.

    >>> read_claims("Augmentation costs accuracy [A1.held −0.39*].")
    [StatedEffect(row='A1.held', effect='−0.39', mark='*', line=1, interval=None)]
    """
    claims = []
    for number, line in enumerate(text.splitlines(), 1):
        for row, rest, low, high in _TAG.findall(line):
            stated = _CLAIM.fullmatch(rest)
            if stated is None:
                raise LulcsegError(
                    f"line {number}: [{row}{rest}] states no effect and verdict",
                    where="text", remedy=f"write [{row} +0.12*]: {MARKED}",
                )  # fmt: skip
            claims.append(StatedEffect(row, stated[1], stated[2], number, (low, high) if low else None))
        for other in _LIKE_A_TAG.findall(_TAG.sub("", line)):
            raise LulcsegError(
                f"line {number}: [{other}] looks like a tag and names no row", where="text",
                remedy="write the question's name, a point and the view: [A1.held −0.39*]",
            )  # fmt: skip
    return claims


def check_claims(text: str, effects: pd.DataFrame) -> list[str]:
    """Return a sentence for each claim that the effects don't bear out: its row, size, interval or verdict.

    Args:
        text: Markdown with tags.
        effects: Table of :func:`lulcseg.study.effects.effects`.

    Raises:
        LulcsegError: A tag that states no size or no verdict.
    """
    found = {str(row["row"]): row for _, row in effects.iterrows()}
    wrong = []
    for claim in read_claims(text):
        if claim.row not in found:
            wrong.append(f"line {claim.line}: {claim.row} is no row of the effects")
            continue
        row = found[claim.row]
        stated, mark = _rounded(row["effect"], claim.effect), mark_of(row)
        if (claim.effect, claim.mark) != (stated, mark):
            wrong.append(
                f"line {claim.line}: {claim.row} is {stated}{mark}, and the text states {claim.effect}{claim.mark}"
            )
        if claim.interval is not None:
            low, high = (_rounded(row[end], wrote) for end, wrote in zip(("low", "high"), claim.interval, strict=True))
            if [_plain(low), _plain(high)] != [_plain(end) for end in claim.interval]:
                wrong.append(
                    f"line {claim.line}: the interval of {claim.row} is {low} to {high}, and the text states "
                    f"{' to '.join(claim.interval)}"
                )
    return wrong + _told_otherwise(text) + _loose_intervals(text)


def mark_of(row: pd.Series) -> str:
    """Return the mark of a row of the effects."""
    stands = row["verdict"] == "differs" and row.get("p_holm", math.nan) < LEVEL
    return CORRECTED if stands else MARKS[str(row["verdict"])]


def _told_otherwise(text: str) -> list[str]:
    """Name each sentence, or row of a table, that says that a thing can't be told beside tags that all tell it."""
    wrong = []
    for number, line in enumerate(text.splitlines(), 1):
        for sentence in _sentences(line):
            marks = [claim.mark for claim in read_claims(sentence)]
            if marks and _UNTOLD.search(sentence) and "?" not in marks:
                wrong.append(
                    f"line {number}: '{sentence.strip()}' says that it can't be told, and none of its tags has ?"
                )
    return wrong


def _loose_intervals(text: str) -> list[str]:
    """Name each interval that stands in a sentence or cell with tags, but isn't written so that it is read as one's."""
    wrong = []
    for number, line in enumerate(text.splitlines(), 1):
        for sentence in (part for each in _sentences(line) for part in each.split("|")):
            if _TAG.search(sentence):
                wrong += [
                    f"line {number}: ({low} to {high}) is no tag's interval; write it behind its tag: (−.52 to −.34)"
                    for low, high in _INTERVAL.findall(_TAG.sub("", sentence))
                ]
    return wrong


def _sentences(line: str) -> list[str]:
    """Return a line's sentences; a row of a table is one."""
    return [line] if line.startswith("|") else _SENTENCE.split(line)


def check_file(text: Path, effects: Path) -> int:
    """Check the claims of a file against a table of effects, and return their number.

    Raises:
        LulcsegError: A file can't be read, a claim isn't borne out, or the text makes none.
    """
    try:
        content, table = text.read_text(encoding="utf-8"), pd.read_csv(effects)
    except OSError as error:
        raise LulcsegError("it can't be read", where=error.filename or text, remedy="check its path") from error
    wrong = check_claims(content, table)
    if wrong:
        raise LulcsegError("; ".join(wrong), where=text, remedy="state what the effects show")
    claims = read_claims(content)
    if not claims:
        raise LulcsegError("it makes no claim", where=text, remedy="put tags beside its sentences: [A1.held −0.39*]")
    return len(claims)


def _rounded(value: float, like: str) -> str:
    """Return a number with as many digits as another has, as the tags write it.

    >>> _rounded(-0.3861, "−0.39"), _rounded(0.001, "+0.01")
    ('−0.39', '0.00')
    """
    if math.isnan(value):
        return "NaN"
    text = f"{value:+.{len(like.rpartition('.')[2])}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def _plain(number: str) -> str:
    """Return a number without its plus and the zero before its point.

    >>> _plain("+0.23"), _plain("−.52")
    ('.23', '−.52')
    """
    return re.sub(r"^\+?(−?)0?(?=\.)", r"\1", number)
