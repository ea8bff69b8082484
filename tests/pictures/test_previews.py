"""Previews of imagery and labels, and pictures of maps."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.pictures import reduced_imagery
from lulcseg.pictures.previews import write_previews
from tests.support.runs import FakeScene

LEGEND = Legend((LandClass(10, "Cane", "#00ff00"), LandClass(30, "Road", "#333333"), LandClass(50, "Other", "#c0c0c0")))


def scene(height, width, bands=3, dtype=np.uint8, valid=None, seed=0):
    rng = np.random.default_rng(seed)
    high = 255 if dtype == np.uint8 else 4000
    image = rng.integers(0, high, (bands, height, width)).astype(dtype)
    index = rng.choice(np.array([0, 1, 2, IGNORE], dtype=np.uint8), (height, width))
    return FakeScene("farm", image, index, Grid("EPSG:28355", 0.0, 90.0, 1.0, 1.0, height, width), LEGEND, valid)


def rgb(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def rgba(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGBA"))


def test_a_small_scene_keeps_its_pixels(tmp_path):
    s = scene(20, 30)

    entry = write_previews(s, tmp_path / "previews")

    assert entry["imagery_preview"] == "previews/farm.png"
    assert entry["labels_preview"] == "previews/farm_labels.png"
    assert entry["grid"]["width"] == 30
    assert Legend.from_plain(entry["legend"]) == LEGEND
    np.testing.assert_array_equal(rgb(tmp_path / "previews/farm.png").transpose(2, 0, 1), s._image)
    labels = rgba(tmp_path / "previews/farm_labels.png")
    known = s._index != IGNORE
    np.testing.assert_array_equal(labels[known][:, :3], LEGEND.colours[s._index[known]])
    assert (labels[known][:, 3] == 255).all()
    assert (labels[~known][:, 3] == 0).all()


@pytest.mark.parametrize("block", [16, 2048])
def test_a_large_scene_is_averaged_over_cells_of_whole_pixels(tmp_path, monkeypatch, block):
    monkeypatch.setattr(reduced_imagery, "_BLOCK", block)
    s = scene(61, 93)

    write_previews(s, tmp_path, max_px=31)

    picture = rgb(tmp_path / "farm.png")
    assert picture.shape == (20, 31, 3)
    rows, cols = np.arange(21) * 61 // 20, np.arange(32) * 93 // 31
    for r, c in ((0, 0), (19, 30), (7, 13)):
        cell = s._image[:, rows[r] : rows[r + 1], cols[c] : cols[c + 1]]
        np.testing.assert_allclose(picture[r, c], cell.mean(axis=(1, 2)), atol=0.51)
    labels = rgba(tmp_path / "farm_labels.png")
    middle = s._index[(rows[7] + rows[8]) // 2, (cols[13] + cols[14]) // 2]
    expected = [*LEGEND.colours[middle], 255] if middle != IGNORE else [255, 255, 255, 0]
    assert labels[7, 13].tolist() == expected


def test_only_valid_pixels_count_and_none_is_white(tmp_path):
    valid = np.zeros((40, 40), dtype=bool)
    valid[:20, :20] = np.random.default_rng(1).random((20, 20)) < 0.7
    s = scene(40, 40, valid=valid)

    write_previews(s, tmp_path, max_px=4)

    picture = rgb(tmp_path / "farm.png")
    assert (picture[2:] == 255).all()
    np.testing.assert_allclose(picture[0, 0], s._image[:, :10, :10][:, valid[:10, :10]].mean(axis=1), atol=0.51)


def test_imagery_other_than_bytes_is_stretched(tmp_path):
    s = scene(50, 50, bands=4, dtype=np.uint16)

    write_previews(s, tmp_path)

    picture = rgb(tmp_path / "farm.png")
    low, high = np.percentile(s._image[0], (2, 98))
    np.testing.assert_allclose(picture[..., 0], np.clip((s._image[0] - low) / (high - low), 0, 1) * 255, atol=0.6)
    assert picture.min() == 0
    assert picture.max() == 255


def test_one_band_is_grey_and_no_labels_make_no_picture(tmp_path):
    s = scene(8, 8, bands=1)
    s.labels = None

    entry = write_previews(s, tmp_path)

    assert entry["labels_preview"] is None
    assert [p.name for p in tmp_path.iterdir()] == ["farm.png"]
    assert (np.ptp(rgb(tmp_path / "farm.png").astype(int), axis=2) == 0).all()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "previews").write_text("in the way")

    with pytest.raises(LulcsegError, match="can't be written"):
        write_previews(scene(8, 8), tmp_path / "previews")
