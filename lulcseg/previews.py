"""A scene's previews, drawn once: every replicate of a trial shows the same ones."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from lulcseg.files import read_json, replacing, write_json
from lulcseg.report.previews import write_previews
from lulcseg.scene.scene import Scene
from lulcseg.trials.fingerprint import scene_state

_FORMAT = 1
"""Raised whenever previews of the same scene look otherwise."""
_ENTRY = "entry.json"


def put_previews(scene: Scene, run_dir: Path) -> dict[str, Any]:
    """Put a scene's previews into a run, from the scene's cache where they were drawn before.

    Args:
        scene: An open scene.
        run_dir: The run; they go to its folder ``previews``.

    Returns:
        The scene's entry for the run's record (:func:`lulcseg.report.previews.write_previews`).

    Raises:
        LulcsegError: The imagery can't be read, or the pictures can't be written.
    """
    key = hashlib.sha256(json.dumps([_FORMAT, scene_state(scene)], sort_keys=True, default=str).encode())
    kept = scene.cache / "previews" / key.hexdigest()[:32]
    entry = read_json(kept / _ENTRY)
    if entry is None or not all((kept / name).is_file() for name in _pictures(entry)):
        entry = write_previews(scene, kept / "previews")
        write_json(kept / _ENTRY, entry)
    for name in _pictures(entry):
        with replacing(run_dir / name) as part:
            shutil.copyfile(kept / name, part)
    return entry


def _pictures(entry: dict[str, Any]) -> list[str]:
    return [entry[key] for key in ("imagery_preview", "labels_preview") if entry[key] is not None]
