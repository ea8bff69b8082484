"""Random changes to training patches (``augment:``). Light: ``--help`` lists operations without importing torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, make_dataclass, replace
from functools import partial
from math import inf
from typing import Any

from lulcseg.errors import did_you_mean
from lulcseg.settings.presets import load_preset, preset_names
from lulcseg.settings.schema import arguments_setting, refuse, setting, target_setting

OPERATIONS = (
    *("zoom", "stretch", "rotation", "shear", "elastic", "horizontal_flip", "vertical_flip", "quarter_turn"),
    *("blur", "clouds", "fog", "smoke"),
    *("brightness", "multiply", "linear", "gamma", "sigmoid", "clahe", "equalise", "saturation", "hue"),
    *("band_multiply", "element_multiply", "poisson", "gaussian", "salt_pepper"),
)
"""As in :data:`lulcseg.augment.catalogue.CATALOGUE`, and in its order."""

_ABOUT = "Share of patches that it changes; 0: none, null: as in the preset of that name, or none."

OperationShares = make_dataclass(
    "OperationShares",
    [(name, float | None, setting(None, _ABOUT, least=0.0, most=1.0)) for name in OPERATIONS],
    namespace={"__doc__": "Share of patches that each operation changes."},
    module=__name__,
)


@dataclass
class AugmentSettings:
    """Random changes to training patches, made on the device before scaling (presets: ``conf/augment/``)."""

    name: str = setting(
        "none",
        "A preset of conf/augment/: none; light: flips, quarter turns, brightness and colour; geometry: flips, turns "
        "and warps; or paper: contrast, noise, warps, and blur or cloud half of the time.",
        choices=partial(preset_names, "augment"),
    )
    strength: float = setting(
        1.0, "Factor on the strength of every operation; 0: nothing changes.", least=0.0, most=2.0
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
