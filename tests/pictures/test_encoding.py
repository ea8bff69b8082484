"""Encodings of pictures."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from lulcseg.pictures.encoding import photo_uri


def test_photographs_travel_as_jpeg(tmp_path):
    Image.fromarray(np.full((30, 40, 3), 120, dtype=np.uint8)).save(tmp_path / "a.png")

    kind, content = photo_uri(tmp_path / "a.png").split(",")

    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert picture.size == (40, 30)
