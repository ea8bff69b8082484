"""The settings of a map: how the mosaic is predicted, and what is written."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.errors import did_you_mean
from lulcseg.settings.schema import refuse, setting

OUTPUTS = ("probabilities", "confidence", "entropy", "disagreement", "polygons", "review")
"""What may be written beside a class map."""


@dataclass
class MosaicPass:
    """One tiling of the mosaic with patches."""

    offset: list[float] = setting(
        [0.0, 0.0], "Rows and columns by which its patches are shifted, as shares of the step between patches."
    )
    rotations: list[int] = setting(
        [0], "Angles, counter-clockwise in degrees (0, 90, 180, 270), by which each patch is turned and averaged."
    )
    flips: bool = setting(False, "Whether each of them is averaged with its mirror image too.")


@dataclass
class MosaicSettings:
    """How the mosaic is predicted (paper, section 2.5.5), and what is written."""

    name: str = setting(
        "single",
        "single: one grid of patches; multiple: a second grid half a patch further on, four rotations (the paper's); "
        "cheap: the two grids, without rotations but that of the second by 180°; crop: patches that overlap, trimmed; "
        "rotations: one grid, four rotations; grids: the two grids, weighted, not rotated.",
        choices=("single", "multiple", "cheap", "crop", "rotations", "grids"),
    )
    passes: list[MosaicPass] = setting([], "Passes of your own, in place of those that `name` stands for.")
    weight: str | None = setting(
        None,
        "How much a pixel counts by its place in the patch; null: as `name` has it, or cone for passes of your own.",
        choices=("uniform", "cone", "pyramid", "hann", "gaussian"),
    )
    trim: float | None = setting(
        None, "Share of the patch cut off at each edge; null: as `name` has it.", least=0.0, most=0.45
    )
    patch_size: int | None = setting(
        None, "Side of a prediction patch, in pixels; null: as in training.", least=16, most=8192
    )
    batch_size: int = setting(16, "Patches of one forward pass, rotations counted.", least=1)
    region: str | None = setting(
        None, "Vector file of polygons: only ground inside them is mapped, as it is in a map of the whole."
    )
    outputs: list[str] = setting(
        [],
        "What is written beside the class map: probabilities, confidence, entropy, disagreement (rasters), polygons, "
        "review (where map and labels disagree).",
    )
    min_area: float = setting(
        100.0, "Minimum mapping unit of polygons, in m²: smaller areas go to the largest neighbour.", least=0.0
    )
    simplify: float = setting(
        1.5, "How far polygons' outlines are simplified, in pixels; 0: they follow the pixels.", least=0.0, most=100.0
    )
    strip: int = setting(512, "Rows written together: what a prediction that is cut off loses at most.", least=16)
    workers: int = setting(-1, "Threads that read ahead; -1: one, or several before a GPU.", least=-1, most=64)
    compile: bool = setting(False, "Whether the network is compiled (torch.compile) first, where that can be had.")

    def __post_init__(self) -> None:
        """Refuse outputs that aren't known, and those that make no sense."""
        unknown = sorted(set(self.outputs) - set(OUTPUTS))
        if unknown:
            refuse(f"mosaic.outputs: '{unknown[0]}' can't be written", did_you_mean(unknown[0], OUTPUTS))
        views = 1 if not self.passes else sum(len(p.rotations) * (1 + p.flips) for p in self.passes)
        if "disagreement" in self.outputs and views == 1 and (self.passes or self.name in {"single", "crop"}):
            refuse(
                "mosaic.outputs: disagreement is between the views of a pixel, and there is only one",
                "set mosaic=multiple, or leave it out",
            )
