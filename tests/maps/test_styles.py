from __future__ import annotations

import sqlite3
import xml.etree.ElementTree as ET
from contextlib import closing

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pyogrio
import pytest
from matplotlib.colors import to_rgb
from shapely.geometry import box

from lulcseg.errors import LulcsegError
from lulcseg.legend import PAPER_LEGEND, LandClass, Legend
from lulcseg.maps.styles import (
    class_raster_style,
    embed_style,
    polygons_style,
    probabilities_style,
    review_style,
    share_raster_style,
)

NASTY = Legend(
    (
        LandClass(254, 'Trees & "tall" <vines>', "#1020AB"),
        LandClass(0, "L'été, ]]> 草地", "#ff0000"),
        LandClass(17, "100 %; a=b|c", "#c8c4b7"),
        LandClass(4, " _ ", "#00ff00"),
    )
)
LEGENDS = pytest.mark.parametrize("legend", [NASTY, PAPER_LEGEND], ids=["nasty", "paper"])
RAMPS = pytest.mark.parametrize(
    ("style", "ends", "top"),
    [
        (share_raster_style("entropy"), ("#440154", "#fde725"), 1),
        (share_raster_style("confidence", low_stands_out=True), ("#fde725", "#440154"), 1),
        (share_raster_style("disagreement", top=0.25), ("#440154", "#fde725"), 0.25),
        (probabilities_style(), ("#440154", "#fde725"), 1),
    ],
    ids=["entropy", "confidence", "disagreement", "probabilities"],
)


def parsed(style):
    """The style as a reader sees that takes bytes in UTF-8, as QGIS does, and knows the document's type."""
    assert style.startswith("<!DOCTYPE qgis PUBLIC")
    root = ET.fromstring(style.encode())
    assert root.tag == "qgis"
    assert root.get("version").startswith("3.")
    assert "Symbology" in root.get("styleCategories")
    return root


def options(layer):
    return {o.get("name"): o.get("value") for o in layer.find("Option[@type='Map']")}


def hexed(rgba):
    red, green, blue, alpha = (int(part) for part in rgba.split(","))
    assert alpha == 255
    return f"#{red:02x}{green:02x}{blue:02x}"


@LEGENDS
def test_a_class_raster_has_the_legends_codes_names_and_colours(legend):
    renderer = parsed(class_raster_style(legend)).find("pipe/rasterrenderer")
    assert (renderer.get("type"), renderer.get("band"), renderer.get("alphaBand")) == ("paletted", "1", "-1")
    entries = [(int(e.get("value")), e.get("label"), e.get("color")) for e in renderer.find("colorPalette")]
    assert entries == [(c.code, c.name, c.colour.lower()) for c in legend]
    assert {e.get("alpha") for e in renderer.find("colorPalette")} == {"255"}
    assert 255 not in [value for value, _, _ in entries], "nodata has no entry: QGIS leaves it transparent"


@RAMPS
def test_shares_have_a_ramp_over_the_meant_values(style, ends, top):
    renderer = parsed(style).find("pipe/rasterrenderer")
    assert (renderer.get("type"), renderer.get("band")) == ("singlebandpseudocolor", "1")
    assert renderer.find("minMaxOrigin/limits").text == "None"
    shader = renderer.find("rastershader/colorrampshader")
    assert shader.get("colorRampType") == "INTERPOLATED"
    assert shader.get("clip") == "0"
    for at in (renderer.get("classificationMin"), shader.get("minimumValue")):
        assert float(at) == 0
    for at in (renderer.get("classificationMax"), shader.get("maximumValue")):
        assert float(at) == top
    items = shader.findall("item")
    assert (items[0].get("color"), items[-1].get("color")) == ends
    values = [float(i.get("value")) for i in items]
    assert (values[0], values[-1]) == (0, top)
    assert np.all(np.diff(values) > 0)
    assert [float(i.get("label")) for i in items] == values
    # Between the stops, drawn in straight lines, it is matplotlib's viridis to within 2 %.
    at = np.linspace(0, 1, 101)
    drawn = np.stack([np.interp(at * top, values, [to_rgb(i.get("color"))[k] for i in items]) for k in range(3)], 1)
    viridis = mpl.colormaps["viridis"](at)[:, :3]
    assert drawn == pytest.approx(viridis if ends[0] == "#440154" else viridis[::-1], abs=0.02)


@RAMPS
def test_the_ramp_that_qgis_edits_is_the_one_it_draws(style, ends, top):
    shader = parsed(style).find("pipe/rasterrenderer/rastershader/colorrampshader")
    ramp = options(shader.find("colorramp[@name='[source]'][@type='gradient']"))
    stops = [stop.split(";") for stop in ramp["stops"].split(":")]
    places = [0, *(float(place) for place, _ in stops), 1]
    colours = [hexed(c) for c in (ramp["color1"], *(colour for _, colour in stops), ramp["color2"])]
    items = shader.findall("item")
    assert colours == [i.get("color") for i in items]
    assert [place * top for place in places] == pytest.approx([float(i.get("value")) for i in items])


def test_the_colour_bar_names_what_it_shows():
    bar = parsed(share_raster_style("a & b", top=0.5)).find(".//rampLegendSettings")
    assert (bar.get("minimumLabel"), bar.get("maximumLabel")) == ("a & b 0", "a & b 0.5")
    assert bar.get("useContinuousLegend") == "1"


