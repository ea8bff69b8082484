"""The catalogue of operations; the presets that combine them are in ``conf/augment/``."""

from __future__ import annotations

from lulcseg.augment.histogram import Clahe, Equalise
from lulcseg.augment.moves import HorizontalFlip, QuarterTurn, VerticalFlip
from lulcseg.augment.noise import BandMultiply, ElementMultiply, Gaussian, Poisson, SaltPepper
from lulcseg.augment.operation import Operation
from lulcseg.augment.tone import Brightness, Gamma, Hue, Linear, Multiply, Saturation, Sigmoid
from lulcseg.augment.warp import Elastic, Rotation, Shear, Stretch, Zoom
from lulcseg.augment.weather import Blur, Clouds, Fog, Smoke

CATALOGUE: tuple[type[Operation], ...] = (
    *(Zoom, Stretch, Rotation, Shear, Elastic, HorizontalFlip, VerticalFlip, QuarterTurn),
    *(Blur, Clouds, Fog, Smoke),
    *(Brightness, Multiply, Linear, Gamma, Sigmoid, Clahe, Equalise, Saturation, Hue),
    *(BandMultiply, ElementMultiply, Poisson, Gaussian, SaltPepper),
)
"""In the order they are applied, which is the light's: the ground, the air and the lens, then how the image was
developed, then noise, which nothing after it smooths away. Every sample's draws are laid out in this order: a new
operation changes the draws of those after it."""


def operations() -> dict[str, type[Operation]]:
    """Return every operation by name, in the order they are applied."""
    return {operation.name: operation for operation in CATALOGUE}
