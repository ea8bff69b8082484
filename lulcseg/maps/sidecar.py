"""Class names for GIS programs: GDAL's ``.aux.xml`` with category names and a raster attribute table."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from lulcseg.legend import Legend

# GDAL's numbers of column types and usages (GDALRATFieldType, GDALRATFieldUsage).
_INTEGER, _STRING = 0, 2
_COLUMNS = (
    ("Value", _INTEGER, 5),
    ("Class", _STRING, 2),
    ("Red", _INTEGER, 6),
    ("Green", _INTEGER, 7),
    ("Blue", _INTEGER, 8),
)


def class_sidecar(legend: Legend) -> str:
    """Return the text of the ``.aux.xml`` of a class raster with one band.

    Category names are a list indexed by code, with empty names for unused codes. The attribute table has one row per
    class: value, name, red, green, blue.

    Args:
        legend: The classes.
    """
    root = ET.Element("PAMDataset")
    band = ET.SubElement(root, "PAMRasterBand", band="1")
    names = {c.code: c.name for c in legend}
    categories = ET.SubElement(band, "CategoryNames")
    for code in range(max(names) + 1):
        ET.SubElement(categories, "Category").text = names.get(code, "")
    table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    for index, (name, kind, usage) in enumerate(_COLUMNS):
        field = ET.SubElement(table, "FieldDefn", index=str(index))
        for tag, value in (("Name", name), ("Type", kind), ("Usage", usage)):
            ET.SubElement(field, tag).text = str(value)
    for index, (land_class, colour) in enumerate(zip(legend, legend.colours, strict=True)):
        row = ET.SubElement(table, "Row", index=str(index))
        for value in (land_class.code, land_class.name, *colour):
            ET.SubElement(row, "F").text = str(value)
    return ET.tostring(root, encoding="unicode")
