"""The typed schema of a run: every setting with its type, its unit and its bounds.

Light on purpose: no torch, no geodata. ``conf/`` holds the values, this file their meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from lulcseg.mosaic_settings import Mosaic
from lulcseg.operations import Shares
from lulcseg.schema import refuse, setting
from lulcseg.study_settings import Study
from lulcseg.trial_settings import Trial

AT_PREDICTION = "mosaic"
"""What stands for the batch at prediction by default (decision 2)."""


@dataclass
class Scenes:
    """Which scenes a run trains on, and which it maps and assesses, by name or path."""

    train: list[str] = setting([], "Scenes to train on; empty: the one of `scene`.")
    assess: list[str] = setting([], "Scenes to map and assess; empty: those trained on.")


@dataclass
class Sampling:
    """Which patches of ground the model is trained on (paper, section 2.5.2)."""

    method: str = setting(
        "stratified",
        "How patches are placed: stratified (Eqs 1 and 2), a regular grid, uniform over the labelled ground, "
        "balanced (as many for each class), or inverse_frequency (the rarer the class the more).",
        choices=("stratified", "grid", "uniform", "balanced", "inverse_frequency"),
    )
    patch_size: int = setting(512, "Side of a patch, in pixels.", least=16, most=8192)
    patches: int = setting(9632, "Wanted number of patches, N_p of Eq. 1 (not for the grid).", least=1)
    totals: str = setting(
        "per_feature",
        "Class totals: Eq. 2 as printed (every feature at least once), Eq. 1's total shared exactly, or covered: "
        "as per_feature, but a feature already inside a patch needs no other (stratified only).",
        choices=("per_feature", "exact", "covered"),
    )
    match_total: int | None = setting(
        None, "Total number of patches to come nearest to, by choosing N_p; over `patches` (stratified only).", least=1
    )
    cell: int = setting(1024, "Side of the grid's outer cell, in pixels (grid only).", least=16)
    origin: list[float] | None = setting(
        None, "Easting and northing that cells are laid from; null: the scene's upper left corner (grid only)."
    )
    edge: str = setting(
        "drop",
        "Cells that reach over the imagery's edge: left out, or shifted inside, where they overlap (grid only).",
        choices=("drop", "shift"),
    )
    min_labelled: float = setting(
        0.0, "Least share of a cell that has labels; cells with less are left out (grid only).", least=0.0, most=1.0
    )
    background: str | None = setting(
        "Other", "Class that alone does not keep a grid cell; null: every class does (grid only)."
    )
    min_valid: float = setting(
        0.2,
        "Least share of imagery: patches with less are drawn again, cells left out (grid).",
        least=0.0,
        most=1.0,
    )
    plan: str | None = setting(None, "A plan (plan.gpkg of a run) to take instead of drawing one; over all of these.")
    seed: int | None = setting(None, "Seed of the plan; null: the run's. A trial's runs share a plan by it.", least=0)


@dataclass
class Validation:
    """Ground held out of training, in blocks, to follow the training by."""

    fraction: float = setting(0.0, "Share of the ground held out; 0: none, as in the paper.", least=0.0, most=0.9)
    block: int = setting(2048, "Side of a hold-out block, in pixels.", least=16)


@dataclass
class Augment:
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
    p: Shares = field(default_factory=Shares)  # type: ignore[valid-type]
    margin: int = setting(
        0, "Pixels read around a training patch for warps to bring in; 0: what comes in is ignored.", least=0, most=1024
    )


@dataclass
class Scaling:
    """How pixel values are brought to the range the network sees (paper, section 2.5.4)."""

    method: str = setting(
        "none",
        "none: by `range` alone; min_max; percentile: between two percentiles; standardise: by mean and deviation.",
        choices=("none", "min_max", "percentile", "standardise"),
    )
    over: str = setting(
        "batch",
        "Pixels whose statistics count: of the batch (of each device's micro-batch), of each patch, of the whole "
        "mosaic, or of all training mosaics.",
        choices=("batch", "patch", "mosaic", "training"),
    )
    at_prediction: str = setting(
        AT_PREDICTION,
        "What stands for the batch at prediction and validation (over=batch only).",
        choices=("patch", "mosaic", "training"),
    )
    per_band: bool = setting(False, "Whether each band has statistics of its own.")
    percentiles: list[float] = setting([2.0, 98.0], "The lower and the upper percentile, 0 to 100 (percentile only).")
    range: list[float] | None = setting(
        None, "Raw values that 0 and 1 stand for, beyond which values are cut off; null: the type's range, uncut."
    )

    def __post_init__(self) -> None:
        """Refuse settings that make no sense, or none together."""
        ends = self.percentiles
        if len(ends) != 2 or not 0 <= ends[0] < ends[1] <= 100:
            refuse(f"scaling.percentiles={ends} are not a lower and an upper percentile", "use two, such as [2,98]")
        check_range(self.range, "scaling.range")
        if self.method == "none" and (self.over != "batch" or self.per_band):
            refuse("scaling.over and scaling.per_band do nothing without a method", "set scaling.method=min_max")
        if self.at_prediction != AT_PREDICTION and (self.method == "none" or self.over != "batch"):
            refuse(
                f"scaling.at_prediction={self.at_prediction} is for statistics of the batch alone", "set scaling=batch"
            )
        whole = {"mosaic", "training"} & {self.at_prediction if self.over == "batch" else self.over}
        if self.method == "standardise" and self.range is not None and whole:
            refuse(  # a mosaic's statistics are those of its raw values, which the range would cut
                f"scaling.range doesn't go with mean and deviation of the {whole.pop()}",
                "set scaling.range=null, or scaling.method=percentile",
            )


@dataclass
class Model:
    """The network."""

    name: str = setting("unet", "The paper's U-Net, or one of segmentation-models-pytorch.", choices=("unet", "smp"))
    filters: int = setting(32, "Filters of the first level; they double at each level (unet).", least=1)
    depth: int = setting(4, "Number of 2×2 poolings (unet).", least=1, most=7)
    architecture: str = setting("Unet", "Architecture's name in segmentation-models-pytorch (smp).")
    encoder: str = setting("resnet34", "Encoder's name in segmentation-models-pytorch (smp).")
    encoder_weights: str | None = setting(None, "Pretrained weights of the encoder: a name, or null (smp).")


@dataclass
class Loss:
    """What training minimises. Pixels labelled `ignore` never count."""

    name: str = setting("cross_entropy", "Kind of loss.", choices=("cross_entropy",))
    label_smoothing: float = setting(0.0, "Share of the target spread over all classes.", least=0.0, most=0.5)
    prior_correction: float = setting(
        0.0,
        "How far the shift of class shares that sampling brings is taken out again (logit adjustment); 1: wholly.",
        least=0.0,
        most=1.0,
    )


@dataclass
class Optim:
    """Optimiser and schedule; neither is printed in the paper."""

    name: str = setting("adamw", "Optimiser.", choices=("adamw", "sgd"))
    learning_rate: float = setting(1e-3, "Peak learning rate.", least=0.0)
    weight_decay: float = setting(1e-2, "Decoupled weight decay.", least=0.0)
    momentum: float = setting(0.9, "Momentum (sgd).", least=0.0, most=1.0)
    schedule: str = setting(
        "cosine", "Learning rate over the steps, after the warm-up.", choices=("constant", "cosine", "linear")
    )
    warmup: float = setting(0.05, "Share of all steps over which the rate rises from 0.", least=0.0, most=0.5)


@dataclass
class Trainer:
    """How long and on what training runs."""

    epochs: int = setting(20, "Passes over the plan.", least=1)
    steps: int | None = setting(
        None, "Optimiser steps to come nearest to in whole epochs, at least one; over `epochs`.", least=1
    )
    batch_size: int = setting(64, "Patches of one optimiser step, over all devices.", least=1)
    micro_batch: int | None = setting(
        None, "Most patches that a device holds at once; the rest of its share is accumulated; null: all.", least=1
    )
    accelerator: str = setting("auto", "Lightning's accelerator.", choices=("auto", "cpu", "gpu", "mps"))
    devices: str = setting("auto", "Number of devices of each machine, or auto.")
    nodes: int = setting(1, "Number of machines.", least=1)
    strategy: str = setting("auto", "Lightning's strategy, such as ddp.")
    precision: str = setting(
        "auto",
        "Number format of the forward pass; auto: bf16 where the device computes in it natively.",
        choices=("auto", "32-true", "bf16-mixed", "16-mixed"),
    )
    channels_last: bool = setting(True, "Whether the network's memory layout is channels-last.")
    compile: bool = setting(False, "Whether the network is compiled (torch.compile) first, where that can be had.")
    activation_checkpointing: bool = setting(
        False, "Whether activations are computed again in the backward pass instead of kept: less memory, more time."
    )
    gradient_clip: float = setting(1.0, "Largest norm of the gradient; 0: not clipped.", least=0.0)
    sync_batchnorm: bool = setting(
        True, "Whether batch norm takes its statistics over all GPUs, as on one; false is faster, and can be compiled."
    )
    deterministic: bool = setting(
        False, "Whether only deterministic kernels are used; on a GPU, networks that upsample bilinearly have none."
    )


@dataclass
class Reading:
    """How patches come from disk to the device."""

    workers: int = setting(-1, "Data-loader processes; -1: by the number of cores.", least=-1)
    prefetch: int = setting(4, "Batches that each loader process reads ahead.", least=1)
    decoded: bool = setting(
        False, "Whether imagery is decoded once into memory-mapped files in the cache (their size is told first)."
    )


@dataclass
class Logger:
    """Where a run is shown besides its own folder (docs/logging.md)."""

    name: str = setting(
        "wandb",
        "Weights & Biases, TensorBoard, MLflow, CSV tables in the run, or none.",
        choices=("wandb", "tensorboard", "mlflow", "csv", "none"),
    )
    project: str = setting("lulcseg", "Project in Weights & Biases.")
    offline: bool = setting(True, "Whether Weights & Biases stays on this machine until synced.")
    address: str | None = setting(
        None, "MLflow's tracking address; null: MLFLOW_TRACKING_URI, or mlflow.db in the working folder (mlflow)."
    )


@dataclass
class Assess:
    """Accuracy assessment at the reference points."""

    labels: bool = setting(True, "Whether the digitised polygons are scored at the points too.")


@dataclass
class TrainConfig:
    """Everything `python train.py` can be told."""

    name: str = setting("run", "Name of the run: the folder it is kept in, and its name in the logger.")
    scene: str | None = setting("synthetic2018", "The scene to train on: a name under conf/scenes/ or a path.")
    scenes: Scenes = field(default_factory=Scenes)
    run_dir: str = setting("runs/run", "Folder of the run, new: everything goes there.")
    seed: int = setting(0, "Seed of the plan, the weights and the order of patches.", least=0)
    sampling: Sampling = field(default_factory=Sampling)
    validation: Validation = field(default_factory=Validation)
    augment: Augment = field(default_factory=Augment)
    scaling: Scaling = field(default_factory=Scaling)
    model: Model = field(default_factory=Model)
    loss: Loss = field(default_factory=Loss)
    optim: Optim = field(default_factory=Optim)
    trainer: Trainer = field(default_factory=Trainer)
    reading: Reading = field(default_factory=Reading)
    logger: Logger = field(default_factory=Logger)
    mosaic: Mosaic = field(default_factory=Mosaic)
    assess: Assess = field(default_factory=Assess)
    trial: Trial = field(default_factory=Trial)
    study: Study = field(default_factory=Study)
    stop_after: str | None = setting(
        None, "Stop once this much is done: the plan, or the training.", choices=("plan", "training")
    )
    ckpt_path: str | None = setting(None, "Checkpoint (last.ckpt) to go on from.")
    cache: str | None = setting(None, "Folder for label rasters and synthetic scenes; null: the user's cache.")

    def __post_init__(self) -> None:
        """Refuse replicates over several machines: a sweep starts each on its own."""
        if self.trial.name is not None and self.trainer.nodes > 1:
            refuse(
                f"trainer.nodes={self.trainer.nodes}: a sweep starts each replicate on one machine",
                "set trainer=ddp, and a launcher for many machines: hydra/launcher=slurm",
            )


@dataclass
class Mapped:
    """Which scenes a prediction maps, by name or path."""

    assess: list[str] = setting([], "Scenes to map and assess; empty: the one of `scene`.")


@dataclass
class PredictConfig:
    """Everything `python predict.py` can be told."""

    checkpoint: str | None = setting(None, "Checkpoint of a run: <run>/checkpoints/best.ckpt.")
    scene: str | None = setting(None, "The scene to map: a name under conf/scenes/ or a path.")
    scenes: Mapped = field(default_factory=Mapped)
    output: str | None = setting(None, "Folder for map and assessment; null: beside the checkpoint's run.")
    mosaic: Mosaic = field(default_factory=lambda: Mosaic(name="multiple"))
    assess: Assess = field(default_factory=Assess)
    seed: int | None = setting(
        None, "Seed that the model must have been trained from, for paths to name it as ${seed}; null: any.", least=0
    )
    at_prediction: str | None = setting(
        None,
        "What stands for the batch at prediction; null: as the model was trained with.",
        choices=("patch", "mosaic", "training"),
    )
    trial: Trial = field(default_factory=lambda: Trial(program="predict"))
    warp: bool = setting(False, "Whether imagery of another resolution is warped to the model's.")
    accelerator: str = setting("auto", "Device to predict on.", choices=("auto", "cpu", "gpu", "mps"))
    devices: str = setting("1", "Number of devices to predict on, or auto.")
    strategy: str = setting("auto", "Lightning's strategy; auto: a process a device.")
    precision: str = setting(
        "auto", "Number format, as in trainer.precision.", choices=("auto", "32-true", "bf16-mixed", "16-mixed")
    )
    show: str = setting("run", "Where the maps are shown: where the run was, or nowhere.", choices=("run", "none"))
    cache: str | None = setting(None, "Folder for label rasters and synthetic scenes; null: the user's cache.")


def check_range(values: list[float] | None, key: str) -> None:
    """Refuse a range of values that isn't two numbers, the lower first.

    Raises:
        LulcsegError: It isn't.
    """
    if values is not None and (len(values) != 2 or not -inf < values[0] < values[1] < inf):
        refuse(f"{key}={values} is not a lower and an upper value", "use two, such as [0,4000]")
