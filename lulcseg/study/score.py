"""The study's raw results: scores of all maps of all runs, by ground, at the points and at every pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from lulcseg.assessment.scores import Scores, score
from lulcseg.errors import LulcsegError
from lulcseg.progress import tracked
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.scene.scene import Scene
from lulcseg.study.landscape import ALL, LandscapeTruth, has_truth, read_map, read_truth
from lulcseg.study.landscape_units import LANDSCAPE
from lulcseg.study.read_tables import BY_CLASS, KEYS, WHOLE
from lulcseg.trials.replicates import Replicate
from lulcseg.trials.trial_reader import Trial

POINTS, PIXELS = "points", "truth"
"""Reference of a score: the reference points, or the true class of every pixel."""

POLYGONS = "human"
"""Trial of the digitised polygons, scored as if they were a map."""

COST = ("training_seconds", "map_seconds", "steps", "plan")


def score_trials(trials: Sequence[Trial], cache: Path | None, whole: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score the maps of all finished runs.

    Args:
        trials: The trials.
        cache: Folder of the synthetic landscapes.
        whole: Ending of the names of scenes that no model was trained on, such as ``_other``.

    Returns:
        Scores of whole maps, one row per run, scene, ground and reference; and the same by class.

    Raises:
        LulcsegError: A scene or a map can't be read.
    """
    scenes = _Scenes(cache, whole)
    rows: list[dict[str, Any]] = []
    classes: list[dict[str, Any]] = []
    # of several runs of one seed the last by path counts, as the trial's notes say
    runs = {(trial.name, r.value, r.seed): (trial, r) for trial in trials for r in trial.replicates if r.counts}
    for trial, r in tracked(list(runs.values()), "Scoring"):
        for key, cost, names, scored in _scored(trial, r, scenes):
            rows.append(key | {name: getattr(scored, name) for name in WHOLE} | cost)
            classes += [key | row for row in _by_class(names, scored)]
    order = list(KEYS)
    return (
        pd.DataFrame(rows, columns=[*KEYS, *WHOLE, *COST]).sort_values(order, ignore_index=True),
        pd.DataFrame(classes, columns=[*KEYS, "class", *BY_CLASS, "n"]).sort_values(
            [*order, "class"], ignore_index=True
        ),
    )


class _Scenes:
    """Truth of scenes by the name or path that a run requests them by, each read once."""

    def __init__(self, cache: Path | None, whole: str) -> None:
        self._cache, self._whole = cache, whole
        self._truths: dict[str, tuple[str, LandscapeTruth | None]] = {}

    def of(self, requested: str) -> tuple[str, LandscapeTruth | None]:
        """Return a scene's own name and its truth; None if that isn't known at every pixel."""
        if requested not in self._truths:
            scene = Scene.open(requested, self._cache)
            split = not scene.name.endswith(self._whole)
            self._truths[requested] = scene.name, read_truth(scene, split=split) if has_truth(scene) else None
        return self._truths[requested]


def _scored(
    trial: Trial, r: Replicate, scenes: _Scenes
) -> Iterator[tuple[dict[str, Any], dict[str, Any], Sequence[str], Scores]]:
    """Yield for each map of a run its key, cost, class names and scores."""
    record = RunRecord.load(RunFolder(r.path))
    truths = dict(scenes.of(name) for name in _requested_scenes(r.path))
    run = {"trial": trial.name, "value": r.value, "level": r.level, "seed": r.seed}
    for entry in record.maps or ():
        cost = {
            "training_seconds": r.training_seconds, "map_seconds": entry.seconds,
            "steps": record.steps, "plan": (r.plan_digest or "")[:8],
        }  # fmt: skip
        truth = truths.get(entry.scene)
        landscape = None if truth is None else truth.landscape
        place = run | {LANDSCAPE: landscape, "scene": entry.scene, "mosaic": entry.mosaic}
        if truth is None:  # not a synthetic landscape
            own = r.assessment(entry.scene, entry.mosaic)
            if own is not None:
                yield place | {"ground": ALL, "against": POINTS}, cost, own.legend.names, own.scores
            continue
        mapped = read_map(r.path / entry.path, truth)
        for where, scored in _by_ground(truth, mapped):
            yield place | where, cost, truth.legend.names, scored


def _by_ground(truth: LandscapeTruth, mapped: NDArray[np.uint8]) -> Iterator[tuple[dict[str, str], Scores]]:
    """Score a map, (H, W) class indices, on each ground, at the points and on every pixel."""
    for ground in truth.grounds:
        yield {"ground": ground, "against": POINTS}, score(truth.at_points(mapped, ground))
        yield {"ground": ground, "against": PIXELS}, score(truth.pixels(mapped, ground))


def _requested_scenes(run: Path) -> list[str]:
    """Return the scenes that a run was requested to map, as written in its configuration."""
    config = yaml.safe_load(RunFolder(run).config.read_text(encoding="utf-8"))
    scenes = config.get("scenes") or {}
    return scenes.get("assess") or scenes.get("train") or [config["scene"]]


def mapped_landscape(run: Path, scene: str, cache: Path | None) -> str | None:
    """Return the name of the landscape that a run's scene is of; None if it is of none.

    Args:
        run: The run directory.
        scene: The scene's name.
        cache: Folder of the synthetic landscapes.

    Raises:
        LulcsegError: A scene that the run mapped can't be read.
    """
    truths = dict(_Scenes(cache, "").of(name) for name in _requested_scenes(run))
    truth = truths.get(scene)
    return None if truth is None else truth.landscape


def score_labels(names: Sequence[str], cache: Path | None, whole: str) -> pd.DataFrame:
    """Score the digitised polygons as if they were a map: an upper bound for models trained on them.

    Returns:
        Rows as those of :func:`score_trials`, of the trial ``human``; landscapes are numbered, by their names, in place
        of seeds (:func:`numbered`).
    """
    rows = []
    for name in names:
        scene = Scene.open(name, cache)
        truth = read_truth(scene, split=not scene.name.endswith(whole))
        labels = scene.labels
        if labels is None:
            raise LulcsegError("it has no labels", where=scene.file.path, remedy="add labels:")
        drawn = labels.read(scene.grid.window)
        key = {
            "trial": POLYGONS,
            "value": "manual",
            "level": None,
            "seed": 0,
        }
        key |= {LANDSCAPE: truth.landscape, "scene": scene.name, "mosaic": ""}
        rows += [key | where | {m: getattr(scored, m) for m in WHOLE} for where, scored in _by_ground(truth, drawn)]
    return numbered(pd.DataFrame(rows, columns=[*KEYS, *WHOLE, *COST]))


def numbered(polygons: pd.DataFrame) -> pd.DataFrame:
    """Return rows of digitised polygons with their landscapes' numbers for seeds, in the order of a table's rows."""
    return polygons.assign(seed=polygons[LANDSCAPE].rank(method="dense").astype(int) - 1).sort_values(
        list(KEYS), ignore_index=True
    )


def _by_class(names: Sequence[str], scored: Scores) -> Iterator[dict[str, Any]]:
    columns = zip(names, scored.f1, scored.users, scored.producers, scored.reference_points, strict=True)
    for name, f1, users, producers, n in columns:
        yield {"class": name, "f1": f1, "users": users, "producers": producers, "n": n}
