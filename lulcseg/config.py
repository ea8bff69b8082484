"""The typed schema of a run: every setting with its type, its unit and its bounds.

Light on purpose: no torch, no geodata. ``conf/`` holds the values, this file their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from lulcseg.errors import LulcsegError, did_you_mean


def setting(default: Any, about: str, **bounds: Any) -> Any:
    """Declare one setting.

    Args:
        default: Its value where nothing is said.
        about: One sentence on what it is, with the unit.
        **bounds: ``least``, ``most`` (numbers, inclusive) or ``choices`` (allowed values).

    Returns:
        A dataclass field.
    """
    metadata = {"about": about, **bounds}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class Scenes:
    """Which scenes a run trains on, and which it maps and assesses, by name or path."""

    train: list[str] = setting([], "Scenes to train on; empty: the one of `scene`.")
    assess: list[str] = setting([], "Scenes to map and assess; empty: those trained on.")


@dataclass
class Sampling:
    """Which patches of ground the model is trained on (paper, section 2.5.2)."""

    method: str = setting(
        "stratified", "How patches are placed: Eqs 1 and 2, or a regular grid.", choices=("stratified", "grid")
    )
    patch_size: int = setting(512, "Side of a patch, in pixels.", least=16, most=8192)
    patches: int = setting(9632, "Wanted number of patches, N_p of Eq. 1 (stratified only).", least=1)
    totals: str = setting(
        "per_feature",
        "Class totals: Eq. 2 as printed (every feature at least once), or Eq. 1's total shared exactly.",
        choices=("per_feature", "exact"),
    )
    cell: int = setting(1024, "Side of the grid's outer cell, in pixels (grid only).", least=16)
    background: str | None = setting(
        "Other", "Class that alone does not keep a grid cell; null: every class does (grid only)."
    )
    min_valid: float = setting(
        0.5, "Least share of a patch that must hold imagery; places with less are drawn again.", least=0.0, most=1.0
    )


@dataclass
class Validation:
    """Ground held out of training, in blocks, to follow the training by."""

    fraction: float = setting(0.0, "Share of the ground held out; 0: none, as in the paper.", least=0.0, most=0.9)
    block: int = setting(2048, "Side of a hold-out block, in pixels.", least=16)


@dataclass
class Augment:
    """Random changes to training patches, made on the device."""

    name: str = setting(
        "none",
        "none, or light: flips, quarter turns, brightness, contrast and colour.",
        choices=("none", "light"),
    )


@dataclass
class Scaling:
    """How pixel values are brought to the range the network sees (paper, section 2.5.4)."""

    method: str = setting(
        "none",
        "none: by the type's range; batch: min–max over the training batch (at prediction over the patch); "
        "patch: min–max over each patch.",
        choices=("none", "batch", "patch"),
    )
    per_band: bool = setting(False, "Whether each band has its own minimum and maximum.")


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
    batch_size: int = setting(64, "Patches of one optimiser step, over all devices.", least=1)
    accelerator: str = setting("auto", "Lightning's accelerator.", choices=("auto", "cpu", "gpu", "mps"))
    devices: str = setting("auto", "Number of devices, or auto.")
    strategy: str = setting("auto", "Lightning's strategy, such as ddp.")
    precision: str = setting(
        "auto",
        "Number format of the forward pass; auto: bf16 where the device computes in it natively.",
        choices=("auto", "32-true", "bf16-mixed", "16-mixed"),
    )
    channels_last: bool = setting(True, "Whether the network's memory layout is channels-last.")
    workers: int = setting(-1, "Data-loader processes; -1: by the number of cores.", least=-1)
    gradient_clip: float = setting(1.0, "Largest norm of the gradient; 0: not clipped.", least=0.0)
    deterministic: bool = setting(False, "Whether only deterministic kernels are used.")


@dataclass
class Logger:
    """Where curves go besides the run's own metrics.csv."""

    name: str = setting("wandb", "Weights & Biases, or none.", choices=("wandb", "none"))
    project: str = setting("lulcseg", "Project in Weights & Biases.")
    offline: bool = setting(True, "Whether Weights & Biases stays on this machine until synced.")


@dataclass
class Mosaic:
    """How the mosaic is predicted (paper, section 2.5.5)."""

    passes: str = setting(
        "single",
        "single: one grid of patches; multiple: four rotations and a second grid half a patch further on.",
        choices=("single", "multiple"),
    )
    patch_size: int | None = setting(None, "Side of a prediction patch, in pixels; null: as in training.", least=16)
    batch_size: int = setting(16, "Patches of one forward pass.", least=1)
    probabilities: bool = setting(False, "Whether class probabilities are written too.")


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
    seed: int = setting(0, "Seed of the plan, the weights and the order of patches.", least=0)
    sampling: Sampling = field(default_factory=Sampling)
    validation: Validation = field(default_factory=Validation)
    augment: Augment = field(default_factory=Augment)
    scaling: Scaling = field(default_factory=Scaling)
    model: Model = field(default_factory=Model)
    loss: Loss = field(default_factory=Loss)
    optim: Optim = field(default_factory=Optim)
    trainer: Trainer = field(default_factory=Trainer)
    logger: Logger = field(default_factory=Logger)
    mosaic: Mosaic = field(default_factory=Mosaic)
    assess: Assess = field(default_factory=Assess)
    stop_after: str | None = setting(
        None, "Stop once this much is done: the plan, or the training.", choices=("plan", "training")
    )
    ckpt_path: str | None = setting(None, "Checkpoint (last.ckpt) to go on from.")
    cache: str | None = setting(None, "Folder for label rasters and synthetic scenes; null: the user's cache.")


