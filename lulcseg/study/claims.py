"""Claims of a text held against the effects: a tag beside a sentence states the row, the size and the verdict."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lulcseg.errors import LulcsegError
from lulcseg.study.claim_words import NUMBER, words_against_tags
from lulcseg.study.effects import DIFFERS, LEVEL, SAME, UNTOLD
from lulcseg.study.questions import AFTER, Questions, read_questions
from lulcseg.study.read_tables import read_classes, read_effects, read_maps
from lulcseg.study.stated_scores import states_scores, wrong_scores

MARKS = {DIFFERS: "*", SAME: "=", UNTOLD: "?"}
r"""Mark of each verdict in a tag, such as ``[A1.held −0.39\*]``; \* is written with a backslash, as Markdown needs."""
CORRECTED = "‡"
"""Mark instead of * where the difference stands after correction for the number of questions too (Holm)."""
MARKED = rf"{CORRECTED} differs, for all questions together too, \* differs, = no difference, ? can't be told"

TAG = re.compile(rf"\[([A-Z]+\d+\.\w+)([^\]]*)\](?:\**\s\(({NUMBER}) to ({NUMBER})\))?")
_CLAIM = re.compile(rf"\s({NUMBER})(\\?\*|[{CORRECTED}=?])({AFTER}?)")
_LIKE_A_TAG = re.compile(rf"\[([^\[\]]*\s{NUMBER}(?:\\?\*|[{CORRECTED}=?]){AFTER}?)\]")


@dataclass(frozen=True)
class StatedEffect:
    """What a tag states.

    Attributes:
        row: Row of the effects: question and view.
        effect: Size as written, with its digits: "−0.39".
        mark: Mark of the verdict.
        line: Line of the text, from 1.
        interval: Both ends of the 95 % interval as written after the tag, "(−.52 to −.34)"; None if it states none.
        after: Whether it is marked as asked after scores were seen.
    """

    row: str
    effect: str
    mark: str
    line: int
    interval: tuple[str, str] | None = None
    after: bool = False


def read_claims(text: str) -> list[StatedEffect]:
    r"""Return the claims of a text.

    Raises:
        LulcsegError: A tag that states no size or no verdict, a bracket that looks like a tag and is none, or a bare
            asterisk, which Markdown takes for emphasis.

    >>> read_claims(r"Augmentation costs accuracy [A1.held −0.39\*].")
    [StatedEffect(row='A1.held', effect='−0.39', mark='*', line=1, interval=None, after=False)]
    """
    claims = []
    for number, line in enumerate(text.splitlines(), 1):
        for row, rest, low, high in TAG.findall(line):
            stated = _CLAIM.fullmatch(rest)
            if stated is None:
                raise LulcsegError(
                    f"line {number}: [{row}{rest}] states no effect and verdict",
                    where="text", remedy=rf"write [{row} +0.12\*]: {MARKED}",
                )  # fmt: skip
            if stated[2] == "*":
                raise LulcsegError(
                    f"line {number}: the * of [{row}{rest}] begins emphasis", where="text", remedy=r"write \*"
                )
            interval = (low, high) if low else None
            claims.append(StatedEffect(row, stated[1], stated[2][-1], number, interval, bool(stated[3])))
        for other in _LIKE_A_TAG.findall(TAG.sub("", line)):
            raise LulcsegError(
                f"line {number}: [{other}] looks like a tag and names no row", where="text",
                remedy=r"write the question's name, a point and the view: [A1.held −0.39\*]",
            )  # fmt: skip
    return claims


def check_claims(text: str, effects: pd.DataFrame) -> list[str]:
    """Return a sentence for each claim that the effects don't bear out: its row, size, interval, verdict or words.

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
        stated, mark = rounded(row["effect"], claim.effect), mark_of(row)
        if (claim.effect, claim.mark) != (stated, mark):
            wrong.append(
                f"line {claim.line}: {claim.row} is {stated}{mark}, and the text states {claim.effect}{claim.mark}"
            )
        if claim.after != bool(row["after"]):
            was = "after scores were seen, which its tag doesn't say" if row["after"] else "beforehand, and has a mark"
            wrong.append(f"line {claim.line}: {claim.row} was asked {was} ({AFTER})")
        if claim.interval is not None:
            low, high = (rounded(row[end], wrote) for end, wrote in zip(("low", "high"), claim.interval, strict=True))
            if [plain(low), plain(high)] != [plain(end) for end in claim.interval]:
                wrong.append(
                    f"line {claim.line}: the interval of {claim.row} is {low} to {high}, and the text states "
                    f"{' to '.join(claim.interval)}"
                )
    return wrong + words_against_tags(text, TAG)


def mark_of(row: pd.Series) -> str:
    """Return the mark of a row of the effects."""
    stands = row["verdict"] == DIFFERS and row.get("p_holm", math.nan) < LEVEL
    return CORRECTED if stands else MARKS.get(str(row["verdict"]), str(row["verdict"]))


def check_files(texts: Sequence[Path], effects: Path) -> int:
    """Check the claims of files against a table of effects, and return their number.

    Args:
        texts: Markdown with tags; scores that its comments state are checked too
            (:mod:`lulcseg.study.stated_scores`).
        effects: ``effects.csv``; beside it lie the raw results and the questions.

    Raises:
        LulcsegError: A file can't be read, a claim isn't borne out, or a text makes none.
    """
    table = read_effects(effects)
    number, wrong = 0, []
    beside: tuple[Questions, pd.DataFrame, pd.DataFrame] | None = None
    for text in texts:
        try:
            content = text.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LulcsegError("it can't be read", where=text, remedy="check its path; it is UTF-8") from error
        if beside is None and states_scores(content):
            beside = _scores_beside(effects)
        try:
            claims, found = read_claims(content), check_claims(content, table)
            if beside is not None:
                found += wrong_scores(content, *beside)
        except LulcsegError as error:
            wrong.append(f"{text}, {error.what}; {error.remedy}")
            continue
        if not claims:
            raise LulcsegError(
                "it makes no claim", where=text, remedy=r"put tags beside its sentences: [A1.held −0.39\*]"
            )
        number += len(claims)
        wrong += [f"{text}, {each}" for each in found]
    if wrong:
        raise LulcsegError("; ".join(wrong), remedy="state what the effects show")
    return number


def _scores_beside(effects: Path) -> tuple[Questions, pd.DataFrame, pd.DataFrame]:
    """Read the questions and raw results that lie beside a table of effects."""
    folder = effects.parent
    return (
        read_questions(folder / "questions.yaml"), read_maps(folder / "results.csv"),
        read_classes(folder / "classes.csv.gz"),
    )  # fmt: skip


def rounded(value: float, like: str) -> str:
    """Return a number with as many digits as another has, as the tags write it.

    >>> rounded(-0.3861, "−0.39"), rounded(0.001, "+0.01")
    ('−0.39', '0.00')
    """
    if math.isnan(value):
        return "NaN"
    text = f"{value:+.{len(like.rpartition('.')[2])}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def plain(number: str) -> str:
    """Return a number without its plus and the zero before its point.

    >>> plain("+0.23"), plain("−.52")
    ('.23', '−.52')
    """
    return re.sub(r"^\+?(−?)0?(?=\.)", r"\1", number)
