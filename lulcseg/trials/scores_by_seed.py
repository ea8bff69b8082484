"""The scores of a trial's values and seeds on one scene: the table that every statistic is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lulcseg.assessment.assessment import Assessment
from lulcseg.trials.replicates import Replicate
from lulcseg.trials.trial_reader import Trial
from lulcseg.trials.trial_warnings import judged_classes

WHOLE_MAP = ("kappa", "overall_accuracy", "mean_f1", "mean_users", "mean_producers")
"""Metrics of a whole map, named as in :class:`lulcseg.assessment.scores.Scores`."""

PER_CLASS = ("f1", "users", "producers")
"""Metrics of a class."""

OF_PROBABILITIES = ("brier", "nll", "ece")
"""Metrics of a map's probabilities, as in :class:`lulcseg.assessment.reliability.Reliability`; lower is better."""

AVERAGED = ("mean_f1", "mean_users", "mean_producers")
"""Metrics that are averages over classes, comparable only over the same classes."""


@dataclass(frozen=True, slots=True)
class View:
    """The maps that are compared across a trial: those of one scene, by one set of passes.

    Attributes:
        scene: Name of the scene.
        mosaic: Name of the passes; None where the values differ in them, and each value has one map of the scene.
    """

    scene: str
    mosaic: str | None

    @property
    def title(self) -> str:
        """The view in words."""
        return f"{self.scene}, {self.mosaic}" if self.mosaic else self.scene


def views(trial: Trial) -> list[View]:
    """Return the views of a trial: scenes in the order of the runs, and their maps.

    A scene has a view for each set of passes by which at least two values (or the only one) have a map. Without such
    a set, if each run has one map of the scene, it has one view across the sets of passes.
    """
    made: dict[str, dict[str, set[str]]] = {}
    for r in trial.replicates:
        for a in r.assessments:
            if r.counts and a.compared == "map":
                made.setdefault(a.scene, {}).setdefault(a.mosaic or "", set()).add(r.value)
    found = []
    for scene, by_mosaic in made.items():
        values = set().union(*by_mosaic.values())
        shared = [mosaic for mosaic, own in by_mosaic.items() if len(own) > 1 or len(values) == 1]
        found += [View(scene, mosaic or None) for mosaic in shared] if shared else [View(scene, None)]
    return found


def scored(trial: Trial, value: str, view: View) -> list[tuple[Replicate, Assessment]]:
    """Return the complete runs of a value that have a map in view, one per seed, with the map's assessment."""
    by_seed = {r.seed: (r, a) for r in trial.of(value) if (a := r.assessment(view.scene, view.mosaic)) is not None}
    return [by_seed[seed] for seed in sorted(by_seed)]


def score_table(trial: Trial, view: View, metric: str, land_class: str | None = None) -> pd.DataFrame:
    """Return one score of every value and seed.

    Args:
        trial: The trial.
        view: The maps to compare.
        metric: One of :data:`WHOLE_MAP` or :data:`OF_PROBABILITIES`, or with a class one of :data:`PER_CLASS`;
            ``hours`` for the training time.
        land_class: Name of the class.

    Returns:
        (values, seeds) table, both in the trial's order; NaN where there is no such score.
    """
    rows = {
        value.name: {r.seed: _score(r, a, metric, land_class) for r, a in scored(trial, value.name, view)}
        for value in trial.values
    }
    found = {seed for row in rows.values() for seed in row}
    columns = [*trial.seeds, *sorted(found - set(trial.seeds))]
    values = [[row.get(seed, np.nan) for seed in columns] for row in rows.values()]
    return pd.DataFrame(values, index=list(rows), columns=columns, dtype=np.float64)


def _score(replicate: Replicate, assessment: Assessment, metric: str, land_class: str | None) -> float:
    if metric == "hours":
        seconds = replicate.training_seconds
        return np.nan if seconds is None else seconds / 3600
    if metric in OF_PROBABILITIES:
        return np.nan if assessment.reliability is None else float(getattr(assessment.reliability, metric).value)
    figure = getattr(assessment.scores, metric)
    if land_class is None:
        return float(figure)
    names = assessment.legend.names
    return float(figure[names.index(land_class)]) if land_class in names else np.nan


def class_names(trial: Trial, view: View) -> list[str]:
    """Return the classes of the maps in view, in the order of their legend."""
    named = [a.legend.names for value in trial.values for _, a in scored(trial, value.name, view)]
    return list(dict.fromkeys(name for names in named for name in names))


def averaged_over(trial: Trial, view: View, values: Sequence[str]) -> set[tuple[str, ...]]:
    """Return the sets of classes that the values' averages are over; comparable if there is only one."""
    return {judged_classes(r, view.scene, view.mosaic) for value in values for r, _ in scored(trial, value, view)}
