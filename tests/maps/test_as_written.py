"""A map is compared with the checksum in its STAC item wherever it is opened."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from lulcseg.errors import LulcsegError
from lulcseg.legend import LandClass, Legend
from lulcseg.maps.as_written import KEY, checksum
from lulcseg.maps.classraster import ClassRaster
from tests.conftest import write_raster

LEGEND = Legend([LandClass(0, "A", "#000000"), LandClass(1, "B", "#ffffff")])


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A compressed map with its item."""
    data = np.random.default_rng(0).integers(0, 2, (1, 64, 64)).astype("uint8")
    path = write_raster(tmp_path / "map.tif", data, compress="deflate", nodata=255)
    item = {"type": "Feature", "assets": {"map": {"href": "./map.tif", KEY: checksum(path)}}}
    path.with_suffix(".json").write_text(json.dumps(item))
    return path


def test_the_checksum_is_a_multihash_of_sha256(written: Path) -> None:
    assert checksum(written) == "1220" + hashlib.sha256(written.read_bytes()).hexdigest()


def test_any_flipped_byte_is_noticed(written: Path) -> None:
    with ClassRaster(written, LEGEND):
        pass
    whole = written.read_bytes()
    for place in np.random.default_rng(1).integers(400, len(whole), 12):
        written.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(LulcsegError) as refused:
            ClassRaster(written, LEGEND)
        assert "map.tif" in str(refused.value)
    written.with_suffix(".json").unlink()
    written.write_bytes(whole)
    ClassRaster(written, LEGEND)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"assets": []}', '{"assets": {"map": 1}}', '{"assets": {"map": {}}}']
)
def test_other_files_of_that_name_say_nothing(written: Path, text: str) -> None:
    written.with_suffix(".json").write_text(text)
    with ClassRaster(written, LEGEND):
        pass


def test_an_item_of_another_file_says_nothing(written: Path) -> None:
    item = {"assets": {"map": {"href": "./other.tif", KEY: "1220" + 64 * "0"}}}
    written.with_suffix(".json").write_text(json.dumps(item))
    with ClassRaster(written, LEGEND):
        pass
