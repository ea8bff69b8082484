"""The page of a change between two dates."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from lulcseg.change.change_patches import find_patches
from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.report.change_page import write_change_report
from tests.support.change_maps import CLASSES, GRID, posterior_of, write_class_map, write_shares
from tests.support.html_page import Page

RNG = np.random.default_rng(1)
EARLIER = np.kron(RNG.integers(0, 3, (3, 4)), np.ones((30, 30), dtype=int)).astype(np.uint8)
LATER = EARLIER.copy()
LATER[10:30, 40:70], LATER[60:64, 5:9] = (EARLIER[10, 40] + 1) % 3, (EARLIER[60, 5] + 1) % 3


@pytest.fixture
def change(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    paths = []
    for year, truth in ((2015, EARLIER), (2018, LATER)):
        shares = posterior_of(truth, 3, 4.0, rng)
        paths.append(write_class_map(tmp_path / f"{year}.tif", shares.argmax(axis=0).astype(np.uint8), date=str(year)))
        write_shares(paths[-1], shares)
    main(["change", *map(str, paths), "--out", str(tmp_path / "change"), "--tolerance", "2", "--persistence", "0.95"])
    return tmp_path / "change"


def points(path: Path, number: int = 800) -> Path:
    rng = np.random.default_rng(3)
    row, col = rng.integers(0, 90, number), rng.integers(0, 120, number)
    names, (x, y) = np.array(CLASSES.names), GRID.xy(row, col)
    columns = {"class_2015": names[EARLIER[row, col]], "class_2018": names[LATER[row, col]]}
    gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(x, y), crs=GRID.crs).to_file(path)
    return path


def test_the_page_shows_both_dates_areas_and_patches(change: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["report", str(change)])
    assert "report.html" in capsys.readouterr().out
    page = Page((change / "report.html").read_text(encoding="utf-8"))
    words = page.words()
    for part in (
        "Change from 2015 to 2018",
        "Subtraction of the maps",
        "95% expected to persist",
        "Boundary tolerance of 2 m",
    ):
        assert part in words, part
    assert [a["data-layer"] for tag, a in page.tags if tag == "figure" and "data-layer" in a] == [
        "before",
        "after",
        "change",
    ]
    assert "needs reference points of both dates" in words
    assert "://" not in "".join(str(v) for _, a in page.tags for v in a.values() if v and not v.startswith("data:"))
    first = find_patches(change / "change_polygons.gpkg", 3)[0]
    assert first.hectares > 0.1
    row, col = GRID.rowcol(first.x, first.y)
    assert (EARLIER != LATER)[row, col]
    assert f"{first.x:.1f}" in words


def test_estimates_of_the_folder_are_shown_and_stale_ones_are_named(change: Path, tmp_path: Path) -> None:
    design = ["--design", "simple-random", "--out", str(change / "assessment")]
    main(["assess", str(change / "change.tif"), str(points(tmp_path / "p.gpkg")), *design])
    write_change_report(change)
    words = Page((change / "report.html").read_text(encoding="utf-8")).words()
    assert "Estimated from reference points: assessment" in words
    assert "Change as a whole" in words
    maps = [str(tmp_path / f"{year}.tif") for year in (2015, 2018)]
    main(["change", *maps, "--out", str(change)])
    write_change_report(change)
    words = Page((change / "report.html").read_text(encoding="utf-8")).words()
    assert "Estimated from reference points" not in words
    assert "The assessment assessment is of an earlier change map" in words


def test_what_an_interpreter_filled_in_is_never_overwritten(change: Path) -> None:
    write_change_report(change)
    review = gpd.read_file(change / "change_review.gpkg")
    assert list(review["rank"][:2]) == [1, 2]
    assert review["decision"].isna().all()
    with sqlite3.connect(change / "change_review.gpkg") as stored:
        (style,) = stored.execute("SELECT styleQML FROM layer_styles WHERE f_table_name = 'review'").fetchone()
    assert all(f'value="{word}"' in style for word in (*CLASSES.names, "unchanged"))
    weight = review["area_ha"] * review["confidence"]
    assert (np.diff(weight) <= 1e-12).all()
    review["decision"] = "real"
    review.to_file(change / "change_review.gpkg", layer="review")
    write_change_report(change)
    assert (gpd.read_file(change / "change_review.gpkg")["decision"] == "real").all()


def test_a_folder_without_a_change_is_refused(tmp_path: Path) -> None:
    write_class_map(tmp_path / "change.tif", EARLIER)
    with pytest.raises(LulcsegError, match="is no change map"):
        write_change_report(tmp_path)


def test_names_are_escaped(tmp_path: Path) -> None:
    one, two = (write_class_map(tmp_path / f"<b>{k}.tif", v) for k, v in enumerate((EARLIER, LATER)))
    main(["change", str(one), str(two), "--out", str(tmp_path / "out")])
    write_change_report(tmp_path / "out")
    assert "<b>0.tif" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
