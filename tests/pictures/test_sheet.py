"""Scale bar and legend below pictures of maps."""

from __future__ import annotations

import numpy as np

from lulcseg.pictures.canvas import Canvas
from lulcseg.pictures.sheet import Key, Sheet


def test_the_bar_is_as_long_as_it_says() -> None:
    canvas, sheet = Canvas(600, 40), Sheet(560)
    sheet.scale_bar(canvas, 10, 0, 1.7, 300)
    row = np.asarray(canvas.page)[9, :, 0]
    dark = np.flatnonzero(row[:308] < 100)  # its name begins at 312
    assert (dark[0], dark[-1]) == (10, 10 + round(500 / 1.7) - 1)


def test_keys_fill_columns_downwards() -> None:
    keys = [Key(f"#0000{i:02x}", f"class {i}", "1.0 %") for i in range(5)]
    canvas, sheet = Canvas(600, 100), Sheet(560)
    end = sheet.keys(canvas, 20, 10, 560, keys)
    assert end == 10 + sheet.keys_height(560, keys) == 10 + 2 * 26
    page = np.asarray(canvas.page)
    tops = [np.argwhere((page == (0, 0, i)).all(axis=-1)).min(axis=0).tolist() for i in range(5)]
    assert [top for top, _ in tops] == [12, 38, 12, 38, 12]
    assert tops[0][1] == tops[1][1] < tops[2][1] == tops[3][1] < tops[4][1]


def test_letters_grow_with_the_page() -> None:
    assert [Sheet(width).px(16) for width in (320, 1200, 2400, 6000)] == [16, 16, 32, 80]
