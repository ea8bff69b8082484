"""A raster file as a virtual one of some bands that declares only what counts: an alpha band, the mask, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

import rasterio

from lulcseg.scene.file_names import FileName, RemoteFile
from lulcseg.scene.raster_opening import open_as_known

_GDAL_NAMES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "float16": "Float16", "float32": "Float32", "float64": "Float64",
}  # fmt: skip


def open_view(path: FileName, bands: Sequence[int], *, alpha: int | None, mask: bool) -> Any:
    """Open bands of a raster so that GDAL's warper takes the others for nothing.

    Args:
        path: The raster.
        bands: Its bands in the view, by number, without colours and nodata.
        alpha: Number of the band that is the view's last, declared as alpha.
        mask: Whether the view has the raster's mask.

    Returns:
        The open dataset (rasterio).
    """
    with open_as_known(path, mask=mask) as source:
        view = ET.Element("VRTDataset", rasterXSize=str(source.width), rasterYSize=str(source.height))
        ET.SubElement(view, "SRS").text = source.crs.to_wkt()
        ET.SubElement(view, "GeoTransform").text = ", ".join(repr(float(v)) for v in source.transform.to_gdal())
        for number, band in enumerate([*bands, *([] if alpha is None else [alpha])], start=1):
            added = _add_band(view, path, source.dtypes[band - 1], str(band))
            added.set("band", str(number))
            if number > len(bands):
                ET.SubElement(added, "ColorInterp").text = "Alpha"
        if mask:
            _add_band(ET.SubElement(view, "MaskBand"), path, "uint8", "mask,1")
    return rasterio.open(ET.tostring(view, encoding="unicode"))


def _add_band(parent: ET.Element, path: FileName, dtype: str, source_band: str) -> ET.Element:
    band = ET.SubElement(parent, "VRTRasterBand", dataType=_GDAL_NAMES[dtype])
    source = ET.SubElement(band, "SimpleSource")
    name = path.gdal_name if isinstance(path, RemoteFile) else str(path.resolve())
    # not shared: several threads may read, each with handles of its own
    ET.SubElement(source, "SourceFilename", relativeToVRT="0", shared="0").text = name
    ET.SubElement(source, "SourceBand").text = source_band
    return band
