"""Reference points over imagery: where they are, right and wrong, and which are drawn."""

from __future__ import annotations

import dataclasses
import re

import pytest

from lulcseg.grid import Grid
from lulcseg.report.run import points_view as module
from lulcseg.report.run.points_view import points_view
from lulcseg.report.run.run_data import read_run
from lulcseg.report.run.run_page import write_report
from lulcseg.report.run.shared_photos import shared_photos
from tests.support.adapted_run import ADAPTED, OTHER, scored, write_adapted_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_adapted_run(tmp_path_factory.mktemp("runs") / "demo")


@pytest.fixture(scope="module")
def parts(run):
    """The adapted map's assessment, its scene's grid, and its imagery."""
    data = read_run(run)
    return scored(run, ADAPTED), Grid(**data.scene_entry(OTHER).grid), shared_photos(data)[OTHER]


def places(group):
    return [(int(u), int(v)) for u, v in re.findall(r"M(-?\d+) (-?\d+)h0", group.path)]


def test_every_pair_of_classes_has_its_points(parts):
    assessment = parts[0]
    names = assessment.legend.names

    view = points_view(*parts)

    found = {(g.reference, g.mapped): g.points for g in [*view.right, *view.wrong]}
    matrix = assessment.confusion
    assert found == {
        (names[i], names[j]): matrix[i, j] for i in range(len(names)) for j in range(len(names)) if matrix[i, j]
    }
    assert all(g.reference == g.mapped for g in view.right)
    assert [g.points for g in view.wrong] == sorted((g.points for g in view.wrong), reverse=True)


def test_points_are_where_the_grid_has_them(parts):
    assessment, grid, photo = parts
    table = assessment.points[assessment.points["excluded"] == ""]
    row, col = grid.rowcol(table["x"], table["y"])
    scale = photo.width / grid.width

    view = points_view(*parts)

    assert photo.height / grid.height == pytest.approx(scale, rel=0.001)
    drawn = sorted((u // scale, v // scale) for g in [*view.right, *view.wrong] for u, v in places(g))
    expected = sorted(zip(col.astype(float), row.astype(float), strict=True))
    assert len(drawn) == len(expected)
    for one, other in zip(drawn, expected, strict=True):  # a rounded place may be in the next pixel
        assert one == pytest.approx(other, abs=1)


def test_of_many_points_every_nth_is_drawn_and_all_are_counted(parts, monkeypatch):
    monkeypatch.setattr(module, "MOST_POINTS", 50)
    scored_points = parts[0].scores.n_scored

    view = points_view(*parts)

    every = -(-scored_points // 50)
    groups = [*view.right, *view.wrong]
    assert sum(len(places(g)) for g in groups) == -(-scored_points // every) <= 50
    assert sum(g.points for g in groups) == scored_points
    assert f"One in {every} of the {scored_points} scored points" in view.note


def test_points_outside_the_picture_are_counted(parts):
    assessment, grid, photo = parts
    west = Grid(
        grid.crs, grid.left - grid.width * grid.xres / 2, grid.top, grid.xres, grid.yres, grid.height, grid.width
    )

    view = points_view(assessment, west, photo)

    inside = sum(g.points for g in [*view.right, *view.wrong])
    assert 0 < inside < assessment.scores.n_scored
    assert f"{assessment.scores.n_scored - inside} more are outside the picture" in view.note
    far = dataclasses.replace(grid, left=grid.left + 1e6)
    assert points_view(assessment, far, photo) is None


def test_there_are_none_without_imagery_or_a_grid(parts):
    assessment, grid, photo = parts

    assert points_view(assessment, None, photo) is None
    assert points_view(assessment, grid, None) is None


def test_each_assessed_map_has_its_points_and_imagery_is_in_the_page_once(run):
    html = write_report(run).read_text()

    assert html.count('<div class="points">') == 4  # 2018 single and multiple, 2015 as it is and adapted
    assert html.count('<image id="photo-') == 2
    assert set(re.findall(r'<use href="#(photo-\d)"', html)) == {"photo-1", "photo-2"}
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
