"""Two files, whatever they are: ``lulcseg assess map.tif points.gpkg``."""

from __future__ import annotations

import io
import json

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rich.console import Console
from shapely import LineString, Point, box

from lulcseg.assessment.assess_files import assess_files
from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.console import print_assessment
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import LandClass, Legend

LEGEND = Legend((LandClass(10, "Cane", "#00ff00"), LandClass(30, "Road", "#333333"), LandClass(50, "Other", "#cccccc")))
GRID = Grid("EPSG:28355", 350_000.0, 8_000_000.0, 2.0, 2.0, 30, 40)
CODES = np.random.default_rng(1).choice(np.array([10, 30, 50, 255], dtype=np.uint8), size=(30, 40))


def write_map(path, codes=CODES, grid=GRID, legend=LEGEND, nodata=255, crs="EPSG:28355"):
    profile = {"driver": "GTiff", "count": 1, "dtype": codes.dtype, "nodata": nodata, "crs": crs}
    transform = rasterio.Affine(*grid.transform)
    with rasterio.open(path, "w", height=codes.shape[0], width=codes.shape[1], transform=transform, **profile) as out:
        out.write(codes, 1)
        if legend is not None:
            out.update_tags(LULCSEG_LEGEND=json.dumps(legend.to_plain()))
    return path


def write_points(path, values, column="class", crs="EPSG:28355", rows=None, **columns):
    """Points on the first pixels of the map's first row, or of the rows given."""
    x, y = GRID.xy(np.zeros(len(values), dtype=int) if rows is None else rows, np.arange(len(values)))
    frame = gpd.GeoDataFrame({column: values, **columns}, geometry=gpd.points_from_xy(x, y), crs="EPSG:28355")
    frame.to_crs(crs).to_file(path)
    return path


def names_of(codes):
    return np.select([codes == 10, codes == 30, codes == 50], LEGEND.names, "")


@pytest.fixture
def map_file(tmp_path):
    return write_map(tmp_path / "map.tif")


def test_points_by_name_against_a_map_of_ours(map_file, tmp_path):
    points = write_points(tmp_path / "p.gpkg", ["Cane"] * 40)

    result = assess_files(points, map_file)

    mapped = CODES[0]
    assert result.confusion[0].tolist() == [(mapped == 10).sum(), (mapped == 30).sum(), (mapped == 50).sum()]
    assert result.excluded == {"the map has no data here": (mapped == 255).sum()}
    assert result.legend == LEGEND
    assert (result.scene, result.source, result.reference) == ("map", str(map_file), str(points))


@pytest.mark.parametrize("values", [[10, 30, 50, 10], ["10", "30", "50", "10"], [10.0, 30.0, 50.0, 10.0]])
def test_points_by_code(map_file, tmp_path, values):
    result = assess_files(write_points(tmp_path / "p.gpkg", values), map_file)

    assert result.points["reference"].tolist() == ["Cane", "Road", "Other", "Cane"]


def test_points_in_another_crs(map_file, tmp_path):
    mapped = np.flatnonzero(CODES[0] != 255)
    values = np.where(CODES[0] == 255, "Cane", names_of(CODES[0]))

    result = assess_files(write_points(tmp_path / "p.geojson", values, crs="EPSG:4326"), map_file)

    assert result.scores.n_scored == len(mapped)
    assert result.scores.overall_accuracy == 1


def test_empty_fields_are_counted(map_file, tmp_path):
    codes = CODES[0, :6]
    result = assess_files(write_points(tmp_path / "p.gpkg", ["Cane", None, "", " Road ", "Cane", "Cane"]), map_file)

    assert result.excluded["no class given"] == 2
    assert result.n_points == 6 == len(codes)


def test_without_a_legend_the_codes_that_occur_are_the_classes(tmp_path):
    map_file = write_map(tmp_path / "map.tif", legend=None)

    result = assess_files(write_points(tmp_path / "p.gpkg", [10, 30, 70]), map_file)

    assert result.legend.codes == [10, 30, 50, 70]
    assert result.legend.names[0] == "class 10"


