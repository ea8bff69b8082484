"""A figure with its interval: as printed in the pages' tables, and its place along a bar."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lulcseg.assessment.scores import format_score

_UNDEFINED_SORTS_AS = -99.0


@dataclass(frozen=True)
class IntervalFigure:
    """A figure, such as user's accuracy, with its 95 % interval.

    Attributes:
        value: The figure; of replicates their mean. NaN if undefined.
        low: Lower end of the interval, NaN without one.
        high: Its upper end.
        replicates: The replicates' own figures.
        paper: The figure that the paper prints, as text.
        digits: Decimals printed.
        scale: Figures at the left and the right end of the bar.

    Example:
        >>> kappa = IntervalFigure(0.7, 0.6, 0.8, scale=(0.5, 0.9))
        >>> kappa.text, kappa.interval_text, kappa.position, kappa.span
        ('0.700', '0.60–0.80', 50.0, (25.0, 50.0))
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    replicates: tuple[float, ...] = ()
    paper: str = ""
    digits: int = 3
    scale: tuple[float, float] = (0.0, 1.0)

    @property
    def exists(self) -> bool:
        """Whether the figure is defined."""
        return not math.isnan(self.value)

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval."""
        return not math.isnan(self.low)

    @property
    def text(self) -> str:
        """The figure as printed, – if undefined."""
        return format_score(self.value, self.digits)

    @property
    def interval_text(self) -> str:
        """The interval as printed, empty without one."""
        return f"{self.low:.2f}–{self.high:.2f}" if self.has_interval else ""

    @property
    def sort_key(self) -> float:
        """Number by which a column is sorted; undefined figures come last."""
        return self.value if self.exists else _UNDEFINED_SORTS_AS

    @property
    def position(self) -> float:
        """Position of the figure along its bar, in percent."""
        return round(self._along(self.value), 2)

    @property
    def span(self) -> tuple[float, float]:
        """Left end and width of the interval along the bar, in percent."""
        left, right = self._along(self.low), self._along(self.high)
        return round(left, 2), round(right - left, 2)

    @property
    def replicate_positions(self) -> list[float]:
        """Positions of the replicates along the bar, in percent."""
        return [round(self._along(figure), 2) for figure in self.replicates]

    def _along(self, figure: float) -> float:
        low, high = self.scale
        return 100 * min(max((figure - low) / (high - low), 0.0), 1.0)
