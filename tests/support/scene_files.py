"""Scenes of files that tests have written themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lulcseg.scene.scene import Scene


def open_scene(folder: Path, name: str, cache: Path, **spec: Any) -> Scene:
    """Open a scene of files that stand already."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(spec))
    return Scene.open(str(path), cache)
