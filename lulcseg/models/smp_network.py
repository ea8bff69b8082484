"""Networks of segmentation-models-pytorch."""

from __future__ import annotations

from torch import nn

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.settings.model import ModelSettings


def build_smp(settings: ModelSettings, bands: int, classes: int) -> nn.Module:
    """Build an architecture with an encoder.

    Args:
        settings: Of the network.
        bands: Bands of the input.
        classes: Classes of the output.

    Raises:
        LulcsegError: An unknown architecture or encoder, or encoder weights that are not available.
    """
    import segmentation_models_pytorch as smp

    architecture, encoder = settings.architecture, settings.encoder
    architectures = {name.lower(): name for name in dir(smp) if isinstance(getattr(smp, name), type)}
    encoders = smp.encoders.get_encoder_names()
    if architecture.lower() not in architectures:
        remedy = did_you_mean(architecture, architectures.values())
        raise LulcsegError(f"there is no architecture '{architecture}'", where="model.architecture", remedy=remedy)
    if encoder not in encoders and not encoder.startswith("tu-"):
        raise LulcsegError(
            f"there is no encoder '{encoder}'", where="model.encoder", remedy=did_you_mean(encoder, encoders)
        )
    try:
        network: nn.Module = smp.create_model(
            architecture, encoder, settings.encoder_weights, in_channels=bands, classes=classes
        )
    except (OSError, KeyError, ValueError) as error:
        raise LulcsegError(
            f"encoder '{encoder}' with weights '{settings.encoder_weights}' can't be built "
            f"({str(error).splitlines()[0]})",
            where="model.encoder_weights",
            remedy="set model.encoder_weights=null to start from random weights",
        ) from error
    return network
