"""The QGIS style of a reference sample: a form with drop-downs for the interpreter, which hides the stratum.

The elements are those that QGIS 3.22 writes with ``QgsMapLayer::saveNamedStyle``, without those at their default.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from lulcseg.legend import Legend
from lulcseg.maps.review_form import add_form

HIDDEN = ("stratum", "weight")
"""Columns hidden in the form and the attribute table: the stratum may be the class on the map."""

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


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
    named = dict.fromkeys([*class_columns, "second"], legend.names)
    add_form(root, columns, {**named, "interpretable": ["yes", "no"]}, hidden=HIDDEN, fixed=["point"])
    ET.SubElement(root, "previewExpression").text = '"point"'
    ET.indent(root)
    return _DOCTYPE + ET.tostring(root, encoding="unicode") + "\n"


def _map(parent: ET.Element, values: dict[str, str]) -> None:
    group = ET.SubElement(parent, "Option", type="Map")
    for name, value in values.items():
        ET.SubElement(group, "Option", name=name, value=value, type="QString")
