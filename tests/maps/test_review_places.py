"""Disagreements between map and labels: which are written, in which order, what is left out."""

from __future__ import annotations

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from scipy import ndimage

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.legend import LandClass, Legend
from lulcseg.maps.review_places import SLIVER_PIXELS, write_review
from tests.conftest import CRS, LEFT, RES, TOP, box, write_raster

LEGEND = Legend((LandClass(10, "Trees", "#102030"), LandClass(0, "Été", "#ff0000"), LandClass(4, "Other", "#c8c4b7")))
TREES, SUMMER, OTHER = range(3)
PIXEL = RES * RES
DESCRIBED = ["rank", "labelled", "mapped", "area_m2", "area_ha", "confidence", "width_m"]
FILLED = ["decision", "class", "interpreter", "notes"]
COLUMNS = [*DESCRIBED, *FILLED, "geometry"]


class Labels:
    """Labels in memory, that refuse what lies outside of them."""

    def __init__(self, index):
        self.index = index

    def read(self, window):
        frame = Window(0, 0, *self.index.shape)
        assert frame.contains(window)
        return self.index[window.slices_in(frame)].copy()


def strip_grid(index):
    return Grid(CRS, LEFT, TOP, RES, RES, *index.shape)


def write(tmp_path, mapped, labels, sure=200, *, crop=None, min_area=0.0, **options):
    """Write a review of class indices (255: none); of the map only the part in a window is there, if one is given."""
    codes = LEGEND.index_to_code()[mapped]
    sure = np.full_like(codes, sure) if np.isscalar(sure) else sure
    window = crop or Window(0, 0, *codes.shape)
    part = window.slices_in(Window(0, 0, *codes.shape))
    left, top = LEFT + window.col * RES, TOP - window.row * RES
    write_raster(tmp_path / "map.tif", codes[part][None], nodata=255, left=left, top=top)
    write_raster(tmp_path / "sure.tif", sure[part][None], nodata=255, left=left, top=top)
    out = tmp_path / "review.gpkg"
    files = (tmp_path / "map.tif", tmp_path / "sure.tif")
    grid = options.pop("grid", strip_grid(labels))
    summary = write_review(*files, Labels(labels), LEGEND, grid, out, min_area=min_area, **options)
    return summary, pyogrio.read_dataframe(out, layer="review")


def agreed(shape=(100, 120)):
    return np.full(shape, TREES, np.uint8), np.full(shape, TREES, np.uint8)


def pairs(mapped, labels):
    """Return labelled class, mapped class and mask of each region of disagreement, by another implementation."""
    found = []
    seen = (mapped != 255) & (labels != 255) & (mapped != labels)
    for one in range(3):
        for two in range(3):
            label, count = ndimage.label(seen & (labels == one) & (mapped == two))
            found += [(LEGEND.names[one], LEGEND.names[two], label == number) for number in range(1, count + 1)]
    return found


def blobs(seed, shape=(150, 170)):
    draw = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(draw.normal(size=shape), 5) for _ in range(3)]
    index = np.argmax(fields, axis=0).astype(np.uint8)
    row, col = np.indices(shape)
    index[(row - draw.integers(150)) ** 2 + (col - draw.integers(170)) ** 2 < 500] = 255
    return index


@pytest.mark.parametrize("sheet", [23, 4096])
def test_sure_and_large_disagreements_come_first(tmp_path, sheet):
    mapped, labels = agreed()
    sure = np.full(mapped.shape, 250, np.uint8)
    mapped[10:30, 10:30], sure[10:30, 10:30] = SUMMER, 100  # 400 pixels × 0.4 = 160
    mapped[10:30, 40:60], sure[10:30, 40:60] = OTHER, 200  # 400 × 0.8 = 320
    labels[50:80, 10:40], sure[50:80, 10:40] = OTHER, 50  # 900 × 0.2 = 180
    labels[50:60, 60:70] = SUMMER  # 100 × 1, but for half of it nobody knows how sure the map is
    sure[50:55, 60:70] = 255
    summary, frame = write(tmp_path, mapped, labels, sure, sheet=sheet)
    assert list(frame.columns) == COLUMNS
    assert frame.crs == CRS
    assert frame["rank"].tolist() == [1, 2, 3, 4]
    assert frame["labelled"].tolist() == ["Trees", "Other", "Trees", "Été"]
    assert frame["mapped"].tolist() == ["Other", "Trees", "Été", "Trees"]
    assert frame["confidence"].tolist() == pytest.approx([0.8, 0.2, 0.4, 1.0])
    assert frame["area_m2"].tolist() == [100, 225, 100, 25]
    assert frame["area_ha"].tolist() == pytest.approx([0.01, 0.0225, 0.01, 0.0025])
    assert frame["width_m"].tolist() == pytest.approx([5, 7.5, 5, 2.5])  # half the sides
    expected = [box(10, 40, 20, 20), box(50, 10, 30, 30), box(10, 10, 20, 20), box(50, 60, 10, 10)]
    for outline, square in zip(frame.geometry, expected, strict=True):
        assert outline.normalize() == square.normalize()
    assert (summary.path, summary.features, summary.area_m2) == (tmp_path / "review.gpkg", 4, 450)
    assert (summary.differing, summary.small, summary.slivers) == (1800, 0, 0)


