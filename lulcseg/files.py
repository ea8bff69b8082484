"""Writing files whole or not at all."""

from __future__ import annotations

import hashlib
import json
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError


def make_folder(path: Path, key: str) -> Path:
    """Make a folder and see that it can be written to.

    Args:
        path: The folder.
        key: Setting that named it, for the remedy.

    Raises:
        LulcsegError: It can't be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise LulcsegError(
            f"it can't be written to ({error.strerror})", where=path, remedy=f"set {key} to a folder that can"
        ) from error
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; put it in place once the block has ended well.

    The temporary name keeps the suffix, by which GDAL and matplotlib know a format.

    Args:
        path: The file to write. Its folder is made where missing.

    Yields:
        Where to write.

    Raises:
        LulcsegError: The folder or the file can't be written.
    """
    part = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise LulcsegError(
            f"it can't be written ({error.strerror or error})", where=path, remedy="choose a folder you may write to"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as JSON, whole or not at all."""
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a JSON mapping, or None where there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, as hexadecimal digits.

    Raises:
        LulcsegError: It can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LulcsegError(f"it can't be read ({error.strerror})", where=path, remedy="check the path") from error
