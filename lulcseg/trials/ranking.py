"""The paper's ranking of a trial's values (section 2.9), with tests of their differences and its stability."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lulcseg.trials.contrasts import MARGIN, Comparison, by_pair, named_contrast, pairs
from lulcseg.trials.paper_ranking_rule import PaperRanks, Ties, paper_ranks, ranks_of, round_up, time_counts
from lulcseg.trials.scores_by_seed import WHOLE_MAP, View, averaged_over, score_table
from lulcseg.trials.summary import Summary, resamples, summarise
from lulcseg.trials.trial_reader import Trial, TrialValue

_STABLE = 0.95
"""Share of bootstrap draws from which on an order is called stable."""


@dataclass(frozen=True, eq=False)
class RankedValue:
    """A value of a trial: its scores, and its rank by the paper's rule.

    Attributes:
        value: Its name.
        level: The number it represents, if any.
        n: Number of replicates with scores.
        kappa: Its kappa.
        overall_accuracy: Its overall accuracy.
        mean_f1: Its mean F1.
        mean_users: Its mean user's accuracy.
        mean_producers: Its mean producer's accuracy.
        hours: Its training time in hours.
        users_rank: Its rank by user's accuracy, the best highest; NaN if it isn't ranked.
        producers_rank: Likewise by producer's accuracy.
        time_rank: Likewise by training time; NaN if time doesn't count.
        score: Sum of the ranks, time counted twice; NaN if it isn't ranked.
        place: 1 for the highest score; None if it isn't ranked.
        first: Share of bootstrap draws of the seeds in which it comes first, 0…1; NaN without draws.
    """

    value: str
    level: float | None
    n: int
    kappa: Summary
    overall_accuracy: Summary
    mean_f1: Summary
    mean_users: Summary
    mean_producers: Summary
    hours: Summary
    users_rank: float
    producers_rank: float
    time_rank: float
    score: float
    place: int | None
    first: float


@dataclass(frozen=True)
class Neighbours:
    """Two values in adjacent places.

    Attributes:
        better: The value that is placed higher, or as high.
        worse: The other value.
        comparison: The test of their difference in kappa.
        ahead: Share of bootstrap draws of the seeds in which the first has the higher score, ties counted half; NaN
            without draws.
        sentence: How well supported their order is.
    """

    better: str
    worse: str
    comparison: Comparison
    ahead: float
    sentence: str


@dataclass(frozen=True, eq=False)
class Ranking:
    """A trial's values ranked by the paper's rule on one view, with tests of their differences.

    Attributes:
        trial: The trial.
        view: The maps compared.
        ties: How ties are ranked.
        time_counts: Whether training times differ enough to count.
        rows: The values in the trial's order.
        contrast: The comparison named beforehand, if any.
        pairs: All other comparisons, adjusted by Holm's method.
        neighbours: Pairs of values in adjacent places.
        notes: The trial's notes and those of the ranking, a sentence each.
    """

    trial: Trial
    view: View
    ties: Ties
    time_counts: bool
    rows: list[RankedValue]
    contrast: Comparison | None
    pairs: list[Comparison]
    neighbours: list[Neighbours]
    notes: tuple[str, ...]

    @property
    def ranked(self) -> list[RankedValue]:
        """The values by place, those without one last."""
        return sorted(self.rows, key=lambda r: (r.place is None, r.place or 0))


def rank_trial(
    trial: Trial, view: View, *, ties: Ties = "average", margin: float = MARGIN, draws: int = 2000, seed: int = 0
) -> Ranking:
    """Rank a trial's values on one view, with intervals, tests and the stability of the order.

    Args:
        trial: The trial.
        view: The maps to compare.
        ties: How ties within a metric are ranked.
        margin: Equivalence margin of kappa.
        draws: Number of bootstrap draws of the seeds.
        seed: Seed of the draws.
    """
    summaries = {metric: {s.value: s for s in summarise(trial, view, [metric])} for metric in (*WHOLE_MAP, "hours")}
    ranked = [v.name for v in trial.values if _has(summaries, v.name, "mean_users", "mean_producers")]
    notes = list(trial.notes)
    if len(averaged_over(trial, view, ranked)) > 1:
        notes.append("The values' averages are over different classes, so they aren't ranked.")
        ranked = []
    users, producers, hours = ([summaries[metric][v].mean for v in ranked] for metric in _RANKED_BY)
    ranks = paper_ranks(users, producers, hours, ties)
    drawn = _drawn_scores(trial, view, ranked, ties=ties, draws=draws, seed=seed)
    rows = [
        _row(v, {metric: by_value[v.name] for metric, by_value in summaries.items()}, ranks, ranked, drawn)
        for v in trial.values
    ]
    contrast = named_contrast(trial, view, margin=margin)
    others = pairs(trial, view, margin=margin)
    known = others if contrast is None or contrast.metric != "kappa" else [contrast, *others]
    return Ranking(
        trial=trial,
        view=view,
        ties=ties,
        time_counts=ranks.time is not None,
        rows=rows,
        contrast=contrast,
        pairs=others,
        neighbours=_neighbours(rows, ranked, drawn, known),
        notes=tuple(notes),
    )


def _row(
    value: TrialValue, own: dict[str, Summary], ranks: PaperRanks, ranked: Sequence[str], drawn: NDArray[np.float64]
) -> RankedValue:
    at = ranked.index(value.name) if value.name in ranked else None
    return RankedValue(
        value=value.name,
        level=value.level,
        n=own["kappa"].n,
        kappa=own["kappa"],
        overall_accuracy=own["overall_accuracy"],
        mean_f1=own["mean_f1"],
        mean_users=own["mean_users"],
        mean_producers=own["mean_producers"],
        hours=own["hours"],
        users_rank=math.nan if at is None else float(ranks.users[at]),
        producers_rank=math.nan if at is None else float(ranks.producers[at]),
        time_rank=math.nan if at is None or ranks.time is None else float(ranks.time[at]),
        score=math.nan if at is None else float(ranks.score[at]),
        place=None if at is None else int(ranks.place[at]),
        first=math.nan if at is None else float(_first_shares(drawn)[at]),
    )


_RANKED_BY = ("mean_users", "mean_producers", "hours")


def _has(summaries: dict[str, dict[str, Summary]], value: str, *metrics: str) -> bool:
    return all(math.isfinite(summaries[metric][value].mean) for metric in metrics)


def _drawn_scores(
    trial: Trial, view: View, ranked: Sequence[str], *, ties: Ties, draws: int, seed: int
) -> NDArray[np.float64]:
    """Return the rule's scores in bootstrap draws of the seeds that all values share, (draws, values).

    A draw takes the same seeds for all values. With fewer than two seeds there are no draws.
    """
    tables = [score_table(trial, view, metric).loc[list(ranked)].to_numpy() for metric in _RANKED_BY]
    whole = np.isfinite(tables[0]).all(axis=0) & np.isfinite(tables[1]).all(axis=0)
    if not ranked or whole.sum() < 2:
        return np.zeros((0, len(ranked)))
    drawn = resamples(int(whole.sum()), draws, seed)
    users, producers, hours = (table[:, whole][:, drawn].mean(axis=2).T for table in tables)
    rounded = round_up(hours)
    time = np.where(time_counts(rounded)[:, None], ranks_of(-rounded, ties), 0.0)
    return np.asarray(ranks_of(users, ties) + ranks_of(producers, ties) + 2 * time)


def _first_shares(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of draws in which each value has the highest score; ties for it count as a fraction."""
    if not drawn.size:
        return np.full(drawn.shape[1], np.nan)
    first = drawn == drawn.max(axis=1, keepdims=True)
    return np.asarray((first / first.sum(axis=1, keepdims=True)).mean(axis=0))


