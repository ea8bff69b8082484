"""Whether a map is as it was written: its checksum is in the STAC item beside it.

GDAL reads many a flipped byte of compressed pixels as other pixels, without a word.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json
from lulcseg.progress import tracked

KEY = "file:checksum"
"""Field of an asset, of STAC's file extension."""

_SHA256 = "1220"
"""What a multihash of SHA-256 begins with."""

_BLOCK = 1 << 24


def checksum(path: Path) -> str:
    """Return a file's SHA-256 as a multihash, as STAC has it."""
    state = path.stat()
    return _checksum(path, state.st_size, state.st_mtime_ns)


def check_as_written(path: Path, described_in: Path | None = None) -> None:
    """Check a map against the checksum in its STAC item, if it has one.

    Args:
        path: The map, or a raster beside it.
        described_in: The item; None: that of the raster's own name.

    Raises:
        LulcsegError: It differs.
    """
    item_path = described_in or path.with_suffix(".json")
    item: dict[str, Any] = read_json(item_path) or {}
    assets = item.get("assets")
    described = assets.values() if isinstance(assets, dict) else ()
    stated = [each.get(KEY) for each in described if isinstance(each, dict) and each.get("href") == f"./{path.name}"]
    if stated and isinstance(stated[0], str) and stated[0].startswith(_SHA256) and stated[0] != checksum(path):
        raise LulcsegError(
            f"it is damaged, or was changed since it was written: its checksum isn't the one in {item_path.name}",
            where=path,
            remedy=f"map again, take it from a backup, or remove {item_path.name} if it was changed on purpose",
        )


@lru_cache(maxsize=64)
def _checksum(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 (a changed file is read again)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for _ in tracked(range(-(-size // _BLOCK)), f"Checking {path.name}", "blocks"):
            digest.update(file.read(_BLOCK))
    return _SHA256 + digest.hexdigest()
