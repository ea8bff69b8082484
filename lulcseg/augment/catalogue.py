"""The catalogue of operations, and the presets that combine them."""

from __future__ import annotations

from collections.abc import Mapping

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

_FLIPS = {"horizontal_flip": 0.5, "vertical_flip": 0.5}

PRESETS: dict[str, dict[str, float]] = {
    "none": {},
    "geometry": {**_FLIPS, "quarter_turn": 0.75, "zoom": 0.5, "stretch": 0.3, "elastic": 0.3},
    "light": {
        **_FLIPS,
        "quarter_turn": 0.75,
        **dict.fromkeys(("brightness", "multiply", "gamma", "saturation", "hue"), 0.5),
    },
    "paper": {
        **_FLIPS,
        **{"zoom": 0.5, "stretch": 0.3, "elastic": 0.3},
        **{"blur": 0.25, "clouds": 0.1, "fog": 0.08, "smoke": 0.07},
        **{"gamma": 0.25, "sigmoid": 0.15, "clahe": 0.15, "linear": 0.25, "multiply": 0.25, "equalise": 0.1},
        **{"salt_pepper": 0.15, "element_multiply": 0.15, "gaussian": 0.15, "poisson": 0.15, "band_multiply": 0.25},
    },
}
"""Probability of each operation, for each sample.

``paper`` has every operation the paper names (Clark, Phinn & Scarth; there with imgaug). It prints neither strengths
nor how many are applied at once. Here operations of contrast, noise and geometry are drawn independently: a
sample gets 1.2 of contrast and 0.9 of noise on average, and one in four has its contrast unchanged, so that
unchanged imagery is learnt too. Of blur, clouds, fog and smoke half of the samples get one, none get two.
"""

LIGHT_STRENGTHS: Mapping[str, Mapping[str, float]] = {"gamma": {"widest": 1.35}}
"""Strengths of ``light`` that differ from the operations' own."""


def operations() -> dict[str, type[Operation]]:
    """Return every operation by name, in the order they are applied."""
    return {operation.name: operation for operation in CATALOGUE}
