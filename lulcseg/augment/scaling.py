"""Scaling: bringing pixel values to the range the network sees (paper, section 2.5.4).

The paper scales every batch of patches to 0…255 by its minimum and maximum. A map must not depend
on which patches happen to share a batch, so at prediction ``batch`` takes each patch's own minimum
and maximum. Values end in 0…1 rather than 0…255, a constant factor that batch norm takes out.
"""

from __future__ import annotations

import torch
from torch import Tensor

TYPE_RANGE = {"uint8": 255.0, "uint16": 65535.0, "int16": 32767.0, "uint32": 4294967295.0}
"""Largest value of each integer type of imagery; floats are taken as they are."""


def to_unit(image: Tensor, dtype: str) -> Tensor:
    """Divide by the imagery type's range: (…) any type → (…) float32, 0…1 for unsigned integers.

    Args:
        image: Raw values.
        dtype: NumPy name of the imagery's type, as in the files.
    """
    return image.float() / TYPE_RANGE.get(dtype, 1.0)


def min_max(image: Tensor, valid: Tensor, *, per_band: bool, per_sample: bool) -> Tensor:
    """Stretch values to 0…1 by their minimum and maximum over valid pixels.

    Args:
        image: (B, C, H, W) float.
        valid: (B, H, W) bool; pixels without imagery don't count and come out as 0.
        per_band: Whether each band has its own range.
        per_sample: Whether each patch has its own range, or the batch one.

    Returns:
        (B, C, H, W) float; a constant patch comes out as 0.
    """
    mask = valid.unsqueeze(1).expand_as(image)
    dims = [d for d, kept in enumerate((per_sample, per_band, False, False)) if not kept]
    low = image.masked_fill(~mask, torch.inf).amin(dim=dims, keepdim=True)
    high = image.masked_fill(~mask, -torch.inf).amax(dim=dims, keepdim=True)
    span = high - low
    usable = torch.isfinite(span) & (span > 0)
    scaled = (image - low) / torch.where(usable, span, torch.ones_like(span))
    return torch.where(usable & mask, scaled, torch.zeros_like(scaled))


def scale(image: Tensor, valid: Tensor, *, method: str, per_band: bool, training: bool) -> Tensor:
    """Apply a scaling method.

    Args:
        image: (B, C, H, W) float, 0…1 by the type's range.
        valid: (B, H, W) bool.
        method: ``none``, ``batch`` or ``patch``.
        per_band: Whether bands are stretched apart.
        training: Whether ``batch`` may look at the batch; at prediction it looks at the patch.

    Returns:
        (B, C, H, W) float.
    """
    if method == "none":
        return image * valid.unsqueeze(1)
    return min_max(image, valid, per_band=per_band, per_sample=not (method == "batch" and training))
