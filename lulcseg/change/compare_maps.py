"""Compares the maps of two dates and writes what changed: ``lulcseg change``."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lulcseg.assessment.probability_points import probabilities_beside
from lulcseg.change.change_polygons import write_change_polygons
from lulcseg.change.change_record import CHANGE_TAG, ChangeRecord, check_earlier_change, date_labels
from lulcseg.change.change_strips import ChangeStrips, StageProgress, StripRequest
from lulcseg.change.change_tables import ChangeAreas, areas_csv, matrix_csv
from lulcseg.change.crosswalks import CommonClasses, common_classes
from lulcseg.change.joint_posterior import check_persistence
from lulcseg.change.map_pair import MapPair, Side, no_common_ground
from lulcseg.change.pixel_comparison import PixelComparison
from lulcseg.change.probability_pair import ProbabilityPair, have_probabilities
from lulcseg.change.work_folder import work_folder
from lulcseg.errors import LulcsegError
from lulcseg.files import make_folder, removing_new_folders
from lulcseg.legend import Legend
from lulcseg.maps import styles
from lulcseg.maps.as_written import checksum
from lulcseg.maps.output_guards import check_not_replaced
from lulcseg.maps.polygons import check_not_negative
from lulcseg.maps.stac import stac_item
from lulcseg.maps.writer import reporting_write_errors
from lulcseg.scene.format_quantities import format_hectares
from lulcseg.scene.ground_area import describe_stretch, min_pixels

MAP, CONFIDENCE, POLYGONS = "change.tif", "change_confidence.tif", "change_polygons.gpkg"
AREAS, MATRIX, FLOWS = "change_areas.csv", "change_matrix.csv", "change_flows.png"
"""Names of the files in the folder of a change."""

FILES = (
    MAP, CONFIDENCE, POLYGONS, AREAS, MATRIX, FLOWS, "change.json", "change.qml", "change.tif.aux.xml",
    "change_confidence.qml", "change_confidence.tif.aux.xml",
)  # fmt: skip
"""Names of all of them, with those that go with the rasters."""

type DrawFlows = Callable[[ChangeAreas, tuple[str, str]], bytes]
"""Draws the areas that went from class to class, as a PNG; its arguments are the areas and the dates' names."""


@dataclass(frozen=True)
class ChangeRequest:
    """What to compare, and how.

    Attributes:
        before: The map of the first date.
        after: The map of the second date.
        out: Folder to write to; files of an earlier comparison there are replaced, others of their names aren't.
        onto: Which map's pixels to keep where they differ.
        tolerance: Greatest shift of a boundary that is no change, in metres; 0: every shift is one.
        minimum_unit: Smallest area of a patch of change, in m²; 0: any.
        persistence: Prior share of ground that keeps its class, for maps with probabilities; None: none is stated.
        probabilities: Whether probabilities beside both maps are used.
        dates: What to call the dates, as ``2015,2018``; None: as the maps say, else before and after.
        legend: Classes of maps that carry none.
        crosswalk: YAML file that leads the classes of both maps to common ones.
    """

    before: Path
    after: Path
    out: Path
    onto: Side = "after"
    tolerance: float = 0.0
    minimum_unit: float = 0.0
    persistence: float | None = None
    probabilities: bool = True
    dates: str | None = None
    legend: Legend | None = None
    crosswalk: Path | None = None


@dataclass(frozen=True, eq=False)
class ChangeResult:
    """What was found and written.

    Attributes:
        record: The pairs of classes, the maps and their dates.
        areas: The areas.
        files: The files written.
        notes: What was warped, left out or corrected, a sentence each.
        patches: Number of polygons.
    """

    record: ChangeRecord
    areas: ChangeAreas
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    patches: int


