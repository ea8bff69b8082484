"""Bootstrap over reference points and seeds together, for intervals that cover the variation of both.

All maps of a trial are scored at the same points, and all of its values are trained from the same seeds. Each draw
therefore resamples points, the same for every map, and seeds, the same for every value (the pigeonhole bootstrap of
crossed factors, Owen 2007). Every replicate keeps its own confusion matrix: nothing is pooled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv
from scipy.sparse import csr_array

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.seeds import keyed
from lulcseg.trials.replicates import Replicate
from lulcseg.trials.scores_by_seed import View, scored
from lulcseg.trials.trial_reader import Trial

COVERS = "reference points and seeds resampled together (percentile bootstrap)"
"""Sources of variation that the intervals cover."""

RESAMPLED = ("kappa", "overall_accuracy", "mean_f1")
"""Scores that are resampled."""

_CELLS = 5_000_000
"""Largest number of weights (points × draws) in memory."""


@dataclass(frozen=True, eq=False)
class Resampling:
    """The bootstrap draws of a view.

    Attributes:
        view: The maps compared.
        seeds: Seeds that all values share; these are resampled.
        n_points: Number of points that every map was scored at; these are resampled.
        draws: By value and metric, (draws,) means over the drawn seeds of the scores at the drawn points.
        notes: Seeds and points that are left out, a sentence each.
    """

    view: View
    seeds: tuple[int, ...]
    n_points: int
    draws: dict[tuple[str, str], NDArray[np.float64]]
    notes: tuple[str, ...] = ()

    def interval(self, value: str, metric: str = "kappa", level: float = 0.95) -> tuple[float, float]:
        """Return the percentile interval of a value's mean score; both bounds NaN without draws."""
        return _percentiles(self.draws.get((value, metric)), level)

    def difference(self, first: str, second: str, metric: str = "kappa", level: float = 0.95) -> tuple[float, float]:
        """Return the percentile interval of second − first, paired by draw; both bounds NaN without draws."""
        one, other = self.draws.get((first, metric)), self.draws.get((second, metric))
        return _percentiles(None if one is None or other is None else other - one, level)