def test_a_legend_given_wins(tmp_path):
    map_file = write_map(tmp_path / "map.tif", legend=None)
    points = write_points(tmp_path / "p.gpkg", ["Cane", "Road"])

    assert assess_files(points, map_file, legend=LEGEND).legend == LEGEND
    with pytest.raises(LulcsegError, match=r"map\.tif: has no legend, and p\.gpkg names its classes"):
        assess_files(points, map_file)


def polygons(path, values=("Cane", "Road", "Other"), crs="EPSG:28355"):
    b = GRID.bounds()
    places = [box(b.left, b.bottom, b.left + 40, b.top), box(b.left + 40, b.bottom, b.right - 8, b.top)]
    places.append(box(b.left, b.top - 20, b.left + 20, b.top))  # over the first one: the smaller wins
    gpd.GeoDataFrame({"class": values}, geometry=places, crs="EPSG:28355").to_crs(crs).to_file(path)
    return path


def expected_labels():
    labels = np.zeros((30, 40), dtype=int)
    labels[:, 20:] = 1
    labels[:10, :10] = 2
    labels[:, 36:] = -1
    return labels


def test_points_against_polygons(tmp_path):
    points = write_points(tmp_path / "p.gpkg", ["Other"] * 10 + ["Cane"] * 10 + ["Road"] * 16 + ["Cane"] * 4)

    result = assess_files(points, polygons(tmp_path / "fields.gpkg"))

    assert result.scores.overall_accuracy == 1
    assert result.excluded == {"off the labels": 4}
    assert result.compared == "labels"
    assert result.legend.names == ["Cane", "Other", "Road"]


def index_of(codes):
    return np.select([codes == 10, codes == 30, codes == 50], [0, 1, 2], -1)


def counted(reference, mapped):
    scored = (reference >= 0) & (mapped >= 0)
    matrix = np.zeros((3, 3), dtype=int)
    np.add.at(matrix, (reference[scored], mapped[scored]), 1)
    return matrix.tolist()


@pytest.mark.parametrize("crs", ["EPSG:28355", "EPSG:4326"])
def test_polygons_as_reference_of_every_pixel(map_file, tmp_path, crs):
    result = assess_files(polygons(tmp_path / "fields.gpkg", crs=crs), map_file)

    assert result.confusion.tolist() == counted(expected_labels(), index_of(CODES))
    assert (result.places, result.design, result.points) == ("pixels", "census", None)
    assert result.n_points == CODES.size == result.scores.n_scored + sum(result.excluded.values())
    assert "users_ci" not in result.to_plain()["per_class"][0]


def test_polygons_as_the_map_and_a_raster_as_reference(map_file, tmp_path):
    result = assess_files(map_file, polygons(tmp_path / "fields.gpkg"))

    assert result.confusion.tolist() == counted(index_of(CODES), expected_labels())


def test_two_rasters_on_one_grid(map_file, tmp_path):
    other = write_map(tmp_path / "other.tif", np.roll(CODES, 1, axis=0))

    result = assess_files(other, map_file)

    assert result.confusion.tolist() == counted(index_of(np.roll(CODES, 1, axis=0)), index_of(CODES))
    assert result.unmapped == tuple(
        int(((index_of(np.roll(CODES, 1, axis=0)) == c) & (CODES == 255)).sum()) for c in range(3)
    )


@pytest.mark.parametrize("nodata", [255, None])
def test_two_rasters_on_different_grids(map_file, tmp_path, nodata):
    """A reference on half the pixel size, covering the right half only, with or without a nodata value."""
    fine = np.repeat(np.repeat(np.where(CODES == 255, 50, CODES), 2, axis=0), 2, axis=1)[:, 40:]
    grid = Grid("EPSG:28355", GRID.left + 40, GRID.top, 1.0, 1.0, 60, 40)
    other = write_map(tmp_path / "fine.tif", fine, grid=grid, nodata=nodata)

    result = assess_files(other, map_file)

    truth = index_of(np.where(CODES == 255, 50, CODES))
    truth[:, :20] = -1
    assert result.confusion.tolist() == counted(truth, index_of(CODES))
    assert result.excluded["the reference has no class here"] == 600


