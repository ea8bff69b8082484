"""Reference samples: their sizes, the draw, the file an interpreter gets, and what assess makes of it filled in."""

from __future__ import annotations

import json
import sqlite3
import xml.etree.ElementTree as ET

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lulcseg.assessment import reference_draw as sample_draw
from lulcseg.assessment.assess_files import assess_files
from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.design_based import DesignRequest, with_design_if_possible
from lulcseg.assessment.reference_draw import WholeGround, count_strata, draw_pixels
from lulcseg.assessment.reference_size import allocate, expected_error, needed_points, size_sample
from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import LandClass, Legend

LEGEND = Legend((LandClass(10, "Cane", "#00ff00"), LandClass(30, "Road", "#333333"), LandClass(50, "Other", "#cccccc")))
GRID = Grid("EPSG:28355", 350_000.0, 8_000_000.0, 10.0, 10.0, 600, 50)
INDEX = np.random.default_rng(1).choice([0, 1, 2, 255], size=(600, 50), p=[0.15, 0.03, 0.72, 0.1]).astype(np.uint8)


class Pixels:
    """A population in memory."""

    grid = GRID

    def read(self, window):
        return INDEX[window.slices_in(GRID.window)]


def write_map(path, index=INDEX, legend=LEGEND, crs=GRID.crs):
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "nodata": 255, "crs": crs}
    transform = rasterio.Affine(*GRID.transform)
    with rasterio.open(path, "w", height=600, width=50, transform=transform, **profile) as out:
        out.write(legend.index_to_code()[index], 1)
        out.update_tags(LULCSEG_LEGEND=json.dumps(legend.to_plain()))
    return path


def fill(path, truth, **columns):
    """Be the interpreter: give every point its true class, and other columns what is asked."""
    frame = gpd.read_file(path, layer="points")
    row, col = GRID.rowcol(frame.geometry.x, frame.geometry.y)
    frame["class"] = np.array(LEGEND.names, dtype=object)[truth[row, col]]
    for name, value in columns.items():
        frame[name] = value
    tables = {name: pyogrio.read_dataframe(path, layer=name, read_geometry=False) for name in ("strata", "sample")}
    path.unlink()
    frame.to_file(path, layer="points")
    for name, table in tables.items():
        pyogrio.write_dataframe(table, path, layer=name, driver="GPKG", append=True)
    return path


TRUTH = np.where(INDEX == 255, 2, np.where(np.random.default_rng(2).random((600, 50)) < 0.1, 2, INDEX))


@pytest.fixture
def map_file(tmp_path):
    return write_map(tmp_path / "map.tif")


@pytest.fixture
def sample(map_file, tmp_path):
    out = tmp_path / "sample.gpkg"
    main(["reference", str(map_file), "--out", str(out), "--points", "200", "--least", "30", "--seed", "4"])
    return out


def test_counts_are_those_of_the_classes():
    assert count_strata(Pixels(), 3).tolist() == np.bincount(INDEX.ravel())[:3].tolist()
    assert count_strata(WholeGround(Pixels()), 1).tolist() == [(INDEX != 255).sum()]


@pytest.mark.parametrize("rows", [1, 7, 256, 600])
def test_pixels_are_of_their_strata_once_each_whatever_the_strips(monkeypatch, rows):
    size = count_strata(Pixels(), 3)
    whole = draw_pixels(Pixels(), size, [40, 20, 60], seed=3)
    monkeypatch.setattr(sample_draw, "_ROWS", rows)
    drawn = draw_pixels(Pixels(), size, [40, 20, 60], seed=3)

    assert (INDEX[drawn.row, drawn.col] == drawn.stratum).all()
    assert len(set(zip(drawn.row.tolist(), drawn.col.tolist(), strict=True))) == 120
    assert np.bincount(drawn.stratum).tolist() == [40, 20, 60]
    assert sorted(zip(drawn.row, drawn.col, strict=True)) == sorted(zip(whole.row, whole.col, strict=True))


