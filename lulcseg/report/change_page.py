"""The page of a change between two dates: one self-contained HTML file, made from the folder of ``lulcseg change``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lulcseg.assessment.design import DesignBased, Estimate
from lulcseg.change.change_patches import ChangedPatch, find_patches, write_patch_review
from lulcseg.change.change_record import ChangeRecord, read_change
from lulcseg.change.compare_maps import AREAS, FLOWS, MAP, POLYGONS
from lulcseg.errors import LulcsegError
from lulcseg.files import read_json, replacing
from lulcseg.legend import IGNORE, LandClass
from lulcseg.maps.as_written import checksum
from lulcseg.maps.classraster import ClassRaster
from lulcseg.maps.review_form import keep_decisions
from lulcseg.pictures.encoding import data_uri, png_uri
from lulcseg.pictures.painting import class_picture
from lulcseg.report.matrix_cells import MatrixCell, matrix_cells
from lulcseg.report.picture_layers import PictureLayer
from lulcseg.report.rendering import load_templates, shown_hectares

PAGE, REVIEW = "report.html", "change_review.gpkg"

_LONGEST = 1600
"""Longer side of the pictures, in pixels."""

_LISTED = 25


@dataclass(frozen=True)
class EstimateRow:
    """An area of the page: mapped, and estimated with its interval where points were assessed."""

    name: str
    colour: str
    mapped: float
    estimate: Estimate | None
    users: Estimate | None
    producers: Estimate | None


def write_change_report(folder: Path) -> Path:
    """Write ``report.html`` into the folder of a change, and the places to review first as a GeoPackage.

    Estimates are those of assessments saved in the folder (``lulcseg assess change/change.tif sample.gpkg --out
    change/assessment``). Places to review of this change map are left as they are; those of an earlier one are
    replaced, and kept beside them if an interpreter filled some in.

    Args:
        folder: The folder that ``lulcseg change`` wrote.

    Returns:
        Path of the page.

    Raises:
        LulcsegError: The folder holds no change map, or can't be read or written to.
    """
    record = read_change(folder / MAP)
    if record is None:
        raise LulcsegError("is no change map", where=folder / MAP, remedy="compare two maps with lulcseg change")
    patches = find_patches(folder / POLYGONS, _LISTED)
    review = folder / REVIEW
    if review.exists() and review.stat().st_mtime_ns < (folder / MAP).stat().st_mtime_ns:
        keep_decisions(review)
        review.unlink(missing_ok=True)
    if not review.exists():
        write_patch_review(folder / POLYGONS, folder / REVIEW, record.codes.classes.names)
    page = load_templates().get_template("change.html").render(**_content(folder, record, patches))
    path = folder / PAGE
    with replacing(path) as part:
        part.write_text(page, encoding="utf-8")
    return path


def _content(folder: Path, record: ChangeRecord, patches: list[ChangedPatch]) -> dict[str, Any]:
    item = read_json((folder / MAP).with_suffix(".json")) or {}
    properties: dict[str, Any] = item.get("properties", {})
    totals = properties.get("lulcseg:change", {})
    layers, size = _layers(folder / MAP, record)
    rows = _rows(folder / AREAS)
    first, second = record.labels
    moved = totals.get("change_hectares", {})
    assessed, earlier = _assessed(folder)
    flows = folder / FLOWS
    return {
        "name": f"Change from {first} to {second}",
        "facts": [
            ("First map", record.maps[0]),
            ("Second map", record.maps[1]),
            ("Ground", f"{shown_hectares(totals.get('ground_hectares'))} ha"),
            ("Changed on the map", f"{shown_hectares(moved.get('mapped'))} ha"),
        ],
        "labels": record.labels,
        "layers": layers,
        "size": size,
        "ways": _ways(moved, totals),
        "notes": properties.get("lulcseg:notes", []),
        "earlier": earlier,
        "classes": list(record.codes.classes),
        "cells": _matrix(rows, record),
        "flows": data_uri(flows.read_bytes(), "image/png") if flows.is_file() else None,
        "estimates": [(stem, found, _estimates(record, rows, found)) for stem, found in assessed],
        "pairs": _estimates(record, rows, None),
        "patches": patches,
        "review": REVIEW,
        "has_confidence": any(patch.confidence is not None for patch in patches),
    }


def _layers(path: Path, record: ChangeRecord) -> tuple[list[PictureLayer], tuple[int, int]]:
    """Return both dates and the change as pictures, from the change map alone."""
    legend = record.codes.legend()
    with ClassRaster(path, legend) as raster:
        scale = max(1.0, max(raster.height, raster.width) / _LONGEST)
        size = max(1, round(raster.width / scale)), max(1, round(raster.height / scale))
        index = raster.overview(size[1], size[0])
    layers = []
    for date, (key, label) in enumerate(zip(("before", "after"), record.labels, strict=True)):
        table = np.full(256, IGNORE, dtype=np.uint8)
        table[: len(legend)] = [pair[date] for pair in record.codes.pairs]
        picture = class_picture(table[index], record.codes.classes)
        layers.append(PictureLayer(key, label, png_uri(picture), is_classes=True))
    layers.append(PictureLayer("change", "Change", png_uri(class_picture(index, legend)), is_classes=True))
    return layers, size


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise LulcsegError("it can't be read", where=path, remedy="compare the maps again") from error


def _matrix(rows: list[dict[str, str]], record: ChangeRecord) -> list[list[MatrixCell]]:
    names = record.codes.classes.names
    hectares = np.zeros((len(names), len(names)))
    for row in rows:
        hectares[names.index(row["from"]), names.index(row["to"])] = float(row["hectares"])
    return matrix_cells(hectares, digits=2)


def _ways(moved: dict[str, float], totals: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Return the area of change by each way of counting: name, hectares, share of the ground."""
    persistence = totals.get("persistence") or 0.0
    named = {
        "subtracted": "Subtraction of the maps",
        "independent": "Probabilities, dates independent",
        "persistent": f"Probabilities, {persistence:.0%} expected to persist",
        "mapped": "The change map as written",
    }
    ground = max(float(totals.get("ground_hectares", 0.0)), 1e-12)
    return [(label, moved[key], moved[key] / ground) for key, label in named.items() if key in moved]


