"""Two maps compared: pairs, areas, files, and what can't be compared."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml

from lulcseg.change.change_record import read_change
from lulcseg.change.change_strips import ChangeStrips, StripRequest
from lulcseg.change.change_tables import changed
from lulcseg.change.compare_maps import ChangeRequest, compare_maps
from lulcseg.change.crosswalks import common_classes
from lulcseg.change.map_pair import MapPair
from lulcseg.change.pixel_comparison import PixelComparison
from lulcseg.change.probability_pair import ProbabilityPair
from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.maps.as_written import KEY, check_as_written
from lulcseg.maps.classraster import ClassRaster, carried_legend
from tests.support.change_maps import CLASSES, GRID, posterior_of, write_class_map, write_shares

RNG = np.random.default_rng(5)
BEFORE = np.kron(RNG.integers(0, 3, (9, 12)), np.ones((10, 10), dtype=int)).astype(np.uint8)
AFTER = np.where(RNG.random(BEFORE.shape) < 0.1, (BEFORE + 1) % 3, np.roll(BEFORE, 2, axis=1)).astype(np.uint8)
BEFORE[:7, :20], AFTER[30:34, 50:60] = IGNORE, IGNORE


def pair(folder: Path, before=BEFORE, after=AFTER, **tags) -> tuple[Path, Path]:
    one = write_class_map(folder / "2015.tif", before, date="2015-08-01", **tags)
    return one, write_class_map(folder / "2018.tif", after, date="2018-08-01", **tags)


def counted(before: np.ndarray, after: np.ndarray, classes: int = 3) -> np.ndarray:
    both = (before != IGNORE) & (after != IGNORE)
    return np.array([[(both & (before == i) & (after == j)).sum() for j in range(classes)] for i in range(classes)])


def pairs_in(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The classes of both dates as a change map has them."""
    record = read_change(path)
    assert record is not None
    one, two = np.full(256, IGNORE, np.uint8), np.full(256, IGNORE, np.uint8)
    for code, (i, j) in zip(record.codes.codes, record.codes.pairs, strict=True):
        one[code], two[code] = i, j
    with rasterio.open(path) as data:
        codes = data.read(1)
    return one[codes], two[codes]


def test_the_map_holds_every_pair_and_nodata_of_either_date(tmp_path: Path) -> None:
    result = compare_maps(ChangeRequest(*pair(tmp_path), tmp_path / "out"))
    one, two = pairs_in(tmp_path / "out" / "change.tif")
    none = (BEFORE == IGNORE) | (AFTER == IGNORE)
    assert (one == np.where(none, IGNORE, BEFORE)).all()
    assert (two == np.where(none, IGNORE, AFTER)).all()
    assert result.record.labels == ("2015", "2018")
    hectares = counted(BEFORE, AFTER) * 4 / 10_000
    assert np.allclose(result.areas.mapped, hectares)
    assert np.allclose(result.areas.subtracted, hectares)


def test_its_files_open_as_those_of_any_map(tmp_path: Path) -> None:
    main(["change", *map(str, pair(tmp_path)), "--out", str(tmp_path / "out")])
    out = tmp_path / "out"
    names = {"change.tif", "change.tif.aux.xml", "change.qml", "change.json", "change_polygons.gpkg",
             "change_areas.csv", "change_matrix.csv", "change_flows.png"}  # fmt: skip
    assert {path.name for path in out.iterdir()} == names
    legend = carried_legend(out / "change.tif")
    assert legend is not None
    assert [c.name for c in legend][:4] == ["Forest, unchanged", "Cane, unchanged", "Other, unchanged", "Forest → Cane"]
    assert legend.classes[3].colour == CLASSES.classes[1].colour  # a change has the colour of the new class
    with ClassRaster(out / "change.tif", legend) as raster:
        assert raster.grid == GRID
    item = json.loads((out / "change.json").read_text(encoding="utf-8"))
    assert KEY in item["assets"]["map"]
    assert item["properties"]["start_datetime"] == "2015-01-01T00:00:00Z"
    with (out / "change.tif").open("r+b") as file:
        file.seek(-40, 2)
        file.write(b"damage")
    with pytest.raises(LulcsegError, match="damaged"):
        check_as_written(out / "change.tif")


