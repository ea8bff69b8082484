"""What a run fetches of imagery elsewhere: how many files and bytes, and how well they are laid out for it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from lulcseg.scene.decoded_imagery import decoded_bytes, format_size
from lulcseg.scene.file_names import RemoteFile
from lulcseg.scene.format_quantities import format_count
from lulcseg.scene.raster_opening import open_dataset
from lulcseg.scene.scene import Scene
from lulcseg.scene.web_server import ask

_WIDE = 2048
"""Pixels: a narrower raster by whole rows is one of small blocks."""


def describe_fetching(scene: Scene) -> tuple[dict[str, str], list[str]]:
    """Return facts on the images that are elsewhere, by name, and remarks on their layout; both empty without any.

    Raises:
        LulcsegError: A server can't be reached.
    """
    files = [file.path for file in scene.image_files if isinstance(file.path, RemoteFile)]
    remote = [file for file in files if file.archive is None]
    if not remote:
        return {}, []
    answers = [ask(file) for file in remote if file.url is not None]
    sizes = [answer.size for answer in answers if answer.size is not None]
    unknown = len(remote) - len(sizes)
    total = format_size(sum(sizes)) if sizes else ""
    said = " and ".join(
        [*([total] if sizes else []), *([f"{format_count(unknown, 'file')} of unknown size"] if unknown else [])]
    )
    hosts = sorted({_host(file) for file in remote})
    facts = {
        "elsewhere": f"{len(remote)} of {format_count(len(scene.image_files), 'file')} ({said}) at {', '.join(hosts)}",
        "fetched": "the parts that are read, each time that a patch is; in training with reading.decoded=true once, "
        f"kept as {format_size(decoded_bytes(scene.imagery))} in the cache",
    }
    return facts, _layout(remote)


def _host(file: RemoteFile) -> str:
    return urlsplit(str(file)).netloc or str(file).split("/")[1]


def _layout(files: Sequence[RemoteFile]) -> list[str]:
    """Report images by whole rows, and without overviews."""
    by_rows, without = [], []
    for file in files:
        with open_dataset(file) as source:
            _, block = source.block_shapes[0]
            if block == source.width > _WIDE:
                by_rows.append(file.name)
            if not source.overviews(1) and max(source.shape) > _WIDE:
                without.append(file.name)
    remarks = []
    if by_rows:
        remarks.append(
            f"{_named(by_rows)} by whole rows, not by tiles: each patch fetches the rows' full width. Set "
            "reading.decoded=true, or have it served as a Cloud Optimized GeoTIFF (gdal_translate -of COG)."
        )
    if without:
        remarks.append(
            f"{_named(without)} without overviews: pictures of the whole scene fetch every pixel. A Cloud Optimized "
            "GeoTIFF has them."
        )
    return remarks


def _named(names: Sequence[str]) -> str:
    """Return how many images are stored in some way, with the first names."""
    listed = f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''}"
    return f"{format_count(len(names), 'image')} elsewhere ({listed}) {'is' if len(names) == 1 else 'are'} stored"
