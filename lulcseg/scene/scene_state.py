"""The state of a scene that results depend on, as plain values: imagery, labels, points and legend."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from lulcseg.files import sha256_of
from lulcseg.scene.file_identity import content_state, identity_of
from lulcseg.scene.file_names import FileName, RemoteFile, locate
from lulcseg.scene.mosaic_files import find_files
from lulcseg.scene.scene import Scene
from lulcseg.scene.spec import LabelsSpec, PointsSpec
from lulcseg.scene.table_files import is_table
from lulcseg.scene.vectors import read_vector
from lulcseg.scene.whole_files import read_whole

_SHAPEFILE = (".shp", ".dbf", ".shx", ".prj", ".cpg")


def scene_state(scene: Scene) -> dict[str, Any]:
    """Return the state of a scene that results depend on, as plain Python.

    Imagery is identified by its files' names, sizes and times, in whatever folder; polygons, points, their strata and
    crosswalks of class rasters, which are small, by their content.
    """
    spec = scene.spec
    imagery = scene.imagery.state()
    imagery["files"] = [[Path(first).name if Path(first).is_absolute() else first, *rest]
                        for first, *rest in imagery["files"]]  # fmt: skip
    if scene.band_table is not None:
        imagery["band_table"] = [band.to_plain() for band in scene.band_table]
    folder = scene.file.path.parent
    named = [section.file for section in (spec.labels, spec.points) if section is not None and section.file]
    rasters = sorted(find_files(spec.labels.rasters if spec.labels else [], folder, str(scene.file.path)), key=str)
    strata = [] if spec.points is None else [spec.points.strata_map, spec.points.strata_sizes]
    return {
        "name": scene.name,
        "imagery": imagery,
        "legend": scene.legend.to_plain(),
        "labels": _plain(spec.labels),
        "points": _plain(spec.points),
        "vectors": [vector_digest(scene.file.place(name)) for name in named],
        "class_rasters": [[p.name, *identity_of(p)[1:]] for p in rasters],
        **_strata([scene.file.place(name) for name in strata if name]),
    }


def _plain(section: LabelsSpec | PointsSpec | None) -> dict[str, Any] | None:
    """Return a section as plain Python, addresses as they are shown but told apart by their parameters.

    Its crs, which earlier versions lacked, is in it only where it is stated.
    """
    if section is None:
        return None
    plain = {key: value for key, value in asdict(section).items() if key != "crs" or value is not None}
    for key in {"file", "rasters", "strata_map"} & set(plain):
        names = plain[key]
        plain[key] = [_unsigned(name) for name in names] if isinstance(names, list) else _unsigned(names)
    return plain


def _unsigned(name: str | None) -> str | None:
    """Return a file's name, an address without its signature."""
    file = None if name is None else locate(name, "the scene file")
    return file.signless if isinstance(file, RemoteFile) else name


def _strata(files: list[FileName]) -> dict[str, Any]:
    """Return the digests of the files of strata; nothing without any, as in fingerprints of earlier versions.

    A missing file has no digest: the assessment says that it is missing.
    """
    return {"strata": [vector_digest(path) for path in files]} if files else {}


def vector_digest(path: FileName) -> list[str]:
    """Return digests of a vector file; a shapefile is several files.

    Raises:
        LulcsegError: It is elsewhere, and can't be read.
    """
    if isinstance(path, RemoteFile):
        return [_known_elsewhere(path, None if path.url is None else tuple(content_state(path)))]
    parts = [path.with_suffix(s) for s in _SHAPEFILE] if path.suffix.lower() == ".shp" else [path]
    return [_known(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in parts if p.is_file()]


@lru_cache(maxsize=256)
def _known_elsewhere(path: RemoteFile, state: tuple[Any, ...] | None) -> str:  # noqa: ARG001 (as below)
    """Return the digest of a file elsewhere: of a table or on a web server its bytes, of any other its features."""
    if path.url is not None or is_table(path):
        return hashlib.sha256(read_whole(path)).hexdigest()
    frame = read_vector(path, None, None, None)
    return hashlib.sha256(frame.to_wkt().to_csv().encode()).hexdigest()


@lru_cache(maxsize=256)
def _known(path: str, size: int, time: int) -> str:  # noqa: ARG001 (they identify a changed file)
    return sha256_of(Path(path))