def _neighbours(
    rows: Sequence[RankedValue], ranked: Sequence[str], drawn: NDArray[np.float64], comparisons: Sequence[Comparison]
) -> list[Neighbours]:
    """Compare each value with the one placed below it; ``drawn`` has a column for each value of ``ranked``."""
    ordered = sorted((r for r in rows if r.place is not None), key=lambda r: r.place or 0)
    found, compared = [], by_pair(comparisons)
    for better, worse in itertools.pairwise(ordered):
        comparison = compared[frozenset((better.value, worse.value))]
        lead = drawn[:, ranked.index(better.value)] - drawn[:, ranked.index(worse.value)]
        ahead = float(((lead > 0) + (lead == 0) / 2).mean()) if lead.size else math.nan
        sentence = _describe_order(comparison, better, worse, ahead)
        found.append(Neighbours(better.value, worse.value, comparison, ahead, sentence))
    return found


def _describe_order(c: Comparison, better: RankedValue, worse: RankedValue, ahead: float) -> str:
    """Say how well supported the order of two neighbours is."""
    gain = c.estimate if c.values[1] == better.value else -c.estimate
    draws = "" if math.isnan(ahead) else f"{percent(ahead)} of the bootstrap draws of seeds"
    if c.verdict == "differs":
        support = "its kappa is significantly higher" if gain > 0 else "but its kappa is significantly lower"
        support += f"; ahead in {draws}"
    else:
        support = "no difference in kappa that matters" if c.verdict == "no difference" else (
            "the difference in kappa is inconclusive"
        )  # fmt: skip
        if ahead < _STABLE or math.isnan(ahead):
            support += ", so their order means little" + (f"; ahead in {draws}" if draws else "")
        else:
            faster = ", because its training is shorter" if better.time_rank > worse.time_rank else ""
            support += f"; by the rule's score it is nevertheless ahead in {draws}{faster}"
    order = "ties with" if better.place == worse.place else "is placed above"
    return f"{better.value} {order} {worse.value}: {support}."


def percent(share: float) -> str:
    """Return a share in percent as text.

    >>> percent(0.954)
    '95 %'
    """
    return f"{100 * share:.0f} %"
