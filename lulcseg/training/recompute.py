"""Activation checkpointing: activations inside a block are recomputed in the backward pass instead of stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from lulcseg.errors import LulcsegError


def recompute(network: nn.Module) -> int:
    """Have a network's blocks store only their input for the backward pass.

    A block is an outermost ``nn.Sequential`` with a convolution: a level of the U-Net, a stage of an encoder. Results
    and running statistics are the same as without. The names of weights don't change.

    Args:
        network: The network; changed in place.

    Returns:
        Number of blocks.

    Raises:
        LulcsegError: The network has no such block.
    """
    found = list(blocks(network))
    if not found:
        raise LulcsegError(
            "this network has no blocks whose activations could be recomputed",
            where="trainer.activation_checkpointing",
            remedy="set it to false, and trainer.micro_batch lower",
        )
    for block in found:
        block.forward = partial(_checkpointed, block, block.forward)  # type: ignore[method-assign]
    return len(found)


def blocks(module: nn.Module) -> Iterator[nn.Sequential]:
    """Yield the outermost ``nn.Sequential``s that hold a convolution."""
    for child in module.children():
        if isinstance(child, nn.Sequential) and any(isinstance(part, nn.Conv2d) for part in child.modules()):
            yield child
        else:
            yield from blocks(child)


def _checkpointed(block: nn.Module, forward: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    if not block.training:
        return forward(image)
    done: Tensor = checkpoint(forward, image, use_reentrant=False, context_fn=partial(_contexts, block))
    return done


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    norms = [part for part in block.modules() if isinstance(part, _BatchNorm)]
    return nullcontext(), _statistics_kept(norms, [norm.track_running_stats for norm in norms])


@contextmanager
def _statistics_kept(layers: Sequence[_BatchNorm], tracked: Sequence[bool]) -> Iterator[None]:
    """Keep running statistics unchanged: they have been updated by this batch already, where layers tracked it."""
    norms = [layer for layer, tracks in zip(layers, tracked, strict=True) if tracks]
    now = [layer.track_running_stats for layer in layers]
    momenta = [norm.momentum for norm in norms]
    for layer, tracks in zip(layers, tracked, strict=True):
        layer.track_running_stats = tracks  # as when it was computed first
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for layer, tracks in zip(layers, now, strict=True):
            layer.track_running_stats = tracks
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked -= 1
