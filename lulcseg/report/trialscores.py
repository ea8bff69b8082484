"""A trial's scores as arrays: what its figures and tables are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lulcseg.assessment.assessment import Assessment
from lulcseg.legend import Legend
from lulcseg.trials.views import View, scored, views

if TYPE_CHECKING:
    from lulcseg.trials.trial import Replicate, Trial, TrialValue

METRICS = {"f1": "F1", "users": "User’s accuracy", "producers": "Producer’s accuracy"}
"""The figures of a class, as they are called."""


@dataclass(frozen=True)
class Scored:
    """One replicate's map of a scene, with its assessment."""

    replicate: Replicate
    result: Assessment


@dataclass(frozen=True)
class Comparison:
    """The maps of one scene, over a trial's values and seeds.

    Attributes:
        key: Its anchor in the page.
        view: Which scene, and how its maps were made.
        values: The trial's values in order.
        scored: For each value its replicates' assessments, in the order of the seeds.
        labels: The digitised polygons against the same points, if they were assessed.
    """

    key: str
    view: View
    values: list[TrialValue]
    scored: list[list[Scored]]
    labels: Assessment | None

    @property
    def legend(self) -> Legend:
        """The classes: those of the first map."""
        return next(s.result.legend for scored in self.scored for s in scored)

    def class_scores(self, metric: str) -> list[NDArray[np.float64]]:
        """Return a figure of each class for each value, (replicates, classes).

        Args:
            metric: A key of :data:`METRICS`.

        Returns:
            One array a value; NaN where a map has no such figure or another legend without the class.
        """
        names = self.legend.names
        return [
            np.array([_by_name(s.result, metric, names) for s in scored], dtype=np.float64).reshape(-1, len(names))
            for scored in self.scored
        ]

    def whole(self, metric: str) -> list[NDArray[np.float64]]:
        """Return a figure of the whole map, such as ``kappa``, for each value, (replicates,)."""
        return [np.array([getattr(s.result.scores, metric) for s in scored], dtype=np.float64) for scored in self.scored]

    def hours(self) -> list[NDArray[np.float64]]:
        """Return the training time of each value's replicates in hours, (replicates,); NaN where it isn't known."""
        return [
            np.array([_hours(s.replicate.training_seconds) for s in scored], dtype=np.float64) for scored in self.scored
        ]

    def mean_confusion(self, value: int) -> NDArray[np.float64] | None:
        """Return the mean of a value's confusion matrices, (n, n); None where it has none with this legend."""
        names = self.legend.names
        matrices = [s.result.confusion for s in self.scored[value] if s.result.legend.names == names]
        return np.mean(matrices, axis=0) if matrices else None


def comparisons(trial: Trial) -> list[Comparison]:
    """Gather a trial's assessments, one comparison a view (:func:`lulcseg.trials.views.views`)."""
    return [
        Comparison(
            key=f"scene-{number}",
            view=view,
            values=trial.values,
            scored=[[Scored(r, a) for r, a in scored(trial, v.name, view)] for v in trial.values],
            labels=trial.labels(view.scene),
        )
        for number, view in enumerate(views(trial), start=1)
    ]


def _by_name(result: Assessment, metric: str, names: list[str]) -> list[float]:
    values = dict(zip(result.legend.names, getattr(result.scores, metric), strict=True))
    return [values.get(name, np.nan) for name in names]


def _hours(seconds: float | None) -> float:
    return np.nan if seconds is None else seconds / 3600
