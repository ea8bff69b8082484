"""How a model is adapted to a mosaic at prediction (``adapt``)."""

from __future__ import annotations

from typing import Any

from lulcseg.settings.schema import setting

ADAPTATIONS = {
    "none": None,
    "histogram": "histogram",
    "batch_norm": "batch_norm",
    "both": "histogram_batch_norm",
}
"""Ways of adapting, with the name that each has in the maps' file names, tags and records; None: it changes nothing."""

BY_HISTOGRAM = ("histogram", "both")
"""Ways that match the mosaic's values to those trained on."""

BY_BATCH_NORM = ("batch_norm", "both")
"""Ways that take batch norm's statistics of the mosaic."""


def adapt_setting() -> Any:
    """Declare the setting, which training and prediction share."""
    return setting(
        "none",
        "How a mosaic that the model wasn't trained on is adapted before it is mapped: none; histogram: each band's "
        "values are matched to those of the mosaics trained on; batch_norm: batch norm's statistics are taken of "
        "patches of the mosaic, drawn so that the classes' shares are like those of the training patches; both.",
        choices=tuple(ADAPTATIONS),
    )
