"""Text of pictures of maps: its width, and how it is cut to it."""

from __future__ import annotations

from lulcseg.pictures.canvas import shorten_text, text_width


def test_words_are_cut_in_the_middle() -> None:
    name = "a_long_name_of_a_map_" + "x" * 60 + "_multiple.tif"
    cut = shorten_text(name, 300)
    assert text_width(cut) <= 300 < text_width(name)
    start, end = cut.split("…")
    assert name.startswith(start)
    assert name.endswith(end)
    assert 0 <= len(start) - len(end) <= 1 < len(end)
    assert shorten_text("short", 300) == "short"
    assert shorten_text("wide", 3) == "…"
