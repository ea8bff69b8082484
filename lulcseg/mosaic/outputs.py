"""Writes the files beside a class map: styles, polygons, places to review, areas, and a STAC item."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isinf
from pathlib import Path
from typing import Any

import numpy as np

from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend
from lulcseg.maps import styles
from lulcseg.maps.areas import ClassArea, class_areas, class_hectares
from lulcseg.maps.polygons import write_polygons
from lulcseg.maps.review_form import MAP_REVIEW, keep_decisions
from lulcseg.maps.review_places import write_review
from lulcseg.maps.stac import stac_item
from lulcseg.maps.writer import reporting_write_errors
from lulcseg.mosaic.join_strips import output_path
from lulcseg.mosaic.products import CLASSES, CONFIDENCE, DISAGREEMENT, ENTROPY, LAYERS, PROBABILITIES
from lulcseg.mosaic.strip_store import StripStore
from lulcseg.scene.scene import Scene
from lulcseg.settings.mosaic import MosaicSettings

POLYGONS, REVIEW, AREAS = "polygons", "review", "areas"
_SUFFIXES = {POLYGONS: ".gpkg", REVIEW: ".gpkg", AREAS: ".csv"}
StageProgress = Callable[[str], Callable[[int, int], None]]
"""Returns the progress callback of a named stage, called with (done, total)."""


def layers_for(settings: MosaicSettings) -> list[str]:
    """Return the rasters to make besides the class map; polygons and reviews need the confidence."""
    vectors = {POLYGONS, REVIEW} & set(settings.outputs)
    return [key for key in LAYERS if key in settings.outputs or (key == CONFIDENCE and vectors)]


def check_outputs(settings: MosaicSettings, scene: Scene) -> None:
    """Check that a scene has what the requested outputs need.

    Raises:
        LulcsegError: Places to review are requested of a scene without labels.
    """
    if REVIEW in settings.outputs and scene.spec.labels is None:
        raise LulcsegError(
            "it has no labels to compare a map with", where=scene.file.path,
            remedy="leave review out of mosaic.outputs",
        )  # fmt: skip


@dataclass(frozen=True)
class MapFiles:
    """Writes the files beside a class map, staged in its store.

    Attributes:
        store: The store; its rasters are joined already.
        legend: The classes.
        settings: Which files to write, and how.
        scene: The mapped scene.
        progress: Makes the progress callback of a stage.
        review_confidence: For each class, the confidence from which on a disagreement is a place to review; None: all.
    """

    store: StripStore
    legend: Legend
    settings: MosaicSettings
    scene: Scene
    progress: StageProgress
    review_confidence: Sequence[float] | None = None

    def write(self, title: str, rasters: Mapping[str, Path], properties: Mapping[str, Any]) -> list[ClassArea]:
        """Write all files.

        Args:
            title: Title of the map, for people.
            rasters: The joined rasters, by name.
            properties: How the map was made, for its STAC item.

        Returns:
            The area of each class.

        Raises:
            LulcsegError: A file can't be written.
        """
        files = dict(rasters)
        if POLYGONS in self.settings.outputs:
            files[POLYGONS] = self._polygons(rasters)
        if REVIEW in self.settings.outputs:
            files[REVIEW] = self._review(rasters)
        if CONFIDENCE not in self.settings.outputs and (unrequested := files.pop(CONFIDENCE, None)) is not None:
            unrequested.unlink()
        for key, path in files.items():
            self._write_text(path.with_suffix(".qml"), self._style_of(key))
        grid = self.store.grid
        counts = self.store.counts()
        pixels = [counts[code] for code in self.legend.codes]
        hectares = class_hectares(rasters[CLASSES], self.legend, np.array(pixels, dtype=np.int64))
        areas = class_areas(pixels, self.legend, hectares.tolist())
        files[AREAS] = self._staged(AREAS)
        self._write_text(files[AREAS], areas_table(areas))
        item = stac_item(
            self.store.target.stem,
            title,
            grid=grid,
            legend=self.legend,
            assets={"map" if key == CLASSES else key: path for key, path in files.items()},
            folder=self._staged(AREAS).parent,
            date=self.scene.date,
            created=datetime.now().astimezone(),
            properties=properties,
            bands={product.key: product.layout.descriptions for product in self.store.products},
        )
        self._write_text(self._staged(CLASSES).with_suffix(".json"), json.dumps(item, indent=1, ensure_ascii=False))
        return areas

    def _polygons(self, rasters: Mapping[str, Path]) -> Path:
        path = self._staged(POLYGONS)
        summary = write_polygons(
            rasters[CLASSES],
            self.legend,
            path,
            min_area=self.settings.min_area,
            simplify=self.settings.simplify,
            confidence=rasters[CONFIDENCE],
            progress=self.progress("Drawing polygons"),
        )
        if summary.below_unit:
            count = "1 polygon is" if summary.below_unit == 1 else f"{summary.below_unit:,} polygons are"
            sys.stdout.write(
                f"{count} smaller than {self.settings.min_area:g} m²: enclosed by nodata, with no larger neighbour.\n"
            )
        styles.embed_style(path, "map", styles.polygons_style(self.legend))
        return path

    def _review(self, rasters: Mapping[str, Path]) -> Path:
        path = self._staged(REVIEW)
        keep_decisions(output_path(self.store.target, REVIEW, ".gpkg"))
        assert self.scene.labels is not None
        summary = write_review(
            rasters[CLASSES],
            rasters[CONFIDENCE],
            self.scene.labels,
            self.legend,
            self.store.mosaic,
            path,
            min_area=self.settings.min_area,
            least_confidence=self.review_confidence,
            progress=self.progress("Comparing with the labels"),
        )
        if self.review_confidence is not None:
            from_on = ", ".join(
                f"{name} {'never' if isinf(least) else f'{least:.2f}'}"
                for name, least in zip(self.legend.names, self.review_confidence, strict=True)
            )
            sys.stdout.write(
                f"Places to review by confidence ({from_on}): {summary.features:,} written, "
                f"{summary.unsure:,} left out.\n"
            )
        styles.embed_style(path, "review", styles.review_style(MAP_REVIEW, self.legend.names))
        return path

    def _style_of(self, key: str) -> str:
        styles_by_key: dict[str, Callable[[], str]] = {
            CLASSES: lambda: styles.class_raster_style(self.legend),
            PROBABILITIES: styles.probabilities_style,
            CONFIDENCE: lambda: styles.share_raster_style("confidence", low_stands_out=True),
            ENTROPY: lambda: styles.share_raster_style("entropy"),
            DISAGREEMENT: lambda: styles.share_raster_style("disagreement", top=0.25),
            POLYGONS: lambda: styles.polygons_style(self.legend),
            REVIEW: lambda: styles.review_style(MAP_REVIEW, self.legend.names),
        }
        return styles_by_key[key]()

    def _staged(self, key: str) -> Path:
        return self.store.staged(output_path(self.store.target, key, _SUFFIXES.get(key, ".tif")))

    def _write_text(self, path: Path, text: str) -> None:
        with reporting_write_errors(self.store.target.with_name(path.name)):
            path.write_text(text + "\n", encoding="utf-8")


def areas_table(areas: Sequence[ClassArea]) -> str:
    """Return areas as CSV: class, code, pixels, hectares, share of the mapped pixels."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["class", "code", "pixels", "hectares", "share"])
    for area in areas:
        writer.writerow([area.name, area.code, area.pixels, f"{area.hectares:.4f}", f"{area.share:.6f}"])
    return buffer.getvalue().rstrip("\n")


def leftover_files(target: Path, placed: Sequence[Path]) -> list[Path]:
    """Return the files beside a map that an earlier map of the same name left and this one didn't write."""
    known = [output_path(target, key, _SUFFIXES.get(key, ".tif")) for key in (*LAYERS, POLYGONS, REVIEW)]
    return [path for path in known if path.exists() and path not in placed]