def test_every_pixel_has_the_same_chance_and_the_order_is_random():
    size = count_strata(Pixels(), 3)
    cane = np.flatnonzero(INDEX.ravel() == 0)
    hits, first = np.zeros(INDEX.size, dtype=int), []
    for seed in range(400):
        drawn = draw_pixels(Pixels(), size, [90, 5, 5], seed)
        at = drawn.row * 50 + drawn.col
        np.add.at(hits, at[drawn.stratum == 0], 1)
        first.append(int((drawn.stratum[:50] == 0).sum()))
    groups = np.array([part.sum() for part in np.array_split(hits[cane], 20)])

    assert stats.chisquare(groups).pvalue > 0.001
    assert np.mean(first) == pytest.approx(45, abs=0.6)  # any first half holds half of each stratum, on average
    with pytest.raises(ValueError, match="more points than pixels"):
        draw_pixels(Pixels(), size, size + 1, 0)


WEIGHTS, USERS = [0.02, 0.015, 0.32, 0.645], [0.70, 0.60, 0.90, 0.95]


def test_optimal_allocation_has_the_least_error():
    best = expected_error(WEIGHTS, USERS, allocate(641, WEIGHTS, USERS, "optimal", least=2))

    assert best == pytest.approx(0.01, abs=2e-5)
    for method in ("equal", "proportional", "olofsson"):
        assert expected_error(WEIGHTS, USERS, allocate(641, WEIGHTS, USERS, method, least=50)) > best


@pytest.mark.parametrize("method", ["equal", "proportional", "optimal", "olofsson"])
def test_the_fewest_points_for_a_standard_error(method):
    pixels = np.array([200_000, 150_000, 3_200_000, 6_450_000])
    found = size_sample(pixels, USERS, 0.012, method, least=40, pixels=pixels)
    fewer = allocate(int(found.sum()) - 1, pixels, USERS, method, least=40, pixels=pixels)

    assert expected_error(pixels, USERS, found) <= 0.012 < expected_error(pixels, USERS, fewer)


@given(
    st.lists(st.integers(1, 10_000), min_size=2, max_size=6),
    st.integers(0, 500),
    st.sampled_from(["equal", "proportional", "optimal", "olofsson"]),
)
def test_an_allocation_gives_all_points_away_within_bounds(pixels, extra, method):
    floor = np.minimum(5, pixels)
    wanted = int(min(floor.sum() + extra, sum(pixels)))
    found = allocate(wanted, pixels, np.full(len(pixels), 0.8), method, least=5, pixels=pixels)

    assert found.sum() == wanted
    assert ((found >= floor) & (found <= pixels)).all()


def test_what_an_allocation_refuses():
    with pytest.raises(LulcsegError, match="10 points are too few for 4 strata with at least 5 each; draw 20 or more"):
        allocate(10, WEIGHTS, USERS, "equal", least=5)
    with pytest.raises(LulcsegError, match="did you mean 'optimal'"):
        allocate(10, WEIGHTS, USERS, "optimum", least=2)
    with pytest.raises(LulcsegError, match="no errors are expected"):
        needed_points(WEIGHTS, [1, 1, 1, 1], 0.01)
    with pytest.raises(LulcsegError, match="lies between 0 and 1"):
        needed_points(WEIGHTS, [90, 90, 90, 90], 0.01)
    with pytest.raises(LulcsegError, match="is not possible"):
        needed_points(WEIGHTS, USERS, 0)


def test_the_sample_is_empty_blind_and_keeps_its_strata(sample):
    points = gpd.read_file(sample, layer="points")
    strata = pyogrio.read_dataframe(sample, layer="strata", read_geometry=False)
    row, col = GRID.rowcol(points.geometry.x, points.geometry.y)
    codes = LEGEND.index_to_code()[INDEX[row, col]]

    assert points["point"].tolist() == list(range(1, 201))
    assert points[["class", "second", "interpreter", "interpretable", "notes"]].isna().all(axis=None)
    assert points["stratum"].tolist() == [str(code) for code in codes]
    assert strata["points"].tolist() == [30, 30, 140]
    assert points.groupby("stratum")["weight"].sum().to_numpy() == pytest.approx(strata["pixels"].to_numpy())
    assert (points.geometry.x.to_numpy() % 10 == 5).all()  # centres of pixels


