"""What a check found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lulcseg.errors import LulcsegError


@dataclass
class Findings:
    """What a check found about one part of a scene.

    Attributes:
        title: The part: imagery, labels, reference points, estimate.
        facts: What it is, by name, in the order to show.
        remarks: What a user should look at, a sentence each; empty if nothing.
        table: Rows of equal keys, such as a row a class.
    """

    title: str
    facts: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    table: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def noting_faults(self) -> Iterator[None]:
        """Turn a fault of the input into a remark, so that what else there is can still be checked."""
        try:
            yield
        except LulcsegError as error:
            self.remarks.append(str(error))


def share(part: float, whole: float) -> str:
    """Write a share in per cent, with enough digits to tell a small one from none."""
    percent = round(100 * part / whole, 6) if whole else 0.0  # what rounding leaves of nothing is nothing
    return f"{percent:.2f} %" if percent == 0 or percent >= 0.01 else f"{percent:.2g} %"


def hectares(square_metres: float) -> str:
    """Write an area in hectares, a small one in square metres."""
    ha = square_metres / 10_000
    if 0 < ha < 0.01:
        return f"{square_metres:.1f} m²"
    return f"{ha:,.0f} ha" if ha >= 1000 else f"{ha:,.2f} ha"


def several(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
