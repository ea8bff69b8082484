"""Tensors of a file onto an encoder: by name, or in order where names differ but the sequence is the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lulcseg.errors import LulcsegError

PREFIXES = ("module.", "_orig_mod.", "network.encoder.", "encoder.", "backbone.", "model.", "trunk.")
"""What trainers put before the names of an encoder's tensors."""

_HEAD = re.compile(r"(head|fc|fc_norm|classifier)_")
"""A classifier's tensors, which an encoder of timm may still have, and doesn't use."""
_COUNTER = "num_batches_tracked"
_WHERE = "model.encoder_weights"


@dataclass(frozen=True)
class KeyMap:
    """Which tensor of a file goes where.

    Attributes:
        tensors: Name in the encoder → tensor, for all that the encoder has but batch norm's counters.
        by_name: Whether names agreed; else the order and the shapes did.
        adapted: Bands that the first convolution had in the file, if the encoder has others; else None.
        left: Names of the file's tensors that were not taken, such as a classifier's.
    """

    tensors: Mapping[str, Tensor]
    by_name: bool
    adapted: int | None
    left: Sequence[str]

    def describe(self) -> str:
        """Return what was taken and what not, as a clause."""
        how = "by name" if self.by_name else "in order, by shape (names differ)"
        left = f", {len(self.left)} left out ({_example(self.left)})" if self.left else ""
        return f"{len(self.tensors)} tensors of the encoder taken {how}{left}"


def map_tensors(theirs: Mapping[str, Tensor], encoder: nn.Module, bands: int) -> KeyMap:
    """Map a file's tensors onto an encoder.

    Args:
        theirs: The file's tensors, in its order.
        encoder: The encoder.
        bands: Of its input.

    Raises:
        LulcsegError: Tensors of the encoder are missing or of another shape, the file is of a larger encoder, or its
            bands can't be adapted, or a tensor that is taken holds NaN or infinity.
    """
    theirs = {name: tensor for name, tensor in theirs.items() if not name.endswith(_COUNTER)}
    own = {name: tensor for name, tensor in encoder.state_dict().items() if not name.endswith(_COUNTER)}
    first = first_convolution(encoder, bands)
    pairs = _by_name(theirs, own)
    by_name = bool(pairs)
    pairs = pairs or _in_order(theirs, own, first)
    if missing := [name for name in own if name not in pairs and not _HEAD.match(_plain(name))]:
        raise LulcsegError(
            f"{len(missing)} of the encoder's {len(own)} tensors are not in the file, such as {_example(missing)}",
            where=_WHERE,
            remedy=_other(theirs),
        )
    tensors, adapted = {}, None
    for name, source in pairs.items():
        tensor = theirs[source]
        if name == first and tensor.shape[1:2] != own[name].shape[1:2] and tensor.ndim == 4:
            adapted = int(tensor.shape[1])
            tensor = adapt_bands(tensor, bands)
        if tensor.shape != own[name].shape:
            raise LulcsegError(
                f"{source} is {tuple(tensor.shape)}, the encoder's {name} {tuple(own[name].shape)}",
                where=_WHERE,
                remedy=_other(theirs),
            )
        _check_finite(source, tensor)
        tensors[name] = tensor
    left = [name for name in theirs if name not in set(pairs.values())]
    if by_name and (more := _of_larger_encoder(left, pairs, list(own))):
        raise LulcsegError(
            f"the file is of a larger encoder: it has {_example(more)} besides", where=_WHERE, remedy=_other(theirs)
        )
    return KeyMap(tensors, by_name, adapted, left)


def _check_finite(name: str, tensor: Tensor) -> None:
    """Refuse a tensor with values that are not numbers, or infinite.

    >>> _check_finite("stem.weight", torch.tensor([1.0, float("nan")]))
    Traceback (most recent call last):
    lulcseg.errors.LulcsegError: model.encoder_weights: 1 of 2 values of stem.weight are not finite (NaN or infinity)...
    """
    if broken := int((~torch.isfinite(tensor)).sum()):
        raise LulcsegError(
            f"{broken:,} of {tensor.numel():,} values of {name} are not finite (NaN or infinity)",
            where=_WHERE,
            remedy="give the file anew, or other weights: these are of a training that diverged, or damaged",
        )


def first_convolution(encoder: nn.Module, bands: int) -> str | None:
    """Return the name of the weight that the bands enter by; None if no convolution takes that many."""
    convolutions = ((name, module) for name, module in encoder.named_modules() if isinstance(module, nn.Conv2d))
    return next((f"{name}.weight" for name, module in convolutions if module.in_channels == bands), None)