@pytest.mark.parametrize("seed", range(4))
def test_regions_are_those_of_another_implementation_whatever_the_sheets(tmp_path, seed):
    mapped, labels = blobs(seed), blobs(seed + 100)
    sure = np.random.default_rng(seed).integers(0, 251, mapped.shape).astype(np.uint8)
    sure[blobs(seed + 200) == 1] = 255
    least = 40
    summary, frame = write(tmp_path, mapped, labels, sure, min_area=least * PIXEL)
    expected = []
    for one, two, mask in pairs(mapped, labels):
        padded = np.pad(mask, 1)
        outline = sum(np.count_nonzero(np.diff(padded, axis=axis)) for axis in (0, 1)) * RES
        given = sure[mask & (sure != 255)]
        mean = given.mean() / 250 if len(given) else 0.0
        expected.append((mean * mask.sum(), one, two, mask.sum() * PIXEL, mean, 2 * mask.sum() * PIXEL / outline))
    kept = [e for e in expected if e[3] >= least * PIXEL and e[5] >= 4 * RES]
    kept.sort(reverse=True)
    assert len(kept) > 20
    assert frame["labelled"].tolist() == [e[1] for e in kept]
    assert frame["mapped"].tolist() == [e[2] for e in kept]
    assert frame["area_m2"].tolist() == [e[3] for e in kept]
    assert frame["confidence"].fillna(0).tolist() == pytest.approx([e[4] for e in kept])
    assert frame["width_m"].tolist() == pytest.approx([e[5] for e in kept])
    np.testing.assert_allclose(frame.area, frame["area_m2"], rtol=1e-9)
    assert shapely.is_valid(frame.geometry.to_numpy()).all()
    assert summary.differing == sum(e[3] for e in expected) / PIXEL
    assert summary.small == sum(e[3] < least * PIXEL for e in expected) > 0
    assert summary.slivers == len(expected) - summary.small - len(kept) > 0
    for sheet in (16, 50):
        summary_of_parts, parts = write(tmp_path, mapped, labels, sure, min_area=least * PIXEL, sheet=sheet)
        assert summary_of_parts == summary
        assert parts.drop(columns="geometry").equals(frame.drop(columns="geometry"))
        assert shapely.equals_identical(
            shapely.normalize(parts.geometry.to_numpy()), shapely.normalize(frame.geometry.to_numpy())
        ).all()


def test_strips_along_borders_are_left_out(tmp_path):
    """Width is 2 × area / outline: of a strip of w × n pixels w n / (w + n)."""
    mapped, labels = agreed((60, 420))
    mapped[10:14, 10:410] = OTHER  # 3.96 pixels
    mapped[30:35, 10:410] = OTHER  # 4.94 pixels
    summary, frame = write(tmp_path, mapped, labels)
    assert SLIVER_PIXELS == 4
    assert frame["width_m"].tolist() == pytest.approx([5 * 400 / 405 * RES])
    assert (summary.features, summary.slivers, summary.small, summary.differing) == (1, 1, 0, 9 * 400)


def test_small_regions_are_left_out_and_go_to_nobody(tmp_path):
    mapped, labels = agreed()
    mapped[10:20, 10:20], mapped[10:20, 20:31] = OTHER, SUMMER  # 100 and 110 pixels, side by side
    summary, frame = write(tmp_path, mapped, labels, min_area=101 * PIXEL)
    assert frame["area_m2"].tolist() == [110 * PIXEL]
    assert frame["mapped"].tolist() == ["Été"]
    assert (summary.features, summary.small, summary.slivers, summary.differing) == (1, 1, 0, 210)
    assert len(write(tmp_path, mapped, labels, min_area=100 * PIXEL)[1]) == 2


