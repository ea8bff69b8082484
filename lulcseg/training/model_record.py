"""What travels with a model: everything prediction needs to use it correctly.

In a checkpoint it is plain Python only (dict, list, str, numbers), so that the file loads with
``weights_only=True`` and no code runs from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.legend import Legend
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.scene.band_table import Band, optical_bands
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.registry import plain_section
from lulcseg.settings.scaling import ScalingSettings

KEY = "lulcseg"
TRAINING = "lulcseg_training"
"""Key of the settings that a checkpoint was trained with, which a resumed training must share."""

WEIGHTS = "lulcseg_class_weights"
"""Key of the class weights of its training loss, if it has any, which a resumed training must share."""

FORMAT = 2
"""2: scaling by method and source, with statistics of the training mosaics."""

_COMPARED = ("model", "scaling", "statistics", "bands", "band_table", "legend", "plan", "seed")
"""Parts of the record that a resumed training must share."""


@dataclass(frozen=True)
class ModelRecord:
    """The record of a model.

    Attributes:
        legend: The legend, from :meth:`lulcseg.legend.Legend.to_plain`.
        bands: Bands of its imagery.
        dtype: NumPy name of the imagery's type.
        resolution: Pixel width and height it was trained at, in metres.
        patch_size: Side of its training patches, in pixels.
        model: Settings of the network.
        scaling: Settings of the scaling.
        statistics: Statistics of all training mosaics' raw values, if scaling may need them
            (:meth:`lulcseg.scene.statistics.BandStatistics.summary`); else None.
        quantiles: For each band, quantiles of all training mosaics' raw values, evenly spaced from the least to the
            greatest, to which another mosaic's values may be matched; None in records of earlier versions.
        class_shares: Each class's share of the labelled pixels of its training patches, in the legend's order; None in
            records of earlier versions, and if they weren't counted.
        scenes: Names of the scenes it was trained on.
        mosaics: Digests of their mosaics' values (:meth:`lulcseg.scene.statistics.BandStatistics.digest`), by which
            they are known under any name; None in records of earlier versions.
        name: Name of the run.
        seed: Seed of the run.
        plan: Digest of its sampling plan.
        weights: The pretrained weights that its encoder started from, with the mean and deviation that its input is
            normalised by; None: random weights, and no normalisation.
        band_table: The bands of its named sources (:meth:`lulcseg.scene.band_table.Band.to_plain`): names, types, which
            are optical, and the values of 0 and 1; None: its imagery is one source without a name.
        format: Version of this record.
    """

    legend: list[dict[str, int | str]]
    bands: int
    dtype: str
    resolution: list[float]
    patch_size: int
    model: ModelSettings = field(default_factory=ModelSettings)
    scaling: ScalingSettings = field(default_factory=ScalingSettings)
    statistics: dict[str, Any] | None = None
    quantiles: list[list[float]] | None = None
    class_shares: list[float] | None = None
    scenes: list[str] = field(default_factory=list)
    mosaics: list[str] | None = None
    name: str = "run"
    seed: int = 0
    plan: str = ""
    weights: PretrainedWeights | None = None
    band_table: list[dict[str, Any]] | None = None
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Refuse arguments of a network that a checkpoint can't hold as plain values."""
        for name, value in self.model.arguments.items():
            if not _is_plain(value):
                raise LulcsegError(
                    f"{name} is a {type(value).__name__}, which a checkpoint can't hold without code",
                    where="model",
                    remedy="use numbers, text, lists and mappings as arguments",
                )

    def to_plain(self) -> dict[str, Any]:
        """Return the record as a plain dictionary, as a checkpoint holds it."""
        plain = asdict(self) | {"model": plain_section(self.model), "scaling": plain_section(self.scaling)}
        lately = {"weights", "band_table", "mosaics"}  # entries of later versions
        return {key: value for key, value in plain.items() if key not in lately or value is not None}

    @property
    def named_bands(self) -> tuple[Band, ...] | None:
        """The bands of its named sources; None: they have no names."""
        return None if self.band_table is None else tuple(map(Band.from_plain, self.band_table))

    @property
    def optical(self) -> list[int] | None:
        """Places of the optical bands; None: all are."""
        found = None if self.named_bands is None else optical_bands(self.named_bands)
        return None if found is None or len(found) == self.bands else found

    def of_optical[T](self, values: Sequence[T]) -> list[T]:
        """Return those values of each band that are of optical ones."""
        return list(values) if self.optical is None else [values[place] for place in self.optical]

    def to_legend(self) -> Legend:
        """Return the legend."""
        return Legend.from_plain(self.legend)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or type(value) in {bool, int, float, str}


def check_same(mine: ModelRecord, theirs: ModelRecord, *, other_weights: bool = False) -> None:
    """Check that a training may resume from the checkpoint of another.

    Args:
        mine: Record of the training that is to resume.
        theirs: The checkpoint's.
        other_weights: Whether their class weights differ.

    Raises:
        LulcsegError: They differ in something that a resumed training must share.
    """
    differing = [part.replace("_", " ") for part in _COMPARED if getattr(mine, part) != getattr(theirs, part)]
    differing += ["class weights"] if other_weights else []
    if not differing:
        return
    remedy = "use the same settings"
    if "plan" in differing:
        remedy += "; sampling.plan=<its run>/plan.gpkg takes its plan, validation.fraction=0 holds no ground out as in "
        remedy += "earlier versions"
    raise LulcsegError(f"it was trained with another {', '.join(differing)}", where="ckpt_path", remedy=remedy)
