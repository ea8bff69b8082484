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