def test_polygons_are_the_patches_that_changed(tmp_path: Path) -> None:
    result = compare_maps(ChangeRequest(*pair(tmp_path), tmp_path / "out"))
    path = tmp_path / "out" / "change_polygons.gpkg"
    polygons = gpd.read_file(path, layer="change")
    assert len(polygons) == result.patches
    assert (polygons["from"] != polygons["to"]).all()
    assert polygons["area_ha"].sum() == pytest.approx(changed(result.areas.mapped))
    forest_to_cane = polygons[(polygons["from"] == "Forest") & (polygons["to"] == "Cane")]
    assert forest_to_cane["pixels"].sum() == counted(BEFORE, AFTER)[0, 1]
    with sqlite3.connect(path) as base:
        style = base.execute("SELECT styleQML FROM layer_styles").fetchone()[0]
    assert "Forest → Cane" in style
    assert "unchanged" not in style


def test_tables_hold_what_is_printed(tmp_path: Path) -> None:
    result = compare_maps(ChangeRequest(*pair(tmp_path), tmp_path / "out"))
    with (tmp_path / "out" / "change_areas.csv").open(encoding="utf-8") as file:
        rows = {(row["from"], row["to"]): row for row in csv.DictReader(file)}
    hectares = counted(BEFORE, AFTER) * 4 / 10_000
    assert float(rows["Cane", "Other"]["hectares"]) == pytest.approx(hectares[1, 2], abs=1e-4)
    assert sum(int(row["pixels"]) for row in rows.values()) == counted(BEFORE, AFTER).sum()
    lines = (tmp_path / "out" / "change_matrix.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "from \\ to,Forest,Cane,Other,total"
    assert float(lines[-1].split(",")[-1]) == pytest.approx(result.areas.mapped.sum(), abs=1e-3)


def with_strips(folder: Path, rows: int, columns: int, *, least: int = 9, tolerance: float = 4.0):
    folder.mkdir()
    paths = folder.parent / "2015.tif", folder.parent / "2018.tif"
    common = common_classes(*paths)
    with MapPair(*paths, common) as opened:
        comparison = PixelComparison(opened, 3, None, None, tolerance)
        strips = ChangeStrips(
            StripRequest(comparison, common.classes, folder, folder, least), rows=rows, columns=columns
        )
        strips.compare()
        strips.write(strips.codes(), {})
        with rasterio.open(folder / "change.tif") as data:
            codes = data.read(1)
        return codes, strips.areas.hectares(), comparison.within.hectares(), strips.small.hectares()


@pytest.mark.parametrize(("rows", "columns"), [(1, 120), (7, 11), (32, 64)])
def test_strips_of_any_size_give_the_same_map(tmp_path: Path, rows: int, columns: int) -> None:
    pair(tmp_path)
    whole = with_strips(tmp_path / "whole", 90, 120)
    parts = with_strips(tmp_path / "parts", rows, columns)
    assert whole[2].sum() > 0
    assert whole[3].sum() > 0
    for one, other in zip(whole, parts, strict=True):
        assert np.allclose(one, other)


def test_what_is_left_out_is_unchanged_and_said(tmp_path: Path) -> None:
    request = ChangeRequest(*pair(tmp_path), tmp_path / "out", tolerance=4.0, minimum_unit=36.0)
    result = compare_maps(request)
    left = changed(result.areas.mapped)
    removed = result.areas.shifted + result.areas.small
    assert result.areas.shifted > 0
    assert result.areas.small > 0
    assert left + removed == pytest.approx(changed(result.areas.subtracted))
    one, _ = pairs_in(tmp_path / "out" / "change.tif")
    none = (BEFORE == IGNORE) | (AFTER == IGNORE)
    assert (one == np.where(none, IGNORE, BEFORE)).all()  # what is left out keeps the class of the first date
    assert any(
        "Boundary tolerance of 4 m" in note and f"{result.areas.shifted:,.2f} ha" in note for note in result.notes
    )
    assert any("Minimum mapping unit of 36 m²" in note for note in result.notes)
    polygons = gpd.read_file(tmp_path / "out" / "change_polygons.gpkg")
    assert polygons["area_m2"].min() >= 36


def test_maps_of_shifted_extents_are_compared_where_both_lie(tmp_path: Path) -> None:
    grid = replace(GRID, left=GRID.left + 20, top=GRID.top - 40, height=80, width=130)
    after = np.pad(AFTER[20:], ((0, 10), (0, 20)), constant_values=1)[:, 10:]
    one = write_class_map(tmp_path / "a.tif", BEFORE)
    two = write_class_map(tmp_path / "b.tif", after, replace(grid, width=after.shape[1]))
    result = compare_maps(ChangeRequest(one, two, tmp_path / "out"))
    assert result.notes == ()
    assert np.allclose(result.areas.mapped, counted(BEFORE[20:, 10:], AFTER[20:, 10:]) * 4 / 10_000)
    first, second = pairs_in(tmp_path / "out" / "change.tif")
    assert first.shape == second.shape == (70, 110)


@pytest.mark.parametrize("onto", ["before", "after"])
def test_maps_of_two_resolutions_are_compared_on_the_pixels_of_one(tmp_path: Path, onto: str) -> None:
    coarse = BEFORE[::2, ::2]
    one = write_class_map(tmp_path / "a.tif", coarse, Grid(GRID.crs, GRID.left, GRID.top, 4.0, 4.0, 45, 60))
    two = write_class_map(tmp_path / "b.tif", AFTER)
    result = compare_maps(ChangeRequest(one, two, tmp_path / "out", onto=onto))
    fine = np.kron(coarse, np.ones((2, 2), dtype=np.uint8))
    if onto == "after":
        assert np.allclose(result.areas.mapped, counted(fine, AFTER) * 4 / 10_000)
        assert "a.tif was read on the pixels of b.tif, of 2 m instead of 4 m, by nearest neighbour." in result.notes
    else:
        assert result.areas.mapped.sum() <= (coarse != IGNORE).sum() * 16 / 10_000
        assert pairs_in(tmp_path / "out" / "change.tif")[0].shape == coarse.shape


def test_a_map_in_degrees_is_warped_onto_one_in_metres(tmp_path: Path) -> None:
    two = write_class_map(tmp_path / "b.tif", AFTER)
    with rasterio.open(two) as data:
        bounds = rasterio.warp.transform_bounds(data.crs, "EPSG:4326", *data.bounds)
    size = (bounds[2] - bounds[0]) / 120, (bounds[3] - bounds[1]) / 90
    degrees = Grid("EPSG:4326", bounds[0], bounds[3], *size, 90, 120)
    one = write_class_map(tmp_path / "a.tif", np.full((90, 120), 1, np.uint8), degrees)
    result = compare_maps(ChangeRequest(one, two, tmp_path / "out"))
    assert "warped from" in result.notes[0]
    assert (pairs_in(tmp_path / "out" / "change.tif")[0] == 1).sum() > 0.9 * (AFTER != IGNORE).sum()
    with pytest.raises(LulcsegError, match="not in metres"):
        compare_maps(ChangeRequest(one, two, tmp_path / "out", onto="before"))


def test_hectares_are_those_on_the_ground(tmp_path: Path) -> None:
    mercator = replace(GRID, crs="EPSG:3857", left=800_000.0, top=5_312_000.0, xres=10.0, yres=10.0)
    one, two = (
        write_class_map(tmp_path / "a.tif", BEFORE, mercator),
        write_class_map(tmp_path / "b.tif", AFTER, mercator),
    )
    result = compare_maps(ChangeRequest(one, two, tmp_path / "out"))
    on_map = counted(BEFORE, AFTER).sum() * 100 / 10_000
    assert on_map / result.areas.mapped.sum() == pytest.approx(1.87, abs=0.01)
    assert any("1.87 times" in note for note in result.notes)


def test_more_classes_than_squares_of_codes(tmp_path: Path) -> None:
    many = Legend(tuple(LandClass(k, f"class {k}", f"#{k:02x}4080") for k in range(30)))
    before = np.kron(np.arange(27).reshape(3, 9), np.ones((30, 14))).astype(np.uint8)[:90, :120]
    after = before.copy()
    after[::7, ::5] = 29
    one, two = (write_class_map(tmp_path / f"{n}.tif", v, legend=many) for n, v in (("a", before), ("b", after)))
    grid = replace(GRID, width=before.shape[1])
    one, two = (write_class_map(p, v, grid, many) for p, v in ((one, before), (two, after)))
    compare_maps(ChangeRequest(one, two, tmp_path / "out"))
    first, second = pairs_in(tmp_path / "out" / "change.tif")
    assert (first == before).all()
    assert (second == after).all()
    noise = np.random.default_rng(0).integers(0, 30, (2, *before.shape)).astype(np.uint8)
    write_class_map(one, noise[0], grid, many)
    write_class_map(two, noise[1], grid, many)
    with pytest.raises(LulcsegError, match=r"900 different classes and changes occur.*--crosswalk"):
        compare_maps(ChangeRequest(one, two, tmp_path / "out"))


def probable(folder: Path, signal: float = 2.0) -> tuple[tuple[Path, Path], np.ndarray, np.ndarray]:
    """Maps with probabilities of ground of which a block changed."""
    rng = np.random.default_rng(2)
    truth = np.kron(rng.integers(0, 3, (9, 12)), np.ones((10, 10), dtype=int)).astype(np.uint8)
    later = truth.copy()
    later[20:40, 30:60] = 1
    folder.mkdir(exist_ok=True)
    paths = []
    for name, each in (("a", truth), ("b", later)):
        shares = posterior_of(each, 3, signal, rng)
        paths.append(write_class_map(folder / f"{name}.tif", shares.argmax(axis=0).astype(np.uint8)))
        write_shares(paths[-1], shares)
    return (paths[0], paths[1]), truth, later


def test_probabilities_stand_beside_the_subtraction(tmp_path: Path) -> None:
    paths, truth, later = probable(tmp_path)
    true = (truth != later).sum() * 4 / 10_000
    plain = compare_maps(ChangeRequest(*paths, tmp_path / "plain"))
    prior = compare_maps(ChangeRequest(*paths, tmp_path / "prior", persistence=0.95))
    assert plain.areas.persistent is None
    assert np.allclose(plain.areas.mapped, plain.areas.subtracted)
    assert np.allclose(prior.areas.subtracted, plain.areas.subtracted)
    assert prior.areas.independent is not None
    assert prior.areas.persistent is not None
    assert changed(prior.areas.subtracted) > 3 * true
    assert abs(changed(prior.areas.persistent) - true) < 0.3 * true
    assert changed(prior.areas.mapped) < changed(prior.areas.subtracted)
    assert np.isclose(prior.areas.persistent.sum(), truth.size * 4 / 10_000)
    with rasterio.open(tmp_path / "prior" / "change_confidence.tif") as data:
        stored = data.read(1)
    assert stored.max() <= 250
    assert stored[truth != later].mean() > 2 * stored[truth == later].mean()
    assert "confidence" in gpd.read_file(tmp_path / "prior" / "change_polygons.gpkg").columns


def probable_strips(folder: Path, paths: tuple[Path, Path], rows: int, columns: int) -> tuple[np.ndarray, ...]:
    folder.mkdir()
    common = common_classes(*paths)
    with ExitStack() as stack:
        opened = stack.enter_context(MapPair(*paths, common))
        shares = ProbabilityPair(paths, opened, common, stack)
        comparison = PixelComparison(opened, 3, shares, 0.9, 4.0)
        strips = ChangeStrips(StripRequest(comparison, common.classes, folder, folder), rows=rows, columns=columns)
        strips.compare()
        strips.write(strips.codes(), {})
    values = []
    for name in ("change", "change_confidence"):
        with rasterio.open(folder / f"{name}.tif") as data:
            values.append(data.read(1))
    return *values, comparison.independent, comparison.persistent


def test_strips_of_any_size_give_the_same_probabilities(tmp_path: Path) -> None:
    paths, truth, _ = probable(tmp_path)
    whole = probable_strips(tmp_path / "whole", paths, 90, 120)
    assert whole[2].sum() == pytest.approx(truth.size * 4)
    assert whole[3].sum() == pytest.approx(truth.size * 4)
    for one, other in zip(whole, probable_strips(tmp_path / "parts", paths, 7, 33), strict=True):
        assert np.allclose(one, other)


def test_probabilities_of_another_resolution_are_warped_with_their_map(tmp_path: Path) -> None:
    paths, *_ = probable(tmp_path)
    coarse = replace(GRID, xres=4.0, yres=4.0, height=45, width=60)
    with rasterio.open(tmp_path / "a_probabilities.tif") as data:
        shares = data.read()[:, ::2, ::2] / 250
    one = write_class_map(tmp_path / "c.tif", shares.argmax(axis=0).astype(np.uint8), coarse)
    write_shares(one, shares, coarse)
    fine = write_class_map(tmp_path / "f.tif", np.kron(shares.argmax(axis=0), np.ones((2, 2))).astype(np.uint8))
    write_shares(fine, np.kron(shares, np.ones((1, 2, 2))))
    warped, plain = (
        compare_maps(ChangeRequest(path, paths[1], tmp_path / path.stem, persistence=0.9)) for path in (one, fine)
    )
    assert "c.tif was read on the pixels of b.tif" in warped.notes[0]
    assert np.allclose(warped.areas.persistent, plain.areas.persistent)
    assert np.allclose(warped.areas.mapped, plain.areas.mapped)


def test_ground_without_probabilities_counts_as_mapped(tmp_path: Path) -> None:
    paths, *_ = probable(tmp_path)
    with rasterio.open(tmp_path / "a_probabilities.tif", "r+") as data:
        stored = data.read()
        stored[:, :9] = IGNORE
        data.write(stored)
    result = compare_maps(ChangeRequest(*paths, tmp_path / "out", persistence=0.95))
    assert result.areas.without_probabilities == pytest.approx(9 * 120 * 4 / 10_000)
    assert result.areas.persistent.sum() == pytest.approx(result.areas.mapped.sum())


def test_probabilities_of_another_map_are_refused(tmp_path: Path) -> None:
    paths, *_ = probable(tmp_path)
    with rasterio.open(paths[1], "r+") as data:
        data.write(np.roll(data.read(), 5, axis=2))
    with pytest.raises(LulcsegError, match="most probable classes are not the map's"):
        compare_maps(ChangeRequest(*paths, tmp_path / "out"))
    compare_maps(ChangeRequest(*paths, tmp_path / "out", probabilities=False))
    assert not (tmp_path / "out" / "change_confidence.tif").exists()


def test_probabilities_of_merged_classes_are_summed(tmp_path: Path) -> None:
    paths, *_ = probable(tmp_path)
    path = tmp_path / "c.yaml"
    merged = {"Cane": "Forest"}
    path.write_text(
        yaml.safe_dump({"before": merged, "after": merged, "legend": [CLASSES.to_plain()[k] for k in (0, 2)]})
    )
    result = compare_maps(ChangeRequest(*paths, tmp_path / "out", crosswalk=path, persistence=0.9))
    shares = []
    for each in paths:
        with rasterio.open(each.with_name(f"{each.stem}_probabilities.tif")) as data:
            stored = data.read().reshape(3, -1) / 250
        stored /= stored.sum(axis=0)
        shares.append(np.stack([stored[0] + stored[1], stored[2]]))
    assert np.allclose(result.areas.independent, shares[0] @ shares[1].T * 4 / 10_000)


def test_probabilities_that_are_cut_off_are_named(tmp_path: Path) -> None:
    paths, *_ = probable(tmp_path)
    path = tmp_path / "b_probabilities.tif"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(LulcsegError, match=r"b_probabilities\.tif: "):
        compare_maps(ChangeRequest(*paths, tmp_path / "out"))


def test_a_prior_needs_probabilities(tmp_path: Path) -> None:
    with pytest.raises(LulcsegError, match=r"2015\.tif and 2018\.tif have none beside them"):
        compare_maps(ChangeRequest(*pair(tmp_path), tmp_path / "out", persistence=0.9))


def test_a_crosswalk_leads_two_legends_to_one(tmp_path: Path) -> None:
    older = Legend((LandClass(1, "Pine", "#004400"), LandClass(2, "Gum", "#006600"), LandClass(3, "Cane", "#8fce6a")))
    one = write_class_map(tmp_path / "a.tif", BEFORE, legend=older)
    two = write_class_map(tmp_path / "b.tif", AFTER)
    with pytest.raises(LulcsegError, match=r"its classes are not those of b\.tif.*Pine, Gum.*--crosswalk"):
        compare_maps(ChangeRequest(one, two, tmp_path / "out"))
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"before": {"Pine": "Forest", 2: "Forest"}}))
    result = compare_maps(ChangeRequest(one, two, tmp_path / "out", crosswalk=path))
    led = np.array([0, 0, 1], dtype=np.uint8)
    first = np.where(BEFORE == IGNORE, IGNORE, led[np.minimum(BEFORE, 2)])
    assert np.allclose(result.areas.mapped, counted(first, AFTER) * 4 / 10_000)
    path.write_text(yaml.safe_dump({"before": {"Pine": "ignore", "Gum": "Forest"}}))
    assert compare_maps(ChangeRequest(one, two, tmp_path / "out", crosswalk=path)).areas.mapped.sum() < first.size
    for content, said in (
        ({"before": {"Pine": "Forest"}}, "doesn't say what becomes of Gum"),
        ({"before": {"Pime": "Forest", "Gum": "Forest"}}, "'Pime' is not a class of a.tif; did you mean"),
        ({"before": {"Pine": "Forst", "Gum": "Forest"}}, "'Forst', which is not a class; did you mean"),
        ({"bevore": {}}, "unknown key 'bevore'; did you mean"),
    ):
        path.write_text(yaml.safe_dump(content))
        with pytest.raises(LulcsegError, match=said):
            compare_maps(ChangeRequest(one, two, tmp_path / "out", crosswalk=path))


