"""A raster file as a virtual one: of some bands, declaring only what counts; or of its palette's colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import rasterio

from lulcseg.scene.band_validity import Palette, ValidityRule
from lulcseg.scene.file_names import FileName, RemoteFile
from lulcseg.scene.raster_opening import open_as_known

_GDAL_NAMES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "float16": "Float16", "float32": "Float32", "float64": "Float64",
}  # fmt: skip
_BAND = "VRTRasterBand"
_COLOURS = ("Red", "Green", "Blue")


def open_by(rule: ValidityRule, path: FileName) -> Any:
    """Open a raster with the bands that a rule numbers: its own, or the colours of its palette.

    Args:
        rule: What is read, and what tells the valid pixels.
        path: The raster.

    Returns:
        The open dataset (rasterio).

    Raises:
        rasterio.errors.RasterioError: It can't be opened, or its mask isn't there.
    """
    if rule.palette is not None:
        return rasterio.open(_expanded(path, rule.palette, mask=rule.mask))
    return open_as_known(path, mask=rule.mask)


def open_view(path: FileName, rule: ValidityRule, bands: Sequence[int]) -> Any:
    """Open bands of a raster so that GDAL's warper takes the others for nothing.

    Args:
        path: The raster.
        rule: What tells the valid pixels: the view has its alpha band as the last, declared as that, and its mask.
        bands: Bands of the view, by their numbers in the rule, without colours and nodata.

    Returns:
        The open dataset (rasterio).
    """
    with open_by(rule, path) as source:
        view = _empty_view(source)
        name = _name(path) if rule.palette is None else _expanded(path, rule.palette, mask=rule.mask)
        for number, band in enumerate([*bands, *([] if rule.alpha is None else [rule.alpha])], start=1):
            added = _add_band(view, name, source.dtypes[band - 1], str(band))
            if number > len(bands):
                ET.SubElement(added, "ColorInterp").text = "Alpha"
        if rule.mask:
            _add_band(ET.SubElement(view, "MaskBand"), name, "uint8", "mask,1")
    return rasterio.open(ET.tostring(view, encoding="unicode"))


def _expanded(path: FileName, palette: Palette, *, mask: bool) -> str:
    """Return a virtual raster of the colours of a palette, with the bands of :meth:`BandFacts.expand`."""
    with open_as_known(path, mask=mask) as source:
        view, name, band = _empty_view(source), _name(path), str(palette.band)
        for number, colour in enumerate(_COLOURS, start=1):
            added = _add_band(view, name, "uint8", band, "ComplexSource")
            ET.SubElement(added[0], "ColorTableComponent").text = str(number)
            ET.SubElement(added, "ColorInterp").text = colour
        if palette.tells:
            shown = {k: 0 if k == palette.nodata else colour[3] for k, colour in source.colormap(palette.band).items()}
            _add_alpha(view, name, palette, shown)
        if mask:
            _add_band(ET.SubElement(view, "MaskBand"), name, "uint8", "mask,1")
    return ET.tostring(view, encoding="unicode")


def _add_alpha(view: ET.Element, name: str, palette: Palette, shown: Mapping[int, int]) -> None:
    """Add the alpha band of a palette's colours: the file's, the palette's, or 0 where either is."""
    if palette.alpha is None:
        added = _add_band(view, name, "uint8", str(palette.band), "ComplexSource")
        sources = [(added[0], shown)]
    else:
        added = _add_band(view, name, "uint8", str(palette.alpha))
        sources = []
        if palette.hides:
            added.set("subClass", "VRTDerivedRasterBand")
            ET.SubElement(added, "PixelFunctionType").text = "mul"
            table = _add_source(added, name, str(palette.band), "ComplexSource")
            sources = [(table, {k: int(value > 0) for k, value in shown.items()})]
    for source, values in sources:
        ET.SubElement(source, "LUT").text = ",".join(f"{k}:{value}" for k, value in values.items())
    ET.SubElement(added, "ColorInterp").text = "Alpha"


def _empty_view(source: Any) -> ET.Element:
    """Return a virtual raster without bands on a raster's grid."""
    view = ET.Element("VRTDataset", rasterXSize=str(source.width), rasterYSize=str(source.height))
    ET.SubElement(view, "SRS").text = source.crs.to_wkt()
    ET.SubElement(view, "GeoTransform").text = ", ".join(repr(float(v)) for v in source.transform.to_gdal())
    return view


def _name(path: FileName) -> str:
    return path.gdal_name if isinstance(path, RemoteFile) else str(path.resolve())


def _add_band(parent: ET.Element, name: str, dtype: str, source_band: str, kind: str = "SimpleSource") -> ET.Element:
    """Add a band of one source, which is its first element."""
    number = str(sum(each.tag == _BAND for each in parent) + 1)
    band = ET.SubElement(parent, _BAND, dataType=_GDAL_NAMES[dtype], band=number)
    _add_source(band, name, source_band, kind)
    return band


def _add_source(band: ET.Element, name: str, source_band: str, kind: str) -> ET.Element:
    source = ET.SubElement(band, kind)
    # not shared: several threads may read, each with handles of its own
    ET.SubElement(source, "SourceFilename", relativeToVRT="0", shared="0").text = name
    ET.SubElement(source, "SourceBand").text = source_band
    return source