@LEGENDS
def test_polygons_have_the_legends_names_and_colours(legend):
    renderer = parsed(polygons_style(legend)).find("renderer-v2")
    assert (renderer.get("type"), renderer.get("attr")) == ("categorizedSymbol", "class")
    symbols = {s.get("name"): s for s in renderer.find("symbols")}
    found = []
    for category in renderer.find("categories"):
        assert category.get("render") == "true"
        assert category.get("type") == "string"
        assert category.get("value") == category.get("label")
        (layer,) = symbols[category.get("symbol")].findall("layer")
        assert layer.get("class") == "SimpleFill"
        found.append((category.get("value"), hexed(options(layer)["color"])))
        assert options(layer)["style"] == "solid"
        assert float(options(layer)["outline_width"]) <= 0.1
    assert found == [(c.name, c.colour.lower()) for c in legend]
    assert len(symbols) == len(legend)


def test_places_to_review_are_outlines_in_a_dark_casing():
    renderer = parsed(review_style()).find("renderer-v2")
    assert renderer.get("type") == "RuleRenderer"
    symbols = {s.get("name"): s.findall("layer") for s in renderer.find("symbols")}
    conditions = [rule.get("filter") for rule in renderer.find("rules")]
    for rank in (1, 10, 11, 5000):
        holds = [eval(c.replace('"rank"', str(rank))) for c in conditions]
        assert sum(holds) == 1, "every rank has one symbol"
    widths = []
    for rule in renderer.find("rules"):
        casing, line = (options(layer) for layer in symbols[rule.get("symbol")])
        assert casing["style"] == line["style"] == "no", "imagery is seen through it"
        assert casing["outline_style"] == line["outline_style"] == "solid"
        assert float(casing["outline_width"]) > float(line["outline_width"]) > 0
        assert casing["outline_color"].startswith("0,0,0,")
        widths.append(float(line["outline_width"]))
    assert widths[0] > widths[1]


def test_the_first_places_to_review_are_labelled():
    root = parsed(review_style())
    assert root.get("labelsEnabled") == "1"
    assert "Labeling" in root.get("styleCategories")
    (rule,) = root.find("labeling[@type='rule-based']/rules")
    assert rule.get("filter") == '"rank" <= 50'
    text = rule.find("settings/text-style")
    assert text.get("isExpression") == "1"
    assert text.get("fieldName") == '"rank" || \': \' || "labelled" || \' → \' || "mapped"'
    assert root.find("previewExpression").text == text.get("fieldName")
    assert text.find("text-buffer").get("bufferDraw") == "1"


@pytest.fixture
def gpkg(tmp_path):
    path = tmp_path / "a map #1?.gpkg"
    frame = gpd.GeoDataFrame({"class": NASTY.names[:2]}, geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)], crs="EPSG:28355")
    frame.to_file(path, layer="map", driver="GPKG")
    frame.to_file(path, layer="other", driver="GPKG")
    return path


def rows(path, query):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def defaults(path):
    return rows(
        path,
        "SELECT f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleQML FROM layer_styles"
        " WHERE useAsDefault ORDER BY f_table_name",
    )


def test_a_geopackage_keeps_a_default_style_for_each_layer(gpkg):
    first, second = polygons_style(NASTY), review_style()
    embed_style(gpkg, "map", first)
    embed_style(gpkg, "other", second)
    assert defaults(gpkg) == [("", "", "map", "geom", first), ("", "", "other", "geom", second)]
    assert rows(gpkg, "SELECT data_type, srs_id FROM gpkg_contents WHERE table_name = 'layer_styles'") == [
        ("attributes", 0)
    ]
    assert gpkg.parent.joinpath(gpkg.name).exists()
    assert [p.name for p in gpkg.parent.iterdir()] == [gpkg.name]


def test_other_readers_still_read_it(gpkg):
    before = gpd.read_file(gpkg, layer="map")
    embed_style(gpkg, "map", polygons_style(NASTY))
    assert gpd.read_file(gpkg, layer="map").equals(before)
    styles = pyogrio.read_dataframe(gpkg, layer="layer_styles")
    assert list(styles["styleQML"]) == [polygons_style(NASTY)]
    assert list(styles["useAsDefault"]) == [True]
    assert styles["update_time"].notna().all()


def test_the_newest_style_is_the_default_and_a_users_stays(gpkg):
    embed_style(gpkg, "map", "first")
    embed_style(gpkg, "other", "untouched")
    with closing(sqlite3.connect(gpkg)) as connection, connection:
        connection.execute("UPDATE layer_styles SET useAsDefault = 0 WHERE f_table_name = 'map'")
        connection.execute(
            "INSERT INTO layer_styles (f_table_name, f_geometry_column, styleName, styleQML, useAsDefault)"
            " VALUES ('map', 'geom', 'mine', 'by hand', 1)"
        )
    embed_style(gpkg, "map", "second")
    assert [row[2:] for row in defaults(gpkg)] == [("map", "geom", "second"), ("other", "geom", "untouched")]
    kept = rows(gpkg, "SELECT styleName, styleQML FROM layer_styles WHERE f_table_name = 'map' ORDER BY styleName")
    assert kept == [("lulcseg", "second"), ("mine", "by hand")]


def test_a_style_for_a_layer_that_is_not_there_leaves_the_file_as_it_was(gpkg):
    before = gpkg.read_bytes()
    with pytest.raises(LulcsegError, match="no layer 'mop'"):
        embed_style(gpkg, "mop", "x")
    assert gpkg.read_bytes() == before


def test_a_file_that_is_no_geopackage_is_said(tmp_path):
    with pytest.raises(LulcsegError, match="a style can't be stored in it"):
        embed_style(tmp_path / "none.gpkg", "map", "x")
    assert not (tmp_path / "none.gpkg").exists()
    (tmp_path / "text.gpkg").write_text("hello " * 1000)
    with pytest.raises(LulcsegError, match="a style can't be stored in it"):
        embed_style(tmp_path / "text.gpkg", "map", "x")
