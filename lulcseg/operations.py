"""Names of the augmentation's operations, as settings: light, so that ``--help`` needs no torch."""

from __future__ import annotations

from dataclasses import make_dataclass

from lulcseg.schema import setting

OPERATIONS = (
    *("zoom", "stretch", "rotation", "shear", "elastic", "horizontal_flip", "vertical_flip", "quarter_turn"),
    *("blur", "clouds", "fog", "smoke"),
    *("brightness", "multiply", "linear", "gamma", "sigmoid", "clahe", "equalise", "saturation", "hue"),
    *("band_multiply", "element_multiply", "poisson", "gaussian", "salt_pepper"),
)
"""As in :data:`lulcseg.augment.catalogue.CATALOGUE`, and in its order."""

_ABOUT = "Share of patches it changes; 0: none, null: as in the preset."

Shares = make_dataclass(
    "Shares",
    [(name, float | None, setting(None, _ABOUT, least=0.0, most=1.0)) for name in OPERATIONS],
    namespace={"__doc__": "Share of patches that each operation changes, over the preset's."},
    module=__name__,
)
