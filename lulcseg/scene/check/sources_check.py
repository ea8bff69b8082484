"""The check of a scene's sources: where each has values, and what is still to be said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lulcseg.grid import Window
from lulcseg.scene.format_quantities import format_count, format_share
from lulcseg.scene.raster_headers import same_crs
from lulcseg.scene.rasters import RasterSet
from lulcseg.scene.scene import Scene


class SourceShares:
    """Counts the valid pixels of each source.

    Args:
        parts: The sources by name.
    """

    def __init__(self, parts: Sequence[tuple[str, RasterSet]]) -> None:
        self.parts = list(parts)
        self.valid = dict.fromkeys((name for name, _ in parts), 0)
        self.pixels = 0

    def look(self, window: Window) -> None:
        """Count a window."""
        self.pixels += window.height * window.width
        for name, source in self.parts:
            self.valid[name] += int(source.valid(window).sum())

    def facts(self, scene: Scene) -> dict[str, str]:
        """Return a line on each named source: files, type, grid, bands, and the share of valid pixels."""
        return {f"source {name}": self._describe(name, source, scene) for name, source in self.parts}

    def _describe(self, name: str, source: RasterSet, scene: Scene) -> str:
        first = source.files[0].grid
        crs = "the scene's CRS" if same_crs(first.crs, scene.grid.crs) else first.crs
        crs = crs if len(crs) < 40 else f"{crs[:37]}…"
        read = f"warped ({source.resampling.name})" if source.warped else "on the grid"
        bands = [band.name for band in scene.band_table or () if band.source == name]
        files, size = format_count(len(source.files), "file"), f"{first.xres:.6g} × {first.yres:.6g}"
        return (
            f"{files} of {source.dtype.name}, pixels of {size} "
            f"in {crs}, {read}; {_shortened(bands)}; valid {format_share(self.valid[name], self.pixels)} "
            f"({valid_by(source)})"
        )


def valid_by(source: RasterSet) -> str:
    """Return what tells the valid pixels, and of how many images where they differ."""
    counts = Counter(rule.describe() for rule in source.rules)
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{told} ({format_count(number, 'image')})" for told, number in counts.most_common(3))


def describe_missing(scene: Scene, shares: SourceShares) -> list[str]:
    """Return a sentence on each source without values in the scene, or whose values for 0 and 1 aren't known."""
    remarks = [
        f"{name} has no value anywhere in the scene, and is filled throughout."
        for name, count in shares.valid.items()
        if not count and name in {source.name for source in scene.file.sources if not source.required}
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
