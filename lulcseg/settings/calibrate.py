"""The settings of ``lulcseg calibrate``."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.settings.schema import setting


@dataclass
class CalibrateSettings:
    """How a calibration is fitted, and on which ground."""

    scene: str | None = setting(None, "The labelled scene: a name under conf/scenes/ or a path.")
    method: str = setting(
        "temperature",
        "The scaling that predictions use: temperature, one number for all classes, or vector, a factor and an offset "
        "of each; a vector's file holds the temperature too.",
        choices=("temperature", "vector"),
    )
    pixels: int = setting(200_000, "Most labelled pixels used, half of them to fit, half to test.", least=1000)
    patches: int = setting(256, "Most patches that the pixels are drawn from, spread over the ground.", least=8)
    seed: int = setting(0, "Seed of the choice of patches and pixels, and of the bootstrap.", least=0)
    out: str | None = setting(None, "File to write; null: <checkpoint>.calibration.json beside the checkpoint.")
    accelerator: str = setting("auto", "Device to predict on.", choices=("auto", "cpu", "gpu", "mps"))
    precision: str = setting(
        "auto", "Number format, as in trainer.precision.", choices=("auto", "32-true", "bf16-mixed", "16-mixed")
    )
    trust_target: bool = setting(
        False, "Whether code outside lulcseg that the checkpoint names as its network is imported and run."
    )
    cache: str | None = setting(None, "Folder for label rasters and synthetic scenes; null: the user's cache.")
