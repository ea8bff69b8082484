"""No command replaces what it reads, however the paths are written."""

from __future__ import annotations

import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from lulcseg.change.compare_maps import ChangeRequest, compare_maps
from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.maps.output_guards import check_not_replaced
from tests.support.change_maps import CLASSES, GRID, write_class_map

INDEX = np.kron(np.arange(12).reshape(3, 4) % 3, np.ones((10, 10), dtype=int)).astype(np.uint8)
LATER = np.roll(INDEX, 3, axis=1)


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    assert left.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def points(path: Path, column: str = "class") -> Path:
    row, col = np.mgrid[2:30:4, 2:40:4].reshape(2, -1)
    x, y = GRID.xy(row, col)
    classes = {column: np.array(CLASSES.names)[INDEX[row, col]], "point": np.arange(len(row))}
    frame = gpd.GeoDataFrame(classes, geometry=gpd.points_from_xy(x, y), crs=GRID.crs)
    frame.to_file(path)
    return path


@pytest.mark.parametrize("way", ["absolute", "dots", "symlink", "hard link", "folder link"])
def test_a_change_does_not_replace_its_maps(tmp_path, monkeypatch, capsys, way):
    monkeypatch.chdir(tmp_path)
    later = write_class_map(tmp_path / "2018.tif", LATER, date="2018")
    Path("z").mkdir()
    mine = write_class_map(tmp_path / "z" / "change.tif", INDEX, date="2015")
    content = mine.read_bytes()
    given: str | Path = mine
    if way == "dots":
        given = "z/../z/change.tif"
    elif way == "symlink":
        Path("other.tif").symlink_to(mine)
        given = "other.tif"
    elif way == "hard link":
        os.link(mine, "other.tif")
        given = "other.tif"
    elif way == "folder link":
        Path("y").symlink_to("z")
        given = "y/change.tif"
    assert "z/change.tif: it is read, and would be replaced" in refused(capsys, "change", given, later, "--out", "z")
    assert mine.read_bytes() == content
    assert [path.name for path in Path("z").iterdir()] == ["change.tif"]


def test_a_change_does_not_replace_what_goes_with_its_maps(tmp_path, capsys):
    one = write_class_map(tmp_path / "change.vrt.tif", INDEX, date="2015")
    two = write_class_map(tmp_path / "change_confidence.tif", LATER, date="2018")
    assert "change_confidence.tif: it is read" in refused(capsys, "change", one, two, "--out", tmp_path)
    two.rename(moved := tmp_path / "change.tiff")
    said = refused(capsys, "change", one, moved, "--out", tmp_path)
    assert "change.json: that is the name of a file that goes with change.tiff" in said


def test_an_assessment_does_not_replace_the_item_of_its_map(tmp_path, capsys):
    maps = [
        write_class_map(tmp_path / f"{year}.tif", index, date=year)
        for year, index in (("2015", INDEX), ("2018", LATER))
    ]
    compare_maps(ChangeRequest(maps[0], maps[1], tmp_path / "o"))
    item = (tmp_path / "o" / "change.json").read_text()
    sample = tmp_path / "s.gpkg"
    frame = gpd.read_file(points(sample, "class_2015"))
    frame.assign(class_2018=frame["class_2015"]).to_file(sample)
    said = refused(capsys, "assess", tmp_path / "o" / "change.tif", sample, "--out", tmp_path / "o" / "change")
    assert "change.json: it exists already, and not as part of an assessment; give --out another name" in said
    said = refused(capsys, "assess", maps[0], sample, "--column", "class_2015", "--out", tmp_path / "o" / "change")
    assert "not as part of an assessment" in said
    assert (tmp_path / "o" / "change.json").read_text() == item
    assert not list(tmp_path.glob("o/*.csv.*"))


def test_an_assessment_replaces_an_earlier_one_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mapped, sample = write_class_map(tmp_path / "m.tif", INDEX), points(tmp_path / "s.gpkg")
    for _ in range(2):
        main(["assess", "m.tif", str(sample), "--out", "accuracy"])
    assert Path("accuracy.json").is_file()
    assert "m.json: that is the name of a file that goes with m.tif" in refused(
        capsys, "assess", mapped, sample, "--out", "m"
    )
    frame = gpd.read_file(sample)
    frame.drop(columns="geometry").assign(x=frame.geometry.x, y=frame.geometry.y).to_csv("mine_points.csv")
    said = refused(capsys, "assess", mapped, "mine_points.csv", "--crs", GRID.crs, "--out", tmp_path / "mine")
    assert "mine_points.csv: it exists already, and not as part of an assessment" in said
    Path("accuracy_points.csv").write_bytes(Path("mine_points.csv").read_bytes())
    said = refused(capsys, "assess", mapped, "accuracy_points.csv", "--crs", GRID.crs, "--out", tmp_path / "accuracy")
    assert "accuracy_points.csv: it is read, and would be replaced" in said


def test_points_to_discuss_do_not_replace_an_interpretation(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ann, ben = points(tmp_path / "ann.gpkg"), points(tmp_path / "ben.gpkg")
    for given in (ben, "ben.gpkg|layername=ben"):
        assert "ben.gpkg: it is read" in refused(capsys, "agreement", ann, given, "--out", "./ben.gpkg")
    assert len(gpd.read_file(ben)) == 70


def test_addresses_and_nothing_are_no_files(tmp_path):
    check_not_replaced([tmp_path / "a.gpkg"], [None, "https://example.org/a.gpkg", tmp_path / "b.gpkg"])
    with pytest.raises(LulcsegError, match="it is read"):
        check_not_replaced([tmp_path / "a.gpkg"], [f"{tmp_path}/./a.gpkg|layername=x"])
