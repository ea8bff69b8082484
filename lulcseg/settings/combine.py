"""How several models make one map (``combine``)."""

from __future__ import annotations

from typing import Any

from lulcseg.settings.schema import setting

MEAN, ONE_AGAINST_ALL = "mean", "one_against_all"
COMBINATIONS = (MEAN, ONE_AGAINST_ALL)


def combine_setting() -> Any:
    """Declare the setting of a prediction."""
    return setting(
        MEAN,
        "What several models make together: mean: the mean of their class probabilities; one_against_all: one map of "
        "models that each know one class and a common rest, a pixel being of the class that its own model is surest "
        "of, or of the rest where none holds its class for more probable than not.",
        choices=COMBINATIONS,
    )
