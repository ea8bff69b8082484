"""A score before and after: both as printed, their difference, and its place along a bar."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lulcseg.assessment.scores import format_score


@dataclass(frozen=True)
class ChangeFigure:
    """A score of two maps of the same ground, 0…1.

    Attributes:
        before: Of the one map; NaN if undefined.
        after: Of the other.

    Example:
        >>> f1 = ChangeFigure(0.25, 0.75)
        >>> f1.text, f1.difference_text, f1.span, f1.kind
        ('0.250 → 0.750', '+0.500', (25.0, 50.0), 'gain')
        >>> ChangeFigure(math.nan, 0.5).difference_text, ChangeFigure(0.3, 0.1).difference_text
        ('–', '−0.200')
    """

    before: float
    after: float

    @property
    def difference(self) -> float:
        """What was gained; NaN if either is undefined."""
        return self.after - self.before

    @property
    def exists(self) -> bool:
        """Whether both are defined."""
        return not math.isnan(self.difference)

    @property
    def kind(self) -> str:
        """``gain``, ``loss``, or neither (empty) where the printed difference is 0 or undefined."""
        if not self.exists or round(self.difference, 3) == 0:
            return ""
        return "gain" if self.difference > 0 else "loss"

    @property
    def text(self) -> str:
        """Both scores as printed."""
        return f"{format_score(self.before)} → {format_score(self.after)}"

    @property
    def difference_text(self) -> str:
        """The difference as printed, with its sign; – if undefined."""
        if not self.exists:
            return "–"
        return f"{self.difference:+.3f}".replace("-", "−") if self.kind else "0.000"

    @property
    def sort_key(self) -> float:
        """Number by which a column is sorted; undefined differences come last."""
        return self.difference if self.exists else -9.0

    @property
    def span(self) -> tuple[float, float]:
        """Left end and width of the part of the bar between the two, in percent."""
        low, high = sorted((self.before, self.after))
        return round(100 * min(max(low, 0.0), 1.0), 2), round(100 * (min(high, 1.0) - max(low, 0.0)), 2)

    @property
    def position(self) -> float:
        """Place of the later score along the bar, in percent."""
        return round(100 * min(max(self.after, 0.0), 1.0), 2)
