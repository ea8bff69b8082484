"""How imagery is displayed: which bands, and which of their values are black and white."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PERCENTILES = (2.0, 98.0)
"""Percentiles of imagery other than 8-bit that are displayed as black and as white."""


@dataclass(frozen=True, eq=False)
class DisplayRange:
    """Values displayed as black and as white, per displayed band.

    Attributes:
        low: (3,) float.
        high: (3,) float.
    """

    low: NDArray[np.floating[Any]]
    high: NDArray[np.floating[Any]]

    @classmethod
    def of(cls, pixels: NDArray[np.float32]) -> DisplayRange:
        """Return the range of the middle 96 % of pixels.

        Args:
            pixels: (n, 3) values of the displayed bands, at least one pixel.

        Example:
            >>> values = np.arange(101, dtype=np.float32)[:, np.newaxis].repeat(3, axis=1)
            >>> DisplayRange.of(values).high.tolist()
            [98.0, 98.0, 98.0]
        """
        low, high = np.percentile(pixels, _PERCENTILES, axis=0)
        return cls(low, high)

    def stretch(self, pixels: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
        """Return (…, 3) pixels as 0…255, values beyond the range clipped.

        Example:
            >>> DisplayRange(np.zeros(3), np.full(3, 2.0)).stretch(np.array([[1, 2, 5]], dtype=np.float32)).tolist()
            [[127.5, 255.0, 255.0]]
        """
        stretched: NDArray[np.floating[Any]] = (
            np.clip((pixels - self.low) / np.maximum(self.high - self.low, 1e-9), 0, 1) * 255
        )
        return stretched


def rgb_bands(bands: int) -> list[int]:
    """Return the bands displayed as red, green and blue: the first three, or the first one as grey.

    Example:
        >>> rgb_bands(4), rgb_bands(1)
        ([0, 1, 2], [0, 0, 0])
    """
    return [0, 1, 2] if bands >= 3 else [0, 0, 0]


def are_bytes(dtypes: Sequence[str]) -> bool:
    """Return whether the displayed bands are 8-bit, so that they are shown as they are, whatever the others are.

    Args:
        dtypes: Types of all bands.

    Example:
        >>> are_bytes(["uint8", "uint8", "uint8", "float32"]), are_bytes(["uint16", "uint8"])
        (True, False)
    """
    return all(dtypes[band] == "uint8" for band in rgb_bands(len(dtypes)))
