"""Findings of a check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lulcseg.errors import LulcsegError


@dataclass
class Findings:
    """Findings of a check of one part of a scene.

    Attributes:
        title: The part: imagery, labels, reference points, estimate.
        facts: Facts by name, in display order.
        remarks: Issues that a user should look at, a sentence each.
        faults: How many of them keep the scene from being used.
        table: Rows with equal keys, such as one for each class.
    """

    title: str
    facts: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    faults: int = 0
    table: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def noting_faults(self) -> Iterator[None]:
        """Turn an error of the input into a remark, so that the rest is still checked."""
        try:
            yield
        except LulcsegError as error:
            self.remarks.append(str(error))
            self.faults += 1
