"""Small files read whole, wherever they are: tables and STAC items."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.scene.bucket_files import bucket_of, fetch_from_bucket
from lulcseg.scene.file_names import FileName, RemoteFile
from lulcseg.scene.web_server import fetch


def read_whole(file: FileName) -> bytes:
    """Return a file's content.

    Args:
        file: A path; or a file on a web server, in a bucket (s3, gs, az), or in an archive on this machine
            (``/vsizip/``, ``/vsitar/``, ``/vsigzip/``).

    Raises:
        LulcsegError: It can't be read.
    """
    try:
        if isinstance(file, Path):
            return file.read_bytes()
        if file.url is not None:
            return fetch(file)
        if bucket_of(file) is not None:
            return fetch_from_bucket(file)
        archive = file.archive
        if archive is not None:
            return _from_archive(file, archive)
    except (OSError, KeyError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip("'\"") or type(error).__name__
        raise LulcsegError(f"it can't be read ({reason})", where=file, remedy="check the path") from error
    raise LulcsegError("it can't be read from there as a whole", where=file, remedy="copy the file, and give its path")


def _from_archive(file: RemoteFile, archive: Path) -> bytes:
    """Return a file of an archive; without a name the only one."""
    kind, name = file.gdal_name.split("/")[1], file.gdal_name.partition(str(archive))[2].strip("/")
    if kind == "vsizip":
        with zipfile.ZipFile(archive) as packed:
            return packed.read(name or _only([each for each in packed.namelist() if not each.endswith("/")], file))
    if kind == "vsitar":
        with tarfile.open(archive) as packed:
            name = name or _only([member.name for member in packed if member.isfile()], file)
            found = packed.extractfile(name)
            if found is None:
                raise KeyError(f"{name} is no file")
            return found.read()
    if kind == "vsigzip":
        return gzip.decompress(archive.read_bytes())
    raise LulcsegError(f"/{kind}/ can't be read as a whole", where=file, remedy="unpack it, and give its path")


def _only(names: list[str], file: RemoteFile) -> str:
    if len(names) != 1:
        raise LulcsegError(
            f"it holds {len(names)} files", where=file, remedy="name one after the archive, as in a.zip/points.csv"
        )
    return names[0]
