"""What stands beside a class map: styles, polygons, places to review, areas, and a description of it all."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend
from lulcseg.maps import styles
from lulcseg.maps.areas import ClassArea, class_areas
from lulcseg.maps.polygons import write_polygons
from lulcseg.maps.review import write_review
from lulcseg.maps.stac import stac_item
from lulcseg.maps.writer import writing
from lulcseg.mosaic.joining import target_of
from lulcseg.mosaic.products import CLASSES, CONFIDENCE, DISAGREEMENT, ENTROPY, LAYERS, PROBABILITIES
from lulcseg.mosaic.strip_store import StripStore
from lulcseg.scene.scene import Scene
from lulcseg.settings.mosaic import MosaicSettings

POLYGONS, REVIEW, AREAS = "polygons", "review", "areas"
_SUFFIXES = {POLYGONS: ".gpkg", REVIEW: ".gpkg", AREAS: ".csv"}
Track = Callable[[str], Callable[[int, int], None]]
"""Given what is being done, returns what is told (done, in all)."""


def layers_for(settings: MosaicSettings) -> list[str]:
    """Return the rasters that must be made besides the class map; polygons and reviews tell the confidence."""
    vectors = {POLYGONS, REVIEW} & set(settings.outputs)
    return [key for key in LAYERS if key in settings.outputs or (key == CONFIDENCE and vectors)]


def check_outputs(settings: MosaicSettings, scene: Scene) -> None:
    """See that what is wanted can be made of a scene.

    Raises:
        LulcsegError: Places to review of a scene without labels.
    """
    if REVIEW in settings.outputs and scene.spec.labels is None:
        raise LulcsegError(
            "it has no labels that a map could be held against", where=scene.file.path,
            remedy="leave review out of mosaic.outputs",
        )  # fmt: skip


@dataclass(frozen=True)
class MapFiles:
    """Makes the files beside a class map, in the folder where the map is made.

    Attributes:
        work: The folder; its rasters are joined.
        legend: The classes.
        settings: Which files, and how.
        scene: What is mapped.
        track: Shows how far it is.
    """

    work: StripStore
    legend: Legend
    settings: MosaicSettings
    scene: Scene
    track: Track

    def write(self, title: str, made: Mapping[str, Path], properties: Mapping[str, Any]) -> list[ClassArea]:
        """Write all of them.

        Args:
            title: The map's, for people.
            made: The rasters, by name.
            properties: How the map was made, for its description.

        Returns:
            What each class covers.

        Raises:
            LulcsegError: Something can't be written.
        """
        files = dict(made)
        if POLYGONS in self.settings.outputs:
            files[POLYGONS] = self._polygons(made)
        if REVIEW in self.settings.outputs:
            files[REVIEW] = self._review(made)
        if CONFIDENCE not in self.settings.outputs and (unasked := files.pop(CONFIDENCE, None)) is not None:
            unasked.unlink()
        for key, path in files.items():
            self._text(path.with_suffix(".qml"), self._style(key))
        own = self.work.grid
        counts = self.work.counts()
        areas = class_areas([counts[code] for code in self.legend.codes], self.legend, own.pixel_area)
        files[AREAS] = self._ready(AREAS)
        self._text(files[AREAS], areas_table(areas))
        described = stac_item(
            self.work.target.stem,
            title,
            grid=own,
            legend=self.legend,
            assets={"map" if key == CLASSES else key: path for key, path in files.items()},
            folder=self._ready(AREAS).parent,
            date=self.scene.date,
            created=datetime.now().astimezone(),
            properties=properties,
        )
        self._text(self._ready(CLASSES).with_suffix(".json"), json.dumps(described, indent=1, ensure_ascii=False))
        return areas

    def _polygons(self, made: Mapping[str, Path]) -> Path:
        path = self._ready(POLYGONS)
        drawn = write_polygons(
            made[CLASSES],
            self.legend,
            path,
            min_area=self.settings.min_area,
            simplify=self.settings.simplify,
            confidence=made[CONFIDENCE],
            progress=self.track("Drawing polygons"),
        )
        if drawn.below_unit:
            walled = "1 polygon is" if drawn.below_unit == 1 else f"{drawn.below_unit:,} polygons are"
            sys.stdout.write(
                f"{walled} smaller than {self.settings.min_area:g} m²: ground between nodata without a larger one.\n"
            )
        styles.embed_style(path, "map", styles.polygons_style(self.legend))
        return path

    def _review(self, made: Mapping[str, Path]) -> Path:
        path = self._ready(REVIEW)
        assert self.scene.labels is not None
        write_review(
            made[CLASSES],
            made[CONFIDENCE],
            self.scene.labels,
            self.legend,
            self.work.mosaic,
            path,
            min_area=self.settings.min_area,
            progress=self.track("Comparing with the labels"),
        )
        styles.embed_style(path, "review", styles.review_style())
        return path

    def _style(self, key: str) -> str:
        made: dict[str, Callable[[], str]] = {
            CLASSES: lambda: styles.class_raster_style(self.legend),
            PROBABILITIES: styles.probabilities_style,
            CONFIDENCE: lambda: styles.share_raster_style("confidence", low_stands_out=True),
            ENTROPY: lambda: styles.share_raster_style("entropy"),
            DISAGREEMENT: lambda: styles.share_raster_style("disagreement", top=0.25),
            POLYGONS: lambda: styles.polygons_style(self.legend),
            REVIEW: styles.review_style,
        }
        return made[key]()

    def _ready(self, key: str) -> Path:
        return self.work.ready(target_of(self.work.target, key, _SUFFIXES.get(key, ".tif")))

    def _text(self, path: Path, text: str) -> None:
        with writing(self.work.target.with_name(path.name)):
            path.write_text(text + "\n", encoding="utf-8")


def areas_table(areas: Sequence[ClassArea]) -> str:
    """Return areas as CSV: class, code, pixels, hectares, share of what is mapped."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["class", "code", "pixels", "hectares", "share"])
    for area in areas:
        writer.writerow([area.name, area.code, area.pixels, f"{area.hectares:.4f}", f"{area.share:.6f}"])
    return buffer.getvalue().rstrip("\n")


def earlier_files(target: Path, placed: Sequence[Path]) -> list[Path]:
    """Return files beside a map that an earlier map of its name left, and this one didn't write."""
    known = [target_of(target, key, _SUFFIXES.get(key, ".tif")) for key in (*LAYERS, POLYGONS, REVIEW)]
    return [path for path in known if path.exists() and path not in placed]
