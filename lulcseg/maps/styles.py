"""QGIS style files (``.qml``) for a map and its layers, as text, generated from the legend without QGIS.

QGIS uses ``map.qml`` beside ``map.tif`` as the default style of that raster, but would use it for a ``map.gpkg`` too
(``QgsMapLayer::styleURI``). A GeoPackage's styles are therefore stored in its table ``layer_styles``, which QGIS reads
first: :func:`embed_style`. The elements are those that QGIS 3.22 writes with ``QgsMapLayer::saveNamedStyle``, without
those that equal their default.
"""

from __future__ import annotations

import sqlite3
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.legend import LandClass, Legend
from lulcseg.maps.review_form import MAP_REVIEW, ReviewForm, add_form

_VERSION = "3.22.0"  # of the format; without it, QGIS converts the file from its oldest format
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"

# Viridis in steps of a sixteenth (Smith & van der Walt, 2015): perceptually uniform, also in grey and for
# colour-blind readers.
_VIRIDIS = (
    "#440154", "#48186a", "#472d7b", "#424086", "#3b528b", "#33638d", "#2c728e", "#26828e", "#21918c",
    "#1fa088", "#28ae80", "#3fbc73", "#5ec962", "#84d44b", "#addc30", "#d8e219", "#fde725",
)  # fmt: skip

_FIRST, _LABELLED = 10, 50  # highest ranks that are highlighted, and that are labelled


def class_raster_style(legend: Legend) -> str:
    """Return the style of a class raster: band 1 by its codes, in the legend's names, colours and order.

    Values without an entry, such as nodata (255), are transparent. Without a style, QGIS displays the raster's colour
    table, which has an entry for all 256 values.

    Args:
        legend: The classes.
    """
    root = _root("Symbology")
    renderer = ET.SubElement(ET.SubElement(root, "pipe"), "rasterrenderer")
    renderer.attrib.update(type="paletted", band="1", opacity="1", alphaBand="-1", nodataColor="")
    palette = ET.SubElement(renderer, "colorPalette")
    for c in legend:
        ET.SubElement(palette, "paletteEntry", value=str(c.code), label=c.name, color=c.colour.lower(), alpha="255")
    return _text(root)


def share_raster_style(name: str, *, low_stands_out: bool = False, top: float = 1.0) -> str:
    """Return the style of a raster of shares: band 1 in viridis from 0 to ``top``, where the bright end stands out.

    Values are the actual ones, 0…1, not the stored ones: QGIS applies a band's scale before it renders
    (``QgsRasterDataProvider::bandScale``).

    Args:
        name: What the shares are; written at the ends of the colour bar.
        low_stands_out: Whether low values need attention (confidence), not high ones (entropy).
        top: End of the ramp, above 0; higher values have its last colour.
    """
    colours = _VIRIDIS[::-1] if low_stands_out else _VIRIDIS
    places = [i / (len(colours) - 1) for i in range(len(colours))]
    root = _root("Symbology")
    renderer = ET.SubElement(ET.SubElement(root, "pipe"), "rasterrenderer")
    renderer.attrib.update(type="singlebandpseudocolor", band="1", opacity="1", alphaBand="-1", nodataColor="")
    renderer.attrib.update(classificationMin="0", classificationMax=f"{top:g}")
    ET.SubElement(ET.SubElement(renderer, "minMaxOrigin"), "limits").text = "None"  # fixed, whatever the data
    shader = ET.SubElement(ET.SubElement(renderer, "rastershader"), "colorrampshader")
    shader.attrib.update(colorRampType="INTERPOLATED", classificationMode="1", clip="0")
    shader.attrib.update(minimumValue="0", maximumValue=f"{top:g}", labelPrecision="3")
    stops = [f"{place:g};{_rgba(colour)}" for place, colour in zip(places, colours, strict=True)][1:-1]
    ramp = ET.SubElement(shader, "colorramp", name="[source]", type="gradient")
    ends = {"color1": _rgba(colours[0]), "color2": _rgba(colours[-1])}
    _options(ramp, {**ends, "discrete": "0", "rampType": "gradient", "stops": ":".join(stops)})
    for place, colour in zip(places, colours, strict=True):
        value = f"{place * top:g}"
        ET.SubElement(shader, "item", value=value, label=value, color=colour, alpha="255")
    bar = ET.SubElement(shader, "rampLegendSettings", useContinuousLegend="1", orientation="2", direction="0")
    bar.attrib.update(minimumLabel=f"{name} 0", maximumLabel=f"{name} {top:g}", prefix="", suffix="")
    return _text(root)