def compare_maps(
    request: ChangeRequest, *, progress: StageProgress | None = None, draw_flows: DrawFlows | None = None
) -> ChangeResult:
    """Compare two maps and write the change map, its polygons, tables and figure.

    Memory depends on the maps' width and on patches that cross strips of rows, not on their height; two bytes per pixel
    of disk space are used in the folder while it runs.

    Args:
        request: What to compare.
        progress: Makes the progress callback of a stage.
        draw_flows: Draws the figure; None: none is written.

    Raises:
        LulcsegError: The maps can't be compared (different legends, no common ground, the same map twice), a file is
            damaged, or the output can't be written.
    """
    check_not_negative("--tolerance", request.tolerance)
    check_not_negative("--minimum-unit", request.minimum_unit)
    check_persistence(request.persistence)
    paths = request.before, request.after
    read = (*paths, *map(probabilities_beside, paths), request.crosswalk)
    check_not_replaced([request.out / name for name in FILES], read, remedy="give another folder with --out")
    check_earlier_change(request.out, MAP, FILES)
    labels = date_labels(*paths, request.dates)
    common = common_classes(*paths, legend=request.legend, crosswalk=request.crosswalk)
    with ExitStack() as stack:
        pair = stack.enter_context(MapPair(*paths, common, onto=request.onto))
        shares = _open_shares(request, pair, common, stack)
        stack.enter_context(removing_new_folders(request.out))
        folder = make_folder(request.out, "--out")
        staged = stack.enter_context(work_folder(folder))
        comparison = PixelComparison(
            pair, len(common.classes), shares, request.persistence if shares else None, request.tolerance
        )
        least = min_pixels(request.minimum_unit, pair.grid) if request.minimum_unit > 0 else 1
        strips = ChangeStrips(StripRequest(comparison, common.classes, staged, folder, least), progress)
        strips.compare()
        if not comparison.subtracted.counts().any():
            raise no_common_ground(paths)
        record = ChangeRecord(
            strips.codes(), labels, (paths[0].name, paths[1].name), (checksum(paths[0]), checksum(paths[1]))
        )
        tags = {CHANGE_TAG: record.to_text(), "date": "/".join(labels) if record.is_dated else ""}
        strips.write(record.codes, tags)
        areas = _areas(comparison, strips, common.classes)
        notes = (*pair.notes, *_notes(request, pair, shares, areas))
        writer = _ChangeFiles(request, record, areas, staged, folder)
        patches = writer.write(strips.pixels, pair, notes, progress, draw_flows)
        placed = writer.place()
    return ChangeResult(record, areas, placed, notes, patches)


def _open_shares(
    request: ChangeRequest, pair: MapPair, common: CommonClasses, stack: ExitStack
) -> ProbabilityPair | None:
    paths = request.before, request.after
    have = have_probabilities(paths)
    if request.probabilities and all(have):
        return ProbabilityPair(paths, pair, common, stack)
    if request.persistence is not None:
        lacking = [path.name for path, there in zip(paths, have, strict=True) if not there]
        whose = (
            f"{lacking[0]} has none beside it"
            if len(lacking) == 1
            else f"{' and '.join(lacking)} have none beside them"
            if lacking
            else "they are left out"
        )
        raise LulcsegError(
            f"a prior of persistence weighs probabilities, and {whose}",
            where="--persistence",
            remedy="map both dates with mosaic.outputs=[probabilities], or leave it out",
        )
    return None


def _areas(comparison: PixelComparison, strips: ChangeStrips, classes: Legend) -> ChangeAreas:
    with_shares, with_prior = comparison.shares is not None, comparison.persistence is not None
    return ChangeAreas(
        classes,
        strips.areas.hectares(),
        comparison.subtracted.hectares(),
        comparison.independent / 10_000 if with_shares else None,
        comparison.persistent / 10_000 if with_prior else None,
        comparison.persistence,
        comparison.unknown / 10_000,
        float(comparison.within.hectares().sum()),
        float(strips.small.hectares().sum()),
    )