def test_legends_of_other_codes_and_order_are_the_same(tmp_path: Path) -> None:
    turned = Legend(tuple(replace(c, code=c.code + 1) for c in CLASSES.classes[::-1]))
    one = write_class_map(
        tmp_path / "a.tif", np.where(BEFORE == IGNORE, IGNORE, 2 - BEFORE).astype(np.uint8), legend=turned
    )
    result = compare_maps(ChangeRequest(one, write_class_map(tmp_path / "b.tif", AFTER), tmp_path / "out"))
    assert np.allclose(result.areas.mapped, counted(BEFORE, AFTER) * 4 / 10_000)


def test_maps_without_a_legend_have_the_codes_that_occur(tmp_path: Path) -> None:
    one, two = (write_class_map(tmp_path / n, v, legend=None) for n, v in (("a.tif", BEFORE), ("b.tif", AFTER)))
    result = compare_maps(ChangeRequest(one, two, tmp_path / "out"))
    assert result.areas.classes.names == ["class 10", "class 30", "class 50"]
    assert result.record.labels == ("before", "after")


def test_what_can_not_be_compared_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = pair(tmp_path)
    copy = tmp_path / "copy.tif"
    copy.write_bytes(one.read_bytes())
    far = write_class_map(tmp_path / "far.tif", AFTER, replace(GRID, left=GRID.left + 9000))
    bare = write_class_map(tmp_path / "bare.tif", np.full_like(AFTER, IGNORE))
    for words, said in (
        ([one, one], "same map as the other"),
        ([one, copy], "same map as the other"),
        ([one, far], "cover no common ground"),
        ([one, bare], "cover no common ground"),
        ([two, one], "the second map is the earlier one"),
        ([one, tmp_path / "none.tif"], "no such file"),
        ([one, two, "--tolerance", "-1"], "-1.0 is not an amount"),
        ([one, two, "--persistence", "1.5"], "not a share of ground"),
        ([one, two, "--dates", "2015"], "is not two dates"),
    ):
        with pytest.raises(SystemExit) as left:
            main(["change", *map(str, words), "--out", str(tmp_path / "out")])
        assert left.value.code == 2
        assert said in capsys.readouterr().err, words
        assert not (tmp_path / "out").exists(), "no refusal leaves anything"


def test_a_damaged_map_is_noticed(tmp_path: Path) -> None:
    one, two = pair(tmp_path)
    item = {"assets": {"map": {"href": "./2018.tif", KEY: "1220" + 64 * "0"}}}
    two.with_suffix(".json").write_text(json.dumps(item))
    with pytest.raises(LulcsegError, match=r"2018\.tif: it is damaged"):
        compare_maps(ChangeRequest(one, two, tmp_path / "out"))
