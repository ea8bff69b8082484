"""Networks of segmentation-models-pytorch."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from typing import Any

from torch import nn

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.models.any_size import AnySize
from lulcseg.models.freezing import fixed_size, stage_parameters
from lulcseg.models.hub_access import hub_access
from lulcseg.models.key_map import load_tensors, map_tensors
from lulcseg.models.weights_source import find_weights, not_available
from lulcseg.settings.model import ModelSettings

TIMM = "tu-"
"""What segmentation-models-pytorch puts before the names of timm's encoders."""

_LEAVES_OUT = {"dpt", "pspnet"}
"""Architectures that use a part of their encoder; the rest gets no gradient."""
_WHERE = "model.encoder"


def build_smp(settings: ModelSettings, bands: int, classes: int) -> nn.Module:
    """Build an architecture with an encoder, which takes images of any size.

    Args:
        settings: Of the network.
        bands: Bands of the input.
        classes: Classes of the output.

    Returns:
        The network, with the attribute ``taken``: a clause on the pretrained weights that it has, or None.

    Raises:
        LulcsegError: An unknown architecture or encoder, a pair that doesn't go together, or encoder weights that are
            not available or of another encoder.
    """
    architecture = _architecture(settings.architecture)
    _check_encoder(settings.encoder, architecture)
    source = find_weights(settings)
    encoder, weights = (settings.encoder, None) if source is None else source.library_name or (settings.encoder, None)
    network = _create(architecture, encoder, weights, in_channels=bands, classes=classes)
    if architecture == "DPT" and (
        set(network.encoder.output_strides) != {16} or not hasattr(network.encoder.model, "blocks")
    ):
        raise _misfit(architecture, encoder, ValueError("it needs a vision transformer with patches of 16 pixels"))
    taken = None if source is None else f"weights of {source.name}, licence {source.licence}"
    if source is not None and source.tensors is not None:
        mapped = map_tensors(source.tensors(), network.encoder, bands)
        load_tensors(network.encoder, mapped)
        taken = f"{taken}: {mapped.describe()}"
    if architecture.lower() in _LEAVES_OUT:
        _leave_out_unused(network.encoder, bands)
    built = _of_any_size(network, architecture)
    built.taken = taken  # type: ignore[assignment]  # nn.Module declares its attributes as modules
    return built


def _architecture(asked: str) -> str:
    """Return the architecture's own spelling."""
    import segmentation_models_pytorch as smp

    known = {name.lower(): kind.__name__ for name, kind in smp.MODEL_ARCHITECTURES_MAPPING.items()}
    if asked.lower() not in known:
        remedy = did_you_mean(asked, known.values())
        raise LulcsegError(f"there is no architecture '{asked}'", where="model.architecture", remedy=remedy)
    return str(known[asked.lower()])


def _check_encoder(encoder: str, architecture: str) -> None:
    """Refuse an encoder that neither smp nor timm has, and one that DPT can't take."""
    import segmentation_models_pytorch as smp
    import timm

    of_timm = encoder.startswith(TIMM)
    if architecture == "DPT" and not of_timm:
        raise LulcsegError(
            f"DPT takes a vision transformer of timm, not '{encoder}'",
            where=_WHERE,
            remedy="use model.encoder=tu-vit_small_patch16_224, or tu-vit_small_patch16_dinov3",
        )
    if of_timm and not timm.is_model(encoder.removeprefix(TIMM)):
        names = [TIMM + name for name in timm.list_models()]
        what = f"timm has no encoder '{encoder.removeprefix(TIMM)}'"
        raise LulcsegError(what, where=_WHERE, remedy=_near(encoder, names))
    known = smp.encoders.get_encoder_names()
    if not of_timm and encoder not in known:
        raise LulcsegError(f"there is no encoder '{encoder}'", where=_WHERE, remedy=did_you_mean(encoder, known))


def _near(encoder: str, names: list[str]) -> str:
    clause = did_you_mean(encoder, names)
    return clause if clause.startswith("did you mean") else "timm.list_models() lists them"


def _create(architecture: str, encoder: str, weights: str | None, **sizes: Any) -> Any:
    """Build smp's network.

    Raises:
        LulcsegError: The two don't go together, or the weights can't be downloaded.
    """
    import segmentation_models_pytorch as smp

    dynamic: dict[str, Any] = {"dynamic_img_size": True} if architecture == "DPT" else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*encoder_weights.*should be set to True")
        for options in (dynamic, {}):
            try:
                with nullcontext() if weights is None else hub_access():
                    return smp.create_model(architecture, encoder, weights, **sizes, **options)
            except TypeError as error:
                if options and "dynamic_img_size" in str(error):
                    continue  # this encoder takes one size alone, or any
                raise _misfit(architecture, encoder, error) from error
            except Exception as error:  # what smp and timm raise, for what they can't build and can't download
                if weights is not None and _can_be_built(architecture, encoder, **sizes, **options):
                    raise not_available(f"{encoder} {weights}", error) from error
                raise _misfit(architecture, encoder, error) from error
    raise AssertionError


def _can_be_built(architecture: str, encoder: str, **options: Any) -> bool:
    """Whether the network can be built from random weights, so that the pretrained ones were what failed."""
    import segmentation_models_pytorch as smp

    try:
        smp.create_model(architecture, encoder, None, **options)
    except Exception:  # as in _create
        return False
    return True


def _misfit(architecture: str, encoder: str, error: Exception) -> LulcsegError:
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".!")
    dilated = architecture in {"DeepLabV3", "DeepLabV3Plus", "PAN"}
    if dilated:
        remedy = "use a ResNet (resnet34), or model.architecture=Unet, which dilates nothing"
    elif architecture == "DPT":
        remedy = "use model.encoder=tu-vit_small_patch16_224, or tu-vit_small_patch16_dinov3"
    elif "downsampling pattern" in reason:
        remedy = f"use model.architecture=DPT for vision transformers, or another encoder than '{encoder}'"
    else:
        remedy = "use another of the two: model.architecture=Unet, or model.encoder=resnet34"
    what = f"{architecture} can't be built on encoder '{encoder}' ({reason})"
    return LulcsegError(what, where="model.architecture", remedy=remedy)


def _leave_out_unused(encoder: nn.Module, bands: int) -> None:
    """Take gradients from parameters that no feature map depends on, which distributed training would wait for."""
    stages = stage_parameters(encoder, bands)
    used = {id(parameter) for parameter in stages[-1]}
    for parameter in encoder.parameters():
        if id(parameter) not in used:
            parameter.requires_grad = False


def _of_any_size(network: Any, architecture: str) -> AnySize:
    """Return the network with the sizes that its architecture takes."""
    fixed = fixed_size(network.encoder)
    multiple = int(network.encoder.output_stride) if network.requires_divisible_input_shape else 1
    multiple *= 2 if architecture == "DPT" else 1  # its decoder halves the grid of tokens
    least = 8 * multiple if architecture == "PAN" else 1  # it pools three times
    return AnySize(network, multiple, least, fixed)