@dataclass
class PredictConfig:
    """Everything `python predict.py` can be told."""

    checkpoint: str | None = setting(None, "Checkpoint of a run: <run>/checkpoints/best.ckpt.")
    scene: str | None = setting(None, "The scene to map: a name under conf/scenes/ or a path.")
    output: str | None = setting(None, "Folder for map and assessment; null: beside the checkpoint's run.")
    mosaic: Mosaic = field(default_factory=lambda: Mosaic(passes="multiple"))
    assess: Assess = field(default_factory=Assess)
    accelerator: str = setting("auto", "Device to predict on.", choices=("auto", "cpu", "gpu", "mps"))
    precision: str = setting(
        "auto", "Number format, as in trainer.precision.", choices=("auto", "32-true", "bf16-mixed", "16-mixed")
    )
    cache: str | None = setting(None, "Folder for label rasters and synthetic scenes; null: the user's cache.")


def known_keys(schema: type, prefix: str = "") -> dict[str, Any]:
    """Return every dotted key of a schema with its field.

    Args:
        schema: A dataclass of settings.
        prefix: Put before each key.
    """
    found: dict[str, Any] = {}
    for f in fields(schema):
        found[prefix + f.name] = f
        nested = _nested(f)
        if nested is not None:
            found.update(known_keys(nested, f"{prefix}{f.name}."))
    return found


def _nested(f: Any) -> type | None:
    """Return the dataclass a field holds, if it holds one."""
    if f.default_factory is not None and callable(f.default_factory):
        value = f.default_factory()
        if is_dataclass(value):
            return type(value)
    return None


def suggest_key(key: str, schema: type) -> str:
    """Name the known key nearest to a misspelt one, looking first among its own siblings."""
    keys = known_keys(schema)
    parent, _, leaf = key.rpartition(".")
    siblings = [k.rpartition(".")[2] for k in keys if k.rpartition(".")[0] == parent]
    clause = did_you_mean(leaf, siblings)
    if clause.startswith("did you mean"):
        near = clause.removeprefix("did you mean '").removesuffix("'?")
        return f"did you mean '{parent}.{near}'?" if parent else clause
    leaves = {k.rpartition(".")[2]: k for k in keys}
    return f"did you mean '{leaves[leaf]}'?" if leaf in leaves else did_you_mean(key, keys)


def check_keys(plain: Mapping[str, Any], schema: type, where: str, prefix: str = "") -> None:
    """Refuse keys that a schema doesn't know.

    Args:
        plain: Nested plain container.
        schema: The dataclass it should fit.
        where: What to name in the error: a file, or "configuration".
        prefix: Dotted path of ``plain`` in the whole.

    Raises:
        LulcsegError: An unknown key, with the nearest known one.
    """
    by_name = {f.name: f for f in fields(schema)}
    for key, value in plain.items():
        if key not in by_name:
            root = known_keys(schema)
            hint = suggest_key(key, schema) if root else "remove it"
            if prefix:
                hint = hint.replace("did you mean '", f"did you mean '{prefix}")
            raise LulcsegError(f"unknown key '{prefix}{key}'", where=where, remedy=hint)
        nested = _nested(by_name[key])
        if nested is not None and isinstance(value, Mapping):
            check_keys(value, nested, where, f"{prefix}{key}.")


def check_bounds(config: Any, where: str = "configuration", prefix: str = "") -> None:
    """Check every value of a filled-in schema against its bounds.

    Raises:
        LulcsegError: A value outside its bounds or choices.
    """
    for f in fields(config):
        value, name = getattr(config, f.name), prefix + f.name
        if is_dataclass(value):
            check_bounds(value, where, f"{name}.")
            continue
        if value is None:
            continue
        about = f.metadata.get("about", "")
        choices = f.metadata.get("choices")
        if choices is not None and value not in choices:
            raise LulcsegError(
                f"{name}={value} is not one of its choices", where=where, remedy=did_you_mean(str(value), choices)
            )
        for bound, wrong in (("least", "below"), ("most", "above")):
            limit = f.metadata.get(bound)
            if limit is not None and ((value < limit) if bound == "least" else (value > limit)):
                raise LulcsegError(f"{name}={value} is {wrong} {limit}", where=where, remedy=f"{name}: {about}")


def fill[T](schema: type[T], plain: Mapping[str, Any], where: str) -> T:
    """Make a checked settings object from a plain container.

    Args:
        schema: The dataclass.
        plain: Nested mapping, as read from YAML or composed by Hydra.
        where: What to name in errors.

    Raises:
        LulcsegError: An unknown key, a value of the wrong type, or one outside its bounds.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    check_keys(plain, schema, where)
    try:
        filled = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.create(dict(plain))))
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "?"
        raise LulcsegError(f"{key}: {str(error).splitlines()[0]}", where=where) from error
    assert isinstance(filled, schema)
    check_bounds(filled, where)
    return filled
