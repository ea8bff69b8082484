"""Networks by name, or anybody's by its dotted path."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from lulcseg.errors import LulcsegError
from lulcseg.settings.model import NETWORKS, ModelSettings
from lulcseg.settings.registry import build_target

_TARGET = "model._target_"


def build_network(settings: ModelSettings, bands: int, classes: int) -> nn.Module:
    """Build the network that the settings describe.

    A target, a class or function, is called with its arguments and with ``bands`` and ``classes`` if its
    signature names them.

    Args:
        settings: Of the network.
        bands: Bands of the input.
        classes: Classes of the output.

    Returns:
        A module from (B, bands, H, W) to (B, classes, H, W) logits.

    Raises:
        LulcsegError: An unknown name, encoder weights that are not available, or a target that can't be imported,
            refuses its arguments or isn't a network.

    Examples:
        >>> build_network(ModelSettings(filters=4, depth=1), bands=3, classes=9).head
        Conv2d(4, 9, kernel_size=(1, 1), stride=(1, 1))
    """
    if settings.target is None:
        return cast(nn.Module, NETWORKS.load(settings.name)(settings, bands, classes))
    offered = {"bands": bands, "classes": classes}
    network = build_target(settings.target, settings.arguments, _TARGET, offered=offered)
    if not isinstance(network, nn.Module):
        raise LulcsegError(
            f"{settings.target} returns {type(network).__name__}", where=_TARGET, remedy="it must be a torch.nn.Module"
        )
    return network


def check_logits(logits: object, image: Tensor, classes: int) -> Tensor:
    """Check the shape of a network's output.

    Args:
        logits: The output.
        image: The input, (B, C, H, W).
        classes: Number of classes K.

    Returns:
        The output.

    Raises:
        LulcsegError: It is not (B, K, H, W).
    """
    expected = (image.shape[0], classes, *image.shape[2:])
    if isinstance(logits, Tensor) and logits.shape == expected:
        return logits
    found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    raise LulcsegError(
        f"the network returns {found} for images {tuple(image.shape)}",
        where="model",
        remedy=f"logits of shape {expected} are needed",
    )
