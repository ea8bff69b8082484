"""A class map as polygons: areas, borders, seams between sheets, the minimum mapping unit, what goes wrong."""

from __future__ import annotations

import itertools
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.features import rasterize
from scipy import ndimage

from lulcseg.errors import LulcsegError
from lulcseg.legend import LandClass, Legend
from lulcseg.maps import polygons
from lulcseg.maps.polygons import write_polygons
from tests.conftest import LEFT, RES, TOP, write_raster

LEGEND = Legend((LandClass(10, "Trees", "#102030"), LandClass(0, "Été", "#ff0000"), LandClass(4, "Other", "#c8c4b7")))
PIXEL = RES * RES
BLOCKS = [pytest.param(1, id="speckle"), pytest.param(4, id="blocks")]


def noise(seed, shape=(61, 83), block=1, nodata=0.1):
    """Return random codes in squares of a side, some of them nodata."""
    draw = np.random.default_rng(seed)
    share = (1 - nodata) / 3
    small = draw.choice(
        np.array([*LEGEND.codes, 255], np.uint8), [-(-n // block) for n in shape], p=[share] * 3 + [nodata]
    )
    return np.kron(small, np.ones((block, block), np.uint8))[: shape[0], : shape[1]]


def blobs(seed, shape=(150, 170), nodata=True, smooth=4):
    """Return smooth random codes, with a round hole of nodata and nodata along the left."""
    draw = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(draw.normal(size=shape), smooth) for _ in LEGEND]
    codes = np.array(LEGEND.codes, np.uint8)[np.argmax(fields, axis=0)]
    if nodata:
        row, col = np.indices(shape)
        codes[(row - 70) ** 2 + (col - 90) ** 2 < 400] = 255
        codes[col < 12 + 6 * np.sin(row / 9)] = 255
    return codes


def write(tmp_path, codes, *, min_area=0.0, simplify=0.0, confidence=None, name="map", **options):
    write_raster(tmp_path / f"{name}.tif", codes[None], nodata=255)
    if confidence is not None:
        write_raster(tmp_path / "sure.tif", confidence[None], nodata=255)
        options["confidence"] = tmp_path / "sure.tif"
    out = tmp_path / f"{name}.gpkg"
    summary = write_polygons(tmp_path / f"{name}.tif", LEGEND, out, min_area=min_area, simplify=simplify, **options)
    return summary, pyogrio.read_dataframe(out, layer="map")


def regions_of(codes):
    """Return each region's code and mask, by another implementation."""
    found = []
    for code in LEGEND.codes:
        label, count = ndimage.label(codes == code)
        found += [(code, label == number) for number in range(1, count + 1)]
    return found


def burned(frame, column, shape):
    """Return a column's values at pixel centres, 255 where there is no polygon."""
    transform = rasterio.Affine(RES, 0, LEFT, 0, -RES, TOP)
    return rasterize(zip(frame.geometry, frame[column], strict=True), shape, fill=255, transform=transform)


def as_set(frame):
    columns = frame.drop(columns="geometry").itertuples(index=False)
    return sorted(zip(map(tuple, columns), shapely.to_wkt(shapely.normalize(frame.geometry.to_numpy())), strict=True))


def check_coverage(frame):
    outlines = frame.geometry.to_numpy()
    assert (frame.geom_type == "Polygon").all()
    assert shapely.is_valid(outlines).all()
    assert (shapely.area(outlines) > 0).all()
    assert shapely.coverage_is_valid(outlines)


@pytest.mark.parametrize("sheet", [13, 32, 4096])
@pytest.mark.parametrize("block", BLOCKS)
def test_pixel_exact_polygons_are_the_regions(tmp_path, block, sheet):
    codes = noise(1, block=block)
    summary, frame = write(tmp_path, codes, sheet=sheet)
    names = dict(zip(LEGEND.codes, LEGEND.names, strict=True))
    assert list(frame.columns) == ["class", "code", "pixels", "area_m2", "area_ha", "geometry"]
    assert frame.crs == "EPSG:28355"
    assert sorted(zip(frame["code"], frame["pixels"], strict=True)) == sorted(
        (c, m.sum()) for c, m in regions_of(codes)
    )
    assert (frame["class"] == frame["code"].map(names)).all()
    assert (frame["area_m2"] == frame["pixels"] * PIXEL).all()
    np.testing.assert_allclose(frame["area_m2"], frame.area, rtol=1e-9)
    np.testing.assert_allclose(frame["area_ha"] * 10_000, frame["area_m2"])
    for code in LEGEND.codes:
        assert frame.loc[frame["code"] == code, "area_m2"].sum() == (codes == code).sum() * PIXEL
    np.testing.assert_array_equal(burned(frame, "code", codes.shape), codes)  # so nodata stays empty too
    check_coverage(frame)
    assert (summary.path, summary.features, summary.pixels) == (tmp_path / "map.gpkg", len(frame), (codes != 255).sum())
    assert (summary.area_m2, summary.sieved, summary.below_unit) == (summary.pixels * PIXEL, 0, 0)
    with_exterior_first = shapely.is_ccw(shapely.get_exterior_ring(frame.geometry.to_numpy()))
    assert with_exterior_first.all()


@pytest.mark.parametrize("seed", range(12))
def test_sheets_leave_no_trace_in_pixel_exact_polygons(tmp_path, seed):
    """Not a corner more or less, whatever the sheets: rings joined, seams' corners gone, those of neighbours kept."""
    shape = tuple(np.random.default_rng(seed).integers(1, 50, 2))
    codes = noise(seed, shape, block=1 + seed % 3, nodata=0.3 * (seed % 2))
    sure = np.random.default_rng(seed).choice(np.array([0, 100, 250, 255], np.uint8), shape)
    whole = write(tmp_path, codes, confidence=sure)[1]
    for sheet in (5, 16, 27):
        parts = write(tmp_path, codes, confidence=sure, sheet=sheet)[1]
        assert as_set(parts.fillna(-1)) == as_set(whole.fillna(-1))


def test_a_region_that_touches_itself_at_a_corner_across_sheets(tmp_path):
    """A ring of trees closed at one corner only: its hole is a hole, its outside is outside, whatever the sheets."""
    codes = np.full((9, 9), 4, np.uint8)
    codes[2:7, 2:7] = 10
    codes[3:6, 3:6] = 0
    for gap, touching in (((2, 2), None), ((6, 4), (5, 4)), ((4, 6), (4, 5))):
        shut = codes.copy()
        shut[gap] = 4  # opens the ring, unless what lies inside of the gap is closed
        if touching:
            shut[touching] = 10
        shut = shut.repeat(2, 0).repeat(2, 1)
        expected = as_set(write(tmp_path, shut)[1])
        for sheet in (3, 4, 5, 6, 7, 8, 11):
            frame = write(tmp_path, shut, sheet=sheet)[1]
            check_coverage(frame)
            assert as_set(frame) == expected


@pytest.mark.parametrize("simplify", [0.75, 1.0, 6.0])
@pytest.mark.parametrize("codes", [blobs(2), noise(3), noise(4, block=5)], ids=["blobs", "speckle", "blocks"])
def test_simplified_polygons_are_a_coverage_over_seams(tmp_path, codes, simplify):
    exact = write(tmp_path, codes, sheet=32)[1]
    summary, frame = write(tmp_path, codes, simplify=simplify, sheet=32)
    check_coverage(frame)
    assert sorted(frame["pixels"]) == sorted(exact["pixels"])
    np.testing.assert_allclose(frame["area_m2"], frame.area, rtol=1e-9)
    assert summary.area_m2 == pytest.approx(frame["area_m2"].sum())


def test_simplifying_smooths_stairs_and_keeps_all_ground(tmp_path):
    codes = blobs(5, nodata=False)
    exact, frame = write(tmp_path, codes)[1], write(tmp_path, codes, simplify=1.0, sheet=64)[1]
    check_coverage(frame)
    assert frame["area_m2"].sum() == pytest.approx(codes.size * PIXEL, rel=1e-12)
    assert shapely.union_all(frame.geometry.to_numpy()).equals(shapely.box(*exact.total_bounds))
    assert frame.count_coordinates().sum() < 0.7 * exact.count_coordinates().sum()
    # a border moves by less than a pixel or so
    assert (burned(frame, "code", codes.shape) != codes).mean() < 0.03


def test_the_edge_of_mapped_ground_is_simplified_and_nodata_stays_empty(tmp_path):
    codes = blobs(6)
    frame = write(tmp_path, codes, simplify=1.0, sheet=64)[1]
    ground = shapely.union_all(frame.geometry.to_numpy())
    exact = shapely.union_all(write(tmp_path, codes)[1].geometry.to_numpy())
    assert shapely.get_num_coordinates(ground) < 0.7 * shapely.get_num_coordinates(exact)
    drawn = burned(frame, "code", codes.shape)
    deep = ndimage.binary_erosion(codes == 255, iterations=2, border_value=1)
    assert deep.sum() > 1000
    assert (drawn[deep] == 255).all()
    assert (drawn[ndimage.binary_erosion(codes != 255, iterations=2, border_value=1)] != 255).all()
    assert shapely.area(shapely.symmetric_difference(ground, exact)) < 0.02 * exact.area


def test_borders_keep_their_corners_along_seams_only(tmp_path):
    """A straight diagonal border loses all its stairs but where it crosses a seam."""
    codes = np.where(np.add.outer(np.arange(64), np.arange(64)) < 64, 10, 4).astype(np.uint8)
    frame = write(tmp_path, codes, simplify=1.0, sheet=32)[1]
    assert len(frame) == 2
    assert frame.count_coordinates().max() <= 11  # of more than 128
    assert frame["pixels"].sum() == codes.size


class TieError(Exception):
    """Two neighbours are equally large, and GDAL takes which it likes."""


def naive_sieve(codes, unit):
    """Give small regions to their largest neighbours, or to theirs where those are small too, until nothing goes."""
    while True:
        found = regions_of(codes)
        label = np.full(codes.shape, -1)
        for number, (_, mask) in enumerate(found):
            label[mask] = number
        size = [mask.sum() for _, mask in found]
        neighbours = [set() for _ in found]
        for one, two in ((label[1:], label[:-1]), (label[:, 1:], label[:, :-1])):
            for a, b in zip(one.ravel().tolist(), two.ravel().tolist(), strict=True):
                if a != b and min(a, b) >= 0:
                    neighbours[a].add(b)
                    neighbours[b].add(a)
        new = codes.copy()
        for number, (_, mask) in enumerate(found):
            at, seen = number, set()
            while size[at] < unit and neighbours[at] and at not in seen:
                seen.add(at)
                largest = max(size[n] for n in neighbours[at])
                to = [n for n in neighbours[at] if size[n] == largest]
                if len(to) > 1:
                    raise TieError
                at = to[0]
            if size[at] >= unit:
                new[mask] = found[at][0]
        if (new == codes).all():
            return new
        codes = new


def test_the_minimum_mapping_unit_is_that_of_a_naive_sieve(tmp_path):
    compared, passes = 0, 0
    for seed in range(20):
        codes = blobs(seed, (40, 45), nodata=False, smooth=1 + seed % 2)
        codes[noise(seed, (40, 45), block=5) == 255] = 255
        unit = (6, 15, 40)[seed % 3]
        try:
            expected = naive_sieve(codes, unit)
        except TieError:
            continue
        summary, frame = write(tmp_path, codes, min_area=unit * PIXEL, sheet=17)
        np.testing.assert_array_equal(burned(frame, "code", codes.shape), expected)
        assert summary.sieved == (expected != codes).sum()
        assert sorted(frame["pixels"]) == sorted(m.sum() for _, m in regions_of(expected))
        compared, passes = compared + 1, passes + (summary.sieved > 0)
    assert compared >= 10
    assert passes >= 10


@pytest.mark.parametrize("seed", range(4))
def test_no_region_under_the_unit_has_anywhere_to_go(tmp_path, seed):
    codes, unit = noise(seed, (90, 110), block=2, nodata=0.25), 30
    summary, frame = write(tmp_path, codes, min_area=unit * PIXEL, sheet=32)
    after = burned(frame, "code", codes.shape)
    np.testing.assert_array_equal(after == 255, codes == 255)  # neither filled nor given away
    ground, count = ndimage.label(codes != 255)
    left = 0
    for number in range(1, count + 1):
        island = np.where(ground == number, after, 255)
        before = np.where(ground == number, codes, 255)
        sizes = [mask.sum() for _, mask in regions_of(island)]
        if max(mask.sum() for _, mask in regions_of(before)) >= unit:
            assert min(sizes) >= unit
        else:
            np.testing.assert_array_equal(island, before)
            left += len(sizes)
    assert count > 1
    assert summary.sieved > 0
    assert left > 0
    assert summary.below_unit == left == (frame["pixels"] < unit).sum()


def test_sieving_goes_on_until_nothing_changes(tmp_path):
    """The largest neighbours of the two on the right are each other, until the one between them and the large goes."""
    codes = np.full((3, 31), 255, np.uint8)
    codes[1, :20], codes[1, 20:22], codes[1, 22:25], codes[1, 25:29] = 4, 10, 0, 10
    summary, frame = write(tmp_path, codes, min_area=6 * PIXEL)
    assert frame["pixels"].tolist() == [29]
    assert frame["code"].tolist() == [4]
    assert (summary.sieved, summary.below_unit) == (9, 0)


@pytest.mark.parametrize(("pixels", "least"), [(1.0, 1), (1.5, 2), (2.0, 2), (3 + 1e-9, 3), (1e9, 3)])
def test_the_unit_is_an_area(tmp_path, pixels, least):
    codes = np.full((12, 12), 4, np.uint8)
    codes[2, 2], codes[5, 2:4], codes[8, 2:5] = 10, 10, 10
    summary, frame = write(tmp_path, codes, min_area=pixels * PIXEL)
    small = frame.loc[frame["code"] == 10, "pixels"]
    if pixels > codes.size:  # no region reaches it: all stay
        assert sorted(small) == [1, 2, 3]
        assert summary.below_unit == 4
    else:
        assert sorted(small) == list(range(least, 4))
        assert summary.below_unit == 0


@pytest.mark.parametrize("simplify", [0.0, 1.0])
@pytest.mark.parametrize("min_area", [0.0, 5 * PIXEL])
def test_confidence_is_the_mean_over_a_features_pixels(tmp_path, min_area, simplify):
    codes = noise(8, block=2)
    draw = np.random.default_rng(8)
    sure = draw.integers(0, 251, codes.shape).astype(np.uint8)
    sure[draw.random(codes.shape) < 0.2] = 255
    lone = regions_of(codes)[5][1]
    sure[lone] = 255
    frame = write(tmp_path, codes, min_area=min_area, simplify=simplify, confidence=sure, sheet=19)[1]
    assert list(frame.columns)[:6] == ["class", "code", "pixels", "area_m2", "area_ha", "confidence"]
    sieved = burned(write(tmp_path, codes, min_area=min_area)[1], "code", codes.shape)
    expected = []
    for code, mask in regions_of(sieved):
        given = sure[mask & (sure != 255)]
        expected.append((code, mask.sum(), round(given.mean() / 250, 9) if len(given) else -1.0))
    got = zip(frame["code"], frame["pixels"], frame["confidence"].round(9).fillna(-1.0), strict=True)
    assert sorted(got) == sorted(expected)
    assert frame["confidence"].isna().any() == (min_area == 0)


def test_the_order_is_always_the_same(tmp_path):
    first = write(tmp_path, blobs(9), simplify=1.0, min_area=5.0, sheet=40)[1]
    again = write(tmp_path, blobs(9), simplify=1.0, min_area=5.0, sheet=40)[1]
    assert first.geometry.to_wkb().equals(again.geometry.to_wkb())
    assert first.drop(columns="geometry").equals(again.drop(columns="geometry"))


def test_many_features_are_written_in_batches(tmp_path, monkeypatch):
    one = write(tmp_path, noise(10), sheet=16)[1]
    monkeypatch.setattr(polygons, "_BATCH", 50)
    many = write(tmp_path, noise(10), sheet=16)[1]
    assert len(many) > 1000
    assert one.equals(many)


def test_a_map_without_a_class_is_an_empty_layer(tmp_path):
    summary, frame = write(tmp_path, np.full((20, 20), 255, np.uint8), min_area=5.0, simplify=1.0)
    assert (summary.features, summary.pixels, summary.area_m2) == (0, 0, 0)
    info = pyogrio.read_info(tmp_path / "map.gpkg", layer="map")
    assert (info["geometry_type"], info["crs"], len(frame)) == ("Polygon", "EPSG:28355", 0)
    assert list(info["fields"]) == ["class", "code", "pixels", "area_m2", "area_ha"]
    assert list(info["ogr_types"]) == ["OFTString", "OFTInteger64", "OFTInteger64", "OFTReal", "OFTReal"]


def test_a_nodata_value_of_the_files_own(tmp_path):
    codes = noise(11, nodata=0)
    write_raster(tmp_path / "own.tif", codes[None], nodata=77)
    codes[:20] = 77
    write_raster(tmp_path / "own.tif", codes[None], nodata=77)
    summary = write_polygons(tmp_path / "own.tif", LEGEND, tmp_path / "own.gpkg", min_area=0, simplify=0)
    assert summary.pixels == (codes != 77).sum()


@pytest.mark.parametrize(("min_area", "simplify"), [(0.0, 0.0), (2.0, 1.0)])
def test_progress_counts_up_to_its_total(tmp_path, min_area, simplify):
    told = []
    write(tmp_path, blobs(12), min_area=min_area, simplify=simplify, sheet=64, progress=lambda *step: told.append(step))
    done, totals = zip(*told, strict=True)
    assert len(set(totals)) == 1
    assert all(a < b for a, b in itertools.pairwise(done))
    assert done[-1] == totals[0]


@pytest.mark.parametrize("when", range(1, 9))
def test_whatever_stops_it_nothing_is_left_behind(tmp_path, when):
    """At every stage: while copying (1, 2), after the sieve (3), while tracing (4 to 9)."""
    folder = tmp_path / "out"
    folder.mkdir()
    old = folder / "map.gpkg"
    old.write_text("what was there before")
    write_raster(tmp_path / "map.tif", blobs(13)[None], nodata=255)
    calls = []

    def stop(done, total):
        calls.append((len(list(folder.iterdir())), total))
        if len(calls) == when:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_polygons(tmp_path / "map.tif", LEGEND, old, min_area=2.0, simplify=1.0, progress=stop, sheet=64)
    assert max(count for count, _ in calls) > 1  # there was something to be left behind
    assert [p.name for p in folder.iterdir()] == ["map.gpkg"]
    assert old.read_text() == "what was there before"


def test_a_sieve_that_gives_up_is_noticed(tmp_path, monkeypatch):
    """Rasterio does not look at what GDAL's sieve returns."""
    monkeypatch.setattr(polygons, "sieve", lambda *args, **kwargs: None)
    with pytest.raises(RuntimeError, match="did not finish"):
        write(tmp_path, blobs(14), min_area=5.0)
    assert [p.name for p in tmp_path.iterdir()] == ["map.tif"]


def bad_code(tmp_path):
    codes = noise(15)
    codes[40, 3] = 99
    return write_raster(tmp_path / "a.tif", codes[None], nodata=255), {}


def degrees(tmp_path):
    return write_raster(tmp_path / "a.tif", noise(15)[None], crs="EPSG:4326", left=0, top=0, res=1e-5), {}


def feet(tmp_path):
    return write_raster(tmp_path / "a.tif", noise(15)[None], crs="EPSG:2229"), {}


def two_bands(tmp_path):
    return write_raster(tmp_path / "a.tif", np.stack([noise(15)] * 2)), {}


def cut_off(tmp_path):
    path = write_raster(
        tmp_path / "a.tif", noise(15, (400, 400))[None], nodata=255, tiled=True, blockxsize=64, blockysize=64
    )
    path.write_bytes(path.read_bytes()[:60_000])
    return path, {}


def missing(tmp_path):
    return tmp_path / "a.tif", {}


def other_confidence(tmp_path):
    write_raster(tmp_path / "sure.tif", noise(15)[None], left=LEFT + RES)
    return write_raster(tmp_path / "a.tif", noise(15)[None]), {"confidence": tmp_path / "sure.tif"}


def smaller_confidence(tmp_path):
    write_raster(tmp_path / "sure.tif", noise(15)[None, :-1])
    return write_raster(tmp_path / "a.tif", noise(15)[None]), {"confidence": tmp_path / "sure.tif"}


def negative(tmp_path):
    return write_raster(tmp_path / "a.tif", noise(15)[None]), {"min_area": -1.0}


def not_a_number(tmp_path):
    return write_raster(tmp_path / "a.tif", noise(15)[None]), {"simplify": float("nan")}


def shapefile(tmp_path):
    return write_raster(tmp_path / "a.tif", noise(15)[None]), {"out": tmp_path / "out" / "a.shp"}


def folder(tmp_path):
    (tmp_path / "out" / "b.gpkg").mkdir(parents=True)
    return write_raster(tmp_path / "a.tif", noise(15)[None]), {"out": tmp_path / "out" / "b.gpkg"}


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (bad_code, r"a\.tif: holds code 99, which the legend lacks"),
        (degrees, r"a\.tif: its CRS is not in metres"),
        (feet, r"a\.tif: its CRS is not in metres"),
        (two_bands, r"a\.tif: holds 2 bands of uint8"),
        (cut_off, r"a\.tif: part of it can't be read"),
        (missing, r"a\.tif: there is no such file"),
        (other_confidence, r"sure\.tif: its pixels are not those of .*a\.tif"),
        (smaller_confidence, r"sure\.tif: its pixels are not those of .*a\.tif"),
        (negative, r"min_area: -1\.0 is not an amount"),
        (not_a_number, r"simplify: nan is not an amount"),
        (shapefile, r"a\.shp: is not the name of a GeoPackage"),
        (folder, r"b\.gpkg: is not the name of a GeoPackage"),
    ],
)
@pytest.mark.parametrize("min_area", [0.0, 3.0])
def test_what_can_be_mended_is_said(tmp_path, prepare, message, min_area):
    raster, options = prepare(tmp_path)
    options = {"out": tmp_path / "out" / "a.gpkg", "min_area": min_area, "simplify": 0.0} | options
    with pytest.raises(LulcsegError, match=message):
        write_polygons(raster, LEGEND, options.pop("out"), sheet=32, **options)
    assert [p for p in (tmp_path / "out").glob("*") if not p.is_dir() or any(p.iterdir())] == []


