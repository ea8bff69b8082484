"""The columns that an interpreter fills in, and their form."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import geopandas as gpd
import pytest

from lulcseg.maps.review_form import CHANGE_REVIEW, MAP_REVIEW, SUGGESTED, holds_decisions, keep_decisions
from lulcseg.maps.styles import review_style
from tests.conftest import CRS, box


@pytest.mark.parametrize("form", [MAP_REVIEW, CHANGE_REVIEW, SUGGESTED])
def test_the_form_offers_decisions_and_classes(form):
    root = ET.fromstring(review_style(form, ["Bare", "Trees"]).split("\n", 1)[1])
    widgets = {field.get("name"): field.find("editWidget") for field in root.find("fieldConfiguration")}
    assert list(widgets) == [*form.described, *form.filled]
    offered = {
        name: [group[0].get("name") for group in widget.find("config/Option/Option")]
        for name, widget in widgets.items()
        if widget.get("type") == "ValueMap"
    }
    assert offered == {"decision": ["", *form.decisions], **{column: ["", "Bare", "Trees"] for column in form.classes}}
    locked = [field.get("name") for field in root.find("editable") if field.get("editable") == "0"]
    assert locked == list(form.described)


def write(path, **cells):
    columns = {"rank": [1, 2], **MAP_REVIEW.blanks(2), **cells}
    gpd.GeoDataFrame(columns, geometry=[box(0, 0, 2, 2), box(4, 4, 2, 2)], crs=CRS).to_file(path, layer="review")
    return path


def test_a_file_that_somebody_filled_in_is_told_from_an_empty_one(tmp_path):
    assert not holds_decisions(write(tmp_path / "a.gpkg"))
    assert not holds_decisions(write(tmp_path / "b.gpkg", notes=["a note", None]))
    assert holds_decisions(write(tmp_path / "c.gpkg", decision=[None, "map"]))
    (tmp_path / "d.gpkg").write_text("not a GeoPackage")
    assert not holds_decisions(tmp_path / "d.gpkg")


def test_decisions_are_kept_when_the_map_is_made_again(tmp_path, capsys):
    for _ in range(2):
        keep_decisions(write(tmp_path / "map_review.gpkg", decision=[None, "map"]))
    keep_decisions(write(tmp_path / "map_review.gpkg"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "map_review.gpkg", "map_review_decided1.gpkg", "map_review_decided2.gpkg",
    ]  # fmt: skip
    assert capsys.readouterr().out.count("were kept") == 2
