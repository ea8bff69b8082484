"""Random changes to training patches (``augment:``). Light: ``--help`` lists operations without importing torch."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass
from typing import Any

from lulcseg.settings.schema import arguments_setting, setting, target_setting

OPERATIONS = (
    *("zoom", "stretch", "rotation", "shear", "elastic", "horizontal_flip", "vertical_flip", "quarter_turn"),
    *("blur", "clouds", "fog", "smoke"),
    *("brightness", "multiply", "linear", "gamma", "sigmoid", "clahe", "equalise", "saturation", "hue"),
    *("band_multiply", "element_multiply", "poisson", "gaussian", "salt_pepper"),
)
"""As in :data:`lulcseg.augment.catalogue.CATALOGUE`, and in its order."""

_ABOUT = "Share of patches it changes; 0: none, null: as in the preset."

OperationShares = make_dataclass(
    "OperationShares",
    [(name, float | None, setting(None, _ABOUT, least=0.0, most=1.0)) for name in OPERATIONS],
    namespace={"__doc__": "Share of patches that each operation changes, over the preset's."},
    module=__name__,
)


@dataclass
class AugmentSettings:
    """Random changes to training patches, made on the device before scaling."""

    name: str = setting(
        "none",
        "none; light: flips, quarter turns, brightness and colour; geometry: flips, turns and warps; or paper: "
        "contrast, noise, warps, and blur or cloud half of the time.",
        choices=("none", "light", "geometry", "paper"),
    )
    strength: float = setting(
        1.0, "Factor on the strength of every operation; 0: nothing changes.", least=0.0, most=2.0
    )
    p: OperationShares = field(default_factory=OperationShares)  # type: ignore[valid-type]
    margin: int = setting(
        0, "Pixels read around a training patch for warps to bring in; 0: what comes in is ignored.", least=0, most=1024
    )
    target: str | None = target_setting("augmentation")
    arguments: dict[str, Any] = arguments_setting()
