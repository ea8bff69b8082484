"""The check of a scene's sources: where each has values, and what is still to be said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lulcseg.scene.check.pixel_survey import PixelSurvey
from lulcseg.scene.format_quantities import format_count, format_share
from lulcseg.scene.raster_headers import same_crs
from lulcseg.scene.rasters import RasterSet
from lulcseg.scene.scene import Scene


def describe_sources(scene: Scene, survey: PixelSurvey) -> dict[str, str]:
    """Return a line on each named source: files, type, grid, bands, and the share of valid pixels."""
    if not scene.file.sources:
        return {}
    parts = zip(scene.imagery.rasters.parts, survey.source_valid, strict=True)
    return {
        f"source {name}": _describe(name, source, scene, format_share(count, survey.pixels))
        for (name, source), count in parts
    }


def _describe(name: str, source: RasterSet, scene: Scene, valid: str) -> str:
    first = source.files[0].grid
    crs = "the scene's CRS" if same_crs(first.crs, scene.grid.crs) else first.crs
    crs = crs if len(crs) < 40 else f"{crs[:37]}…"
    read = f"warped ({source.resampling.name})" if source.warped else "on the grid"
    bands = [band.name for band in scene.band_table or () if band.source == name]
    files, size = format_count(len(source.files), "file"), f"{first.xres:.6g} × {first.yres:.6g}"
    return (
        f"{files} of {source.dtype.name}, pixels of {size} in {crs}, {read}; {_shortened(bands)}; valid {valid} "
        f"({valid_by(source)})"
    )


def valid_by(source: RasterSet) -> str:
    """Return what tells the valid pixels, and of how many images where they differ."""
    counts = Counter(rule.describe() for rule in source.rules)
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{told} ({format_count(number, 'image')})" for told, number in counts.most_common(3))


def describe_missing(scene: Scene, survey: PixelSurvey) -> list[str]:
    """Return a sentence on each source without values in the scene, or whose values for 0 and 1 aren't known."""
    optional = {source.name for source in scene.file.sources if not source.required}
    remarks = [
        f"{name} has no value anywhere in the scene, and is filled throughout."
        for (name, _), count in zip(scene.imagery.rasters.parts, survey.source_valid, strict=True)
        if not count and name in optional
    ]
    unknown = [band for band in scene.band_table or () if not band.optical and not band.has_known_values]
    if unknown:
        names = ", ".join(band.name for band in unknown)
        remarks.append(
            f"It isn't known which values of {names} are to become 0 and 1: give range: [low, high] of "
            f"{unknown[0].source} before a model is trained."
        )
    return remarks


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{names[0]} … {names[-1]} ({len(names)})"
