"""Scene files derived from another: the ground of a plan's patches, and one class against all others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import yaml

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.files import make_folder, replacing
from lulcseg.maps.output_guards import check_not_replaced
from lulcseg.sampling.plan import Plan
from lulcseg.scene.file_names import split_layer
from lulcseg.scene.layer_writing import write_layer
from lulcseg.scene.scene import Scene
from lulcseg.settings.plain_yaml import read_yaml

REST = "Other"
"""Name of the class that all others are merged into, if no other is named."""


def write_ground_scene(scene: Scene, plan: Plan, out: Path, read: Sequence[Path] = ()) -> Path:
    """Write a scene file of the ground that a plan's patches cover, and its boundary next to it.

    Args:
        scene: The plan's scene.
        plan: The plan, such as a systematic grid.
        out: The scene file to write, ``.yaml``.
        read: Files that the scene and the plan were read from, which aren't replaced.

    Returns:
        ``out``.

    Raises:
        LulcsegError: A file can't be written, or would replace one that is read.
    """
    boundary = out.with_suffix(".gpkg")
    _check_out(scene, (out, boundary), read)
    make_folder(out.parent, "out")
    ground = gpd.GeoDataFrame({"name": [out.stem]}, geometry=[plan.rows.geometry.union_all()], crs=plan.rows.crs)
    with replacing(boundary) as part:
        write_layer(ground, part, out.stem)
    content = _absolute_content(scene) | {"name": out.stem, "boundary": str(boundary.resolve())}
    return _write(content, out)


def write_class_scene(scene: Scene, land_class: str, out: Path, rest: str = REST, read: Sequence[Path] = ()) -> Path:
    """Write a scene file of one class, all others merged into a rest; it keeps the scene's name.

    Args:
        scene: The scene.
        land_class: Name of the class.
        out: The scene file to write, ``.yaml``.
        rest: Name of the class that the others are merged into.
        read: Files that the scene was read from, which aren't replaced.

    Returns:
        ``out``.

    Raises:
        LulcsegError: The scene has no labels, no such class or no such rest, both are the same, or the file can't be
            written.
    """
    names = scene.legend.names
    for name in (land_class, rest):
        if name not in names:
            raise LulcsegError(f"it has no class '{name}'", where=scene.file.path, remedy=did_you_mean(name, names))
    if land_class == rest:
        raise LulcsegError(
            f"{rest} is what all other classes are merged into", where="class", remedy="choose another class or rest"
        )
    if scene.spec.labels is None:
        raise LulcsegError("it has no labels", where=scene.file.path, remedy="add labels:")
    _check_out(scene, (out,), read)
    make_folder(out.parent, "out")
    content = _absolute_content(scene) | {"name": scene.name}
    content["legend"] = [entry for entry in scene.legend.to_plain() if entry["name"] in {land_class, rest}]
    others = {name: rest for name in names if name not in {land_class, rest}}
    for section in ("labels", "points"):
        if content.get(section):
            own: dict[str, str] = content[section].get("crosswalk") or {}
            both = {source: others.get(name, name) for source, name in own.items()}
            content[section] = content[section] | {"crosswalk": others | both}
    uncovered = content["labels"].get("uncovered")
    if uncovered in others:
        content["labels"]["uncovered"] = rest
    return _write(content, out)


def _check_out(scene: Scene, targets: Sequence[Path], also: Sequence[Path]) -> None:
    """Check that nothing that the scene consists of would be replaced, nor what it was read from."""
    spec = scene.spec
    named = [part.file for part in (spec.labels, spec.points) if part is not None and part.file]
    read = [*also, scene.file.path, *(scene.file.place(name) for name in named)]
    if spec.boundary is not None:
        read.append(scene.file.place(split_layer(spec.boundary).file))
    check_not_replaced(targets, read, remedy="give another name for the new scene")


def _absolute_content(scene: Scene) -> dict[str, Any]:
    """Return a scene file's content with absolute paths."""
    content = read_yaml(scene.file.path)
    folder = scene.file.path.parent.resolve()

    def absolute(name: str) -> str:
        return name if "://" in name else str(folder / name)

    imagery = content["imagery"]
    for source in imagery if isinstance(imagery, list) else [imagery]:
        if source.get("files"):
            source["files"] = [absolute(name) for name in source["files"]]
        if source.get("stac"):
            source["stac"] = absolute(source["stac"])
    for section in ("labels", "points"):
        if content.get(section) and content[section].get("file"):
            content[section] = content[section] | {"file": absolute(content[section]["file"])}
    if content.get("labels") and content["labels"].get("rasters"):
        content["labels"]["rasters"] = [absolute(name) for name in content["labels"]["rasters"]]
    if content.get("boundary"):
        content["boundary"] = absolute(content["boundary"])
    return content


def _write(content: dict[str, Any], out: Path) -> Path:
    with replacing(out) as part:
        part.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return out
