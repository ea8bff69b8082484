"""What an interpreter fills in for places to review: columns, decisions, and their form in QGIS."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError

from lulcseg.maps.writer import reporting_write_errors

REVIEW_LAYER = "review"
"""Name of the layer in every file of places to review."""

MAP, LABELS, CLASS, UNCHANGED, UNSURE = "map", "labels", "class", "unchanged", "unsure"
"""Decisions: as the map says, as the labels say, the class filled in, nothing changed between the dates, can't tell."""

_NULL = "{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"  # QGIS's sign for NULL in value maps


@dataclass(frozen=True)
class ReviewForm:
    """The columns of a file of places to review.

    Attributes:
        described: Columns that say what the place is.
        classes: Columns to fill in with a class: one, or one for each date.
        decisions: Values to choose from for ``decision``.
        label: QGIS expression of a place's label.
    """

    described: tuple[str, ...]
    classes: tuple[str, ...]
    decisions: tuple[str, ...]
    label: str

    @property
    def filled(self) -> tuple[str, ...]:
        """Columns to fill in."""
        return ("decision", *self.classes, "interpreter", "notes")

    def blanks(self, number: int) -> dict[str, NDArray[Any]]:
        """Return the columns to fill in, (number,) each, empty."""
        return {column: np.full(number, None, dtype=object) for column in self.filled}


MAP_REVIEW = ReviewForm(
    ("rank", "labelled", "mapped", "area_m2", "area_ha", "confidence", "width_m"),
    ("class",),
    (MAP, LABELS, CLASS, UNSURE),
    '"rank" || \': \' || "labelled" || \' → \' || "mapped"',
)
"""Where a map and labels disagree."""

CHANGE_REVIEW = ReviewForm(
    ("rank", "from", "to", "area_ha", "confidence"),
    ("class_before", "class_after"),
    (MAP, UNCHANGED, CLASS, UNSURE),
    '"rank" || \': \' || "from" || \' → \' || "to"',
)
"""What changed between two maps."""

SUGGESTED = ReviewForm(
    ("rank", "mapped", "mapped_share", "uncertainty", "measure", "area_ha"),
    ("class",),
    (MAP, LABELS, CLASS, UNSURE),
    '"rank" || \': \' || "mapped"',
)
"""Places suggested by a map's uncertainty."""


def holds_decisions(path: Path) -> bool:
    """Return whether somebody filled in a file of places to review; of one that can't be read, False."""
    try:
        frame = pyogrio.read_dataframe(path, layer=REVIEW_LAYER, read_geometry=False)
    except (DataSourceError, DataLayerError):
        return False
    filled = [c for c in frame.columns if c in {"decision", "class", "class_before", "class_after"}]
    return bool(frame[filled].notna().any(axis=None))


def keep_decisions(path: Path) -> None:
    """Move places to review that an interpreter filled in aside, before those of a new map take their name."""
    if not path.exists() or not holds_decisions(path):
        return
    number = 1
    while (kept := path.with_name(f"{path.stem}_decided{number}.gpkg")).exists():
        number += 1
    with reporting_write_errors(kept):
        path.rename(kept)
    sys.stdout.write(f"Decisions on an earlier map's places to review were kept: {kept}\n")


def add_form(
    root: ET.Element,
    columns: Sequence[str],
    choices: Mapping[str, Sequence[str]],
    *,
    hidden: Collection[str] = (),
    fixed: Collection[str] = (),
) -> None:
    """Add to a QGIS style how its layer's columns are edited.

    Args:
        root: The style.
        columns: The layer's columns, in order.
        choices: Values to choose from, by column.
        hidden: Columns that neither form nor attribute table show.
        fixed: Columns that can't be edited.
    """
    fields = ET.SubElement(root, "fieldConfiguration")
    for column in columns:
        widget = ET.SubElement(ET.SubElement(fields, "field", name=column), "editWidget")
        _define_widget(widget, column, choices.get(column), hidden=column in hidden)
    editable = ET.SubElement(root, "editable")
    for column in fixed:
        ET.SubElement(editable, "field", name=column, editable="0")
    table = ET.SubElement(ET.SubElement(root, "attributetableconfig", actionWidgetStyle="dropDown"), "columns")
    for column in columns:
        ET.SubElement(table, "column", name=column, type="field", width="-1", hidden=str(int(column in hidden)))
    ET.SubElement(root, "editorlayout").text = "generatedlayout"


def _define_widget(widget: ET.Element, column: str, choices: Sequence[str] | None, *, hidden: bool) -> None:
    config = ET.SubElement(widget, "config")
    if choices is not None:
        widget.set("type", "ValueMap")
        options = ET.SubElement(ET.SubElement(config, "Option", type="Map"), "Option", name="map", type="List")
        for label, value in (("", _NULL), *((name, name) for name in choices)):
            group = ET.SubElement(options, "Option", type="Map")
            ET.SubElement(group, "Option", name=label, value=value, type="QString")
    elif hidden:
        widget.set("type", "Hidden")
        ET.SubElement(config, "Option")
    else:
        widget.set("type", "TextEdit")
        multiline = ET.SubElement(ET.SubElement(config, "Option", type="Map"), "Option", name="IsMultiline")
        multiline.attrib.update(type="bool", value=str(column == "notes").lower())