@pytest.mark.parametrize("sheet", [16, 4096])
def test_a_map_of_a_part_of_the_scene(tmp_path, sheet):
    mapped, labels = blobs(5), blobs(6)
    crop = Window(31, 47, 80, 101)
    outside = np.full_like(mapped, 255)
    outside[crop.slices_in(strip_grid(mapped).window)] = mapped[crop.slices_in(strip_grid(mapped).window)]
    draw = np.random.default_rng(5)
    sure = draw.integers(0, 251, mapped.shape).astype(np.uint8)
    summary, frame = write(tmp_path, mapped, labels, sure, crop=crop, sheet=sheet)
    whole_summary, whole = write(tmp_path, outside, labels, sure)
    assert summary == whole_summary
    assert len(frame) > 10
    assert frame.drop(columns="geometry").equals(whole.drop(columns="geometry"))
    assert all(a.equals(b) for a, b in zip(frame.geometry, whole.geometry, strict=True))


def test_what_nobody_has_labelled_or_mapped_is_no_disagreement(tmp_path):
    mapped, labels = agreed()
    labels[10:40, 10:40] = 255
    mapped[10:40, 60:90] = 255
    mapped[60:80, 10:40], labels[60:80, 10:25] = OTHER, 255  # half of it
    frame = write(tmp_path, mapped, labels)[1]
    assert [g.normalize() for g in frame.geometry] == [box(60, 25, 20, 15).normalize()]


@pytest.mark.parametrize("labelled", range(3))
@pytest.mark.parametrize("other", range(3))
def test_every_pair_of_classes_is_told_apart_from_agreement(tmp_path, labelled, other):
    labels = np.full((40, 40), labelled, np.uint8)
    mapped = labels.copy()
    mapped[10:30, 10:30] = other
    frame = write(tmp_path, mapped, labels)[1]
    pair = list(zip(frame["labelled"], frame["mapped"], strict=True))
    assert pair == ([] if labelled == other else [(LEGEND.names[labelled], LEGEND.names[other])])


def test_a_legend_of_as_many_classes_as_there_can_be(tmp_path):
    legend = Legend(tuple(LandClass(code, f"c{code}", "#000000") for code in range(255)))
    labels = np.full((40, 40), 254, np.uint8)
    labels[:, 20:] = 253
    mapped = np.full((40, 40), 253, np.uint8)
    mapped[:, 20:] = 254
    write_raster(tmp_path / "map.tif", mapped[None], nodata=255)
    write_raster(tmp_path / "sure.tif", np.full((1, 40, 40), 9, np.uint8), nodata=255)
    files = (tmp_path / "map.tif", tmp_path / "sure.tif")
    write_review(*files, Labels(labels), legend, strip_grid(labels), tmp_path / "a.gpkg", min_area=0)
    frame = pyogrio.read_dataframe(tmp_path / "a.gpkg")
    assert sorted(zip(frame["labelled"], frame["mapped"], strict=True)) == [("c253", "c254"), ("c254", "c253")]


def test_what_has_no_confidence_ranks_last(tmp_path):
    mapped, labels = agreed()
    sure = np.full(mapped.shape, 10, np.uint8)
    mapped[10:60, 10:60], sure[10:60, 10:60] = OTHER, 255
    mapped[70:80, 10:20], sure[70:80, 10:20] = OTHER, 0
    mapped[10:20, 80:90], sure[10:20, 80:90] = OTHER, 255
    for sheet in (4096, 32):
        frame = write(tmp_path, mapped, labels, sure, sheet=sheet)[1]
        assert frame["area_m2"].tolist() == [25, 625, 25]
        assert frame["confidence"].isna().tolist() == [False, True, True]


def test_equals_rank_from_the_top_left(tmp_path):
    mapped, labels = agreed()
    for row, col in ((60, 70), (10, 70), (60, 10), (10, 10)):
        mapped[row : row + 10, col : col + 10] = OTHER
    for sheet in (33, 4096):
        frame = write(tmp_path, mapped, labels, sheet=sheet)[1]
        corners = [(TOP - g.bounds[3], g.bounds[0] - LEFT) for g in frame.geometry]
        assert corners == [(5, 5), (5, 35), (30, 5), (30, 35)]


