"""lulcseg: from a mosaic and digitised polygons to a land-cover map with an accuracy statement.

The parts that a script needs are importable from here, and are imported on first use:

    >>> from lulcseg import Scene, draw_plan, SegmentationTask, map_scene, assess  # doctest: +SKIP
    >>> scene = Scene.open("scene.yaml")  # doctest: +SKIP
    >>> task = SegmentationTask.load_from_checkpoint("runs/run/checkpoints/best.ckpt")  # doctest: +SKIP
    >>> result = map_scene(task, scene, "map.tif")  # doctest: +SKIP
    >>> assess(result.path, "points.gpkg").scores.kappa  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lulcseg.run.api import assess, map_scene
    from lulcseg.sampling.draw import draw_plan
    from lulcseg.sampling.plan import Plan
    from lulcseg.scene.scene import Scene
    from lulcseg.training.task import SegmentationTask

__version__ = "0.1.0"

__all__ = ["Plan", "Scene", "SegmentationTask", "assess", "draw_plan", "map_scene"]

_MODULES = {
    "Plan": "lulcseg.sampling.plan",
    "Scene": "lulcseg.scene.scene",
    "SegmentationTask": "lulcseg.training.task",
    "assess": "lulcseg.run.api",
    "draw_plan": "lulcseg.sampling.draw",
    "map_scene": "lulcseg.run.api",
}


def __getattr__(name: str) -> Any:
    """Import a part of the public interface on first use, so that ``import lulcseg`` stays light."""
    if name not in _MODULES:
        raise AttributeError(f"module 'lulcseg' has no attribute '{name}'")
    found = getattr(import_module(_MODULES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the public interface with what is imported already."""
    return sorted({*globals(), *__all__})