def probabilities_style() -> str:
    """Return the style of a raster of class probabilities: its first band, 0…1, high ones bright.

    Without a style, QGIS would display the first three bands as red, green and blue. The legend's entry is the band's
    name; choose another band in the layer's symbology to display another class.
    """
    return share_raster_style("probability")


def polygons_style(legend: Legend) -> str:
    """Return the style of the map's polygons: by the attribute ``class``, in the legend's names, colours and order.

    The outline is a hairline in the fill's colour: without one, bright seams appear between neighbours.

    Args:
        legend: The classes.
    """
    return _categories(legend, outline="0.1")


def change_polygons_style(legend: Legend, shown: Collection[str]) -> str:
    """Return the style of patches of change: by the attribute ``class``, in the legend's colours.

    The outline is half a millimetre in the fill's colour, so that a small patch is seen on any scale.

    Args:
        legend: The classes of a change map.
        shown: Names of those that have polygons.
    """
    return _categories([c for c in legend if c.name in shown], outline="0.5")


def _categories(classes: Iterable[LandClass], *, outline: str) -> str:
    root = _root("Symbology")
    renderer = ET.SubElement(root, "renderer-v2", type="categorizedSymbol", attr="class", forceraster="0")
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for index, c in enumerate(classes):
        ET.SubElement(
            categories, "category", symbol=str(index), value=c.name, type="string", label=c.name, render="true"
        )
        colour = _rgba(c.colour)
        _symbol(symbols, index, {"color": colour, "outline_color": colour, "outline_width": outline})
    return _text(root)


def review_style(form: ReviewForm = MAP_REVIEW, classes: Collection[str] = ()) -> str:
    """Return the style of places to review: outlines with a dark casing, visible over imagery, and the form.

    The first ranks have a thicker line, and a label beside the polygon.

    Args:
        form: The columns, among them ``rank``.
        classes: Names to choose from where a class is filled in.
    """
    root = _root("Symbology|Labeling|MapTips|Fields|Forms|AttributeTable", labelsEnabled="1")
    renderer = ET.SubElement(root, "renderer-v2", type="RuleRenderer", forceraster="0")
    rules, symbols = ET.SubElement(renderer, "rules", key="{review}"), ET.SubElement(renderer, "symbols")
    lines = (
        (f'"rank" <= {_FIRST}', f"rank 1–{_FIRST}", "#ff2bd6", 0.8),
        (f'"rank" > {_FIRST}', f"rank {_FIRST + 1} and more", "#ffd60a", 0.4),
    )
    for index, (condition, label, colour, width) in enumerate(lines):
        ET.SubElement(rules, "rule", filter=condition, label=label, symbol=str(index), key=f"{{review-{index}}}")
        casing = {"outline_color": "0,0,0,200", "outline_width": f"{width + 0.6:g}", "style": "no"}
        line = {"outline_color": _rgba(colour), "outline_width": f"{width:g}", "style": "no"}
        _symbol(symbols, index, casing, line)
    _labels(root, form.label, condition=f'"rank" <= {_LABELLED}')
    named = {column: [*classes] for column in form.classes}
    add_form(root, [*form.described, *form.filled], {"decision": form.decisions, **named}, fixed=form.described)
    ET.SubElement(root, "previewExpression").text = form.label  # QGIS's name of a feature in lists and map tips
    return _text(root)