def _notes(request: ChangeRequest, pair: MapPair, shares: ProbabilityPair | None, areas: ChangeAreas) -> list[str]:
    notes = []
    if request.tolerance > 0:
        notes.append(
            f"Boundary tolerance of {request.tolerance:g} m: {format_hectares(areas.shifted)} ha of change along edges "
            "were taken for a shift, and count as unchanged."
        )
    if request.minimum_unit > 0:
        notes.append(
            f"Minimum mapping unit of {request.minimum_unit:,g} m²: {format_hectares(areas.small)} ha of change in "
            "smaller patches count as unchanged."
        )
    have = have_probabilities((request.before, request.after))
    if shares is None and request.probabilities and any(have):
        lacking = request.after if have[0] else request.before
        notes.append(f"{lacking.name} has no probabilities beside it: change is subtracted, without a confidence.")
    if areas.without_probabilities > 0:
        notes.append(
            f"{format_hectares(areas.without_probabilities)} ha have no probabilities on one of the dates, and count "
            "as mapped."
        )
    stretched = describe_stretch(pair.grid)
    return notes if stretched is None else [*notes, stretched]


@dataclass(frozen=True)
class _ChangeFiles:
    """Writes the files beside the change map into a folder of staged ones, and moves all to their place."""

    request: ChangeRequest
    record: ChangeRecord
    areas: ChangeAreas
    staged: Path
    folder: Path

    def write(
        self,
        pixels: NDArray[np.int64],
        pair: MapPair,
        notes: tuple[str, ...],
        progress: StageProgress | None,
        draw_flows: DrawFlows | None,
    ) -> int:
        """Write all files, and return the number of polygons."""
        codes = self.record.codes
        legend = codes.legend()
        confidence = self.staged / CONFIDENCE
        probability = confidence if confidence.is_file() else None
        patches = write_change_polygons(
            self.staged / MAP,
            codes,
            self.staged / POLYGONS,
            probability=probability,
            progress=None if progress is None else progress("Drawing polygons", "sheets"),
        )
        self._text("change.qml", styles.class_raster_style(legend))
        self._text(AREAS, areas_csv(self.areas, codes, pixels))
        self._text(MATRIX, matrix_csv(codes.classes, self.areas.mapped))
        assets = {"map": MAP, "change_polygons": POLYGONS, "areas": AREAS, "change_matrix": MATRIX}
        if probability is not None:
            self._text("change_confidence.qml", styles.share_raster_style("probability of change"))
            assets["change_confidence"] = CONFIDENCE
        if draw_flows is not None:
            with reporting_write_errors(self.folder / FLOWS):
                (self.staged / FLOWS).write_bytes(draw_flows(self.areas, self.record.labels))
            assets["change_flows"] = FLOWS
        first, second = self.record.labels
        item = stac_item(
            f"change_{first}_{second}",
            f"Change from {self.record.maps[0]} ({first}) to {self.record.maps[1]} ({second})",
            grid=pair.grid,
            legend=legend,
            assets={key: self.staged / name for key, name in assets.items()},
            folder=self.staged,
            date="/".join(self.record.labels) if self.record.is_dated else None,
            created=datetime.now().astimezone(),
            properties={
                "change": self.areas.to_plain(),
                "maps": list(self.record.maps),
                "maps_checksums": list(self.record.checksums),
                "tolerance_m": self.request.tolerance,
                "minimum_unit_m2": self.request.minimum_unit,
                "notes": list(notes),
            },
        )
        self._text("change.json", json.dumps(item, indent=1, ensure_ascii=False))
        return patches

    def place(self) -> tuple[Path, ...]:
        """Move all files to their place, the map last, and remove those of an earlier comparison."""
        names = sorted((path.name for path in self.staged.iterdir()), key=lambda name: (name == MAP, name))
        placed = []
        with reporting_write_errors(self.folder):
            for old in self.folder.glob("change*"):
                if old.name not in names and old.name in {CONFIDENCE, "change_confidence.qml", FLOWS}:
                    old.unlink()
            for name in names:
                (self.staged / name).replace(self.folder / name)
                placed.append(self.folder / name)
        return tuple(placed)

    def _text(self, name: str, text: str) -> None:
        with reporting_write_errors(self.folder / name):
            (self.staged / name).write_text(text + "\n", encoding="utf-8")
