"""The paths of a run's folder and of a trial's folder: each name is spelled here and nowhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MAPS, ASSESSMENTS, PREVIEWS, CHECKPOINTS = "maps", "assessment", "previews", "checkpoints"
"""Subfolders of a run; the run's record names files by their paths below the run's folder."""

PLAN = "plan.gpkg"
BEST, LAST = "best.ckpt", "last.ckpt"

_RECORD = "record.json"
_SEED = re.compile(r"seed(\d+)")


@dataclass(frozen=True)
class RunFolder:
    """Paths of what a run's folder holds; none of them need exist.

    A replicate's lock lies beside its folder (:func:`lulcseg.locks.lock_of`).

    Attributes:
        path: The folder.
    """

    path: Path

    @classmethod
    def of_checkpoint(cls, checkpoint: Path) -> RunFolder:
        """Return the folder that a checkpoint belongs to, if it lies in a run's folder (:attr:`has_record`)."""
        return cls(checkpoint.parent.parent)

    @property
    def has_record(self) -> bool:
        """Whether the folder holds a run's record: whether it is a run's folder."""
        return self.record.is_file()

    @property
    def record(self) -> Path:
        """The run's record (:class:`lulcseg.run_folder.record.RunRecord`)."""
        return self.path / _RECORD

    @property
    def writer_lock(self) -> Path:
        """Lock of the process that writes to the folder (:func:`lulcseg.run_folder.sole_writer.sole_writer`)."""
        return self.path / ".writer.lock"

    @property
    def request(self) -> Path:
        """What a replicate's process was asked to run, and with which settings."""
        return self.path / "replicate.json"

    @property
    def config(self) -> Path:
        """The composed settings."""
        return self.path / "config.yaml"

    @property
    def plan(self) -> Path:
        """The sampling plan's patches, a GeoPackage."""
        return self.path / PLAN

    @property
    def plan_json(self) -> Path:
        """The sampling plan's settings, digest and counts."""
        return self.plan.with_suffix(".json")

    def plan_picture(self, scene: str | None = None) -> Path:
        """Return the picture of the plan over a scene; without a name that of a run's only scene."""
        return self.path / (f"{self.plan.stem}.png" if scene is None else f"{self.plan.stem}_{scene}.png")

    def plan_pictures(self) -> list[Path]:
        """Return the pictures of the plan that exist, sorted by name."""
        return sorted(self.path.glob(f"{self.plan.stem}*.png"))

    @property
    def metrics(self) -> Path:
        """Training curves, written by Lightning's CSV logger."""
        return self.path / "metrics.csv"

    @property
    def progress(self) -> Path:
        """Epochs done, while training runs."""
        return self.path / "progress.json"

    @property
    def augmentation_sheet(self) -> Path:
        """Contact sheet of the augmentation."""
        return self.path / "augmentation.png"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / CHECKPOINTS

    @property
    def best(self) -> Path:
        """Checkpoint of the best epoch, to predict with."""
        return self.checkpoints / BEST

    @property
    def last(self) -> Path:
        """Checkpoint of the last epoch, to resume training from."""
        return self.checkpoints / LAST

    @property
    def maps(self) -> Path:
        """Folder of the maps."""
        return self.path / MAPS

    def map_file(self, stem: str) -> Path:
        """Return the path of a map: ``<scene>_<passes>.tif``."""
        return self.maps / f"{stem}.tif"

    def map_files(self) -> list[Path]:
        """Return the maps that exist, sorted by name."""
        return sorted(self.maps.glob("*.tif"))

    def scene_values(self, scene: str) -> Path:
        """Return the path of a mosaic's values beside those trained on."""
        return self.path / PREVIEWS / f"{scene}_values.json"

    def assessment(self, stem: str) -> Path:
        """Return the path of an assessment without its file extension: ``<scene>_<passes>``."""
        return self.path / ASSESSMENTS / stem

    def assessment_files(self) -> list[Path]:
        """Return the JSON files of the assessments that exist, sorted by name."""
        return sorted((self.path / ASSESSMENTS).glob("*.json"))

    @property
    def report(self) -> Path:
        """The run's report."""
        return self.path / "report.html"

    @property
    def tables(self) -> Path:
        """Folder of the scores as CSV (``logger=csv``)."""
        return self.path / "tables"

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard's events (``logger=tensorboard``)."""
        return self.path / "tensorboard"

    @property
    def wandb(self) -> Path:
        """Folder of Weights & Biases (``logger=wandb``)."""
        return self.path / "wandb"

    @property
    def named_seed(self) -> int | None:
        """Seed that the folder's name ends in (``seed<k>``); None if it doesn't."""
        named = re.search(rf"{_SEED.pattern}$", self.path.name)
        return int(named[1]) if named else None

    def relative(self, path: Path) -> str:
        """Return a path inside the folder as the record names it: relative, with forward slashes."""
        return path.relative_to(self.path).as_posix()


@dataclass(frozen=True)
class TrialFolder:
    """Paths of a trial's folder: ``trial.json`` and its runs, ``<value>/seed<k>/``.

    Attributes:
        path: The folder.
    """

    path: Path

    @classmethod
    def of_run(cls, run: RunFolder) -> TrialFolder:
        """Return the trial's folder that a replicate's folder lies in."""
        return cls(run.path.parent.parent)

    @property
    def description(self) -> Path:
        """The trial's description: its name, values, seeds and contrast."""
        return self.path / "trial.json"

    @property
    def description_lock(self) -> Path:
        """Lock held while the description is updated."""
        return self.path / f".{self.description.name}.lock"

    @property
    def moved_aside(self) -> Path:
        """Folder of replicates by other settings, moved out of the way; no reader takes them for the trial's."""
        return self.path / ".moved_aside"

    @property
    def report(self) -> Path:
        """The trial's report."""
        return self.path / "report.html"

    @property
    def tables(self) -> Path:
        """Folder of the report's exported tables."""
        return self.path / "tables"

    def run(self, value: str, seed: int) -> RunFolder:
        """Return the folder of a replicate.

        Args:
            value: Name of the value.
            seed: Seed of the training.
        """
        return RunFolder(self.path / value / f"seed{seed}")

    def runs(self) -> list[RunFolder]:
        """Return the folders with a record, one or two levels down: those one level down first, sorted by path."""
        one, two = self.path.glob(f"*/{_RECORD}"), self.path.glob(f"*/*/{_RECORD}")
        return [RunFolder(record.parent) for record in (*sorted(one), *sorted(two))]
