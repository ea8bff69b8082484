"""Files: written whole or not at all, read, hashed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError

_SHOWN = 80
"""Characters of a path that an error shows."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")

_QUERY = re.compile(r"((?:://|/vsi)[^\s'\"?]*)\?(?:[^\s'\"]|['\"](?=\w))*")
_USER = re.compile(r"://(?:[^/\s'\"]*@|[^/\s'\"@:]+:(?!\d+/)[^\s'\"@]*@)")

_FILES = frozenset({
    ".tif", ".tiff", ".vrt", ".img", ".png", ".jpg", ".gpkg", ".shp", ".geojson", ".json", ".csv", ".parquet", ".yaml",
    ".yml", ".html", ".onnx", ".pt2", ".ckpt",
})  # fmt: skip
"""Endings of files that are read and written: a folder named so is a mistake."""


def is_there(path: Path) -> bool:
    """Whether a path leads to something; no error where it can't be followed: a loop of links, a name too long.

    >>> is_there(Path("x" * 300))
    False
    """
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def path_of(text: str | Path, where: str | Path, base: Path | None = None) -> Path:
    """Return the path that a setting names, with the home folder for ``~``; it need not exist.

    Args:
        text: As written.
        where: The setting or the file that holds it, for errors.
        base: Folder that a relative path starts from; None: the present one.

    Raises:
        LulcsegError: Nothing can be there: a loop of links, a name too long, an unknown user's home; or it is an
            address, whose ``//`` a path would lose.
    """
    _check_is_path(str(text), where, "a path is needed here", "download the file, and give its path")
    try:
        path = Path(text).expanduser()
        path = path if base is None else base / path
        path.resolve()
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        written = str(text).replace("\0", "\\0")
        shown = written if len(written) <= _SHOWN else f"{written[:_SHOWN]}…"
        raise LulcsegError(
            f"'{shown}' can't be a path ({reason[:_SHOWN]})", where=where, remedy="write another path"
        ) from error
    return path


def target_of(text: str | Path, where: str | Path) -> Path:
    """Return the path of what is to be written, as :func:`path_of` does of what is there.

    Raises:
        LulcsegError: Nothing can be there, or it is an address.
    """
    _check_is_path(str(text), where, "results are written to this machine alone", "give a folder or a file on it")
    return path_of(text, where)


def _check_is_path(text: str, where: str | Path, why: str, remedy: str) -> None:
    if _ADDRESS.match(text):
        shown = hide_secrets(text).partition("?")[0][:_SHOWN]
        raise LulcsegError(f"'{shown}' is an address, but {why}", where=where, remedy=remedy)


def check_folder_name(path: Path, key: str) -> None:
    """Check that a folder that would be new isn't named as a file.

    Args:
        path: The folder.
        key: Setting that named it.

    Raises:
        LulcsegError: It is, such as map.tif.
    """
    if path.suffix.lower() in _FILES and not is_there(path):
        raise LulcsegError(
            f"'{path.name}' is the name of a file, and {key} names a folder, in which files get their names",
            where=key,
            remedy=f"name a folder, such as {path.stem}",
        )


def make_folder(path: Path, key: str) -> Path:
    """Create a folder and check that it can be written to.

    Args:
        path: The folder.
        key: Setting that named the folder, for the remedy.

    Raises:
        LulcsegError: It is named as a file, or can't be created or written to.
    """
    check_folder_name(path, key)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise LulcsegError(
            f"it can't be written to ({error.strerror})", where=path, remedy=f"set {key} to a folder that can"
        ) from error
    return path


def hide_secrets(text: str) -> str:
    """Return a text without users, passwords and queries of the addresses in it.

    Example:
        >>> hide_secrets("error: 503 - https://me:pw@host/a.tif?sig=abc. Retrying")
        'error: 503 - https://host/a.tif?… Retrying'
        >>> hide_secrets("https://me:p@w@host:80/a@b.tif"), hide_secrets("https://me:p/w@host/a.tif?sig=a'b&x=1")
        ('https://host:80/a@b.tif', 'https://host/a.tif?…')
    """
    return _QUERY.sub(r"\1?…", _USER.sub("://", text))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name beside it, and rename it once the block has succeeded.

    The temporary name keeps the suffix, from which GDAL and matplotlib infer the format.

    Args:
        path: The file to write. Its folder is created if missing, and removed again if the block fails.

    Yields:
        The temporary path to write to.

    Raises:
        LulcsegError: The folder or the file can't be written.
    """
    part = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.part{path.suffix}")
    with removing_new_folders(path.parent):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield part
            part.replace(path)
        except OSError as error:
            raise LulcsegError(
                f"it can't be written ({error.strerror or error})",
                where=path,
                remedy="choose a folder you may write to",
            ) from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


@contextmanager
def replacing_together(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Write several files as :func:`replacing` does each, all of them or none.

    Args:
        paths: The files to write.

    Yields:
        The temporary paths to write to, every one of them, in the same order.

    Raises:
        LulcsegError: A folder or a file can't be written.
    """
    for path in paths:
        if path.is_dir():
            raise LulcsegError("it is a folder", where=path, remedy="move it away, or choose another name")
    with ExitStack() as stack:
        parts = [stack.enter_context(replacing(path)) for path in reversed(paths)]
        yield parts[::-1]  # the first is renamed first


@contextmanager
def removing_new_folders(folder: Path) -> Iterator[None]:
    """Remove a folder and its parents again if the block fails: those that the block made, and left empty."""
    new = [path for path in (folder, *folder.parents) if not is_there(path)]
    try:
        yield
    except BaseException:
        for path in new:
            with suppress(OSError):
                path.rmdir()
        raise


def short_paths(paths: Sequence[str | Path]) -> list[str]:
    """Return paths without the folder that all of them lie in; a single one as it is.

    >>> short_paths(["/runs/a/seed0/best.ckpt", "/runs/a/seed1/best.ckpt"])
    ['seed0/best.ckpt', 'seed1/best.ckpt']
    """
    try:
        common = os.path.commonpath(paths) if len(paths) > 1 else ""
    except ValueError:  # absolute and relative ones
        common = ""
    return [Path(os.path.relpath(path, common)).as_posix() if common else str(path) for path in paths]


def default_cache() -> Path:
    """Return the default folder for what is made once and kept: label rasters, landscapes, measured speeds."""
    root = os.environ.get("LULCSEG_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "lulcseg"
    return Path(root).expanduser()


def create_once(path: Path, text: str) -> bool:
    """Create a file with its content, unless it exists: of several processes, on one machine or many, one succeeds.

    The file is written under another name and linked to its own, which file systems do at once and for one only. Where
    there are no hard links, it is opened for the first to come, and is empty for a moment.

    Args:
        path: The file; its folder exists.
        text: Its content.

    Returns:
        Whether this process created it.

    Raises:
        OSError: It can't be written.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        part.write_text(text, encoding="utf-8")
        try:
            os.link(part, path)
        except FileExistsError:
            return part.stat().st_nlink > 1  # a server's answer was lost, and the question repeated: it is ours
        except OSError:
            return _open_once(path, text)
        return True
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _open_once(path: Path, text: str) -> bool:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as JSON, whole or not at all."""
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a JSON mapping, or None if the file is missing or unreadable."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, as hexadecimal digits.

    Raises:
        LulcsegError: The file can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LulcsegError(f"it can't be read ({error.strerror})", where=path, remedy="check the path") from error