def test_an_output_that_cannot_be_written(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise pyogrio.errors.DataSourceError("database or disk is full")

    monkeypatch.setattr(pyogrio, "write_dataframe", full)
    with pytest.raises(LulcsegError, match=r"map\.gpkg: it can't be written \(database or disk is full\)"):
        write(tmp_path, noise(16))
    monkeypatch.undo()
    monkeypatch.setattr(
        polygons, "_allocate", lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(LulcsegError, match=r"map\.gpkg: it can't be written \(No space left on device\)"):
        write(tmp_path, noise(16), min_area=3.0)
    assert [p.name for p in tmp_path.iterdir()] == ["map.tif"]


def test_qgis_finds_the_layer(tmp_path):
    write(tmp_path, noise(17))
    assert pyogrio.list_layers(Path(tmp_path / "map.gpkg")).tolist() == [["map", "Polygon"]]
    assert isinstance(gpd.read_file(tmp_path / "map.gpkg", bbox=(LEFT, TOP - 5, LEFT + 5, TOP)), gpd.GeoDataFrame)


@pytest.mark.parametrize("kind", ["nodata", "internal", "sidecar"])
def test_polygons_go_by_the_rasters_validity(tmp_path: Path, kind: str) -> None:
    codes = blobs(3, shape=(60, 70), nodata=False)
    hole = np.zeros(codes.shape, bool)
    hole[20:35, 10:40] = True
    _, expected = write(tmp_path, np.where(hole, 255, codes).astype(np.uint8), name="expected")
    path = tmp_path / "map.tif"
    if kind == "nodata":
        write_raster(path, np.where(hole, 77, codes).astype(np.uint8)[None], nodata=77)
    else:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "internal"):
            write_raster(path, codes[None])
            with rasterio.open(path, "r+") as out:
                out.write_mask(~hole)
    write_polygons(path, LEGEND, tmp_path / "map.gpkg", min_area=0.0, simplify=0.0)
    found = pyogrio.read_dataframe(tmp_path / "map.gpkg", layer="map")
    assert found.drop(columns="geometry").equals(expected.drop(columns="geometry"))
    assert (found.geometry.to_wkb() == expected.geometry.to_wkb()).all()
