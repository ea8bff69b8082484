"""A window of a scene at full resolution, where a trial's maps differ most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid, Window
from lulcseg.pictures.class_map import ClassMap, class_lookup
from lulcseg.pictures.encoding import jpeg_uri, png_uri
from lulcseg.pictures.painting import class_picture
from lulcseg.pictures.reduced_imagery import window_imagery
from lulcseg.pictures.window_choice import choose_window
from lulcseg.report.picture_layers import PictureLayer
from lulcseg.report.trial.map_comparison import SceneMaps, TrialMap, displayed_maps, joint_legend
from lulcseg.run_folder.folder import RunFolder

if TYPE_CHECKING:
    from lulcseg.scene.scene import Scene

_SIDE = 768
"""Side of the window, in pixels of the maps."""


@dataclass(frozen=True)
class CloseUp:
    """Pictures of one window of a scene, a pixel of the map a pixel of the picture.

    Attributes:
        layers: Imagery and labels if the scene could be opened, then the maps.
        size: Width and height, in pixels.
        left: Key of the layer first displayed at the left.
        right: Key of the layer first displayed at the right.
        about: Where the window is, and why.
    """

    layers: list[PictureLayer]
    size: tuple[int, int]
    left: str
    right: str
    about: str


def close_up(view: SceneMaps, cache: Path | None = None) -> CloseUp | None:
    """Choose a window of a scene's maps and picture it at their full resolution, one map per value.

    In the window the maps of the first and the last value differ most
    (:func:`lulcseg.pictures.window_choice.choose_window`).

    Args:
        view: The scene's pictures.
        cache: Folder for label rasters and synthetic scenes; None: the default one.

    Returns:
        The pictures; None without a map.

    Raises:
        LulcsegError: A map can't be read, or the maps share no ground.
    """
    of_value: dict[str, tuple[PictureLayer, TrialMap]] = {}
    for layer, found in displayed_maps(view):
        of_value.setdefault(found.replicate.value, (layer, found))
    chosen = list(of_value.values())
    if not chosen:
        return None
    maps = [(layer, ClassMap.open(found.file.path, found.legend)) for layer, found in chosen]
    grid = maps[0][1].grid
    area = grid.window
    for _, class_map in maps:
        area = area.intersection(class_map.window_in(grid))
    if area.is_empty:
        raise LulcsegError("its maps share no ground", where=view.scene, remedy="map the same ground in every run")
    compared = [maps[0][1], maps[-1][1]] if len(maps) > 1 else [maps[0][1]]
    window = choose_window(compared, view.classes, grid, area, _SIDE)
    layers, remark = _backdrop(view, chosen[0][1], grid, window, cache)
    layers += [
        PictureLayer(layer.key, layer.label, _paint_uri(m.read(window, grid, view.classes), view), is_classes=True)
        for layer, m in maps
    ]
    b = grid.bounds(window)
    about = (
        f"{window.height:,} × {window.width:,} pixels around {(b.left + b.right) / 2:.10g}, "
        f"{(b.bottom + b.top) / 2:.10g}, where {_reason([layer.label for layer, _ in maps])}.{remark}"
    )
    last = maps[-1][0].key
    return CloseUp(layers, (window.width, window.height), layers[0].key if len(layers) > 1 else last, last, about)


def _reason(labels: list[str]) -> str:
    if len(labels) == 1:
        return "the mix of classes is richest"
    return f"the maps of {labels[0]} and {labels[-1]} differ most"


def _paint_uri(index: NDArray[np.uint8], view: SceneMaps) -> str:
    return png_uri(class_picture(index, joint_legend(view.classes)))


def _backdrop(
    view: SceneMaps, found: TrialMap, grid: Grid, window: Window, cache: Path | None
) -> tuple[list[PictureLayer], str]:
    """Return the window's imagery and labels; if the scene can't be opened none, and a sentence that says so."""
    try:
        scene = _open_scene(found.replicate.path, view.scene, cache)
        offset = None if scene is None else scene.grid.offset_of(grid)
    except (LulcsegError, OSError) as error:
        return [], f" Its imagery could not be opened ({str(error).rstrip('.')})."
    if scene is None or offset is None:
        return [], " Its imagery could not be found from the run's configuration."
    own = Window(window.row + offset[0], window.col + offset[1], window.height, window.width)
    if scene.grid.window.intersection(own) != own:
        return (
            [],
            " The scene that the run's configuration names is of other ground, so there is no imagery.",
        )
    photo = window_imagery(scene, own, max(own.height, own.width))
    layers = [PictureLayer("imagery", "Imagery", jpeg_uri(Image.fromarray(photo)), is_classes=False)]
    known = {c.name for c in view.classes}
    if scene.labels is not None and known >= set(scene.legend.names):
        index = class_lookup(scene.legend, view.classes)[scene.labels.read(own)]
        layers.append(PictureLayer("labels", "Digitised labels", _paint_uri(index, view), is_classes=True))
    return layers, ""


def _open_scene(run: Path, name: str, cache: Path | None) -> Scene | None:
    """Open the scene of a given name among those of a run's configuration; None if it has none of that name.

    Raises:
        LulcsegError: None is of that name, and one can't be opened.
    """
    from lulcseg.scene.scene import Scene

    config = _config(RunFolder(run).config)
    kept = cache or (Path(config["cache"]) if config.get("cache") else None)
    broken = None
    for requested in dict.fromkeys(_scene_names(config)):
        try:
            scene = Scene.open(requested, kept)
        except LulcsegError as error:
            broken = error
            continue
        if scene.name == name:
            return scene
    if broken is not None:
        raise broken
    return None


def _config(path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    return config if isinstance(config, dict) else {}


def _scene_names(config: dict[str, Any]) -> Iterator[str]:
    """Yield the scenes of a run's configuration."""
    if config.get("scene"):
        yield str(config["scene"])
    several = config.get("scenes")
    for names in (several or {}).values() if isinstance(several, dict) else ():
        yield from (str(name) for name in names or ())
