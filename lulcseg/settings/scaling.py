"""How pixel values are brought to the range that a network sees (``scaling:``)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from lulcseg.settings.schema import refuse, setting

AT_PREDICTION = "mosaic"
"""Statistics used at prediction in place of the batch's, by default (decision 2)."""


@dataclass
class ScalingSettings:
    """How pixel values are brought to the range the network sees (paper, section 2.5.4)."""

    method: str = setting(
        "none",
        "none: by `range` alone; min_max; percentile: between two percentiles; standardise: by mean and deviation.",
        choices=("none", "min_max", "percentile", "standardise"),
    )
    over: str = setting(
        "batch",
        "Pixels that statistics are computed over: of the batch (of each device's micro-batch), of each patch, of the "
        "whole mosaic, or of all training mosaics.",
        choices=("batch", "patch", "mosaic", "training"),
    )
    at_prediction: str = setting(
        AT_PREDICTION,
        "Statistics used at prediction and validation in place of the batch's (over=batch only).",
        choices=("patch", "mosaic", "training"),
    )
    before_augmentation: bool = setting(
        True,
        "Whether training patches are scaled before they are augmented, as in the paper (its section 3.5), or after; "
        "with standardise it is always after, as augmentation works on 0…1.",
    )
    per_band: bool = setting(False, "Whether each band is scaled by its own statistics.")
    percentiles: list[float] = setting([2.0, 98.0], "The lower and the upper percentile, 0 to 100 (percentile only).")
    range: list[float] | None = setting(
        None, "Raw values that become 0 and 1; values beyond are clipped; null: the data type's range, unclipped."
    )

    @property
    def comes_first(self) -> bool:
        """Whether training patches are scaled before augmentation; False too where nothing is stretched."""
        return self.before_augmentation and self.method not in {"none", "standardise"}

    def __post_init__(self) -> None:
        """Refuse settings that make no sense, or none together."""
        ends = self.percentiles
        if len(ends) != 2 or not 0 <= ends[0] < ends[1] <= 100:
            refuse(f"scaling.percentiles={ends} are not a lower and an upper percentile", "use two, such as [2,98]")
        check_range(self.range, "scaling.range")
        if self.method == "none" and (self.over != "batch" or self.per_band):
            refuse("scaling.over and scaling.per_band do nothing without a method", "set scaling.method=min_max")
        if self.at_prediction != AT_PREDICTION and (self.method == "none" or self.over != "batch"):
            refuse(
                f"scaling.at_prediction={self.at_prediction} is for statistics of the batch alone", "set scaling=batch"
            )
        whole = {"mosaic", "training"} & {self.at_prediction if self.over == "batch" else self.over}
        if self.method == "standardise" and self.range is not None and whole:
            refuse(  # a mosaic's statistics are those of its raw values, which the range would cut
                f"scaling.range doesn't go with mean and deviation of the {whole.pop()}",
                "set scaling.range=null, or scaling.method=percentile",
            )


def check_range(values: list[float] | None, key: str) -> None:
    """Refuse a range of values that isn't two numbers, the lower first.

    Raises:
        LulcsegError: It isn't.
    """
    if values is not None and (len(values) != 2 or not -inf < values[0] < values[1] < inf):
        refuse(f"{key}={values} is not a lower and an upper value", "use two, such as [0,4000]")
