"""Assessing points against sources, and the files an assessment leaves."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from shapely import Point

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.class_sources import NO_MAP_DATA, OFF_MAP
from lulcseg.assessment.console import _MOST_COLUMNS, _largest_confusions, print_assessment
from lulcseg.assessment.score_points import NO_POSITION, NOT_SCORABLE, assess
from lulcseg.errors import LulcsegError
from lulcseg.legend import LandClass, Legend

LEGEND = Legend(
    (LandClass(10, "Cane, young", "#00ff00"), LandClass(30, "NA", "#333333"), LandClass(50, "<b>Öther", "#cccccc"))
)


class Source:
    """Gives the answers it was made with, and keeps what it was asked."""

    crs, origin = "EPSG:28355", "map.tif"

    def __init__(self, index, reason):
        self.index, self.reason = np.array(index), np.array(reason)

    def classes_at(self, x, y):
        self.asked = np.column_stack([x, y])
        return self.index, self.reason


def reference(index, reason=None, **columns):
    reason = [""] * len(index) if reason is None else reason
    places = [Point(350_000 + 10 * i, 8_000_000) for i in range(len(index))]
    return gpd.GeoDataFrame({"class_index": index, "reason": reason, **columns}, geometry=places, crs="EPSG:28355")


def run(points, source, **options):
    return assess(
        points, source, LEGEND, scene="farm.2018", compared="map", reference="points.gpkg", mosaic="single", **options
    )


@pytest.fixture
def assessment():
    points = reference(
        [0, 0, 1, 2, 2, -1, 2, 1],
        ["", "", "", "", "", "unclear", "", ""],
        stratum=["a", "a", "b", "b", None, "b", "b", "a"],
        second_index=[1, -1, 255, -1, -1, -1, -1, 0],
    )
    source = Source([0, 2, 1, 2, -1, -1, 0], ["", "", "", "", NO_MAP_DATA, OFF_MAP, ""])
    return run(points, source, in_training=np.array([True, True, False, False, False, True, False, True]))


def test_every_point_is_scored_or_excluded_for_a_reason(assessment):
    assert assessment.confusion.tolist() == [[1, 0, 1], [1, 1, 0], [0, 0, 1]]
    assert assessment.excluded == {"unclear": 1, NO_MAP_DATA: 1, OFF_MAP: 1}
    assert assessment.scores.n_scored + sum(assessment.excluded.values()) == assessment.n_points == 8
    assert assessment.unmapped == (0, 0, 1)


def test_the_point_table_says_what_became_of_each(assessment):
    table = assessment.points

    assert table["reference"].tolist()[:3] == ["Cane, young", "Cane, young", "NA"]
    assert table["map"].tolist() == ["Cane, young", "<b>Öther", "NA", "<b>Öther", "", "", "", "Cane, young"]
    assert table["agrees"].tolist() == ["yes", "no", "yes", "yes", "", "", "", "no"]
    assert table["excluded"].tolist() == ["", "", "", "", NO_MAP_DATA, "unclear", OFF_MAP, ""]
    assert table["second_choice"].tolist()[:3] == ["NA", "", ""]
    assert table["x"].tolist()[:2] == [350_000, 350_010]
    assert table["point"].tolist() == list(range(8))


def test_scores_inside_and_outside_the_training_patches(assessment):
    inside, outside = assessment.subsets["inside_training"], assessment.subsets["outside_training"]

    assert (inside.n_scored, outside.n_scored) == (3, 2)
    assert inside.overall_accuracy == pytest.approx(1 / 3)
    assert outside.overall_accuracy == 1
    assert outside.classes_averaged == 2
    assert assessment.points["subset"].tolist()[:3] == ["inside training", "inside training", "outside training"]


def test_points_that_cannot_be_scored_are_not_asked_for():
    points = reference([0, -1, 1], ["", "", ""])
    points.loc[2, "geometry"] = None
    source = Source([0], [""])

    result = run(points, source)

    assert len(source.asked) == 1
    assert result.excluded == {NO_POSITION: 1, NOT_SCORABLE: 1}


def test_points_are_warped_to_the_source_and_listed_in_their_own_crs():
    points = reference([0, 1]).to_crs("EPSG:4326")
    source = Source([0, 1], ["", ""])

    result = run(points, source)

    np.testing.assert_allclose(source.asked, [[350_000, 8_000_000], [350_010, 8_000_000]], atol=1e-3)
    assert 145 < result.points["x"][0] < 147
    assert result.scores.kappa == 1


def test_places_the_source_crs_cannot_hold_are_off_the_map():
    points = gpd.GeoDataFrame(
        {"class_index": [0, 0], "reason": ["", ""]}, geometry=[Point(1e30, 1e30), Point(147, -18)], crs="EPSG:4326"
    )

    result = run(points, Source([0], [""]))

    assert result.excluded == {OFF_MAP: 1}
    assert result.scores.n_scored == 1


def test_the_feature_column_names_the_points():
    result = run(reference([0, 1], feature=[7, 12]), Source([0, 1], ["", ""]))

    assert result.points["point"].tolist() == [7, 12]


def test_save_and_load_round_trip(assessment, tmp_path):
    files = assessment.save(tmp_path / "new" / "farm.2018_single")
    back = Assessment.load(tmp_path / "new" / "farm.2018_single")

    assert sorted(f.name for f in files) == sorted(p.name for p in (tmp_path / "new").iterdir())
    assert [f.name for f in files] == [
        "farm.2018_single_points.csv",
        "farm.2018_single_confusion.csv",
        "farm.2018_single.json",
    ]
    pd.testing.assert_frame_equal(back.points, assessment.points, check_dtype=False)
    assert back.to_plain() == assessment.to_plain()
    assert back.subsets == assessment.subsets
    assert back.legend == LEGEND
    assert Assessment.load(files[-1]).scene == "farm.2018"


def test_the_json_is_as_promised(assessment, tmp_path):
    plain = json.loads(assessment.save(tmp_path / "a")[-1].read_text(encoding="utf-8"))

    assert plain["format"] == 1
    assert plain["n_points"] == 8
    assert plain["n_scored"] == 5
    assert plain["design"] == "unknown"
    assert plain["classes"] == LEGEND.to_plain()
    assert plain["confusion"] == [[1, 0, 1], [1, 1, 0], [0, 0, 1]]
    assert set(plain["per_class"][0]) == {
        *("name", "reference_points", "mapped_points", "users", "producers", "f1", "users_ci", "producers_ci")
    }
    assert set(plain["inside_training"]) >= {"n_scored", "overall_accuracy", "kappa", "mean_f1"}
    assert plain["kappa"] == assessment.scores.kappa


def test_what_is_not_defined_is_null(tmp_path):
    result = run(reference([0, 0]), Source([2, 0], ["", ""]))

    entry = json.loads(result.save(tmp_path / "a")[-1].read_text(encoding="utf-8"))["per_class"][1]

    assert entry["f1"] is None
    assert entry["users_ci"] is None
    assert math.isnan(Assessment.load(tmp_path / "a").scores.f1[1])


def test_the_confusion_csv_has_names_on_both_sides(assessment, tmp_path):
    assessment.save(tmp_path / "a")
    table = pd.read_csv(tmp_path / "a_confusion.csv", index_col=0, keep_default_na=False)

    assert list(table.columns) == list(table.index) == LEGEND.names
    assert table.to_numpy().tolist() == assessment.confusion.tolist()


def test_nothing_is_left_half_written(assessment, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)

    with pytest.raises(LulcsegError, match="No space left"):
        assessment.save(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(assessment, tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(LulcsegError, match="can't be written"):
        assessment.save(tmp_path / "file" / "a")


@pytest.mark.parametrize("content", ["", "[]", '{"format": 99}', '{"format": 1, "confusion": [[1]]}'])
def test_loading_what_is_no_assessment(content, tmp_path):
    (tmp_path / "a.json").write_text(content)

    with pytest.raises(LulcsegError, match=r"a\.json: is no"):
        Assessment.load(tmp_path / "a")


def test_loading_a_missing_file(tmp_path):
    with pytest.raises(LulcsegError, match="no such file"):
        Assessment.load(tmp_path / "a")


@pytest.mark.parametrize(("width", "has_interval"), [(130, True), (80, False)])
def test_the_console_shows_it_all(assessment, width, has_interval):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115

    print_assessment(assessment, console)

    text = console.export_text()
    for expected in ("farm.2018", "Cane, young", "<b>Öther", "mean of 3", "1 off the map", "5 of 8 points"):
        assert expected in text
    assert ("Wilson" in text) == has_interval


def test_a_matrix_of_many_classes_is_told_by_its_largest_confusions(capsys):
    legend = Legend(tuple(LandClass(i, f"class {i}", "#00ff00") for i in range(31)))
    truth, mapped = np.arange(31).repeat(3), np.arange(31).repeat(3)
    mapped[:2] = 7
    confusion = np.zeros((31, 31), np.int64)
    np.add.at(confusion, (truth, mapped), 1)

    said = _largest_confusions(SimpleNamespace(legend=legend, confusion=confusion))

    assert said == (
        "Largest confusions: class 0 mapped as class 7: 2. The matrix of 31 classes is in the assessment's CSV file."
    )
    assert _MOST_COLUMNS < 31
    assert confusion.trace() == 91, "the matrix itself was changed"
