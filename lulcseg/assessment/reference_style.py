"""The QGIS style of a reference sample: a form with drop-downs for the interpreter, which hides the stratum.

The elements are those that QGIS 3.22 writes with ``QgsMapLayer::saveNamedStyle``, without those at their default.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from lulcseg.legend import Legend

HIDDEN = ("stratum", "weight")
"""Columns hidden in the form and the attribute table: the stratum may be the class on the map."""

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_NULL = "{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"  # QGIS's sign for NULL in value maps


def sample_style(legend: Legend, columns: Sequence[str], class_columns: Sequence[str] = ("class",)) -> str:
    """Return the style: points without a class are highlighted, and class and second choice come from the legend.

    Args:
        legend: The classes to choose from.
        columns: The layer's columns, in order.
        class_columns: Those to fill in with the class: one, or one for each date.
    """
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology|Fields|Forms|AttributeTable")
    renderer = ET.SubElement(root, "renderer-v2", type="RuleRenderer", forceraster="0")
    rules, symbols = ET.SubElement(renderer, "rules", key="{sample}"), ET.SubElement(renderer, "symbols")
    empty = " OR ".join(f'"{column}" IS NULL' for column in class_columns)
    empty = f"({empty})" if len(class_columns) > 1 else empty
    todo = f'{empty} AND ("interpretable" IS NULL OR "interpretable" <> \'no\')'
    for index, (condition, label, colour) in enumerate(
        ((todo, "to interpret", "255,43,214,255"), ("ELSE", "done", "255,255,255,255"))
    ):
        ET.SubElement(rules, "rule", filter=condition, label=label, symbol=str(index), key=f"{{sample-{index}}}")
        symbol = ET.SubElement(symbols, "symbol", name=str(index), type="marker", alpha="1")
        layer = ET.SubElement(symbol, "layer", {"class": "SimpleMarker"}, enabled="1", locked="0")
        _map(
            layer,
            {"name": "circle", "color": "0,0,0,0", "outline_color": colour, "outline_width": "0.6", "size": "5"},
        )
    fields = ET.SubElement(root, "fieldConfiguration")
    for column in columns:
        widget = ET.SubElement(ET.SubElement(fields, "field", name=column), "editWidget")
        _widget(widget, column, legend, class_columns)
    editable = ET.SubElement(root, "editable")
    ET.SubElement(editable, "field", name="point", editable="0")
    table = ET.SubElement(ET.SubElement(root, "attributetableconfig", actionWidgetStyle="dropDown"), "columns")
    for column in columns:
        ET.SubElement(table, "column", name=column, type="field", width="-1", hidden=str(int(column in HIDDEN)))
    ET.SubElement(root, "editorlayout").text = "generatedlayout"
    ET.SubElement(root, "previewExpression").text = '"point"'
    ET.indent(root)
    return _DOCTYPE + ET.tostring(root, encoding="unicode") + "\n"


def _widget(widget: ET.Element, column: str, legend: Legend, class_columns: Sequence[str]) -> None:
    """Define how a column is edited."""
    config = ET.SubElement(widget, "config")
    named = dict.fromkeys([*class_columns, "second"], legend.names)
    choices = {**named, "interpretable": ["yes", "no"]}.get(column)
    if choices is not None:
        widget.set("type", "ValueMap")
        options = ET.SubElement(ET.SubElement(config, "Option", type="Map"), "Option", name="map", type="List")
        for label, value in (("", _NULL), *((name, name) for name in choices)):
            _map(options, {label: value})
    elif column in HIDDEN:
        widget.set("type", "Hidden")
        ET.SubElement(config, "Option")
    else:
        widget.set("type", "TextEdit")
        multiline = ET.SubElement(ET.SubElement(config, "Option", type="Map"), "Option", name="IsMultiline")
        multiline.attrib.update(type="bool", value=str(column == "notes").lower())


def _map(parent: ET.Element, values: dict[str, str]) -> None:
    group = ET.SubElement(parent, "Option", type="Map")
    for name, value in values.items():
        ET.SubElement(group, "Option", name=name, value=value, type="QString")
