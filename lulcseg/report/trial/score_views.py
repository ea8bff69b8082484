"""A trial's scores as arrays, for its figures and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lulcseg.assessment.assessment import Assessment
from lulcseg.legend import LandClass
from lulcseg.pictures.class_map import join_classes
from lulcseg.trials.scores_by_seed import View, scored, views

if TYPE_CHECKING:
    from lulcseg.trials.replicates import Replicate
    from lulcseg.trials.trial_reader import Trial, TrialValue

METRICS = {"f1": "F1", "users": "User’s accuracy", "producers": "Producer’s accuracy"}
"""Accuracy measures of a class → their names."""


@dataclass(frozen=True)
class ScoredMap:
    """One replicate's map of a scene, with its assessment."""

    replicate: Replicate
    result: Assessment


@dataclass(frozen=True)
class ViewComparison:
    """The assessed maps of one scene, over a trial's values and seeds.

    Attributes:
        key: Its anchor in the page.
        view: Scene and mosaic setting.
        values: The trial's values, in order.
        scored: For each value its replicates' assessments, in the order of the seeds.
        labels: Assessment of the digitised polygons at the same points, if any.
    """

    key: str
    view: View
    values: list[TrialValue]
    scored: list[list[ScoredMap]]
    labels: Assessment | None

    @property
    def classes(self) -> list[LandClass]:
        """The classes of all maps, each name once."""
        return join_classes([s.result.legend for own in self.scored for s in own])

    @property
    def names(self) -> list[str]:
        """Names of the classes."""
        return [c.name for c in self.classes]

    def points(self) -> list[int]:
        """Return the number of reference points of each class, from the first map that has the class."""
        found: dict[str, int] = {}
        for s in (s for own in self.scored for s in own):
            for name, n in zip(s.result.legend.names, s.result.scores.reference_points, strict=True):
                found.setdefault(name, n)
        return [found[name] for name in self.names]

    def class_scores(self, metric: str) -> list[NDArray[np.float64]]:
        """Return an accuracy measure of each class for each value, (replicates, classes).

        Args:
            metric: A key of :data:`METRICS`.

        Returns:
            One array per value, its classes as in :attr:`classes`; NaN where it is undefined.
        """
        names = self.names
        return [
            np.array([_by_name(s.result, metric, names) for s in own], dtype=np.float64).reshape(-1, len(names))
            for own in self.scored
        ]

    def whole(self, metric: str) -> list[NDArray[np.float64]]:
        """Return a score of the whole map, such as ``kappa``, for each value, (replicates,)."""
        return [np.array([getattr(s.result.scores, metric) for s in own], dtype=np.float64) for own in self.scored]

    def hours(self) -> list[NDArray[np.float64]]:
        """Return the training time of each value's replicates in hours, (replicates,); NaN if unknown."""
        return [np.array([_hours(s.replicate.training_seconds) for s in own], dtype=np.float64) for own in self.scored]

    def confusions(self) -> list[NDArray[np.int64]]:
        """Return the confusion matrices of each value's replicates over :attr:`classes`, (replicates, n, n)."""
        names = self.names
        return [
            np.array([_expand_confusion(s.result, names) for s in own], dtype=np.int64).reshape(
                -1, len(names), len(names)
            )
            for own in self.scored
        ]


def comparisons(trial: Trial) -> list[ViewComparison]:
    """Gather a trial's assessments, one comparison per view (:func:`lulcseg.trials.scores_by_seed.views`)."""
    return [
        ViewComparison(
            key=f"scene-{number}",
            view=view,
            values=trial.values,
            scored=[[ScoredMap(r, a) for r, a in scored(trial, v.name, view)] for v in trial.values],
            labels=trial.labels(view.scene),
        )
        for number, view in enumerate(views(trial), start=1)
    ]


def _by_name(result: Assessment, metric: str, names: list[str]) -> list[float]:
    values = dict(zip(result.legend.names, getattr(result.scores, metric), strict=True))
    return [values.get(name, np.nan) for name in names]


def _expand_confusion(result: Assessment, names: list[str]) -> NDArray[np.int64]:
    """Expand a confusion matrix to a longer list of classes."""
    at = [names.index(name) for name in result.legend.names]
    out = np.zeros((len(names), len(names)), dtype=np.int64)
    out[np.ix_(at, at)] = result.confusion
    return out


def _hours(seconds: float | None) -> float:
    return np.nan if seconds is None else seconds / 3600
