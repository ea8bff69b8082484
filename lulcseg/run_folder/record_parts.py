"""The parts of a run's record: trial, code, machine, plan, scenes, maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lulcseg.run_folder.record_entry import Entry
from lulcseg.settings.trial import TrialSettings


@dataclass(frozen=True, kw_only=True)
class TrialEntry(Entry):
    """The trial that a run is a replicate of.

    Attributes:
        name: Name of the trial.
        value: Name of the value that the run tries.
        level: Number that the value represents, if any.
    """

    name: str | None = None
    value: str | None = None
    level: float | None = None

    @classmethod
    def of_settings(cls, trial: TrialSettings) -> TrialEntry | None:
        """Return the entry of a run with these settings; None for a single run."""
        if trial.name is None:
            return None
        return cls(name=trial.name, value=trial.value, level=plain_level(trial.level))


@dataclass(frozen=True, kw_only=True)
class GitEntry(Entry):
    """State of the code's checkout.

    Attributes:
        commit: Hash of the commit.
        dirty: Whether files differ from it.
    """

    commit: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True, kw_only=True)
class EnvironmentEntry(Entry):
    """What a run ran on.

    Attributes:
        lulcseg: Version of this package.
        python: Version of Python.
        platform: Operating system and processor.
        cpus: Number of processor cores.
        gpus: Names of the GPUs.
        packages: Versions of the packages that results depend on; None: not installed.
    """

    lulcseg: str | None = None
    python: str | None = None
    platform: str | None = None
    cpus: int | None = None
    gpus: Sequence[str] = ()
    packages: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PlanEntry(Entry):
    """The sampling plan that a run's model was trained on; classes by name.

    Counts are those of :func:`lulcseg.sampling.plan_summary.summarise`; absent in a prediction's record, which has
    the digest alone.

    Attributes:
        path: The plan's file, below the run's folder.
        digest: Digest of the patches.
        taken_from: Path of the plan that was given, and whether it was ``edited`` since; None: drawn by the run.
        made: How it was made: settings, and what was found.
        notes: Notes on it for the user, a sentence each.
        train: Training patches.
        validation: Validation patches.
        per_class: Patches drawn for each class.
        shifted: Patches shifted to stay inside the imagery.
        redrawn: Patches drawn again for lack of imagery.
        dropped: Patches left out across the edge of held-out ground.
        valid: Share of valid pixels in a patch: ``mean``, ``least``, and ``partly``, patches with less than all.
        touches: Patches that meet each class.
        per_feature: Of each class, the distribution of patches over its features.
        overlap: How far training patches overlap: ``ground``, ``shared``, ``mean``, ``most``.
        prior: Of each class, its share of the ground, of the pixels trained on, and the ``shift`` of its log prior.
        sampled: Share of the ground under the patches that was looked at for ``overlap`` and ``prior``.
    """

    path: str | None = None
    digest: str | None = None
    taken_from: Mapping[str, Any] | None = None
    made: Mapping[str, Any] | None = None
    notes: Sequence[str] = ()
    train: int = 0
    validation: int = 0
    per_class: Mapping[str, int] | None = None
    shifted: int = 0
    redrawn: int = 0
    dropped: int = 0
    valid: Mapping[str, Any] | None = None
    touches: Mapping[str, int] | None = None
    per_feature: Mapping[str, Mapping[str, Any]] | None = None
    overlap: Mapping[str, Any] | None = None
    prior: Mapping[str, Mapping[str, float]] | None = None
    sampled: float | None = None

    @property
    def prior_shift(self) -> list[float] | None:
        """Shift of each class's log prior, in the legend's order; None if it wasn't counted."""
        return None if self.prior is None else [float(entry["shift"]) for entry in self.prior.values()]

    @property
    def class_shares(self) -> list[float] | None:
        """Each class's share of the labelled training pixels, in the legend's order; None if it wasn't counted."""
        return None if self.prior is None else [float(entry["pixels"]) for entry in self.prior.values()]


@dataclass(frozen=True, kw_only=True)
class SceneEntry(Entry):
    """A scene that a run trained on or mapped.

    Attributes:
        imagery_preview: Small picture of its imagery, below the run's folder.
        labels_preview: The same of its labels; None without labels.
        grid: Its grid (:class:`lulcseg.grid.Grid`).
        legend: Its classes (:meth:`lulcseg.legend.Legend.from_plain`).
        values: Its mosaic's values beside those trained on (:class:`lulcseg.run_folder.scene_values.SceneValues`), a
            file below the run's folder; None: it was trained on, or an earlier version mapped it.
    """

    imagery_preview: str | None = None
    labels_preview: str | None = None
    grid: Mapping[str, Any] | None = None
    legend: Sequence[Mapping[str, Any]] | None = None
    values: str | None = None


@dataclass(frozen=True, kw_only=True)
class MapEntry(Entry):
    """A map that a run made.

    Attributes:
        scene: Name of the scene.
        mosaic: What its passes are called ("single", "multiple").
        scaled_over: What intensities were scaled over at prediction.
        calibration: How its probabilities are calibrated, in words; None: not at all. Of several models
            those of all, separated by commas, or ``none``.
        adapted: How its mosaic was adapted to the models; None: not at all.
        scale: At which the networks saw patches (``mosaic.scale``); None: as they are.
        combine: What several models made together, if not their mean.
        path: The class map, below the run's folder.
        files: All files of the map, likewise.
        bytes: Size of the class map's file.
        checkpoint: Path of the model, or the paths of several.
        patches: Patches predicted, over all passes and processes.
        samples: Forward samples: patches times their views, of each model.
        seconds: Wall time, in seconds.
        forward_seconds: Time in the model, in seconds.
        strips_resumed: Strips taken from a prediction that was interrupted.
        areas: Of each class, its area.
    """

    scene: str
    mosaic: str | None = None
    scaled_over: str | None = None
    calibration: str | None = None
    adapted: str | None = None
    scale: float | None = None
    combine: str | None = None
    path: str
    files: Sequence[str] = ()
    bytes: int | None = None
    checkpoint: str | Sequence[str] | None = None
    patches: int | None = None
    samples: int | None = None
    seconds: float = 0.0
    forward_seconds: float | None = None
    strips_resumed: int = 0
    areas: Sequence[Mapping[str, Any]] = ()


def plain_level(level: float | None) -> float | int | None:
    """Return a whole number as an integer.

    >>> plain_level(96.0), plain_level(0.5)
    (96, 0.5)
    """
    return int(level) if level is not None and float(level).is_integer() else level


def one_or_list[T](values: list[T]) -> T | list[T]:
    """Return what a record says of one or several models: a value, or a list of them.

    >>> one_or_list(["a.ckpt"]), one_or_list(["a.ckpt", "b.ckpt"])
    ('a.ckpt', ['a.ckpt', 'b.ckpt'])
    """
    return values[0] if len(values) == 1 else values