def test_the_form_has_drop_downs_and_hides_the_stratum(sample):
    with sqlite3.connect(sample) as connection:
        text, default = connection.execute("SELECT styleQML, useAsDefault FROM layer_styles").fetchone()
    root = ET.fromstring(text)
    widgets = {f.get("name"): f.find("editWidget") for f in root.iter("field") if f.find("editWidget") is not None}
    choices = [o.get("value") for o in widgets["class"].iter("Option") if o.get("type") == "QString"]

    assert default == 1
    assert {w.get("type") for name, w in widgets.items() if name in {"stratum", "weight"}} == {"Hidden"}
    assert {c.get("name") for c in root.iter("column") if c.get("hidden") == "1"} == {"stratum", "weight"}
    assert widgets["class"].get("type") == "ValueMap"
    assert choices[1:] == LEGEND.names


def test_the_same_seed_draws_the_same_points(map_file, tmp_path, sample):
    again = tmp_path / "again.gpkg"
    main(["reference", str(map_file), "--out", str(again), "--points", "200", "--least", "30", "--seed", "4"])

    assert gpd.read_file(again, layer="points").equals(gpd.read_file(sample, layer="points"))
    with pytest.raises(SystemExit):
        main(["reference", str(map_file), "--out", str(again)])  # it may hold somebody's work


def test_assess_finds_the_strata_in_the_file(sample, map_file, tmp_path, capsys):
    fill(sample, TRUTH)
    main(["assess", str(map_file), str(sample), "--out", str(tmp_path / "a")])
    found = Assessment.load(tmp_path / "a.json").design_based

    assert found.design == "stratified"
    assert "Olofsson" in found.estimator
    inside = INDEX != 255
    assert found.overall.value == pytest.approx((TRUTH == INDEX)[inside].mean(), abs=4 * found.overall.se)
    assert sum(c.hectares.value for c in found.classes) == pytest.approx(inside.sum() * 0.01)
    assert "not weighted by the strata's areas" in " ".join(capsys.readouterr().out.split())


def test_another_map_is_estimated_by_stehman(sample, tmp_path):
    fill(sample, TRUTH)
    shown = np.where((TRUTH == 2) & (np.arange(600) % 4 == 0)[:, np.newaxis], 0, TRUTH)
    other = write_map(tmp_path / "other.tif", np.where(INDEX == 255, 255, shown).astype(np.uint8))
    result = assess_files(sample, other)

    found, weights = result.design_based, gpd.read_file(sample, layer="points")["weight"]
    wrong = ((result.points["reference"] == "Other") & (result.points["map"] == "Cane")).to_numpy()
    assert "Stehman" in found.estimator
    assert found.shares[2][0] == pytest.approx(weights[wrong].sum() / weights.sum())
    assert found.shares[0][2] == 0
    assert found.overall.value == pytest.approx(1 - weights[wrong].sum() / weights.sum())


def test_points_that_cannot_be_interpreted_are_left_out(sample, map_file):
    fill(sample, TRUTH, interpretable=["no"] * 3 + [None] * 197)
    result = assess_files(sample, map_file)

    assert result.excluded == {"not interpretable": 3}
    assert sum(s.points for s in result.design_based.strata) == 197


def test_a_simple_random_sample_and_post_stratification_of_it(map_file, tmp_path):
    out = tmp_path / "random.gpkg"
    main(["reference", str(map_file), "--out", str(out), "--design", "simple-random", "--points", "300"])
    fill(out, TRUTH)

    assert assess_files(out, map_file).design_based.design == "simple random"
    after = assess_files(out, map_file, request=DesignRequest("post-stratified")).design_based
    assert after.design == "post-stratified"
    assert [s.name for s in after.strata] == LEGEND.names
    unknown = assess_files(out, map_file, request=DesignRequest("unknown"))
    assert unknown.design_based is None
    assert "Agreement at these points" in unknown.design_note


