"""The patches of change as polygons."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from lulcseg.change.transition_codes import TransitionCodes
from lulcseg.files import replacing
from lulcseg.grid import Window
from lulcseg.maps.polygons import PolygonLayer, open_aligned
from lulcseg.maps.share_encoding import SHARE_STEPS
from lulcseg.maps.styles import change_polygons_style, embed_style
from lulcseg.maps.vectorise import (
    BACKGROUND,
    SHEET,
    ByteRaster,
    StepCounter,
    count_sheets,
    to_map_coordinates,
    trace_regions,
)
from lulcseg.scene.ground_area import ground_areas

LAYER = "change"


def write_change_polygons(
    raster: Path,
    codes: TransitionCodes,
    out: Path,
    *,
    probability: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    sheet: int = SHEET,
) -> int:
    """Write every patch of change as a polygon, atomically; unchanged ground has none.

    The layer ``change`` has a pixel-exact polygon for each patch: 4-connected pixels of one from–to pair, with
    ``from``, ``to``, ``class`` (both), ``code``, ``pixels``, ``area_m2``, ``area_ha`` and, with probabilities,
    ``confidence`` (mean probability of change over the patch, 0…1).

    Args:
        raster: The change map.
        codes: Its pairs.
        out: The GeoPackage.
        probability: Raster of the probability of change on the same pixels.
        progress: Progress callback, called with (sheets done, total).
        sheet: Sheet size, in pixels.

    Returns:
        Number of patches.

    Raises:
        LulcsegError: A raster can't be read, or the output can't be written.
    """
    moved = [k for k, (i, j) in enumerate(codes.pairs) if i != j]
    names, pair_names = codes.classes.names, codes.names()
    with ExitStack() as stack:
        mapped = stack.enter_context(ByteRaster(raster))
        shares = None if probability is None else stack.enter_context(open_aligned(probability, mapped))
        steps = StepCounter(progress, count_sheets(mapped.grid, sheet))
        layer = PolygonLayer(stack.enter_context(replacing(out)), LAYER, mapped.grid)
        table = np.full(256, BACKGROUND, dtype=np.uint8)
        table[[codes.codes[k] for k in moved]] = np.arange(1, len(moved) + 1)

        def read(window: Window) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
            return table[mapped.read(window)]

        features = 0
        for found in trace_regions(
            read, mapped.grid, confidence=shares.read if shares else None, sheet=sheet, done=steps
        ):
            which = [moved[int(value) - 1] for value in found.value]
            outlines = to_map_coordinates(found.outline, mapped.grid)
            area = ground_areas(outlines, mapped.grid)
            columns = {
                "from": np.array([names[codes.pairs[k][0]] for k in which], dtype=object),
                "to": np.array([names[codes.pairs[k][1]] for k in which], dtype=object),
                "class": np.array([pair_names[k] for k in which], dtype=object),
                "code": np.array([codes.codes[k] for k in which], dtype=np.int64),
                "pixels": found.pixels,
                "area_m2": area,
                "area_ha": area / 10_000,
            }
            if shares is not None:
                columns["confidence"] = found.confidence / SHARE_STEPS
            layer.add(columns, outlines)
            features += len(found)
        layer.finish()
        embed_style(layer.path, LAYER, change_polygons_style(codes.legend(), [pair_names[k] for k in moved]))
    return features
