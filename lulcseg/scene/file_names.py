"""Names of files: paths on this machine, and addresses of files that GDAL reads from elsewhere."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from lulcseg.errors import LulcsegError
from lulcseg.files import hide_secrets, path_of

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
_PREFIXES = {
    "http": "/vsicurl/http://", "https": "/vsicurl/https://", "s3": "/vsis3/", "gs": "/vsigs/", "az": "/vsiaz/",
}  # fmt: skip
_AFTER_FILE = re.compile(r"\|(layername|crs)=")
_SIGNING = re.compile(
    r"x-(amz|goog|ms)-.*|sig|signature|expires|policy|key-pair-id|awsaccesskeyid|googleaccessid|(access_?)?token|"
    r"(api_?)?key|s[eprtv]|srt?|spr|skoid|sktid|sk[estv]",
    re.IGNORECASE,
)
"""Names of an address's parameters that sign it: they change while the file stays."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that GDAL reads through one of its virtual file systems: over the network, or from an archive.

    As text it is its address without what may be secret: user, password and query.

    Attributes:
        gdal_name: GDAL's name of it, with everything in it.

    Example:
        >>> file = RemoteFile("/vsicurl/https://host/2018/a.tif?X-Amz-Signature=secret")
        >>> str(file), file.name, file.url
        ('https://host/2018/a.tif?…', 'a.tif', 'https://host/2018/a.tif?X-Amz-Signature=secret')
    """

    gdal_name: str

    def __fspath__(self) -> str:
        """Return the name to open it by."""
        return self.gdal_name

    def __str__(self) -> str:
        """Return its address without secrets."""
        return hide_secrets(_address(self.gdal_name))

    def __repr__(self) -> str:
        """Return what identifies it, without secrets."""
        return f"RemoteFile({str(self)!r})"

    @property
    def name(self) -> str:
        """The last part of its address."""
        return unquote(self.gdal_name.partition("?")[0].rstrip("/").rpartition("/")[2])

    @property
    def stem(self) -> str:
        """Its name without the ending."""
        return Path(self.name).stem

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return Path(self.name).suffix

    @property
    def url(self) -> str | None:
        """Its address on a web server; None if it is elsewhere, or inside an archive."""
        address = _address(self.gdal_name)
        return address if address.startswith(("http://", "https://")) else None

    @property
    def archive(self) -> Path | None:
        """The file on this machine that it lies in; None if it is elsewhere."""
        inner = re.sub(r"^(/vsi[a-z0-9_]+)+/", "", self.gdal_name)
        parents = (Path(inner), *Path(inner).parents)
        return next((path for path in parents if path.is_file()), None)

    def beside(self, relative: str) -> str:
        """Return the address or GDAL's name of a file by its address relative to this one.

        Example:
            >>> RemoteFile("/vsis3/farm/items/a.json").beside("../a.tif")
            's3://farm/a.tif'
            >>> RemoteFile("/vsizip//data/a.zip/items/a.json").beside("../a.tif")
            '/vsizip//data/a.zip/a.tif'
        """
        kind, separator, rest = _address(self.gdal_name).partition("://")
        if not separator:  # not urljoin: of /vsizip//data/a.zip it would lose a slash
            folder = posixpath.dirname(kind)
            for part in relative.split("/"):
                folder = posixpath.dirname(folder) if part == ".." else posixpath.join(folder, part)
            return folder
        return f"{kind}://{urljoin('https://' + rest, relative).removeprefix('https://')}"

    @property
    def signless(self) -> str:
        """Its address without secrets, with a digest of the parameters that don't sign it: the same tomorrow.

        Example:
            >>> RemoteFile("/vsicurl/https://host/map?layer=3&token=1").signless
            'https://host/map?…148f98e5'
        """
        query = urlsplit(_address(self.gdal_name)).query
        kept = [pair for pair in parse_qsl(query, keep_blank_values=True) if not _SIGNING.fullmatch(pair[0])]
        return str(self) + (hashlib.sha256(repr(kept).encode()).hexdigest()[:8] if kept else "")


type FileName = Path | RemoteFile
"""A file that a setting names: on this machine, or elsewhere."""


def locate(text: str | os.PathLike[str], where: str | os.PathLike[str], base: Path | None = None) -> FileName:
    """Return the file that a setting names; it need not exist.

    Args:
        text: A path; an address of the kinds ``https``, ``http``, ``s3``, ``gs``, ``az`` or ``file``; or a name of
            GDAL's virtual file systems, ``/vsi…``.
        where: The setting or the file that holds it, for errors.
        base: Folder that a relative path starts from; None: the present one.

    Raises:
        LulcsegError: Nothing can be there, or it is an address of another kind.

    Example:
        >>> locate("s3://bucket/a.tif", "files").gdal_name
        '/vsis3/bucket/a.tif'
    """
    if isinstance(text, RemoteFile):
        return text
    written = os.fspath(text)
    if written.startswith("/vsi") and not Path(written).exists():
        return RemoteFile(written)
    found = _ADDRESS.fullmatch(written)
    if found is None:
        return path_of(written, str(where), base)
    kind, rest = found[1].lower(), found[2]
    if kind == "file":
        return path_of(unquote(rest), str(where), base)
    if kind not in _PREFIXES or not rest.strip("/"):
        raise LulcsegError(
            f"'{hide_secrets(written)}' is not an address that can be read",
            where=str(where),
            remedy=f"use a path, or an address of the kinds {', '.join(_PREFIXES)}",
        )
    return RemoteFile(_PREFIXES[kind] + rest)


class LayerName(NamedTuple):
    """A vector file as a setting names it.

    Attributes:
        file: Its path or address.
        layer: Its layer; None: the only one with geometries.
        crs: The CRS of its coordinates; None: the one that it states itself.
    """

    file: str
    layer: str | None
    crs: str | None


def split_layer(text: str) -> LayerName:
    """Return a file, and the layer and the CRS named after it, as QGIS writes the former.

    Example:
        >>> tuple(split_layer("farm.gpkg|layername=work")), tuple(split_layer("farm.csv|crs=EPSG:4326"))
        (('farm.gpkg', 'work', None), ('farm.csv', None, 'EPSG:4326'))
    """
    file, *rest = _AFTER_FILE.split(text)
    named = dict(zip(rest[::2], rest[1::2], strict=True))
    return LayerName(file, named.get("layername") or None, named.get("crs") or None)


def add_layer(named: LayerName, where: str, *, layer: str | None = None, crs: str | None = None) -> LayerName:
    """Return a file with the layer and the CRS that are named after it, or else beside it.

    Args:
        named: The file as it is written, split.
        where: The setting that names the file, for errors.
        layer: Its layer by a setting of its own, if it has one.
        crs: Its CRS by a setting of its own.

    Raises:
        LulcsegError: One is named in both places, differently.
    """
    for key, after, beside in (("layer", named.layer, layer), ("crs", named.crs, crs)):
        if after is not None and beside is not None and after != beside:
            raise LulcsegError(
                f"{key} is '{beside}', and '{after}' after the name of the file", where=where, remedy="name it once"
            )
    return LayerName(named.file, named.layer or layer, named.crs or crs)


def locate_layer(
    text: str | os.PathLike[str], where: str, *, layer: str | None = None, crs: str | None = None
) -> tuple[FileName, str | None, str | None]:
    """Return a vector file that an argument names, with its layer and CRS (:func:`add_layer`).

    Args:
        text: A path or an address (:func:`locate`), perhaps with ``|layername=`` or ``|crs=`` after it.
        where: The argument, for errors.
        layer: Its layer by an argument of its own.
        crs: Its CRS by an argument of its own.

    Raises:
        LulcsegError: Nothing can be there, or a layer or a CRS is named twice, differently.

    Example:
        >>> locate_layer("s3://farm/points.csv|crs=EPSG:4326", "reference")[1:]
        (None, 'EPSG:4326')
    """
    if isinstance(text, RemoteFile):
        return text, layer, crs
    file, layer, crs = add_layer(split_layer(os.fspath(text)), where, layer=layer, crs=crs)
    return locate(file, where), layer, crs


def _address(gdal_name: str) -> str:
    """Return the address that a name of GDAL's stands for; the name itself for other file systems."""
    for kind, prefix in _PREFIXES.items():
        if gdal_name.startswith(prefix):
            return f"{kind}://{gdal_name[len(prefix) :]}"
    return gdal_name