def test_points_of_others_claim_nothing_unless_somebody_says_how_they_were_drawn(map_file, tmp_path):
    rng = np.random.default_rng(0)
    row, col = np.nonzero(INDEX != 255)
    at = np.concatenate([rng.choice(np.flatnonzero(INDEX[row, col] == k), 40, replace=False) for k in range(3)])
    x, y = GRID.xy(row[at], col[at])
    truth = np.array(LEGEND.names)[TRUTH[row[at], col[at]]]
    points = gpd.GeoDataFrame({"class": truth}, geometry=gpd.points_from_xy(x, y), crs=GRID.crs)
    points.to_file(tmp_path / "p.gpkg")
    sizes = np.bincount(INDEX.ravel())[:3]

    plain = assess_files(tmp_path / "p.gpkg", map_file)
    assert (plain.design, plain.design_based) == ("unknown", None)
    with pytest.raises(LulcsegError, match="no column names each point"):
        assess_files(tmp_path / "p.gpkg", map_file, request=DesignRequest("stratified"))
    by_map = assess_files(tmp_path / "p.gpkg", map_file, request=DesignRequest("stratified", strata_map=map_file))
    assert "Olofsson" in by_map.design_based.estimator

    points.assign(part=["a"] * 40 + ["b"] * 40 + ["c"] * 40).to_file(tmp_path / "q.gpkg")
    with pytest.raises(LulcsegError, match="the sizes of the strata are unknown"):
        assess_files(tmp_path / "q.gpkg", map_file, request=DesignRequest("stratified"), stratum_column="part")
    table = tmp_path / "sizes.csv"
    table.write_text("stratum,hectares\n" + "".join(f"{n},{s / 100}\n" for n, s in zip("abc", sizes, strict=True)))
    request = DesignRequest(strata_sizes=table)
    by_table = assess_files(tmp_path / "q.gpkg", map_file, request=request, stratum_column="part")
    assert by_table.design_based.overall.value == pytest.approx(by_map.design_based.overall.value)
    table.write_text("stratum,hectares\na,1\nb,1\n")
    with pytest.raises(LulcsegError, match="the size of stratum c is unknown"):
        assess_files(tmp_path / "q.gpkg", map_file, request=request, stratum_column="part")
    table.write_text("stratum,hectares\na,1\nb,0\nc,1\n")
    with pytest.raises(LulcsegError, match=r"points lie in a stratum that has no area: 'b' \(40\)"):
        assess_files(tmp_path / "q.gpkg", map_file, request=request, stratum_column="part")

    weighted = points.assign(stratum=["a"] * 40 + ["b"] * 40 + ["c"] * 40, weight=np.repeat(sizes / 40, 40))
    weighted.to_file(tmp_path / "w.gpkg")
    by_weight = assess_files(tmp_path / "w.gpkg", map_file, request=DesignRequest("stratified"))
    assert by_weight.design_based.overall.value == pytest.approx(by_map.design_based.overall.value)
    weighted.assign(weight=0.0).to_file(tmp_path / "w.gpkg")
    with pytest.raises(LulcsegError, match="120 points have no weight above 0"):
        assess_files(tmp_path / "w.gpkg", map_file, request=DesignRequest("stratified"))


def test_a_stratified_sample_is_not_taken_for_a_random_one(sample, map_file):
    fill(sample, TRUTH)
    with pytest.raises(LulcsegError, match="can't be estimated from as simple random"):
        assess_files(sample, map_file, request=DesignRequest("simple random"))


def test_in_a_run_what_is_refused_is_a_note(sample, map_file):
    fill(sample, TRUTH)
    plain = assess_files(sample, map_file)
    places = gpd.read_file(sample, layer="points").geometry
    kept = with_design_if_possible(plain, DesignRequest("post-stratified"), map_file, sample, places)

    assert kept.scores is plain.scores
    assert kept.design_note.startswith("No design-based estimates: ")


def test_a_map_whose_classes_are_counted_is_not_counted_again(sample, map_file, monkeypatch):
    fill(sample, TRUTH)
    counted = assess_files(sample, map_file)
    places = gpd.read_file(sample, layer="points").geometry
    pixels = np.bincount(INDEX.ravel(), minlength=256)[:3].tolist()

    def never(*_):
        raise AssertionError

    monkeypatch.setattr("lulcseg.assessment.design_strata.class_pixels", never)
    known = with_design_if_possible(counted, DesignRequest(), map_file, sample, places, pixels=pixels)

    assert known.design_note == ""
    assert known.design_based == counted.design_based


def test_areas_are_not_counted_in_degrees(sample, tmp_path):
    with pytest.raises(LulcsegError, match="coordinates are in degrees"):
        from lulcseg.assessment.design_strata import map_sizes

        map_sizes(write_map(tmp_path / "degrees.tif", crs="EPSG:4326"), LEGEND)
