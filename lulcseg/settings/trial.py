"""The trial that a run is a replicate of (``trial:``), as sweeps set it."""

from __future__ import annotations

from dataclasses import dataclass, field

from lulcseg.settings.schema import refuse, setting


@dataclass
class ContrastSettings:
    """The one comparison of a trial, named before it is run."""

    kind: str | None = setting(
        None,
        "slope: of the score on log₂ of the level; difference: the second value less the first; null: none.",
        choices=("slope", "difference"),
    )
    values: list[str] = setting([], "Names of the values that are compared; empty: all that have a level.")
    metric: str = setting(
        "kappa",
        "Score that is compared; brier, nll and ece are of the probabilities, which mosaic.outputs must then hold.",
        choices=("kappa", "overall_accuracy", "mean_f1", "mean_users", "mean_producers", "brier", "nll", "ece"),
    )


@dataclass
class TrialSettings:
    """The trial that a run is a replicate of. Sweeps set it (``sweeps/``); single runs leave it out."""

    name: str | None = setting(None, "Name of the trial and of its folder; null: the run belongs to none.")
    title: str = setting("", "Title of the trial in reports.")
    description: str = setting("", "Question of the trial, and caveats.")
    factor: str = setting("", "Factor in which its values differ.")
    value: str | None = setting(None, "Name of the run's value and of its folder.")
    level: float | None = setting(None, "Number of the value, as a level of the factor; null: none, as for on and off.")
    contrast: ContrastSettings = field(default_factory=ContrastSettings)
    program: str = setting("train", "Script that runs it: train.py or predict.py.", choices=("train", "predict"))
    changed: str = setting(
        "refuse",
        "Finished runs by other settings: refuse the sweep before it starts, keep them and "
        "count them as done, or move them aside and run them again (redo).",
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
