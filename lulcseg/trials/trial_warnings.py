"""Warnings about a trial's runs that matter for comparing them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lulcseg.trials.replicates import Replicate


def notices(values: Sequence[str], seeds: Sequence[int], replicates: Sequence[Replicate]) -> Iterator[str]:
    """Describe missing, unfinished, failed and inconsistent runs of a trial.

    Args:
        values: Names of the values.
        seeds: Seeds that each value is to be trained from.
        replicates: The existing runs.

    Yields:
        A sentence for each warning.
    """
    for value in values:
        own = [r for r in replicates if r.value == value]
        yield from _missing(value, seeds, own)
        yield from _incomplete(value, own)
        counted = [r for r in own if r.counts]
        yield from _repeated(value, counted)
        yield from _inconsistent(value, counted)
        yield from _differing_classes(value, counted)
    yield from _between(replicates)


def _missing(value: str, seeds: Sequence[int], own: Sequence[Replicate]) -> Iterator[str]:
    if own and all(r.seed < 0 for r in own):
        return  # a map of several models, which isn't replicated
    missing = [seed for seed in seeds if seed not in {r.seed for r in own}]
    if missing:
        yield f"{value}: {len(missing)} of {len(seeds)} replicates are missing ({_seeds(missing)})."


def _incomplete(value: str, own: Sequence[Replicate]) -> Iterator[str]:
    for r in own:
        if r.state == "failed":
            yield f"{value}, seed {r.seed}: the run failed and isn't counted ({_clause(r.error)})."
        elif r.state in {"running", "interrupted"}:
            yield f"{value}, seed {r.seed}: the run isn't finished and isn't counted."
        elif not r.counts:
            yield f"{value}, seed {r.seed}: the run isn't counted ({_clause(r.error)})."
        elif r.error:
            yield f"{value}, seed {r.seed}: an assessment can't be read ({_clause(r.error)})."
        elif not any(a.compared == "map" for a in r.assessments):
            yield f"{value}, seed {r.seed}: no map of it was assessed."


def _repeated(value: str, counted: Sequence[Replicate]) -> Iterator[str]:
    twice = sorted(seed for seed, count in Counter(r.seed for r in counted).items() if count > 1)
    if twice:
        yield f"{value}: several runs have the same seed ({_seeds(twice)}); the last by path counts."


def _inconsistent(value: str, counted: Sequence[Replicate]) -> Iterator[str]:
    compared: list[tuple[str, Callable[[Replicate], str | None]]] = [
        ("sampling plans", lambda r: r.plan_digest),
        ("settings other than the seed", lambda r: r.settings_digest),
        ("versions of the code", lambda r: r.commit),
    ]
    for what, get in compared:
        if len({get(r) for r in counted} - {None}) > 1:
            yield f"{value}: its replicates have differing {what}, so their spread is not that of the training alone."


def _differing_classes(value: str, counted: Sequence[Replicate]) -> Iterator[str]:
    """Report where replicates of a value average over different classes."""
    found: dict[tuple[str, str | None], set[tuple[str, ...]]] = {}
    for r in counted:
        for a in r.assessments:
            if a.compared == "map":
                found.setdefault((a.scene, a.mosaic), set()).add(judged_classes(r, a.scene, a.mosaic))
    for (scene, mosaic), lists in found.items():
        if len(lists) > 1:
            named = f"{scene}, {mosaic}" if mosaic else scene
            yield (
                f"{value}: on {named} its replicates' averages are over different classes, so no mean of them is given."
            )


def judged_classes(replicate: Replicate, scene: str, mosaic: str | None) -> tuple[str, ...]:
    """Return the classes that a map's averages are over, those with reference points; empty without such a map."""
    assessment = replicate.assessment(scene, mosaic)
    if assessment is None:
        return ()
    points = assessment.scores.reference_points
    return tuple(name for name, n in zip(assessment.legend.names, points, strict=True) if n > 0)


def _between(replicates: Sequence[Replicate]) -> Iterator[str]:
    plans = {r.value: r.plan_digest for r in replicates if r.counts and r.plan_digest is not None}
    if len(set(plans.values())) > 1:
        yield (
            "The values are trained on different sampling plans: their differences include those between the plans, "
            "of which each value has only one or few."
        )


def _seeds(seeds: Sequence[int]) -> str:
    return ("seed " if len(seeds) == 1 else "seeds ") + ", ".join(str(s) for s in seeds)


def _clause(error: str | None) -> str:
    return (error or "no reason is recorded").strip().splitlines()[0].rstrip(".")
