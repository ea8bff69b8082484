"""Digest of all that a run's result depends on: it decides which runs are done and which may be resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from lulcseg import __version__
from lulcseg.errors import LulcsegError
from lulcseg.files import default_cache, path_of, sha256_of, target_of
from lulcseg.run.chosen_checkpoints import chosen_checkpoints
from lulcseg.run.fingerprinted_settings import LEFT_OUT, fingerprinted_settings
from lulcseg.run_folder.record_parts import one_or_list
from lulcseg.run_folder.settings_without_effect import settings_without
from lulcseg.sampling.plan_file import json_beside
from lulcseg.scene.file_names import locate, split_layer
from lulcseg.scene.scene import Scene
from lulcseg.scene.scene_state import scene_state, vector_digest
from lulcseg.settings.config import PredictConfig, TrainConfig
from lulcseg.settings.model import names_file
from lulcseg.training.calibration import find_calibration

_FORMAT = 1


def train_fingerprint(
    config: TrainConfig, trained: Sequence[Scene], assessed: Sequence[Scene], unlabelled: Sequence[Scene] = ()
) -> str:
    """Return the fingerprint of a training run.

    Args:
        config: Its settings as requested, before a given plan changes them.
        trained: The scenes it trains on.
        assessed: The scenes it maps.
        unlabelled: The scenes whose imagery alone it uses.
    """
    files: dict[str, Any] = {"plan": _plan_digest(config.sampling.plan), "goes_on_from": _digest(config.ckpt_path)}
    if names_file(config.model.encoder_weights):
        files["encoder_weights"] = _digest(config.model.encoder_weights)
        config = replace(config, model=replace(config.model, encoder_weights="file"))  # its path doesn't count
    scenes = {"train": [scene_state(s) for s in trained], "assess": [scene_state(s) for s in assessed]}
    if unlabelled:
        scenes["unlabelled"] = [{key: scene_state(s)[key] for key in ("name", "imagery")} for s in unlabelled]
    return _fingerprint("train", config, scenes, files)


def predict_fingerprint(config: PredictConfig, scenes: Sequence[Scene]) -> str:
    """Return the fingerprint of a prediction; the scenes are as in their files, before warping."""
    scene_states = {"map": [scene_state(s) for s in scenes]}
    if config.checkpoint is None:
        return _fingerprint("predict", config, scene_states, {"checkpoint": None})
    models = chosen_checkpoints(config)
    used = [find_calibration(path, config.calibration) for path in models]
    files: dict[str, Any] = {"checkpoint": one_or_list([sha256_of(path) for path in models])}
    if any(used):
        files["calibration"] = one_or_list([None if each is None else each.to_plain() for each in used])
    return _fingerprint("predict", config, scene_states, files)


def fingerprint_of(config: TrainConfig | PredictConfig) -> str:
    """Return the fingerprint of a run before it starts, opening its scenes.

    Raises:
        LulcsegError: A scene that can't be opened.
    """
    cache = str(target_of(config.cache, "cache").resolve() if config.cache else default_cache())
    if isinstance(config, PredictConfig):
        names = config.scenes.assess or ([config.scene] if config.scene else [])
        return predict_fingerprint(config, [_opened(name, cache) for name in dict.fromkeys(names)])
    names = config.training_scenes
    groups, sources = (names, config.scenes.assess or names, config.scenes.unlabelled), tuple(config.scenes.sources)
    trained, assessed, unlabelled = ([_opened(n, cache, sources) for n in dict.fromkeys(group)] for group in groups)
    return train_fingerprint(config, trained, assessed, unlabelled)


def differing(config: TrainConfig | PredictConfig, other: Mapping[str, Any]) -> list[str]:
    """Return the names of the fingerprinted settings in which a run differs from another.

    Args:
        config: The run's settings.
        other: The other run's settings, plain Python (``config.yaml``).
    """
    mine, counted = settings_without(asdict(config), LEFT_OUT), fingerprinted_settings(config)
    theirs = settings_without(other, LEFT_OUT)  # of an earlier version: without the values of its presets
    return sorted(key for key, value in mine.items() if theirs.get(key) not in (value, counted.get(key)))


def _fingerprint(program: str, config: Any, scenes: Mapping[str, Any], files: Mapping[str, Any]) -> str:
    region = config.mosaic.region
    content = {
        "format": _FORMAT,
        "lulcseg": __version__,
        "program": program,
        "settings": fingerprinted_settings(config),
        "scenes": scenes,
        "files": {**files, "region": None if region is None else _region_digest(region)},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _region_digest(region: str) -> list[str]:
    """Return the digests of a region's file, and its layer if one is named."""
    file, *rest = split_layer(region)
    return [*vector_digest(locate(file, "mosaic.region")), *[each for each in rest if each is not None]]


def _digest(path: str | None) -> str | None:
    return None if path is None else sha256_of(path_of(path, "configuration"))


def _plan_digest(path: str | None) -> list[str] | None:
    """Return the digests of a plan's two files; missing ones are left out, the run itself reports them."""
    if path is None:
        return None
    plan = path_of(path, "sampling.plan")
    return [sha256_of(part) for part in (plan, json_beside(plan)) if part.is_file()]


@lru_cache(maxsize=32)
def _opened(name: str, cache: str, sources: tuple[str, ...] = ()) -> Scene:
    try:
        return Scene.open(name, Path(cache), sources)
    except OSError as error:
        raise LulcsegError(f"it can't be read ({error.strerror})", where=name, remedy="check the file") from error