def _percentiles(draws: NDArray[np.float64] | None, level: float) -> tuple[float, float]:
    if draws is None or not np.isfinite(draws).any():
        return math.nan, math.nan
    low, high = np.nanquantile(draws, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def resample(trial: Trial, view: View, *, draws: int = 2000, seed: int = 0) -> Resampling:
    """Resample reference points and seeds together.

    The intervals hold for the mapped area only if the points are a simple random sample of it. With five seeds the
    seeds' contribution is too narrow, as in any percentile bootstrap of five. A class without points in a draw is left
    out of that draw's average.

    Args:
        trial: The trial.
        view: The maps to compare.
        draws: Number of draws.
        seed: Seed of the draws.

    Returns:
        The draws; if they can't be made, none, and a note that says why.

    Raises:
        LulcsegError: A table of points is damaged.
    """
    runs = {v.name: rows for v in trial.values if (rows := by_seed(trial, v.name, view))}
    common = set.intersection(*map(set, runs.values())) if runs else set()
    seeds = tuple(sorted(common))
    notes = [
        f"{value}: {len(seeds)} of its {len(rows)} seeds are resampled, those that all values share."
        for value, rows in runs.items()
        if len(rows) > len(seeds)
    ]
    if len(seeds) < 2:
        return _none(view, seeds, notes, "fewer than two seeds are complete for all values")
    keys = [(value, s) for value in runs for s in seeds]
    tables = [read_pairs(*runs[value][s]) for value, s in keys]
    found = [table for table in tables if table is not None]
    if len(found) < len(tables):
        return _none(view, seeds, notes, "a table of points is missing")
    points = found[0].index
    for table in found[1:]:
        points = points if points.equals(table.index) else points.intersection(table.index)
    aligned = [table if table.index.equals(points) else table.loc[points] for table in found]
    reference = aligned[0]["reference"].to_numpy()
    if len(points) == 0 or any((table["reference"].to_numpy() != reference).any() for table in aligned):
        return _none(view, seeds, notes, "the maps aren't scored at the same reference points")
    left_out = max(len(table) for table in found) - len(points)
    if left_out:
        notes.append(f"{left_out} points that some map isn't scored at are left out when points are resampled.")
    designs = {a.design for value, s in keys for _, a in [runs[value][s]]}
    if designs != {"simple random"}:
        notes.append(
            "The points aren't known to be a simple random sample: the intervals don't hold for the mapped area."
        )
    maps = {
        value: np.stack([t["map"].to_numpy() for t, (v, _) in zip(aligned, keys, strict=True) if v == value])
        for value in runs
    }
    n_classes = len(runs[keys[0][0]][seeds[0]][1].legend)
    made = draw_scores(reference, maps, n_classes, draws=draws, seed=seed)
    return Resampling(view, seeds, len(points), made, tuple(notes))


def by_seed(trial: Trial, value: str, view: View) -> dict[int, tuple[Replicate, Assessment]]:
    """Return the runs of a value in view by their seeds."""
    return {r.seed: (r, a) for r, a in scored(trial, value, view)}


def _none(view: View, seeds: tuple[int, ...], notes: Sequence[str], why: str) -> Resampling:
    return Resampling(view, seeds, 0, {}, (*notes, f"Points and seeds aren't resampled together: {why}."))


def read_pairs(replicate: Replicate, assessment: Assessment) -> pd.DataFrame | None:
    """Read the classes at the points that a map was scored at.

    Args:
        replicate: The run.
        assessment: One of its assessments.

    Returns:
        One row per scored point, indexed by its name: ``reference`` and ``map``, class indices; None without a table.

    Raises:
        LulcsegError: The table is damaged.
    """
    stem = replicate.stems[replicate.assessments.index(assessment)]
    path = stem.with_name(f"{stem.name}_points.csv")
    if not path.exists():
        return None
    coded = pa.dictionary(pa.int32(), pa.string())
    types = {"point": pa.string(), "reference": coded, "map": coded, "excluded": coded}
    options = csv.ConvertOptions(column_types=types, include_columns=list(types), strings_can_be_null=False)
    try:
        table = csv.read_csv(path, convert_options=options).combine_chunks()
        scored_at = _indices(table["excluded"], [""]) == 0
        pairs = {side: _indices(table[side], assessment.legend.names)[scored_at] for side in ("reference", "map")}
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise LulcsegError("not a table of points", where=path, remedy="assess the map again") from error
    if any((side < 0).any() for side in pairs.values()):
        raise LulcsegError("it holds a class that the legend lacks", where=path, remedy="assess the map again")
    return pd.DataFrame(pairs, index=pd.Index(table["point"].to_pandas()[scored_at].to_numpy(), name="point"))


def _indices(column: pa.ChunkedArray, names: Sequence[str]) -> NDArray[np.int64]:
    """Return the index of each text in a list of names, −1 if it isn't in it."""
    coded = column.combine_chunks()
    place = {name: number for number, name in enumerate(names)}
    known = np.array([place.get(text, -1) for text in coded.dictionary.to_pylist()], dtype=np.int64)
    return known[coded.indices.to_numpy()] if len(coded) else np.zeros(0, dtype=np.int64)


def draw_scores(
    reference: NDArray[np.int64],
    maps: Mapping[str, NDArray[np.int64]],
    n_classes: int,
    *,
    draws: int,
    seed: int,
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Return the mean scores of values whose points and replicates are resampled together.

    Args:
        reference: (points,) class indices of the reference.
        maps: By value, (seeds, points) class indices of its replicates' maps, seeds in one order.
        n_classes: Number of classes.
        draws: Number of draws.
        seed: Seed of the draws.

    Returns:
        By value and metric of :data:`RESAMPLED`, (draws,) means.

    >>> import numpy as np
    >>> reference = np.repeat([0, 1], 50)
    >>> found = draw_scores(reference, {"a": np.stack([reference, reference])}, 2, draws=4, seed=0)
    >>> found["a", "kappa"]
    array([1., 1., 1., 1.])
    """
    n_seeds = len(next(iter(maps.values())))
    picked = keyed(seed, 1).integers(0, n_seeds, size=(draws, n_seeds))
    counting = {value: _counting(reference, rows, n_classes) for value, rows in maps.items()}
    parts: dict[str, list[NDArray[np.float64]]] = {value: [] for value in maps}
    rng = np.random.default_rng(seed)
    for start in range(0, draws, step := max(1, _CELLS // len(reference))):
        rows = picked[start : start + step]
        weights = _weights(len(reference), len(rows), rng)
        for value, (group, cells) in counting.items():
            grouped = group @ weights
            scores = np.stack([_scores(cell @ grouped, n_classes) for cell in cells])  # (seeds, metrics, draws)
            parts[value].append(scores[rows.T, :, np.arange(len(rows))].mean(axis=0))
    joined = {value: np.concatenate(own) for value, own in parts.items()}
    return {(value, m): own[:, i] for value, own in joined.items() for i, m in enumerate(RESAMPLED)}


def _weights(n: int, draws: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return how often each of n points is drawn, (n, draws); every draw takes n points with replacement."""
    counts = np.empty((draws, n), dtype=np.float32)
    for row in counts:
        row[:] = np.bincount(rng.integers(0, n, size=n, dtype=np.int32), minlength=n)
    return np.ascontiguousarray(counts.T)


def _counting(
    reference: NDArray[np.int64], maps: NDArray[np.int64], n_classes: int
) -> tuple[csr_array, list[csr_array]]:
    """Return counting matrices: of points in groups that are equal on all maps, and of groups in each map's cells."""
    joint = reference
    for row in maps:
        joint = np.unique(joint * n_classes + row, return_inverse=True)[1]
    one_each = np.unique(joint, return_index=True)[1]
    cells = [_indicator((reference * n_classes + row)[one_each], n_classes**2) for row in maps]
    return _indicator(joint, len(one_each)), cells


def _indicator(of: NDArray[np.int64], n: int) -> csr_array:
    ones = np.ones(len(of), dtype=np.float32)
    return csr_array((ones, (of, np.arange(len(of)))), shape=(n, len(of)))


def _scores(counts: NDArray[np.float32], n_classes: int) -> NDArray[np.float64]:
    """Return kappa, overall accuracy and mean F1 of confusion matrices, (cells, draws) to (3, draws).

    As :mod:`lulcseg.assessment.scores` defines them, for all draws at once.
    """
    matrix = counts.astype(np.float64).reshape(n_classes, n_classes, -1)
    reference, mapped = matrix.sum(axis=1), matrix.sum(axis=0)
    agree, total = np.einsum("iid->id", matrix), reference.sum(axis=0)
    right, chance = agree.sum(axis=0) * total, (reference * mapped).sum(axis=0)
    judged = reference > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = (right - chance) / (total**2 - chance)
        f1 = np.where(judged, 2 * agree / (reference + mapped), 0.0).sum(axis=0) / judged.sum(axis=0)
        return np.stack([kappa, agree.sum(axis=0) / total, f1])