def test_points_as_the_map(map_file, tmp_path):
    points = write_points(tmp_path / "p.gpkg", ["Cane"] * 40)

    result = assess_files(map_file, points)

    assert result.confusion[:, 0].tolist() == [(CODES[0] == c).sum() for c in (10, 30, 50)]
    assert result.points["map"].unique().tolist() == ["Cane"]
    assert result.excluded == {"the reference has no class here": (CODES[0] == 255).sum()}
    assert (result.source, result.reference) == (str(points), str(map_file))


@pytest.mark.parametrize(
    ("columns", "given", "expected"),
    [
        ({"id": [1, 2]}, None, "class"),
        ({"Class": ["Cane", "Road"], "id": [1, 2]}, None, "Class"),
        ({"true_class": ["Cane", "Road"], "id": [1, 2]}, None, "true_class"),
        ({"seen": ["Cane", "Road"], "class": ["Road", "Road"]}, "seen", "seen"),
    ],
)
def test_which_column_holds_the_class(map_file, tmp_path, columns, given, expected):
    first = {} if any("class" in c.lower() for c in columns) else {"class": ["Cane", "Road"]}
    names = {**first, **columns}
    column = next(iter(names))
    points = write_points(tmp_path / "p.gpkg", names.pop(column), column, **names)

    result = assess_files(points, map_file, reference_column=given)

    assert result.points["reference"].tolist() == ["Cane", "Road"], expected


@pytest.mark.parametrize(
    ("columns", "given", "message"),
    [
        ({"a": ["Cane"], "b": ["Road"]}, None, r"which column holds the class \(its columns are a, b\)"),
        ({"class_2015": ["Cane"], "class_2018": ["Road"]}, None, "its columns are class_2015, class_2018"),
        ({"landuse": ["Cane"], "b": ["Road"]}, "landsue", "has no column 'landsue'; did you mean 'landuse'"),
        (
            {"class": ["Caen"]},
            None,
            r"column class: class 'Caen' \(1 features\) is not in the legend; did you mean 'Cane'",
        ),
    ],
)
def test_columns_and_classes_that_cannot_be_meant(map_file, tmp_path, columns, given, message):
    column = next(iter(columns))
    points = write_points(tmp_path / "p.gpkg", columns.pop(column), column, **columns)

    with pytest.raises(LulcsegError, match=message):
        assess_files(points, map_file, reference_column=given)


def test_files_that_are_no_use(map_file, tmp_path):
    points = write_points(tmp_path / "p.gpkg", ["Cane"])
    (tmp_path / "text.gpkg").write_text("hello")
    (tmp_path / "text.tif").write_text("hello")
    lines = gpd.GeoDataFrame({"class": ["Cane"]}, geometry=[LineString([(0, 0), (1, 1)])], crs="EPSG:28355")
    lines.to_file(tmp_path / "lines.gpkg")
    lines.iloc[:0].to_file(tmp_path / "empty.gpkg")
    lines.to_file(tmp_path / "two.gpkg", layer="a")
    lines.to_file(tmp_path / "two.gpkg", layer="b")
    gpd.GeoDataFrame({"class": ["Cane"]}, geometry=[Point(1, 1)]).to_file(tmp_path / "nocrs.shp")
    for name, message in {
        "missing.gpkg": "no such file",
        "text.gpkg": "can't be read as a vector file",
        "text.tif": "can't be read as a raster",
        "lines.gpkg": "holds LineString",
        "empty.gpkg": "holds no features",
        "two.gpkg": r"has 2 layers with geometries \(a, b\)",
        "nocrs.shp": "has no coordinate reference system",
    }.items():
        with pytest.raises(LulcsegError, match=f"{name}: .*{message}".replace(".gpkg:", r"\.gpkg:")):
            assess_files(tmp_path / name, map_file)
    with pytest.raises(LulcsegError, match="both files hold points"):
        assess_files(points, points)
    fields = polygons(tmp_path / "fields.gpkg")
    with pytest.raises(LulcsegError, match="two polygon files share no places"):
        assess_files(fields, fields)


