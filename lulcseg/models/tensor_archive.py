"""Archives of tensors, as ``torch.save`` writes them: checked before they are unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from lulcseg.errors import LulcsegError

_LARGEST_GROWTH = 16
"""Most bytes that an archive of tensors may unpack to for each of its own."""


def check_archive(path: Path) -> None:
    """Check the content of a zip archive against the checksums of its entries.

    Args:
        path: The archive, as ``torch.save`` writes it: not compressed.

    Raises:
        LulcsegError: An entry doesn't fit its checksum, or the archive would unpack to far more than its own size.
        zipfile.BadZipFile: It is not an archive, or its directory is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > _LARGEST_GROWTH * max(path.stat().st_size, 1 << 20):
            raise LulcsegError(f"it would unpack to {unpacked / 1e9:.1f} GB", where=path, remedy="use another file")
        damaged = archive.testzip()
    if damaged is not None:
        raise LulcsegError(
            f"damaged: its part '{damaged}' doesn't fit the checksum",
            where=path,
            remedy="take the file from a backup, or make it anew",
        )