def adapt_bands(weight: Tensor, bands: int) -> Tensor:
    """Adapt a first convolution to another number of bands, by timm's rule.

    Weights of three bands are repeated over the bands, and scaled by 3 / bands; for one band they are summed. Those of
    one band are spread evenly.

    Args:
        weight: (O, I, H, W), of one or three bands.
        bands: Number of bands.

    Returns:
        (O, bands, H, W); a constant image gives the same response as before.

    Raises:
        LulcsegError: Weights of another number of bands.

    Examples:
        >>> adapt_bands(torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1), 4).flatten().tolist()
        [0.75, 1.5, 2.25, 0.75]
    """
    known = weight.shape[1]
    if known == 1:
        return weight.repeat(1, bands, 1, 1) / bands
    if known != 3:
        raise LulcsegError(
            f"the weights are of {known} bands, the imagery has {bands}",
            where=_WHERE,
            remedy="use weights of these bands, or of three, which are repeated over the imagery's",
        )
    if bands == 1:
        return weight.sum(dim=1, keepdim=True)
    return weight.repeat(1, -(-bands // 3), 1, 1)[:, :bands] * (3 / bands)


def load_tensors(encoder: nn.Module, mapped: KeyMap) -> None:
    """Copy mapped tensors into an encoder."""
    own = encoder.state_dict()
    with torch.no_grad():
        for name, tensor in mapped.tensors.items():
            own[name].copy_(tensor)


def _plain(name: str) -> str:
    """Return a name without prefixes, and with timm's two ways to write a path made one."""
    while prefix := next((each for each in PREFIXES if name.startswith(each)), None):
        name = name.removeprefix(prefix)
    return name.replace(".", "_")


def _by_name(theirs: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, str]:
    known: dict[str, str] = {}
    for name in theirs:
        known.setdefault(_plain(name), name)
    return {name: known[_plain(name)] for name in own if _plain(name) in known}


def _in_order(theirs: Mapping[str, Tensor], own: Mapping[str, Tensor], first: str | None) -> dict[str, str]:
    """Pair tensors one after another; what the file has more at its end is its classifier.

    Raises:
        LulcsegError: A pair differs in kind or shape.
    """
    if len(theirs) < len(own):
        raise LulcsegError(
            f"the encoder has {len(own)} tensors, the file {len(theirs)}, and no name in common",
            where=_WHERE,
            remedy=_other(theirs),
        )
    pairs = dict(zip(own, theirs, strict=False))
    for name, source in pairs.items():
        mine, given = own[name], theirs[source]
        shapes = [list(tensor.shape) for tensor in (mine, given)]
        if name == first and mine.ndim == given.ndim == 4:
            shapes = [shape[:1] + shape[2:] for shape in shapes]  # its bands may differ
        if shapes[0] != shapes[1] or name.rpartition(".")[2] != source.rpartition(".")[2]:
            raise LulcsegError(
                f"no name of the file is one of the encoder's, and in order {source} {tuple(given.shape)} would become "
                f"{name} {tuple(mine.shape)}",
                where=_WHERE,
                remedy=_other(theirs),
            )
    return pairs


def _of_larger_encoder(left: Sequence[str], pairs: Mapping[str, str], own: Sequence[str]) -> list[str]:
    """Return tensors that continue a numbered sequence of blocks that is not the encoder's last.

    ``layer1.2`` beside the encoder's ``layer1.0`` and ``layer1.1`` is of a deeper encoder; stages after the last one
    taken are of no use to an architecture that takes few.
    """
    position = {name: number for number, name in enumerate(own)}
    last: dict[str, int] = {}  # of each container of numbered parts, where the encoder's last tensor in it stands
    for name, source in pairs.items():
        for container in _containers(source):
            last[container] = max(last.get(container, -1), position[name])
    beyond = len(own) - 1
    return [name for name in left if any(last.get(c, beyond) < beyond for c in _containers(name))]


def _containers(name: str) -> list[str]:
    """Return the prefixes of a name that end before a number: ``a.1.b.0.w`` → ``a.``, ``a.1.b.``."""
    return [name[: found.start()] for found in re.finditer(r"(?<=[._])\d+(?=\.)", name)]


def _other(theirs: Mapping[str, Tensor]) -> str:
    return f"give weights of this encoder, or another model.encoder (the file begins with {_example(list(theirs))})"


def _example(names: Sequence[str]) -> str:
    return f"{names[0]}" if len(names) == 1 else f"{names[0]}, {names[1]}" + (", …" if len(names) > 2 else "")
