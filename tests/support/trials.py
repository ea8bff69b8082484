"""Folders of trials as sweeps leave them, with made-up maps; only what collecting and ranking read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.confusion import confusion_matrix
from lulcseg.assessment.scores import score
from lulcseg.legend import PAPER_LEGEND, Legend
from lulcseg.trials.replicates import Replicate
from lulcseg.trials.scores_by_seed import View
from lulcseg.trials.trial_reader import Contrast, Trial, TrialValue

VIEW = View("s", "m")
"""What :func:`trial_of` maps."""


def reference(n_points: int, legend: Legend = PAPER_LEGEND, seed: int = 0) -> np.ndarray:
    """Return reference classes of points: most of one class, every class there."""
    n = len(legend)
    share = np.full(n, 0.4 / (n - 1))
    share[min(3, n - 1)] = 0.6
    classes = np.random.default_rng(seed).choice(n, size=n_points, p=share)
    classes[:n] = np.arange(n)
    return classes


def spoiled(truth: np.ndarray, agree: float, n_classes: int, rng: np.random.Generator) -> np.ndarray:
    """Return a map's classes at the points: right with a probability, else any class."""
    return np.where(rng.random(truth.size) < agree, truth, rng.integers(0, n_classes, truth.size))


def erring(truth: np.ndarray, agree: float, n_classes: int, rng: np.random.Generator) -> np.ndarray:
    """Return the same of a map that errs as maps of one ground do: mostly at the same, hard points."""
    hard = np.random.default_rng(truth.size).random(truth.size)
    other = (truth + np.random.default_rng(truth.size).integers(1, n_classes, truth.size)) % n_classes
    return np.where(hard + rng.normal(0, 0.05, truth.size) < agree, truth, other)


def assessment(
    truth: np.ndarray, mapped: np.ndarray, *, scene: str, mosaic: str | None, legend: Legend = PAPER_LEGEND
) -> Assessment:
    """Return an assessment as :func:`.score_points.assess` makes it; class −1 on the map isn't scored."""
    scored = mapped >= 0
    names = np.array([*legend.names, ""], dtype=object)
    points = pd.DataFrame(
        {
            "point": np.arange(truth.size),
            "x": 350_000.0 + np.arange(truth.size),
            "y": 8_000_000.0,
            "reference": names[truth],
            "map": names[mapped],
            "agrees": np.where(scored, np.where(truth == mapped, "yes", "no"), ""),
            "excluded": np.where(scored, "", "off the map"),
        }
    )
    confusion = confusion_matrix(truth[scored], mapped[scored], len(legend))
    return Assessment(
        scene=scene,
        compared="labels" if mosaic is None else "map",
        source="map.tif",
        reference="points.gpkg",
        mosaic=mosaic,
        design="simple random",
        places="points",
        legend=legend,
        confusion=confusion,
        scores=score(confusion),
        n_points=truth.size,
        excluded={} if scored.all() else {"off the map": int((~scored).sum())},
        unmapped=(0,) * len(legend),
        points=points,
    )


def write_run(path: Path, scored: Sequence[Assessment], **record: object) -> Path:
    """Write a run directory with a record and assessments."""
    stems = []
    for a in scored:
        stem = f"assessment/{a.scene}_{a.mosaic or 'labels'}"
        a.save(path / stem)
        stems.append(stem)
    path.mkdir(parents=True, exist_ok=True)
    seed = record.get("seed", 0)
    (path / "config.yaml").write_text(f"name: x\nrun_dir: {path}\nseed: {seed}\nsampling:\n  patch_size: 512\n")
    content = {
        "format": 1,
        "state": "finished",
        "training_seconds": 3600.0,
        "reading_seconds": 60.0,
        "plan": {"digest": "plan"},
        "assessments": stems,
    }
    (path / "record.json").write_text(json.dumps(content | record))
    return path


def write_trial(
    folder: Path,
    agree: Mapping[str, float],
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    levels: Mapping[str, float] | None = None,
    hours: Mapping[str, float] | None = None,
    contrast: Mapping[str, object] | None = None,
    scenes: Sequence[str] = ("synthetic2018",),
    mosaics: Sequence[str] = ("single",),
    n_points: int = 400,
    legend: Legend = PAPER_LEGEND,
) -> Path:
    """Write a whole trial.

    Args:
        folder: Where; its name is the trial's.
        agree: Per value, how often its maps are right; seeds move that by some hundredths.
        seeds: Training seeds.
        levels: What values stand for.
        hours: Training time by value, 1 where not given.
        contrast: As in ``trial.json``.
        scenes: Scenes that are mapped.
        mosaics: Ways in which each is.
        n_points: Reference points of each scene.
        legend: The classes.
    """
    levels, hours = levels or {}, hours or {}
    truth = {scene: reference(n_points, legend, number) for number, scene in enumerate(scenes)}
    digitised = {
        scene: assessment(
            classes, spoiled(classes, 0.97, len(legend), np.random.default_rng(9)), scene=scene, mosaic=None,
            legend=legend,
        )
        for scene, classes in truth.items()
    }  # fmt: skip
    for number, (value, right) in enumerate(agree.items()):
        for seed in seeds:
            rng = np.random.default_rng([number, seed])
            moved = float(np.clip(right + rng.normal(0, 0.02), 0, 1))
            scored = [digitised[scene] for scene in scenes] + [
                assessment(classes, erring(classes, moved, len(legend), rng), scene=scene, mosaic=m, legend=legend)
                for scene, classes in truth.items()
                for m in mosaics
            ]
            write_run(
                folder / value / f"seed{seed}",
                scored,
                seed=seed,
                trial={"name": folder.name, "value": value, "level": levels.get(value)},
                fingerprint=f"{value}{seed}",
                training_seconds=3600 * hours.get(value, 1.0),
            )
    plain = {
        "format": 1,
        "name": folder.name,
        "title": folder.name.replace("_", " "),
        "description": "",
        "factor": "batch size",
        "values": [{"name": value, "level": levels.get(value)} for value in agree],
        "seeds": list(seeds),
        "contrast": contrast,
    }
    (folder / "trial.json").write_text(json.dumps(plain))
    return folder


def trial_of(
    table: Sequence[Sequence[float]], contrast: Contrast | None = None, seeds: Sequence[int] | None = None
) -> Trial:
    """Return a trial of given kappas, (values, seeds); user's and producer's accuracy are the same figures."""
    truth = np.arange(9)
    blank = assessment(truth, truth, scene="s", mosaic="m")

    def scored(kappa: float) -> Assessment:
        scores = dataclasses.replace(blank.scores, kappa=kappa, mean_users=kappa, mean_producers=kappa)
        return dataclasses.replace(blank, scores=scores)

    values = [TrialValue(f"v{i}", float(2**i)) for i in range(len(table))]
    seeds = list(range(len(table[0]))) if seeds is None else list(seeds)
    runs = [
        Replicate(
            "t", v.name, v.level, s, Path("x"), "finished", None, 3600.0, None, None, None, None, None, None, None,
            [scored(kappa)], [Path("x")],
        )
        for v, row in zip(values, table, strict=True)
        for s, kappa in zip(seeds, row, strict=True)
    ]  # fmt: skip
    return Trial("t", "t", "", "", values, sorted(seeds), contrast, Path("x"), runs, (), {})