def embed_style(gpkg: Path, layer: str, style: str) -> None:
    """Store a style in a GeoPackage as a layer's default, where QGIS reads it (``QgsOgrProvider``).

    An earlier style of lulcseg's is replaced; styles that a user saved remain, but are no longer the default.

    Args:
        gpkg: The GeoPackage.
        layer: A layer of features in it.
        style: Text returned by one of the functions of this module.

    Raises:
        LulcsegError: The file has no such layer, or can't be written.
    """
    try:
        with closing(sqlite3.connect(f"{gpkg.resolve().as_uri()}?mode=rw", uri=True)) as connection, connection:
            found = connection.execute(
                "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
            ).fetchone()
            if found is None:
                raise LulcsegError(f"has no layer '{layer}' to store a style for", where=gpkg)
            _make_styles_table(connection)
            mine = (layer, found[0])
            connection.execute(
                "DELETE FROM layer_styles WHERE f_table_name = ? AND f_geometry_column = ? AND styleName = 'lulcseg'",
                mine,
            )
            connection.execute(
                "UPDATE layer_styles SET useAsDefault = 0 WHERE f_table_name = ? AND f_geometry_column = ?", mine
            )
            connection.execute(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName,"
                " styleQML, styleSLD, useAsDefault, description, owner)"
                " VALUES ('', '', ?, ?, 'lulcseg', ?, '', 1, 'Written by lulcseg', '')",
                (*mine, style),
            )
    except sqlite3.Error as error:
        raise LulcsegError(f"a style can't be stored in it ({error})", where=gpkg) from error


# As QGIS creates it (QgsOgrProviderMetadata::saveStyle).
_STYLES_TABLE = """
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
    styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30),
    ui TEXT(30), update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
)
"""


def _make_styles_table(connection: sqlite3.Connection) -> None:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'layer_styles'").fetchone():
        return
    connection.execute(_STYLES_TABLE)
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)"
        " VALUES ('layer_styles', 'attributes', 'layer_styles', '', 0)"
    )


def _root(categories: str, **attributes: str) -> ET.Element:
    return ET.Element("qgis", {"version": _VERSION, "styleCategories": categories, **attributes})


def _text(root: ET.Element) -> str:
    ET.indent(root)
    return _DOCTYPE + ET.tostring(root, encoding="unicode") + "\n"


def _rgba(colour: str) -> str:
    """Return ``#rrggbb`` as QGIS writes colours in symbols: ``r,g,b,255``."""
    return ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"


def _options(parent: ET.Element, values: Mapping[str, str]) -> None:
    group = ET.SubElement(parent, "Option", type="Map")
    for name, value in values.items():
        ET.SubElement(group, "Option", name=name, value=value, type="QString")


def _symbol(parent: ET.Element, name: int, *layers: Mapping[str, str]) -> None:
    """Add a fill symbol; its layers default to a solid fill and line, in millimetres."""
    symbol = ET.SubElement(parent, "symbol", name=str(name), type="fill", alpha="1", clip_to_extent="1", force_rhr="0")
    common = {"style": "solid", "outline_style": "solid", "outline_width_unit": "MM", "joinstyle": "round"}
    for layer in layers:
        _options(ET.SubElement(symbol, "layer", {"class": "SimpleFill"}, enabled="1", locked="0"), {**common, **layer})


def _labels(root: ET.Element, expression: str, *, condition: str) -> None:
    """Add labels outside the polygons, dark on a light halo."""
    labeling = ET.SubElement(root, "labeling", type="rule-based")
    rules = ET.SubElement(labeling, "rules", key="{labels}")
    rule = ET.SubElement(rules, "rule", key="{labels-0}", filter=condition)
    settings = ET.SubElement(rule, "settings")
    style = ET.SubElement(settings, "text-style", fieldName=expression, isExpression="1", fontFamily="Sans Serif")
    style.attrib.update(fontSize="9", fontSizeUnit="Point", textColor="20,20,20,255", textOpacity="1", fontWeight="75")
    halo = ET.SubElement(style, "text-buffer", bufferDraw="1", bufferSize="1", bufferSizeUnits="MM")
    halo.attrib.update(bufferColor="255,255,255,255", bufferOpacity="0.85", bufferNoFill="0", bufferJoinStyle="128")
    ET.SubElement(settings, "placement", placement="8", dist="1", distUnits="MM", priority="5")  # outside polygons
    ET.SubElement(settings, "rendering", drawLabels="1", obstacle="1", obstacleFactor="1", obstacleType="1")
