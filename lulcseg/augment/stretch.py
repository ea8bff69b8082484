"""Stretching pixel values by the statistics of a patch, a batch, a mosaic or all training mosaics.

Every method is an offset and a span, ``(x − offset) / span``: min–max (paper, section 2.5.4), two
percentiles, or mean and standard deviation. They differ only in the pixels that statistics are taken of. Pixels
without imagery never count and become 0; so do constant values. Nothing here waits for the
device, and a patch's limits don't depend on its neighbours in the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

BINS = 2048
"""Bins of the histogram that finds percentiles; it is computed twice, the second time around them."""


class Limits(NamedTuple):
    """Offset and span of a stretch.

    Attributes:
        offset: Value that becomes 0, float32, broadcastable to (B, C, 1, 1).
        span: Divisor, of the same shape; 0 for constant pixels or none.
    """

    offset: Tensor
    span: Tensor


def unit_range(dtype: str, chosen: Sequence[float] | None = None) -> tuple[float, float]:
    """Return the raw values that map to 0 and 1.

    Args:
        dtype: NumPy name of the imagery's type.
        chosen: The two values, if set.

    Returns:
        The chosen values, else 0 and the largest value of an integer type; 0 and 1 for floats.

    Examples:
        >>> unit_range("uint8"), unit_range("uint16", [0, 4000]), unit_range("float32")
        ((0.0, 255.0), (0.0, 4000.0), (0.0, 1.0))
    """
    if chosen is not None:
        return float(chosen[0]), float(chosen[1])
    kind = getattr(torch, dtype)
    return 0.0, 1.0 if kind.is_floating_point else float(torch.iinfo(kind).max)


def to_unit(image: Tensor, unit: tuple[float, float]) -> Tensor:
    """Map raw values to the range of augmentation, 0…1: (…) any type → (…) float32.

    Args:
        image: Raw values.
        unit: Raw values that map to 0 and 1 (:func:`unit_range`); others map beyond 0…1.

    Examples:
        >>> to_unit(torch.tensor([0, 51, 255], dtype=torch.uint8), (0.0, 255.0)).tolist()
        [0.0, 0.20000000298023224, 1.0]
    """
    low, high = unit
    image = image.float()
    return (image - low) / (high - low) if low else image / high


def patch_limits(
    image: Tensor, valid: Tensor, method: str, *, per_band: bool, percentiles: Sequence[float] = (2.0, 98.0)
) -> Limits:
    """Return each patch's own limits.

    Args:
        image: (B, C, H, W) float.
        valid: (B, H, W) bool; other pixels don't count.
        method: ``min_max``, ``percentile`` or ``standardise``.
        per_band: Whether each band has its own limits.
        percentiles: The lower and the upper, 0…100 (linear between ranks, as NumPy's default).

    Returns:
        Limits of shape (B, C or 1, 1, 1).

    Examples:
        >>> image = torch.tensor([[[[0.2, 0.7]]]])
        >>> limits = patch_limits(image, torch.ones(1, 1, 2).bool(), "min_max", per_band=False)
        >>> limits.offset.item(), limits.span.item()
        (0.20000000298023224, 0.5)
    """
    size, bands = image.shape[:2]
    rows = image.flatten(2) if per_band else image.reshape(size, 1, -1)
    mask = valid.reshape(size, 1, -1)
    mask = mask.expand(-1, bands, -1) if per_band else mask.expand(-1, bands, -1).reshape(size, 1, -1)
    count = bands if per_band else 1
    return _limits(rows.flatten(0, 1), mask.flatten(0, 1), method, percentiles, (size, count, 1, 1))


def batch_limits(
    image: Tensor, valid: Tensor, method: str, *, per_band: bool, percentiles: Sequence[float] = (2.0, 98.0)
) -> Limits:
    """Return the limits of a whole batch (paper, section 2.5.4); arguments as :func:`patch_limits`.

    Returns:
        Limits of shape (1, C or 1, 1, 1).
    """
    size, bands, height, width = image.shape
    whole = image.transpose(0, 1).reshape(1, bands, size * height, width)
    return patch_limits(whole, valid.reshape(1, -1, width), method, per_band=per_band, percentiles=percentiles)


def limits_from(
    statistics: Mapping[str, Any],
    method: str,
    *,
    per_band: bool,
    unit: tuple[Any, Any],
    device: torch.device | str = "cpu",
) -> Limits:
    """Return the limits from a mosaic's statistics.

    Args:
        statistics: Of raw values: ``bands`` and ``joint``, each with lists ``min``, ``max``, ``mean``,
            ``std``, ``low`` and ``high`` (the two percentiles), one value per band.
        method: ``min_max``, ``percentile`` or ``standardise``.
        per_band: Whether each band has its own limits.
        unit: Raw values that map to 0 and 1 in the images to stretch (:func:`unit_range`); numbers, or (C,) float64
            of bands that differ.
        device: Device of the limits.

    Returns:
        Limits of shape (1, C or 1, 1, 1).
    """
    chosen = statistics["bands" if per_band else "joint"]
    offset_of, end_of = {"min_max": ("min", "max"), "percentile": ("low", "high"), "standardise": ("mean", "std")}[
        method
    ]
    offset, end = (torch.tensor(chosen[name], dtype=torch.float64) for name in (offset_of, end_of))
    low, high = unit
    span = (end if method == "standardise" else end - offset) / (high - low)
    shape = (1, -1, 1, 1)
    return Limits(
        ((offset - low) / (high - low)).float().reshape(shape).to(device), span.float().reshape(shape).to(device)
    )


def stretch(image: Tensor, valid: Tensor, limits: Limits, *, clip: bool) -> Tensor:
    """Stretch values by limits: ``(x − offset) / span``.

    Args:
        image: (B, C, H, W) float.
        valid: (B, H, W) bool; other pixels become 0.
        limits: Offset and span.
        clip: Whether values are clipped to 0…1.

    Returns:
        (B, C, H, W) float; 0 where the span is 0.

    Examples:
        >>> limits = Limits(torch.tensor(0.25), torch.tensor(0.5))
        >>> stretch(torch.tensor([[[[0.0, 0.5, 1.0]]]]), torch.ones(1, 1, 3).bool(), limits, clip=True).tolist()
        [[[[0.0, 0.5, 1.0]]]]
    """
    varies = limits.span > 0
    scaled = (image - limits.offset) / torch.where(varies, limits.span, 1.0)
    scaled = scaled.clamp(0.0, 1.0) if clip else scaled
    return torch.where(varies & valid.unsqueeze(1), scaled, 0.0)


def _limits(values: Tensor, mask: Tensor, method: str, percentiles: Sequence[float], shape: tuple[int, ...]) -> Limits:
    """Return the limits of each row of (R, N) values over (R, N) valid pixels, in a given shape.

    A CPU computes row by row, which fits its caches: half the time of all at once. While it is traced into a graph,
    whose number of rows is open, there are no rows to take one by one.
    """
    if torch.compiler.is_exporting():
        return Limits(*(each.reshape(shape) for each in _row_limits(values, mask, method, percentiles)))
    at_once = 1 if values.device.type == "cpu" else len(values)
    parts = zip(torch.split(values, at_once), torch.split(mask, at_once), strict=True)
    found = [_row_limits(v, m, method, percentiles) for v, m in parts]
    offset, span = (torch.cat(column).reshape(shape) for column in zip(*found, strict=True))
    return Limits(offset, span)


def _row_limits(values: Tensor, mask: Tensor, method: str, percentiles: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Return offsets and spans, each (R, 1), of rows (R, N)."""
    low = values.masked_fill(~mask, torch.inf).amin(dim=1, keepdim=True)
    high = values.masked_fill(~mask, -torch.inf).amax(dim=1, keepdim=True)
    any_valid = high >= low
    low, high = torch.where(any_valid, low, 0.0), torch.where(any_valid, high, 0.0)
    if method == "min_max":
        return low, high - low
    if method == "percentile":
        ends = _percentiles(values, mask, low, high, percentiles)
        return ends[:, :1], ends[:, 1:] - ends[:, :1]
    return _mean_and_std(values, mask, low)


def _precise(values: Tensor) -> torch.dtype:
    """Return the type to sum in, whose last bits are rounded off afterwards (MPS has no float64)."""
    return torch.float32 if values.device.type == "mps" else torch.float64


def _mean_and_std(values: Tensor, mask: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and population standard deviation of rows, (R, 1); of constant rows exactly 0.

    Sums are of differences from the row's minimum: 0 throughout where all are equal.
    """
    apart = (values - low).masked_fill(~mask, 0.0).to(_precise(values))
    count = mask.sum(dim=1, keepdim=True).clamp(min=1)
    mean = apart.sum(dim=1, keepdim=True) / count
    variance = (apart - mean).masked_fill(~mask, 0.0).square().sum(dim=1, keepdim=True) / count
    return low + mean.to(low.dtype), variance.sqrt().to(low.dtype)


def _percentiles(values: Tensor, mask: Tensor, low: Tensor, high: Tensor, percentiles: Sequence[float]) -> Tensor:
    """Return percentiles of rows, (R, Q), linear between ranks.

    A histogram between ``low`` and ``high`` (R, 1) finds the bins of the ranks; a second one covers
    only those bins and the range between them, so that outliers cost little. Each rank's
    value is the smallest in its bin: exact if no bin of the second holds two values, as with 8-bit
    imagery, else too low by less than a bin: (upper − lower percentile + 3 · range / 2048) / 2048.
    """
    precise = _precise(values)
    last = (mask.sum(dim=1, keepdim=True) - 1).clamp(min=0)
    share = (torch.tensor(list(percentiles), dtype=precise) / 100).to(values.device, non_blocking=True)
    rank = share * last
    below = rank.floor().long()
    ranks = torch.cat([below, torch.minimum(below + 1, last)], dim=1)
    codes, found = _ranked_bins(values, mask, low, high, ranks)
    width = (high - low) / BINS
    first, final = found.amin(dim=1, keepdim=True), found.amax(dim=1, keepdim=True)
    codes, found = _ranked_bins(values, mask, low + (first - 2) * width, low + (final + 1) * width, ranks)
    beyond = torch.full_like(values, torch.inf)
    hits = [torch.where((codes == one) & mask, values, beyond).amin(dim=1) for one in torch.split(found, 1, dim=1)]
    at = torch.stack(hits, dim=1)
    at = torch.where(torch.isfinite(at), at, 0.0).to(precise)
    lower, upper = at.chunk(2, dim=1)
    return (lower + (upper - lower) * (rank - below)).to(values.dtype)


def _ranked_bins(values: Tensor, mask: Tensor, low: Tensor, high: Tensor, ranks: Tensor) -> tuple[Tensor, Tensor]:
    """Bin rows between limits, and find the bins that hold some ranks.

    Returns:
        Each value's bin, (R, N) int64: 0 below ``low``, 1…BINS, BINS + 1 above and where not valid;
        and the ranks' bins, (R, Q) int64.
    """
    span = high - low
    place = (values - low) * (BINS / torch.where(span > 0, span, 1.0))
    codes = place.floor_().add_(1).clamp_(0, BINS + 1).masked_fill_(~mask, BINS + 1).long()
    counts = torch.zeros(values.shape[0], BINS + 2, dtype=torch.int64, device=values.device)
    one = torch.ones((), dtype=torch.int64, device=values.device)
    counts.scatter_add_(1, codes, one.expand_as(codes))
    up_to = counts.cumsum(dim=1)
    found = (up_to.unsqueeze(1) <= ranks.unsqueeze(2)).sum(dim=2)  # as searchsorted, which ONNX doesn't have
    return codes, found.clamp(max=BINS + 1)
