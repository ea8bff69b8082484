"""What a map's pixels depend on, and what its tags say of pretrained weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from lulcseg.grid import Grid
from lulcseg.legend import Legend
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.mosaic.row_stream import PredictionSetup


def weights_tag(weights: Sequence[PretrainedWeights | None]) -> dict[str, str]:
    """Return the tag that names pretrained weights with their licences; none for models from random weights."""
    named = dict.fromkeys(f"{each.source} (licence {each.licence})" for each in weights if each is not None)
    return {"encoder_weights": ", ".join(named)} if named else {}


def pixel_identity(setup: PredictionSetup, legend: Legend, grid: Grid) -> dict[str, Any]:
    """Return what a map's pixels depend on besides model and imagery, as plain Python.

    The keys are stored with unfinished maps; renaming one makes them unusable.
    """
    return {
        "passes": setup.plan.to_plain(),
        "patch": setup.patch_size,
        "batch": setup.batch_size,
        "device": setup.device.type,
        "legend": legend.to_plain(),
        "grid": repr(grid),
        "torch": torch.__version__,
    }
