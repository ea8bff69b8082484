"""A trial: several values of one setting, each trained from several seeds, read from its folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.run_folder.folder import TrialFolder
from lulcseg.trials.replicates import Replicate, read_replicate
from lulcseg.trials.trial_warnings import notices

COMPARABLE = ("kappa", "overall_accuracy", "mean_f1", "mean_users", "mean_producers", "brier", "nll", "ece")
"""Scores that a contrast may compare."""


@dataclass(frozen=True, slots=True)
class TrialValue:
    """One value of a trial's factor.

    Attributes:
        name: Name of its folder, such as ``batch10``.
        level: The number it represents (patches per batch, pixels); None for a categorical factor.
    """

    name: str
    level: float | None = None


@dataclass(frozen=True, slots=True)
class Contrast:
    """The one contrast that was named before the trial was run.

    Attributes:
        kind: ``slope`` of the score on log₂ of the level, or ``difference``, the second value minus the first.
        values: The values; None for a slope: all that have a level.
        metric: The score that is compared.
    """

    kind: Literal["slope", "difference"]
    values: tuple[str, ...] | None = None
    metric: str = "kappa"


@dataclass(frozen=True, eq=False)
class Trial:
    """A trial and its runs.

    Attributes:
        name: Its name.
        title: Its name in words.
        description: The question it answers.
        factor: What varies, in words.
        values: The values, in order.
        seeds: Seeds that each value is, or is to be, trained from.
        contrast: The contrast named beforehand, if any.
        folder: Its folder.
        replicates: Its runs, by value and seed, finished or not.
        notes: Warnings about missing, unfinished, failed and inconsistent runs, a sentence each.
        plain: Content of ``trial.json``, empty without it.
    """

    name: str
    title: str
    description: str
    factor: str
    values: list[TrialValue]
    seeds: list[int]
    contrast: Contrast | None
    folder: Path
    replicates: list[Replicate]
    notes: tuple[str, ...]
    plain: dict[str, Any]

    def of(self, value: str) -> list[Replicate]:
        """Return the complete runs of a value, by seed."""
        return [r for r in self.replicates if r.value == value and r.counts]

    def has_seeds(self, value: str) -> bool:
        """Whether a value is run from seeds, so that some may be missing; an ensemble of all replicates exists once."""
        own = [r.seed for r in self.replicates if r.value == value]
        return not own or max(own) >= 0 or all(r.seed < 0 for r in self.replicates)

    def labels(self, scene: str) -> Assessment | None:
        """Return the assessment of a scene's digitised polygons, from the first run that has one."""
        scored = (a for r in self.replicates for a in r.assessments if a.scene == scene and a.compared == "labels")
        return next(scored, None)


def select_values(trial: Trial, names: Sequence[str]) -> Trial:
    """Return a trial restricted to some of its values; the contrast is kept if they include all of its values.

    Raises:
        LulcsegError: The trial has no such value.
    """
    known = [v.name for v in trial.values]
    for name in names:
        if name not in known:
            raise LulcsegError(f"it has no value '{name}'", where=trial.folder, remedy=did_you_mean(name, known))
    contrast = trial.contrast
    if contrast is not None and not set(contrast.values or known) <= set(names):
        contrast = None
    replicates = [r for r in trial.replicates if r.value in names]
    return replace(
        trial,
        values=[v for v in trial.values if v.name in names],
        replicates=replicates,
        contrast=contrast,
        notes=tuple(notices(names, trial.seeds, replicates)),
    )


def read_trial(folder: Path) -> Trial:
    """Read a trial from its runs' folders and, if it exists, ``trial.json``.

    Damaged, unfinished and missing runs are reported in ``notes`` instead of raising.

    Args:
        folder: Holds folders ``<value>/seed<k>/``, or runs' folders themselves.

    Raises:
        LulcsegError: The folder doesn't exist, holds no run, or its ``trial.json`` is damaged.
    """
    if not folder.is_dir():
        raise LulcsegError("there is no such folder", where=folder, remedy="give the folder of a trial's runs")
    paths = TrialFolder(folder)
    plain = _read_plain(paths.description)
    name = str(plain.get("name") or folder.resolve().name)
    replicates = [read_replicate(run, name) for run in paths.runs()]
    if not replicates and not plain:
        raise LulcsegError("it holds no run", where=folder, remedy="give the folder of a trial's runs")
    values = _values(plain, replicates, folder)
    order = {value.name: number for number, value in enumerate(values)}
    replicates.sort(key=lambda r: (order[r.value], r.seed, str(r.path)))
    found = {r.seed for r in replicates if r.seed >= 0} or {r.seed for r in replicates}
    seeds = [int(s) for s in plain.get("seeds") or sorted(found)]
    return Trial(
        name=name,
        title=str(plain.get("title") or name),
        description=str(plain.get("description") or ""),
        factor=str(plain.get("factor") or ""),
        values=values,
        seeds=seeds,
        contrast=_contrast(plain.get("contrast"), values, folder),
        folder=folder,
        replicates=replicates,
        notes=tuple(notices([v.name for v in values], seeds, replicates)),
        plain=plain,
    )


def _read_plain(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LulcsegError("not a readable JSON file", where=path, remedy="start the sweep again") from error
    if not isinstance(plain, dict) or plain.get("format") != 1:
        raise LulcsegError("not the description of a trial of format 1", where=path, remedy="start the sweep again")
    return plain


def _values(plain: Mapping[str, Any], replicates: Iterable[Replicate], folder: Path) -> list[TrialValue]:
    """Return the values in the order of ``trial.json``, then those that it doesn't list by level and name."""
    try:
        listed = [
            TrialValue(str(v["name"]), None if v.get("level") is None else float(v["level"]))
            for v in plain.get("values") or []
        ]
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise _invalid("values", folder) from error
    named = {v.name for v in listed}
    found = {r.value: TrialValue(r.value, r.level) for r in replicates if r.value not in named}
    others = sorted(found.values(), key=lambda v: (v.level is None, v.level or 0.0, v.name))
    return [*listed, *others]


def _contrast(plain: Mapping[str, Any] | None, values: list[TrialValue], folder: Path) -> Contrast | None:
    if not plain or plain.get("kind") is None:
        return None
    kind, chosen = plain["kind"], plain.get("values")
    named = None if chosen is None else tuple(str(name) for name in chosen)
    known = {v.name: v.level for v in values}
    levels = [known.get(name) for name in named or known]
    valid = {
        "slope": named is None or all(level is not None and level > 0 for level in levels),
        "difference": named is not None and len(named) == 2 and set(named) <= set(known),
    }
    if not valid.get(kind, False) or plain.get("metric", "kappa") not in COMPARABLE:
        raise _invalid("contrast", folder)
    return Contrast(kind, named, str(plain.get("metric") or "kappa"))


def _invalid(key: str, folder: Path) -> LulcsegError:
    return LulcsegError(
        f"its '{key}' isn't valid",
        where=TrialFolder(folder).description,
        remedy="start the sweep again",
    )
