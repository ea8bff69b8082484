"""Patches as a network sees them at another scale: more or fewer pixels for the same ground, and logits back again.

A network knows objects at the size in pixels, and with the sharpness, that they had in training. A mosaic of other
pixels, or of another camera's sharpness, can be brought nearer to that while it is mapped, on its own grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lulcseg.mosaic.forward import PatchModel
from lulcseg.settings.mosaic import MosaicSettings

_LEAST_SEEN = 0.5 - 1e-6
"""Share of imagery from which on a pixel has some: half, less what sums of float32 are off by."""

_LOG_OF_NOTHING = -104.0
"""Stands for the logarithm of a probability of 0, which exported graphs give: below that of every float32 above 0."""

_FLOAT = 4


class ScaledPatches:
    """A model that is shown patches at another size, and whose logits are brought back to the patch's pixels.

    Each patch is resampled by itself, so that its logits don't depend on the rest of its batch.

    Args:
        model: The model.
        scale: Pixels that it sees along a patch's side, for each of the patch's.
    """

    def __init__(self, model: PatchModel, scale: float) -> None:
        self._model, self._scale = model, scale

    def __call__(self, image: Tensor, valid: Tensor) -> Tensor:
        """Return logits, (B, K, P, P), of images (B, C, P, P) in their raw type, valid where (B, P, P) is true."""
        size = image.shape[-1]
        seen = scaled_size(size, self._scale)
        if seen == size:
            return self._model(image, valid)
        logits = self._model(*resampled(image, valid, seen))
        return _resized(logits.masked_fill(logits.isneginf(), _LOG_OF_NOTHING), size)


def scaled(models: Sequence[PatchModel], scale: float) -> list[PatchModel]:
    """Return models that see patches at a scale; at 1 the models themselves."""
    return list(models) if scale == 1 else [ScaledPatches(model, scale) for model in models]


def scaled_size(patch_size: int, scale: float) -> int:
    """Return the side of a patch as the network sees it: the nearest whole number of pixels.

    Args:
        patch_size: Its side on the mosaic, in pixels.
        scale: Pixels seen for each of these.

    Examples:
        >>> scaled_size(128, 1.33), scaled_size(128, 1.0)
        (170, 128)
    """
    return max(1, round(patch_size * scale))


def resampled(image: Tensor, valid: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Resample patches bilinearly, with antialiasing where they shrink; pixels without imagery don't count.

    Args:
        image: (B, C, P, P) in the imagery's own type.
        valid: (B, P, P) bool.
        size: Side S of the result, in pixels.

    Returns:
        (B, C, S, S) of the same type, 0 where there is no imagery, and (B, S, S) bool: where at least half of what a
        pixel is resampled from is imagery.

    Examples:
        >>> image = torch.tensor([[[[10, 30], [99, 30]]]], dtype=torch.uint8)
        >>> values, valid = resampled(image, torch.tensor([[[True, True], [False, True]]]), 1)
        >>> values.item(), valid.item()
        (23, True)
    """
    has = valid.unsqueeze(1)
    cover = _resized(has.float(), size)
    seen = cover >= _LEAST_SEEN
    values = _resized(torch.where(has, image.float(), 0.0), size) / cover.clamp(min=_LEAST_SEEN)
    values = torch.where(seen, values, 0.0)
    return (values if image.is_floating_point() else values.round()).to(image.dtype), seen.squeeze(1)


def scale_identity(settings: MosaicSettings) -> dict[str, Any]:
    """Return the scale's entry in a map's identity; empty at 1, as for maps of earlier versions."""
    return {} if settings.scale == 1 else {"scale": settings.scale}


def scaled_bytes(settings: MosaicSettings, patch_size: int, batch_size: int, bands: int, classes: int) -> int:
    """Return the memory that a batch at the network's scale takes besides the batch itself; 0 at a scale of 1."""
    if settings.scale == 1:
        return 0
    pixels = batch_size * scaled_size(patch_size, settings.scale) ** 2
    return pixels * (2 * bands * _FLOAT + _FLOAT + classes * _FLOAT)


def _resized(values: Tensor, size: int) -> Tensor:
    """Return (B, C, size, size) of (B, C, P, P) float32."""
    return functional.interpolate(values, (size, size), mode="bilinear", align_corners=False, antialias=True)
