"""The settings of ``lulcseg export``."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.errors import did_you_mean
from lulcseg.settings.adapt import adapt_setting
from lulcseg.settings.schema import refuse, setting

ONNX, TORCH, MLM, CARD = FORMATS = ("onnx", "torch", "mlm", "card")
"""What a model is exported as."""


@dataclass
class ExportSettings:
    """What a model is exported as, and what is fixed in the files."""

    to: list[str] = setting(
        list(FORMATS),
        "Formats: onnx (model.onnx, for ONNX Runtime and QGIS Deepness), torch (model.pt2, of torch.export), mlm "
        "(model.json, a STAC item), card (README.md, a model card in Hugging Face's layout).",
    )
    out: str | None = setting(None, "Folder for the files, created if missing; nothing in it is replaced.")
    patch_size: int | None = setting(
        None, "Side of the patches that the files take, in pixels; by default as in training.", least=16, most=8192
    )
    scene: str | None = setting(
        None,
        "The scene whose mosaic the files are for: its statistics, or what adapts the model to it, are fixed in them.",
    )
    adapt: str = adapt_setting()
    at_prediction: str | None = setting(
        None,
        "Statistics used at prediction in place of the batch's; by default as set when the model was trained.",
        choices=("patch", "mosaic", "training"),
    )
    nodata: float | None = setting(
        None,
        "Raw value that means no imagery, beside not-a-number: in all bands of integer imagery, in any of floats.",
    )
    tolerance: float = setting(
        1e-5,
        "Largest difference of a probability from the checkpoint's at which an exported file is kept, 0 to 1.",
        least=0.0,
        most=1.0,
    )
    calibration: str = setting(
        "auto",
        "Calibration of the probabilities: auto, of the file that lulcseg calibrate left beside the checkpoint, if "
        "there is one; none; temperature or vector, the one of that file by this method; or the path of such a file.",
    )
    licence: str | None = setting(
        None, "Licence that you give the trained weights, for the card and the STAC item, such as cc-by-4.0."
    )
    trust_target: bool = setting(
        False, "Whether code outside lulcseg that the checkpoint names as its network is imported and run."
    )
    cache: str | None = setting(None, "Folder for statistics and synthetic scenes; by default the user's cache.")

    def __post_init__(self) -> None:
        """Refuse formats that aren't there, and none."""
        if not self.to:
            refuse("--to names no format", f"use some of {','.join(FORMATS)}")
        for name in self.to:
            if name not in FORMATS:
                refuse(f"there is no format '{name}'", did_you_mean(name, FORMATS))
        if self.licence is not None and not self.licence.isprintable():
            refuse("--licence has line breaks or control characters", "give its name, such as cc-by-4.0")
