"""Small pictures of imagery that stand in a page once, and are drawn at several places of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lulcseg.pictures.encoding import jpeg_uri
from lulcseg.report.run.run_data import RunData

_LONGEST = 720
"""Longer side of the picture, in pixels."""

_UNITS = 2_000
"""Longer side of its coordinates: whole numbers are fine enough for a page's width."""


@dataclass(frozen=True)
class SharedPhoto:
    """Imagery of a scene.

    Attributes:
        key: Its id in the page.
        scene: Name of the scene.
        uri: The picture as a data URI.
        width: Its width in the coordinates of what is drawn over it.
        height: Its height likewise.
    """

    key: str
    scene: str
    uri: str
    width: int
    height: int


def shared_photos(run: RunData) -> dict[str, SharedPhoto]:
    """Return the imagery of each scene whose preview the run directory holds, by the scene's name."""
    photos = {}
    for number, (scene, entry) in enumerate(run.record.scenes.items(), start=1):
        path = run.path / str(entry.imagery_preview)
        if entry.imagery_preview and path.is_file():
            photos[scene] = _photo(f"photo-{number}", scene, path)
    return photos


def _photo(key: str, scene: str, path: Path) -> SharedPhoto:
    with Image.open(path) as picture:
        size = picture.size
        small = picture.convert("RGB")
        small.thumbnail((_LONGEST, _LONGEST), Image.Resampling.BOX)
    scale = _UNITS / max(size)
    return SharedPhoto(key, scene, jpeg_uri(small), round(size[0] * scale), round(size[1] * scale))