def test_no_point_on_the_map(tmp_path):
    far = write_map(tmp_path / "far.tif", grid=Grid("EPSG:28355", 500_000.0, 8_000_000.0, 2.0, 2.0, 30, 40))
    points = write_points(tmp_path / "p.gpkg", ["Cane", "Road", None])

    with pytest.raises(LulcsegError, match=r"no point lies on the map of far\.tif \(1 no class given, 2 off the map\)"):
        assess_files(points, far)


def test_a_damaged_legend_tag(tmp_path):
    map_file = write_map(tmp_path / "map.tif", legend=None)
    with rasterio.open(map_file, "r+") as data:
        data.update_tags(LULCSEG_LEGEND="{not json")

    with pytest.raises(LulcsegError, match="LULCSEG_LEGEND tag is not a legend"):
        assess_files(write_points(tmp_path / "p.gpkg", [10]), map_file)


PERMUTED = Legend((LandClass(1, "Other", "#cccccc"), LandClass(2, "Cane", "#00ff00"), LandClass(3, "Road", "#333333")))


def recoded(codes):
    return np.select([codes == 10, codes == 30, codes == 50], [2, 3, 1], 255).astype(np.uint8)


def test_two_maps_of_ours_are_each_read_with_their_own_legend(map_file, tmp_path):
    """The same ground, the same names, other codes in another order: they agree everywhere."""
    other = write_map(tmp_path / "other.tif", recoded(CODES), legend=PERMUTED)

    result = assess_files(other, map_file)

    assert result.scores.overall_accuracy == 1
    assert result.legend == LEGEND
    assert np.diag(result.confusion).tolist() == [np.sum(c == CODES) for c in (10, 30, 50)]
    rolled = write_map(tmp_path / "rolled.tif", recoded(np.roll(CODES, 1, axis=0)), legend=PERMUTED)
    expected = counted(index_of(np.roll(CODES, 1, axis=0)), index_of(CODES))
    assert assess_files(rolled, map_file).confusion.tolist() == expected


def test_two_maps_of_ours_with_other_classes_are_refused(map_file, tmp_path):
    names = (LandClass(10, "Cane", "#00ff00"), LandClass(30, "Path", "#333333"), LandClass(50, "Other", "#cccccc"))
    other = write_map(tmp_path / "other.tif", legend=Legend(names))

    with pytest.raises(LulcsegError, match=r"other\.tif: its classes are not those of map\.tif \(.*Path.*Road"):
        assess_files(other, map_file)


def test_a_warp_is_said(map_file, tmp_path):
    result = assess_files(write_points(tmp_path / "p.geojson", ["Cane"] * 40, crs="EPSG:4326"), map_file)

    assert result.notes == ("p.geojson was warped from EPSG:4326 to EPSG:28355.",)
    out = Console(width=120, file=io.StringIO())
    print_assessment(result, out)
    assert result.notes[0] in out.file.getvalue()
    result.save(tmp_path / "a")
    assert Assessment.load(tmp_path / "a").notes == result.notes
    assert assess_files(write_points(tmp_path / "q.gpkg", ["Cane"] * 40), map_file).notes == ()
    fields = polygons(tmp_path / "fields.gpkg", crs="EPSG:4326")
    assert assess_files(fields, map_file).notes == ("fields.gpkg was warped from EPSG:4326 to EPSG:28355.",)
    assert assess_files(write_points(tmp_path / "r.gpkg", ["Cane"] * 40), fields).notes == (
        "r.gpkg was warped from EPSG:28355 to EPSG:4326.",
    )


