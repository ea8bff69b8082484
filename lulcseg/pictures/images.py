"""Pictures for the report: class colours, compact encodings, data URIs."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.classraster import ClassRaster

_JPEG_QUALITY = 85


def class_picture(index: NDArray[np.uint8], legend: Legend) -> Image.Image:
    """Paint class indices in the legend's colours.

    Args:
        index: (h, w) uint8 class indices; 255 comes out transparent.
        legend: The classes.

    Returns:
        A palette image.
    """
    picture = Image.fromarray(index, mode="P")
    palette = np.full((256, 3), 255, dtype=np.uint8)
    palette[: len(legend)] = legend.colours
    picture.putpalette(palette.tobytes())
    picture.info["transparency"] = IGNORE
    return picture


def map_picture(path: Path, legend: Legend, height: int, width: int) -> Image.Image:
    """Paint a map file at a wanted size, in pixels, from its overviews where it has them.

    Raises:
        LulcsegError: The map can't be read, or has a code that the legend lacks.
    """
    with ClassRaster(path, legend) as raster:
        return class_picture(raster.overview(height, width), legend)


def png_bytes(picture: Image.Image) -> bytes:
    """Encode a picture as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def photo_uri(path: Path) -> str:
    """Return an image file of imagery as a data URI, as JPEG: a third to a tenth of the PNG."""
    with Image.open(path) as picture:
        return jpeg_uri(picture)


def jpeg_uri(picture: Image.Image) -> str:
    """Return a picture of imagery as a data URI, as JPEG."""
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return data_uri(buffer.getvalue(), "image/jpeg")


def png_uri(picture: Image.Image) -> str:
    """Return a picture as a data URI, as PNG."""
    return data_uri(png_bytes(picture), "image/png")


def data_uri(content: bytes, kind: str) -> str:
    """Return a file's content as a data URI.

    Args:
        content: The bytes.
        kind: Media type, such as ``image/png``.
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