def _assessed(folder: Path) -> tuple[list[tuple[str, dict[str, DesignBased]]], list[str]]:
    """Return the assessments saved in the folder, and the names of those that are of an earlier change map.

    Of each the estimates of the ``pairs`` and of ``change`` as a whole.
    """
    found, earlier = [], []
    for path in sorted(folder.glob("*_change.json")):
        stem = path.name.removesuffix("_change.json")
        whole, pairs = read_json(path), read_json(folder / f"{stem}.json")
        if whole is None or pairs is None or not whole.get("design_based") or not pairs.get("design_based"):
            continue
        if whole.get("map_checksum") != checksum(folder / MAP):
            earlier.append(stem)
            continue
        plain = {"change": whole["design_based"], "pairs": pairs["design_based"]}
        found.append((stem, {key: DesignBased.from_plain(value) for key, value in plain.items()}))
    return found, earlier


def _estimates(
    record: ChangeRecord, rows: list[dict[str, str]], found: dict[str, DesignBased] | None
) -> list[EstimateRow]:
    """Return the pairs, changes first by area, with what is estimated of each."""
    named = dict(zip(record.codes.pairs, zip(record.codes.names(), record.codes.legend(), strict=True), strict=True))
    names = record.codes.classes.names
    mapped = {(names.index(row["from"]), names.index(row["to"])): float(row["hectares"]) for row in rows}
    shown = {} if found is None else {c.name: c for c in found["pairs"].classes}
    order = sorted(named, key=lambda pair: (pair[0] == pair[1], -mapped.get(pair, 0.0)))
    result = [_row(*named[pair], mapped.get(pair, 0.0), shown) for pair in order]
    beyond = [name for name in shown if name not in {row.name for row in result}]
    grey = LandClass(0, "", "#cccccc")
    return [*result, *(_row(name, grey, 0.0, shown) for name in beyond)]


def _row(name: str, land_class: LandClass, mapped: float, shown: dict[str, Any]) -> EstimateRow:
    known = shown.get(name)
    if known is None:
        return EstimateRow(name, land_class.colour, mapped, None, None, None)
    return EstimateRow(name, land_class.colour, mapped, known.hectares, known.users, known.producers)
