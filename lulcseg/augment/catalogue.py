"""The catalogue of operations; the presets that combine them are in ``conf/augment/``."""

from __future__ import annotations

from lulcseg.augment.operation import Operation
from lulcseg.settings.augment import OPERATIONS

CATALOGUE: tuple[type[Operation], ...] = tuple(OPERATIONS.load(name) for name in OPERATIONS)
"""Every operation, in the order they are applied."""


def operations() -> dict[str, type[Operation]]:
    """Return every operation by name, in the order they are applied."""
    return {operation.name: operation for operation in CATALOGUE}
