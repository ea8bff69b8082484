"""Claims of a text held against the effects: a tag beside a sentence states the row, the size and the verdict."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lulcseg.errors import LulcsegError

MARKS = {"differs": "*", "no difference": "=", "can't be told": "?"}
"""Mark of each verdict in a tag, such as ``[A1.held −0.39*]``."""

_TAG = re.compile(r"\[([A-Z]+\d+\.\w+)([^\]]*)\]")
_CLAIM = re.compile(r"\s([+−]?\d*\.\d+)([*=?])")


@dataclass(frozen=True)
class StatedEffect:
    """What a tag states.

    Attributes:
        row: Row of the effects: question and view.
        effect: Size as written, with its digits: "−0.39".
        mark: Mark of the verdict.
        line: Line of the text, from 1.
    """

    row: str
    effect: str
    mark: str
    line: int


def read_claims(text: str) -> list[StatedEffect]:
    """Return the claims of a text.

    Raises:
        LulcsegError: A tag that states no size or no verdict.

    >>> read_claims("Augmentation costs accuracy [A1.held −0.39*].")
    [StatedEffect(row='A1.held', effect='−0.39', mark='*', line=1)]
    """
    claims = []
    for number, line in enumerate(text.splitlines(), 1):
        for row, rest in _TAG.findall(line):
            stated = _CLAIM.fullmatch(rest)
            if stated is None:
                raise LulcsegError(
                    f"line {number}: [{row}{rest}] states no effect and verdict",
                    where="text", remedy=f"write [{row} +0.12*]: * differs, = no difference, ? can't be told",
                )  # fmt: skip
            claims.append(StatedEffect(row, stated[1], stated[2], number))
    return claims


def check_claims(text: str, effects: pd.DataFrame) -> list[str]:
    """Return a sentence for each claim that the effects don't bear out.

    Args:
        text: Markdown with tags.
        effects: Table of :func:`lulcseg.study.effects.effects`.

    Raises:
        LulcsegError: A tag that states no size or no verdict.
    """
    found = {
        row: (float(effect), str(verdict)) for row, effect, verdict in effects[["row", "effect", "verdict"]].to_numpy()
    }
    wrong = []
    for claim in read_claims(text):
        if claim.row not in found:
            wrong.append(f"line {claim.line}: {claim.row} is no row of the effects")
            continue
        effect, verdict = found[claim.row]
        stated, mark = _rounded(effect, digits=len(claim.effect.rpartition(".")[2])), MARKS[verdict]
        if (claim.effect, claim.mark) != (stated, mark):
            wrong.append(
                f"line {claim.line}: {claim.row} is {stated}{mark}, and the text states {claim.effect}{claim.mark}"
            )
    return wrong


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
    return len(read_claims(content))


def _rounded(effect: float, digits: int) -> str:
    """Return an effect as the tags write it.

    >>> _rounded(-0.3861, 2), _rounded(0.001, 2)
    ('−0.39', '0.00')
    """
    if math.isnan(effect):
        return "NaN"
    text = f"{effect:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")
