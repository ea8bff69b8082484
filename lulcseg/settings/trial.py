"""The settings by which a run knows that it is a replicate of a trial."""

from __future__ import annotations

from dataclasses import dataclass, field

from lulcseg.settings.schema import refuse, setting


@dataclass
class ContrastSettings:
    """The one comparison that a trial makes, named before it is run."""

    kind: str | None = setting(
        None,
        "slope: of the score on log₂ of the level; difference: the second value less the first; null: none.",
        choices=("slope", "difference"),
    )
    values: list[str] = setting([], "Names of the values that are compared; empty: all that have a level.")


@dataclass
class TrialSettings:
    """What a run is a replicate of. A sweep sets it (``sweeps/``); a single run is none."""

    name: str | None = setting(None, "Name of the trial, and of its folder; null: none.")
    title: str = setting("", "The same for people.")
    description: str = setting("", "What it asks, and what to keep in mind.")
    factor: str = setting("", "What its values differ in.")
    value: str | None = setting(None, "Name of the run's value, and of its folder.")
    level: float | None = setting(None, "Number that the value stands for; null: none, as of on and off.")
    contrast: ContrastSettings = field(default_factory=ContrastSettings)
    program: str = setting("train", "Script that runs it: train.py or predict.py.", choices=("train", "predict"))
    changed: str = setting(
        "refuse",
        "What becomes of finished runs by other settings: the sweep is refused before it starts, they are kept and "
        "count as done, or they are moved aside and run anew (redo).",
        choices=("refuse", "keep", "redo"),
    )

    def __post_init__(self) -> None:
        """Refuse names that can't be folders, and a contrast that compares nothing."""
        for key, name in (("name", self.name), ("value", self.value)):
            if name is not None and (not name.strip(".") or set(name) & set("/\\\0")):
                refuse(f"trial.{key}='{name}' can't be a folder's name", "use a plain word")
        if (self.name is None) != (self.value is None):
            refuse("trial.name and trial.value go together", "set both, or use a file of sweeps/")
        if self.contrast.kind == "difference" and len(self.contrast.values) != 2:
            refuse("trial.contrast: a difference is between two values", "name both in trial.contrast.values")
