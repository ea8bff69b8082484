"""The state of a scene that results depend on, as plain values: imagery, labels, points and legend."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from lulcseg.files import sha256_of
from lulcseg.scene.mosaic_files import find_files
from lulcseg.scene.scene import Scene

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
    rasters = sorted(find_files(spec.labels.rasters if spec.labels else [], folder, str(scene.file.path)))
    strata = [] if spec.points is None else [spec.points.strata_map, spec.points.strata_sizes]
    return {
        "name": scene.name,
        "imagery": imagery,
        "legend": scene.legend.to_plain(),
        "labels": None if spec.labels is None else asdict(spec.labels),
        "points": None if spec.points is None else asdict(spec.points),
        "vectors": [vector_digest(scene.file.place(name)) for name in named],
        "class_rasters": [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in rasters],
        **_strata([scene.file.place(name) for name in strata if name]),
    }


def _strata(files: list[Path]) -> dict[str, Any]:
    """Return the digests of the files of strata; nothing without any, as in fingerprints of earlier versions.

    A missing file has no digest: the assessment says that it is missing.
    """
    return {"strata": [vector_digest(path) for path in files]} if files else {}


def vector_digest(path: Path) -> list[str]:
    """Return digests of a vector file; a shapefile is several files."""
    parts = [path.with_suffix(s) for s in _SHAPEFILE] if path.suffix.lower() == ".shp" else [path]
    return [_known(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in parts if p.is_file()]


@lru_cache(maxsize=256)
def _known(path: str, size: int, time: int) -> str:  # noqa: ARG001 (they identify a changed file)
    return sha256_of(Path(path))
