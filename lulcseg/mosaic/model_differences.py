"""What models that make one map together may not differ in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from lulcseg.training.model_record import ModelRecord

RESOLUTION_TOLERANCE = 0.1
"""Largest relative difference between pixel sizes at which a model is still used."""


def model_differences(mine: ModelRecord, theirs: ModelRecord) -> Iterator[tuple[str, object, object]]:
    """Yield what two models may not differ in but do: its name, and both values."""
    own, other = (", ".join(f"{c.code} {c.name}" for c in record.to_legend()) for record in (mine, theirs))
    if own != other:
        yield "legend", own, other
    if mine.bands != theirs.bands:
        yield "number of bands", mine.bands, theirs.bands
    if mine.band_table != theirs.band_table:
        here, there = (", ".join(b.name for b in record.named_bands or ()) or "none" for record in (mine, theirs))
        yield "bands of named sources, or their ranges", here, there
    if mine.dtype != theirs.dtype:
        yield "type of imagery", mine.dtype, theirs.dtype
    pairs = zip(mine.resolution, theirs.resolution, strict=True)
    if any(abs(a / b - 1) > RESOLUTION_TOLERANCE for a, b in pairs):
        here, there = (f"{record.resolution[0]:g} × {record.resolution[1]:g} m" for record in (mine, theirs))
        yield "resolution", here, there
    scaling, others = asdict(mine.scaling), asdict(theirs.scaling)
    for key, value in scaling.items():
        if value != others[key]:
            yield f"scaling.{key}", value, others[key]
