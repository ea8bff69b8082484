"""The loss (``loss:``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any

from lulcseg.errors import did_you_mean
from lulcseg.settings.registry import Registry
from lulcseg.settings.schema import arguments_setting, refuse, setting, target_setting

LOSSES = Registry(
    "loss",
    "loss.name",
    {
        "cross_entropy": "lulcseg.training.losses.cross_entropy.CrossEntropy",
        "focal": "lulcseg.training.losses.focal.FocalLoss",
        "dice_ce": "lulcseg.training.losses.dice_ce.DiceCrossEntropy",
        "lovasz": "lulcseg.training.losses.lovasz.LovaszSoftmax",
        "tversky": "lulcseg.training.losses.tversky.TverskyLoss",
    },
)
"""Losses by name: functions of the settings and the class weights that return a ``SummedLoss``."""

WEIGHTINGS = ("none", "inverse", "effective_number", "median_frequency")
"""What ``loss.class_weights`` names; all but the first are computed from the training plan."""

_OF_CROSS_ENTROPY = ("cross_entropy", "dice_ce")
_USED_BY = {
    "label_smoothing": _OF_CROSS_ENTROPY,
    "prior_correction": ("cross_entropy", "focal"),
    "class_weights": (*_OF_CROSS_ENTROPY, "focal"),
    "focal_gamma": ("focal",),
    "dice_share": ("dice_ce",),
    "tversky_alpha": ("tversky",),
    "tversky_beta": ("tversky",),
}
"""Which losses a setting acts on; on others it is refused (docs/losses.md says why)."""


@dataclass
class LossSettings:
    """The loss that training minimises. Pixels labelled `ignore` never count."""

    name: str = setting(
        "cross_entropy",
        "Name of the loss: cross_entropy, focal, dice_ce (Dice and cross-entropy), lovasz (Lovász-Softmax) or tversky.",
        choices=tuple(LOSSES),
    )
    label_smoothing: float = setting(
        0.0,
        "Share of each target spread evenly over all classes, 0 to 0.5 (cross_entropy, dice_ce).",
        least=0.0,
        most=0.5,
    )
    prior_correction: float = setting(
        0.0,
        "Share of the shift in class frequencies, caused by sampling, that logit adjustment corrects; 0: none, 1: all "
        "(cross_entropy, focal).",
        least=0.0,
        most=1.0,
    )
    class_weights: Any = setting(
        "none",
        "Weight of each class's pixels in cross_entropy, focal and the cross-entropy of dice_ce: none; inverse, "
        "effective_number or median_frequency of the training plan, with mean 1 over its pixels; one number a class "
        "in the legend's order; or numbers by class name, such as {Vineyards: 5}, others 1.",
    )
    effective_beta: float = setting(
        0.999,
        "β of class_weights=effective_number: classes of many more than 1 / (1 − β) patches' worth of pixels weigh "
        "alike.",
        least=0.0,
        most=0.999999,
    )
    focal_gamma: float = setting(
        2.0,
        "Exponent γ by which focal discounts pixels that are classified well; 0: cross-entropy.",
        least=0.0,
        most=10.0,
    )
    dice_share: float = setting(
        0.5, "Share of Dice in dice_ce, the rest is cross-entropy; 0 to 1.", least=0.0, most=1.0
    )
    tversky_alpha: float = setting(
        0.3, "Weight of pixels wrongly given a class (false positives) in tversky.", least=0.01, most=1.0
    )
    tversky_beta: float = setting(
        0.7, "Weight of a class's missed pixels (false negatives) in tversky.", least=0.01, most=1.0
    )
    target: str | None = target_setting("loss")
    arguments: dict[str, Any] = arguments_setting()

    def __post_init__(self) -> None:
        """Refuse settings that would do nothing, and class weights that are no weights."""
        self._check_weights()
        if self.target is not None or self.name not in LOSSES:
            return
        defaults = {f.name: f.default for f in fields(self)}
        for key, names in _USED_BY.items():
            if (value := getattr(self, key)) != defaults[key] and self.name not in names:
                refuse(
                    f"loss.{key}={value} does nothing with loss.name={self.name}",
                    f"leave it out, or choose a loss that uses it: {', '.join(names)}",
                )
        if self.effective_beta != defaults["effective_beta"] and self.class_weights != "effective_number":
            refuse(
                f"loss.effective_beta={self.effective_beta} does nothing with loss.class_weights={self.class_weights}",
                "set loss.class_weights=effective_number, or leave it out",
            )
        if self.name == "dice_ce" and self.dice_share == 1:
            for key in ("label_smoothing", "class_weights"):
                if (value := getattr(self, key)) != defaults[key]:
                    refuse(
                        f"loss.{key}={value} does nothing with loss.dice_share=1", "it acts on cross-entropy: lower one"
                    )

    @property
    def weighs_classes(self) -> bool:
        """Whether classes have weights."""
        return bool(self.class_weights != "none")

    @property
    def weighs_by_plan(self) -> bool:
        """Whether classes have weights that are computed from the training plan."""
        return self.weighs_classes and isinstance(self.class_weights, str)

    def _check_weights(self) -> None:
        given = self.class_weights
        if isinstance(given, str):
            if given not in WEIGHTINGS:
                refuse(f"loss.class_weights={given} is not one of its choices", did_you_mean(given, WEIGHTINGS))
            return
        about = "give one number a class, [1, 2.5, …], or numbers by class name, {Vineyards: 5}"
        if not isinstance(given, list | dict) or not given:
            refuse(f"loss.class_weights={given} is neither a name, a list nor a mapping of numbers", about)
        values = given if isinstance(given, list) else list(given.values())
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
                refuse(f"loss.class_weights: {value} is not a number of 0 or more", about)
        if isinstance(given, Mapping):
            for name in given:
                if not isinstance(name, str):
                    refuse(f"loss.class_weights: {name} is not the name of a class", about)
        elif not any(values):
            refuse("loss.class_weights: all are 0, so that nothing would be learned", about)
