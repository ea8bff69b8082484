"""Compiling a network if the machine can, with the reason if it can't."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from lulcseg.processes import is_rank_zero, print_line
from lulcseg.training.losses.cross_entropy import cross_entropy


def compile_network(network: nn.Module, attempt: Callable[[], object]) -> str | None:
    """Compile a network in place (``torch.compile``), and run it once. The names of its weights don't change.

    Args:
        network: The network.
        attempt: Runs the network as it will be used: compilation happens at the first call.

    Returns:
        The reason why it is not compiled, as a clause, or None if it is. It runs either way.
    """
    try:
        network.compile(dynamic=False)  # the last, smaller batch of an epoch mustn't slow down the others
        attempt()
    except Exception as error:  # whatever the compiler raises, or its absence
        network._compiled_call_impl = None
        lines = [line.strip() for line in str(error).splitlines()]
        reasons = (line for line in lines if line and not line.endswith("raised:"))  # that names a backend only
        return next(reasons, type(error).__name__)
    return None


def compile_for_training(network: nn.Module, image: torch.Tensor, *, recomputes: bool) -> None:
    """Compile a network for training, or say why it isn't compiled.

    Args:
        network: In training mode.
        image: (B, C, P, P), as a micro-batch will be.
        recomputes: Whether its activations are recomputed.
    """
    if is_rank_zero():
        print_line("Compiling the network (trainer.compile) …")
    reason = obstacle_to_compiling(network, recomputes=recomputes)
    if reason is None:
        reason = compile_network(network, lambda: try_step(network, image))
    if reason is not None and is_rank_zero():
        print_line(f"The network is not compiled: {reason}")


def obstacle_to_compiling(network: nn.Module, *, recomputes: bool) -> str | None:
    """Return why a network can't be compiled for training, as a clause; None if nothing is known against it.

    Args:
        network: The network.
        recomputes: Whether its activations are recomputed (:mod:`lulcseg.training.recompute`).
    """
    if recomputes:
        return "its activations are recomputed (trainer.activation_checkpointing)"
    if any(isinstance(part, nn.SyncBatchNorm) for part in network.modules()):
        return "batch norm takes its statistics over all devices (trainer.sync_batchnorm)"
    return None


def try_step(network: nn.Module, image: torch.Tensor) -> None:
    """Run a network forward and backward, as training will, without changing it.

    Gradients are discarded, and batch norm's running statistics and the random generators are restored.

    Args:
        network: In training mode.
        image: (B, C, P, P).
    """
    kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
    devices = [image.device] if image.is_cuda else []
    weights = [p for p in network.parameters() if p.requires_grad]
    try:
        with torch.random.fork_rng(devices):
            logits = network(image)
            labels = torch.zeros(logits[:, 0].shape, dtype=torch.uint8, device=image.device)
            torch.autograd.grad(cross_entropy(logits, labels), weights, allow_unused=True)
    finally:
        for name, buffer in network.named_buffers():
            buffer.copy_(kept[name])
