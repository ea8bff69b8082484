"""Random changes to training patches (``augment:``). Light: ``--help`` lists operations without importing torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, make_dataclass, replace
from functools import partial
from math import inf
from typing import Any

from lulcseg.errors import did_you_mean
from lulcseg.settings.presets import load_preset, preset_names
from lulcseg.settings.registry import Registry
from lulcseg.settings.schema import arguments_setting, refuse, setting, target_setting

OPERATIONS = Registry(
    "augmentation",
    "augment.p",
    {
        "zoom": "lulcseg.augment.warp.Zoom",
        "stretch": "lulcseg.augment.warp.Stretch",
        "rotation": "lulcseg.augment.warp.Rotation",
        "shear": "lulcseg.augment.warp.Shear",
        "elastic": "lulcseg.augment.warp.Elastic",
        "horizontal_flip": "lulcseg.augment.flips_turns.HorizontalFlip",
        "vertical_flip": "lulcseg.augment.flips_turns.VerticalFlip",
        "quarter_turn": "lulcseg.augment.flips_turns.QuarterTurn",
        "resample": "lulcseg.augment.other_sensor.Resample",
        "blur": "lulcseg.augment.weather.Blur",
        "clouds": "lulcseg.augment.weather.Clouds",
        "fog": "lulcseg.augment.weather.Fog",
        "smoke": "lulcseg.augment.weather.Smoke",
        "brightness": "lulcseg.augment.tone.Brightness",
        "multiply": "lulcseg.augment.tone.Multiply",
        "linear": "lulcseg.augment.tone.Linear",
        "gamma": "lulcseg.augment.tone.Gamma",
        "sigmoid": "lulcseg.augment.tone.Sigmoid",
        "clahe": "lulcseg.augment.histogram.Clahe",
        "equalise": "lulcseg.augment.histogram.Equalise",
        "saturation": "lulcseg.augment.tone.Saturation",
        "hue": "lulcseg.augment.tone.Hue",
        "response": "lulcseg.augment.other_sensor.Response",
        "band_multiply": "lulcseg.augment.noise.BandMultiply",
        "element_multiply": "lulcseg.augment.noise.ElementMultiply",
        "poisson": "lulcseg.augment.noise.Poisson",
        "gaussian": "lulcseg.augment.noise.Gaussian",
        "salt_pepper": "lulcseg.augment.noise.SaltPepper",
        "jpeg": "lulcseg.augment.other_sensor.Jpeg",
    },
)
"""Operations by name: subclasses of :class:`lulcseg.augment.operation.Operation`, in the order they are applied.

That is the light's: the ground, the air and the lens, then how the image was developed, then noise, which nothing after
it smooths away.
"""

LATER = ("resample", "response", "jpeg")
"""Operations that were added after models had been trained: their draws are apart, so that those of the others stay."""

_ABOUT = "Share of patches that it changes; 0: none, null: as in the preset of that name, or none."

OperationShares = make_dataclass(
    "OperationShares",
    [(name, float | None, setting(None, _ABOUT, least=0.0, most=1.0)) for name in OPERATIONS],
    namespace={"__doc__": "Share of patches that each operation changes."},
    module=__name__,
)


@dataclass
class AugmentSettings:
    """Random changes to training patches, made on the device (presets: ``conf/augment/``)."""

    name: str = setting(
        "none",
        "A preset of conf/augment/: none; flips: flips and quarter turns; light: those, brightness and colour; "
        "geometry: those and warps; transfer: those, resolution, compression and a little of colour, beside exchange; "
        "sensor: the same with much of colour; or paper: contrast, noise, warps, and blur or cloud half of the time.",
        choices=partial(preset_names, "augment"),
    )
    strength: float = setting(
        1.0, "Factor on the strength of every operation; 0: nothing changes.", least=0.0, most=2.0
    )
    most: int | None = setting(
        None,
        "Most operations on values (all but flips, turns and warps) that act on a patch, chosen at random among those "
        "drawn for it; null: all of them.",
        least=1,
    )
    p: OperationShares = field(default_factory=OperationShares)  # type: ignore[valid-type]
    strengths: dict[str, dict[str, float]] = setting(
        {}, "Strengths of single operations, by operation and name, over their own, such as gamma: {widest: 1.35}."
    )
    margin: int = setting(
        0,
        "Pixels read around a training patch for warps to draw from; 0: what they draw from outside it is ignored.",
        least=0,
        most=1024,
    )
    target: str | None = target_setting("augmentation")
    arguments: dict[str, Any] = arguments_setting()

    def __post_init__(self) -> None:
        """Refuse strengths of operations that do not exist, or that are not numbers above 0."""
        for operation, own in self.strengths.items():
            if operation not in OPERATIONS:
                refuse(f"augment.strengths: '{operation}' is not an operation", did_you_mean(operation, OPERATIONS))
            for name, value in own.items():
                if not 0 < value < inf:
                    refuse(f"augment.strengths.{operation}.{name}={value} is not above 0", "use a number above 0")

    def with_preset(self) -> AugmentSettings:
        """Return these settings with the preset's values wherever they state none.

        Raises:
            LulcsegError: ``name`` is not a preset.
        """
        preset = load_preset("augment", self.name)
        shares, own = preset.get("p", {}), asdict(self.p)
        p = {name: shares.get(name) if share is None else share for name, share in own.items()}
        stated = preset.get("strengths", {})
        strengths = {
            name: {**stated.get(name, {}), **self.strengths.get(name, {})}
            for name in dict.fromkeys([*stated, *self.strengths])
        }
        return replace(self, p=OperationShares(**p), strengths=strengths)