def test_another_grid_is_said(map_file, tmp_path):
    grid = Grid("EPSG:28355", GRID.left, GRID.top, 1.0, 1.0, 60, 80)
    other = write_map(tmp_path / "fine.tif", np.repeat(np.repeat(CODES, 2, axis=0), 2, axis=1), grid=grid)

    assert assess_files(other, map_file).notes == ("fine.tif was read on the pixels of map.tif, by nearest neighbour.",)
    assert assess_files(map_file, map_file).notes == ()


def test_text_codes_with_leading_zeros_are_the_rasters(tmp_path):
    codes = np.where(CODES == 255, 255, CODES // 10).astype(np.uint8)
    mapped = write_map(tmp_path / "map.tif", codes, legend=None)
    columns = np.flatnonzero(codes[0] != 255)
    values = [f"{code:02d}" for code in codes[0, columns]]
    x, y = GRID.xy(np.zeros(len(columns), dtype=int), columns)
    gpd.GeoDataFrame({"class": values}, geometry=gpd.points_from_xy(x, y), crs=GRID.crs).to_file(tmp_path / "p.gpkg")
    found = assess_files(tmp_path / "p.gpkg", mapped)
    assert found.legend.codes == [1, 3, 5]
    assert found.scores.n_scored == np.trace(found.confusion) == len(values)


def test_codes_above_254_are_refused_in_a_sentence(tmp_path):
    codes = np.where(CODES == 30, 311, 111).astype(np.uint16)
    mapped = write_map(tmp_path / "map.tif", codes, legend=None, nodata=None)
    points = write_points(tmp_path / "p.gpkg", codes[0, :9].astype(int))
    with pytest.raises(LulcsegError, match=r"holds code 311, but codes are 0…254; recode its classes"):
        assess_files(points, mapped)
    legend = Legend((LandClass(111, "Cane", "#00ff00"), LandClass(30, "Road", "#333333")))
    with pytest.raises(LulcsegError, match=r"map\.tif: holds code 311, which the legend lacks; recode the raster"):
        assess_files(write_points(tmp_path / "q.gpkg", ["Cane"] * 40), mapped, legend=legend)


def test_a_layer_of_several_is_named(tmp_path, map_file):
    points = write_points(tmp_path / "p.gpkg", names_of(CODES[0]))
    gpd.read_file(points)[:3].to_file(points, layer="visits", mode="a")
    with pytest.raises(LulcsegError, match=r"name one: <file>\|layername=<layer>"):
        assess_files(points, map_file)
    assert assess_files(points, map_file, reference_layer="visits").scores.n_scored <= 3
    with pytest.raises(LulcsegError, match="it has no layer 'visit'; did you mean 'visits'"):
        assess_files(points, map_file, reference_layer="visit")


def test_names_on_one_side_and_codes_on_the_other_are_refused(tmp_path):
    drawn = polygons(tmp_path / "polygons.gpkg")
    coded = write_points(tmp_path / "points.gpkg", ["1", "2", "3", "1", "2", "3"])
    with pytest.raises(
        LulcsegError, match=r"holds codes \(1, 2, 3\), and polygons.gpkg names its classes .*give a legend"
    ):
        assess_files(coded, drawn)
    with pytest.raises(LulcsegError, match="holds codes"):
        assess_files(drawn, coded)


def test_files_without_a_common_class_are_refused(tmp_path):
    drawn = polygons(tmp_path / "polygons.gpkg")
    foreign = write_points(tmp_path / "points.gpkg", ["Wheat", "Barley", "Wheat", "Barley", "Wheat", "Barley"])
    with pytest.raises(
        LulcsegError, match=r"has no class \(Barley, Wheat\) that polygons.gpkg has \(Cane, Other, Road\)"
    ):
        assess_files(foreign, drawn)


def test_a_class_that_one_file_lacks_is_said(tmp_path):
    drawn = polygons(tmp_path / "polygons.gpkg")
    misspelt = write_points(tmp_path / "points.gpkg", ["Cane", "Rod", "Other", "Cane", "Rod", "Other"])
    notes = " ".join(assess_files(misspelt, drawn).notes)
    assert "Classes of one file alone: Rod in points.gpkg; Road in polygons.gpkg." in notes