@pytest.mark.parametrize("min_area", [0.0, 1e6])
def test_no_disagreement_is_an_empty_layer(tmp_path, min_area):
    mapped, labels = agreed()
    if min_area:
        mapped[10:40, 10:40] = OTHER
    summary, frame = write(tmp_path, mapped, labels, min_area=min_area, sheet=50)
    assert (summary.features, summary.area_m2, summary.small) == (0, 0, min_area > 0)
    assert list(frame.columns) == COLUMNS
    assert frame.crs == CRS
    info = pyogrio.read_info(tmp_path / "review.gpkg", layer="review")
    assert (info["geometry_type"], info["features"]) == ("Polygon", 0)
    assert list(info["ogr_types"]) == ["OFTInteger64", "OFTString", "OFTString", *["OFTReal"] * 4, *["OFTString"] * 4]


def test_progress_counts_sheets(tmp_path):
    told = []
    write(tmp_path, blobs(7), blobs(8), sheet=64, progress=lambda *step: told.append(step))
    assert told == [(n, 9) for n in range(1, 10)]


def test_whatever_stops_it_nothing_is_left_behind(tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, blobs(9), blobs(10), progress=stop)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.tif", "sure.tif"]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (Grid(CRS, LEFT + 0.2, TOP, RES, RES, 100, 120), r"map\.tif: its pixels are not the labels'"),
        (Grid(CRS, LEFT, TOP, 2 * RES, RES, 100, 120), r"map\.tif: its pixels are not the labels'"),
        (Grid(CRS, LEFT + RES, TOP, RES, RES, 100, 120), r"map\.tif: its pixels are not the labels'"),
        (Grid(CRS, LEFT, TOP, RES, RES, 100, 119), r"map\.tif: its pixels are not the labels'"),
        (Grid("EPSG:32755", LEFT, TOP, RES, RES, 100, 120), r"map\.tif: its pixels are not the labels'"),
    ],
)
def test_a_map_of_other_pixels_is_refused(tmp_path, grid, message):
    with pytest.raises(LulcsegError, match=message):
        write(tmp_path, *agreed(), grid=grid)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.tif", "sure.tif"]


def test_the_same_crs_in_other_words(tmp_path):
    mapped, labels = agreed()
    mapped[10:30, 10:30] = OTHER
    grid = Grid(pyproj.CRS(CRS).to_wkt(), LEFT, TOP, RES, RES, *labels.shape)
    assert len(write(tmp_path, mapped, labels, grid=grid)[1]) == 1


def test_a_code_that_the_legend_lacks(tmp_path):
    mapped, labels = agreed()
    write_raster(tmp_path / "map.tif", np.full((1, 100, 120), 11, np.uint8), nodata=255)
    write_raster(tmp_path / "sure.tif", np.full((1, 100, 120), 11, np.uint8), nodata=255)
    files = (tmp_path / "map.tif", tmp_path / "sure.tif")
    with pytest.raises(LulcsegError, match=r"map\.tif: holds code 11, which the legend lacks"):
        write_review(*files, Labels(labels), LEGEND, strip_grid(labels), tmp_path / "review.gpkg", min_area=0)
    with pytest.raises(LulcsegError, match="min_area: -1 is not an amount"):
        write(tmp_path, mapped, labels, min_area=-1)
    assert not (tmp_path / "review.gpkg").exists()


def test_only_places_that_the_map_is_sure_enough_of_are_written(tmp_path):
    """Each mapped class has its own least confidence; what is left out is counted."""
    mapped, labels = agreed()
    sure = np.full(mapped.shape, 250, np.uint8)
    for col, (shown, share) in enumerate([(SUMMER, 0.9), (SUMMER, 0.7), (OTHER, 0.7), (OTHER, 0.5)]):
        place = np.s_[10:40, 5 + 30 * col : 25 + 30 * col]
        mapped[place], sure[place] = shown, round(share * 250)
    everything, _ = write(tmp_path, mapped, labels, sure)
    assert (everything.features, everything.unsure) == (4, 0)
    summary, places = write(tmp_path, mapped, labels, sure, least_confidence=[0.0, 0.8, 0.6])
    assert sorted(zip(places["mapped"], places["confidence"].round(1), strict=True)) == [("Other", 0.7), ("Été", 0.9)]
    assert (summary.features, summary.unsure, summary.slivers) == (2, 2, 0)
    none, places = write(tmp_path, mapped, labels, sure, least_confidence=[np.inf] * 3)
    assert len(places) == 0
    assert none.unsure == 4
