"""All settings of ``python train.py`` and ``python predict.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lulcseg.settings.adapt import adapt_setting
from lulcseg.settings.assess import AssessSettings
from lulcseg.settings.augment import AugmentSettings
from lulcseg.settings.combine import combine_setting
from lulcseg.settings.exchange import SHARE, ExchangeSettings
from lulcseg.settings.logger import LoggerSettings
from lulcseg.settings.loss import LossSettings
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.mosaic import MosaicSettings
from lulcseg.settings.optim import OptimSettings
from lulcseg.settings.reading import ReadingSettings
from lulcseg.settings.sampling import SamplingSettings, ValidationSettings
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.settings.scenes import PredictScenes, TrainScenes
from lulcseg.settings.schema import TARGET, refuse, setting
from lulcseg.settings.self_training import SelfTrainingSettings
from lulcseg.settings.study import StudySettings
from lulcseg.settings.trainer import TrainerSettings
from lulcseg.settings.trial import TrialSettings


@dataclass
class TrainConfig:
    """All settings of `python train.py`."""

    name: str = setting("run", "Name of the run, in its folder and in the logger.")
    scene: str | None = setting("synthetic2018", "The scene to train on: a name under conf/scenes/ or a path.")
    scenes: TrainScenes = field(default_factory=TrainScenes)
    run_dir: str = setting("runs/run", "Folder of the run, created new; all of its files go there.")
    seed: int = setting(0, "Seed of the plan, the weights and the order of patches.", least=0, most=2**32 - 1)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    exchange: ExchangeSettings = field(default_factory=ExchangeSettings)
    self_training: SelfTrainingSettings = field(default_factory=SelfTrainingSettings)
    scaling: ScalingSettings = field(default_factory=ScalingSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    optim: OptimSettings = field(default_factory=OptimSettings)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    callbacks: dict[str, dict[str, Any]] = setting(
        {}, "Lightning callbacks of the training by names of your own, each a `_target_` with its arguments."
    )
    logger: LoggerSettings = field(default_factory=LoggerSettings)
    mosaic: MosaicSettings = field(default_factory=MosaicSettings)
    adapt: str = adapt_setting()
    assess: AssessSettings = field(default_factory=AssessSettings)
    trial: TrialSettings = field(default_factory=TrialSettings)
    study: StudySettings = field(default_factory=StudySettings)
    stop_after: str | None = setting(
        None, "Stop after this stage: plan or training; null: run to the end.", choices=("plan", "training")
    )
    ckpt_path: str | None = setting(None, "Checkpoint (last.ckpt) to resume training from.")
    cache: str | None = setting(None, "Folder for label rasters and synthetic scenes; null: the user's cache.")

    def __post_init__(self) -> None:
        """Refuse callbacks without a target, replicates over several machines, and disagreement of a single view."""
        self.mosaic.check_views(models=1)
        if not self.name.isprintable() or self.name.startswith("/") or ".." in self.name.split("/"):
            refuse(f"name={self.name} leads out of the folder of runs", "use a plain word")
        for name, entry in self.callbacks.items():
            if not isinstance(entry, Mapping) or not isinstance(entry.get(TARGET), str):
                refuse(
                    f"callbacks.{name} has no _target_", f"set callbacks.{name}._target_, the dotted path of its class"
                )
        if self.exchange.p is None:
            self.exchange.p = SHARE if self.scenes.unlabelled else 0.0
        if self.exchange.p and not self.scenes.unlabelled:
            refuse(
                f"exchange.p={self.exchange.p:g} changes patches towards unlabelled mosaics, and there are none",
                "name them in scenes.unlabelled, or set exchange.p=0",
            )
        if self.self_training.weight and not self.scenes.unlabelled:
            refuse(
                f"self_training.weight={self.self_training.weight:g}: there are no unlabelled mosaics to learn from",
                "name them in scenes.unlabelled, or set self_training.weight=0",
            )
        if self.self_training.weight and self.augment.margin:
            refuse("self_training doesn't go with augment.margin", "set augment.margin=0")
        if self.mosaic.review_precision is not None:
            refuse(
                "mosaic.review_precision: a model that is being trained has no calibration yet",
                "leave it out; run lulcseg calibrate after the training, and then predict.py",
            )
        if self.mosaic.shares > 1:
            refuse(
                "mosaic.shares: a training makes its maps in its own process",
                "leave it out, add stop_after=training, and map with predict.py mosaic.shares=…",
            )
        if self.trial.name is not None and self.trainer.nodes > 1:
            refuse(
                f"trainer.nodes={self.trainer.nodes}: a sweep starts each replicate on one machine",
                "set trainer=ddp, and a launcher for many machines: hydra/launcher=slurm",
            )

    @property
    def training_scenes(self) -> list[str]:
        """Scenes to train on: `scenes.train`, else `scene`; empty if there is neither."""
        return self.scenes.train or ([self.scene] if self.scene else [])

    @property
    def scene_names(self) -> list[str]:
        """Names or paths of all scenes that the run reads, each once."""
        return list(dict.fromkeys([*self.training_scenes, *self.scenes.assess, *self.scenes.unlabelled]))

    @property
    def uses_unlabelled(self) -> bool:
        """Whether unlabelled mosaics are used in training."""
        return self.exchange.share > 0 or self.self_training.weight > 0


@dataclass
class PredictConfig:
    """All settings of `python predict.py`."""

    checkpoint: Any = setting(
        None,
        "Checkpoint of a run, <run>/checkpoints/best.ckpt, or an ONNX file of lulcseg export; a list of either, which "
        "make a map together (combine); or the folder of a trial's value, runs/<trial>/<value>, for its replicates.",
    )
    members: str = setting(
        "all",
        "Which replicates in such a folder are averaged: all; one: that of seed alone; others: all but that of seed.",
        choices=("all", "one", "others"),
    )
    combine: str = combine_setting()
    scene: str | None = setting(None, "The scene to map: a name under conf/scenes/ or a path.")
    scenes: PredictScenes = field(default_factory=PredictScenes)
    output: str | None = setting(
        None,
        "Folder for maps and assessments; null: the run of the checkpoint, a folder beside the trial's value, or one "
        "in predictions/ that is named after the models.",
    )
    mosaic: MosaicSettings = field(default_factory=lambda: MosaicSettings(name="multiple"))
    adapt: str = adapt_setting()
    assess: AssessSettings = field(default_factory=AssessSettings)
    seed: int | None = setting(
        None,
        "Seed that the model must have been trained with, so that paths may contain ${seed}; null: any. Of several "
        "models it is the replicate's number in a trial.",
        least=0,
    )
    at_prediction: str | None = setting(
        None,
        "Statistics used at prediction in place of the batch's; null: as set when the model was trained.",
        choices=("patch", "mosaic", "training"),
    )
    calibration: str = setting(
        "auto",
        "Calibration of the probabilities: auto, of the file that lulcseg calibrate left beside the checkpoint, if "
        "there is one; none; temperature or vector, the one of that file by this method; or the path of such a file.",
    )
    trust_target: bool = setting(
        False, "Whether code outside lulcseg that the checkpoint names as its network is imported and run."
    )
    trial: TrialSettings = field(default_factory=lambda: TrialSettings(program="predict"))
    warp: bool = setting(False, "Whether imagery of another resolution is resampled to the model's.")
    accelerator: str = setting("auto", "Device to predict on.", choices=("auto", "cpu", "gpu", "mps"))
    devices: str = setting("1", "Number of devices to predict on, or auto.")
    strategy: str = setting("auto", "Lightning's strategy; auto: one process per device.")
    precision: str = setting(
        "auto", "Number format, as in trainer.precision.", choices=("auto", "32-true", "bf16-mixed", "16-mixed")
    )
    show: str = setting(
        "run", "Logger that displays the maps: run (the one of the training run), or none.", choices=("run", "none")
    )
    cache: str | None = setting(None, "Folder for label rasters and synthetic scenes; null: the user's cache.")

    def __post_init__(self) -> None:
        """Refuse checkpoints that are neither a path nor a list of paths."""
        named = self.checkpoint if isinstance(self.checkpoint, list) else [self.checkpoint or "none"]
        if not named or not all(isinstance(name, str) and name for name in named):
            what = f"checkpoint={self.checkpoint} is neither a path nor a list of paths"
            refuse(what, "write checkpoint=a.ckpt, or 'checkpoint=[a.ckpt,b.ckpt]'")
        if self.mosaic.shares > 1:
            self._check_shares()

    @property
    def scene_names(self) -> list[str]:
        """Names or paths of the scenes to map, each once; none if it is the one that the model was trained on."""
        return list(dict.fromkeys(self.scenes.assess or ([self.scene] if self.scene else [])))

    def _check_shares(self) -> None:
        """Refuse jobs that share a map with several devices each, or within a sweep."""
        if self.devices != "1":
            refuse(
                f"devices={self.devices}: each of the jobs of mosaic.shares has one device",
                "leave it out, and start as many jobs as there are devices",
            )
        if self.trial.name is not None:
            refuse(
                "mosaic.shares: a sweep's maps are made one by one, each by a job of its own",
                "leave it out, or make one map with several jobs, without -m",
            )
