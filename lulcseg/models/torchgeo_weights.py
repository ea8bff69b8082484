"""Pretrained weights of ``torchgeo.models``, by name: their statistics are read from their transforms.

TorchGeo is imported only when such a name is asked for: networks run without it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from lulcseg.errors import LulcsegError, did_you_mean

_WHERE = "model.encoder_weights"
_NAME = re.compile(r"\w+_Weights\.\w+")


def is_torchgeo_name(name: str) -> bool:
    """Whether a name is written as TorchGeo's are.

    >>> is_torchgeo_name("ResNet18_Weights.SENTINEL2_RGB_MOCO"), is_torchgeo_name("imagenet")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None


def torchgeo_weights(name: str) -> Any:
    """Return TorchGeo's entry of a name: with ``url``, ``transforms``, ``meta`` and ``get_state_dict``.

    Raises:
        LulcsegError: TorchGeo isn't installed, or has no such weights.
    """
    try:
        models = importlib.import_module("torchgeo.models")
    except ImportError as error:
        raise LulcsegError("these weights need TorchGeo", where=_WHERE, remedy="install torchgeo") from error
    kind, _, entry = name.partition(".")
    kinds = [each for each in dir(models) if each.endswith("_Weights")]
    if kind not in kinds:
        raise LulcsegError(f"TorchGeo has no '{kind}'", where=_WHERE, remedy=did_you_mean(kind, kinds))
    entries = {each.name: each for each in getattr(models, kind)}
    if entry not in entries:
        raise LulcsegError(f"{kind} has no '{entry}'", where=_WHERE, remedy=did_you_mean(entry, entries))
    return entries[entry]


def statistics_of(transforms: Any, bands: int) -> tuple[list[float], list[float]]:
    """Return the mean and deviation that transforms subtract and divide by, of each band, in their raw units.

    Steps one after another, such as a division by 10,000 and a normalisation, are put together.

    Args:
        transforms: TorchGeo's: a module, or a sequence of them.
        bands: Bands of the weights.

    Raises:
        LulcsegError: No normalisation is among them.

    Examples:
        >>> from torchvision.transforms import v2
        >>> steps = nn.Sequential(v2.Normalize([0.0], [10000.0]), v2.Normalize([0.5], [0.25]))
        >>> statistics_of(steps, 2)
        ([5000.0, 5000.0], [2500.0, 2500.0])
    """
    mean, deviation, found = [0.0] * bands, [1.0] * bands, False
    for step in _steps(transforms):
        found = True
        own_mean, own_deviation = (_spread(list(getattr(step, part)), bands) for part in ("mean", "std"))
        mean = [m + d * own for m, d, own in zip(mean, deviation, own_mean, strict=True)]
        deviation = [d * own for d, own in zip(deviation, own_deviation, strict=True)]
    if not found:
        raise LulcsegError(
            "its transforms state no mean and deviation",
            where=_WHERE,
            remedy="state them: model.encoder_mean and model.encoder_deviation",
        )
    return mean, deviation


def _steps(transforms: Any) -> Iterator[Any]:
    """Yield the normalisations, in order."""
    if hasattr(transforms, "mean") and hasattr(transforms, "std"):
        yield transforms
    elif isinstance(transforms, nn.Module):
        for child in transforms.children():
            yield from _steps(child)


def _spread(values: Sequence[float], bands: int) -> list[float]:
    return [float(value) for value in (list(values) * bands if len(values) == 1 else values)]
