"""Limits of stretches against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lulcseg.augment.stretch import BINS, batch_limits, patch_limits

METHODS = ["min_max", "percentile", "standardise"]


def expected(values: np.ndarray, method: str) -> tuple[float, float]:
    """Return offset and span of some values."""
    values = values.astype(np.float64)
    if method == "standardise":
        return values.mean(), values.std()
    low, high = (values.min(), values.max()) if method == "min_max" else np.percentile(values, [2, 98])
    return low, high - low


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float"])
@pytest.mark.parametrize("bands", [1, 4])
@pytest.mark.parametrize("per_band", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_limits_are_numpys(method, per_band, bands, kind):
    rng = np.random.default_rng(3)
    values = rng.gamma(4, 20, (3, bands, 40, 33)) * np.linspace(0.5, 1.5, bands)[:, None, None]
    if kind == "float":
        image = ((values - 60) / 30).astype(np.float32)
    else:
        most = np.iinfo(kind).max
        image = (np.clip(values * (most / 255), 0, most).astype(kind) / most).astype(np.float32)
    valid = rng.random((3, 40, 33)) > 0.3
    tolerance = 1e-6
    for take, groups in ((patch_limits, [[i] for i in range(3)]), (batch_limits, [[0, 1, 2]])):
        limits = take(torch.from_numpy(image), torch.from_numpy(valid), method, per_band=per_band)
        for i, members in enumerate(groups):
            for j, which in enumerate([[b] for b in range(bands)] if per_band else [list(range(bands))]):
                chosen = np.concatenate([image[m, b][valid[m]] for m in members for b in which])
                offset, span = expected(chosen, method)
                near = 1.05 * span / BINS if method == "percentile" and kind != "uint8" else tolerance * (1 + span)
                assert abs(limits.offset[i, j].item() - offset) <= near
                assert abs(limits.span[i, j].item() - span) <= near
