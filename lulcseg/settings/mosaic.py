"""The settings of a map: how the mosaic is predicted, and which files are written (``mosaic:``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from lulcseg.errors import did_you_mean
from lulcseg.files import hide_secrets
from lulcseg.settings.presets import load_preset, preset_names
from lulcseg.settings.schema import refuse, setting

OUTPUTS = ("probabilities", "confidence", "entropy", "disagreement", "polygons", "review")
"""Outputs that can be written beside a class map."""


@dataclass
class MosaicPass:
    """One tiling of the mosaic with patches."""

    offset: list[float] = setting(
        [0.0, 0.0], "Rows and columns by which its patches are shifted, as shares of the step between patches."
    )
    rotations: list[int] = setting(
        [0], "Counter-clockwise rotations of each patch, in degrees (0, 90, 180, 270), whose predictions are averaged."
    )
    flips: bool = setting(False, "Whether each rotation is averaged with its mirror image too.")


@dataclass
class MosaicSettings:
    """How the mosaic is predicted (paper, section 2.5.5; presets: ``conf/mosaic/``), and what is written."""

    name: str = setting(
        "single",
        "A preset of conf/mosaic/: single: one grid of patches; multiple: a second grid half a patch further on, four "
        "rotations (the paper's); cheap: the two grids, without rotations but that of the second by 180°; crop: "
        "patches that overlap, trimmed; rotations: one grid, four rotations; grids: the two grids, not rotated.",
        choices=partial(preset_names, "mosaic"),
    )
    passes: list[MosaicPass] = setting(
        [], "Tilings of the mosaic that are averaged; empty: those of the preset, or one grid of upright patches."
    )
    weight: str | None = setting(
        None,
        "How much a pixel counts by its place in the patch; null: as in the preset, else uniform, and cone for passes "
        "of your own.",
        choices=("uniform", "cone", "pyramid", "hann", "gaussian"),
    )
    trim: float | None = setting(
        None, "Share of the patch cut off at each edge; null: as in the preset, else 0.", least=0.0, most=0.45
    )
    patch_size: int | None = setting(
        None, "Side of a prediction patch, in pixels; null: as in training.", least=16, most=8192
    )
    scale: float = setting(
        1.0,
        "Pixels that the network sees along a patch's side for each of the mosaic's, for mosaics whose pixels or "
        "sharpness are not those trained on; its probabilities are brought back to the mosaic's pixels.",
        least=0.25,
        most=4.0,
    )
    batch_size: int = setting(16, "Patches of one forward pass, each rotation counted.", least=1)
    region: str | None = setting(
        None, "Vector file of polygons: only ground inside them is mapped, with the pixels of a map of the whole."
    )
    outputs: list[str] = setting(
        [],
        "Files written beside the class map: probabilities, confidence, entropy, disagreement (rasters), polygons, "
        "review (where map and labels disagree).",
    )
    min_area: float = setting(
        100.0, "Minimum mapping unit of polygons, in m²: smaller areas go to the largest neighbour.", least=0.0
    )
    review_precision: float | None = setting(
        None,
        "Of the places to review, those alone where the map's confidence is at least that from which on its class's "
        "precision on held-out ground reached this share (lulcseg calibrate); null: all.",
        least=0.0,
        most=1.0,
    )
    simplify: float = setting(
        1.5,
        "Tolerance by which polygons' outlines are simplified, in pixels; 0: they follow the pixel edges.",
        least=0.0,
        most=100.0,
    )
    strip: int = setting(
        512,
        "Rows of a strip, written together; an interrupted prediction loses at most the strips in progress.",
        least=16,
    )
    shares: int = setting(
        1,
        "Jobs that make the map together, on one machine or many, each with one device: hydra/launcher=… starts as "
        "many; without one, each process that is started takes strips until none is left.",
        least=1,
        most=10_000,
    )
    workers: int = setting(-1, "Threads that read patches ahead; -1: one, or several with a GPU.", least=-1, most=64)
    compile: bool = setting(False, "Whether the network is compiled (torch.compile), where that is available.")

    def __post_init__(self) -> None:
        """Refuse outputs that are not known, and a region whose address would be recorded with its secrets."""
        region = self.region or ""
        if hide_secrets(region) != region and not region.lower().startswith("file:"):
            refuse(
                "mosaic.region is an address with a user or a query, which runs and maps would record",
                "copy the file, and give its path",
            )
        unknown = sorted(set(self.outputs) - set(OUTPUTS))
        if unknown:
            refuse(f"mosaic.outputs: '{unknown[0]}' can't be written", did_you_mean(unknown[0], OUTPUTS))
        if self.review_precision is not None and "review" not in self.outputs:
            refuse(
                "mosaic.review_precision concerns places to review, and none are written",
                "add review to mosaic.outputs, or leave it out",
            )

    def check_views(self, models: int) -> None:
        """Refuse disagreement of a single view by a single model.

        Args:
            models: Number of models that the map is made with.

        Raises:
            LulcsegError: It is requested.
        """
        passes = self.passes or self.preset().passes or [MosaicPass()]
        if "disagreement" in self.outputs and models == 1 == sum(len(p.rotations) * (1 + p.flips) for p in passes):
            refuse(
                "mosaic.outputs: disagreement is between the views of a pixel, and there is only one",
                "set mosaic=multiple, or leave it out",
            )

    def preset(self) -> MosaicSettings:
        """Return what the preset of this name states.

        Raises:
            LulcsegError: ``name`` is not a preset.
        """
        stated = load_preset("mosaic", self.name)
        passes = [MosaicPass(**each) for each in stated.pop("passes", [])]
        return MosaicSettings(name=self.name, passes=passes, **stated)

    @property
    def has_own_passes(self) -> bool:
        """Whether its passes are other than the preset's."""
        return bool(self.passes) and self.passes != self.preset().passes

    def with_preset(self) -> MosaicSettings:
        """Return these settings with the preset's passes, weight and trim wherever they state none.

        Passes of one's own are not mixed with the weight and trim of a preset.

        Raises:
            LulcsegError: ``name`` is not a preset.
        """
        if self.has_own_passes:
            return self
        preset = self.preset()
        return replace(
            self,
            passes=preset.passes,
            weight=preset.weight if self.weight is None else self.weight,
            trim=preset.trim if self.trim is None else self.trim,
        )
