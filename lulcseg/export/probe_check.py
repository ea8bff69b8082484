"""Check of an exported model against the predictor that maps are made with, on made-up patches."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from lulcseg.augment.stretch import unit_range
from lulcseg.errors import LulcsegError
from lulcseg.seeds import generator
from lulcseg.training.model_record import ModelRecord
from lulcseg.training.predictor import PatchPredictor

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""An exported model: raw values (B, C, P, P), not a number where there is no imagery, to probabilities (B, K, P, P)."""

_COARSE = 8


def probes(record: ModelRecord, patch_size: int) -> Iterator[tuple[NDArray[np.generic], NDArray[np.bool_]]]:
    """Yield batches of patches with validity: three of smooth and noisy values, one with gaps, and a constant one.

    Values are spread like those of the mosaics trained on, if the record holds their quantiles.

    Args:
        record: Of the model.
        patch_size: Side of a patch P, in pixels.

    Yields:
        Images (B, C, P, P) in the imagery's type, and where they are valid, (B, P, P).
    """
    rng, dtype = generator(0, "patches that check an exported model"), np.dtype(record.dtype)
    shape = (3, record.bands, patch_size, patch_size)
    coarse = torch.from_numpy(rng.random((3, record.bands, _COARSE, _COARSE)))
    smooth = functional.interpolate(coarse, size=shape[2:], mode="bilinear").numpy()
    share = np.clip(smooth + rng.normal(0, 0.05, shape), 0, 1)
    image = np.empty(shape)
    for band in range(record.bands):
        own = None if record.named_bands is None else record.named_bands[band]
        low, high = unit_range(own.dtype, own.range) if own else unit_range(record.dtype, record.scaling.range)
        known = [low, high] if record.quantiles is None else record.quantiles[band]
        image[:, band] = np.interp(share[:, band], np.linspace(0, 1, len(known)), known)
    image = image.round().astype(dtype) if dtype.kind in "iu" else image.astype(dtype)
    valid = np.ones((3, patch_size, patch_size), dtype=bool)
    valid[1, : patch_size // 3, : patch_size // 2] = False
    yield image, valid
    constant = np.broadcast_to(image[:1, :, :1, :1], (1, *shape[1:])).copy()
    yield constant, valid[:1]


def check_agreement(
    run: Run, predictor: PatchPredictor, patch_size: int, *, nodata: float | None, tolerance: float, name: str
) -> float:
    """Compare an exported model with the predictor.

    Args:
        run: The exported model.
        predictor: On the CPU, in float32.
        patch_size: Side of a patch, in pixels.
        nodata: Value that means no imagery in the exported model.
        tolerance: Largest difference of a probability.
        name: Name of its file, for errors.

    Returns:
        The largest difference of a probability.

    Raises:
        LulcsegError: It is above the tolerance.
    """
    record, largest = predictor.task.record, 0.0
    for image, valid in probes(record, patch_size):
        own = valid
        if nodata is not None:
            equal = image.astype(np.float32) == np.float32(nodata)
            own = valid & ~(equal.all(axis=1) if image.dtype.kind in "iu" else equal.any(axis=1))
        logits = predictor(torch.from_numpy(image), torch.from_numpy(own))
        expected = torch.softmax(logits, dim=1).numpy()
        found = run(np.where(valid[:, None], image, np.nan).astype(np.float32))
        difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else np.inf
        largest = np.inf if np.isnan(difference) else max(largest, difference)
    if largest > tolerance:
        raise LulcsegError(
            f"its probabilities differ from the checkpoint's by up to {largest:.2g}, more than {tolerance:g}: the file "
            "is not kept",
            where=name,
            remedy="allow for rounding, if it is that (--tolerance 1e-4), or export another format",
        )
    return largest
