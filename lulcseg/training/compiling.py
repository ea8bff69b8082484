"""Compiling a network where that can be had, and saying why where it can't."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from lulcseg.training.losses import cross_entropy


def compile_network(network: nn.Module, attempt: Callable[[], object]) -> str | None:
    """Compile a network in place (``torch.compile``), and try it. The names of its weights stay as they are.

    Args:
        network: The network.
        attempt: Runs it as it will be run: compilation happens at the first call.

    Returns:
        Why it is not compiled, as a clause, or None if it is. It runs either way.
    """
    try:
        network.compile(dynamic=False)  # the last, smaller batch of an epoch mustn't slow down the others
        attempt()
    except Exception as error:  # whatever the compiler, or its absence, comes up with
        network._compiled_call_impl = None
        lines = [line.strip() for line in str(error).splitlines()]
        told = (line for line in lines if line and not line.endswith("raised:"))  # which backend raised is no reason
        return next(told, type(error).__name__)
    return None


def try_step(network: nn.Module, image: torch.Tensor) -> None:
    """Run a network forward and backward, as training will, and leave it as it was.

    Gradients aren't kept, and batch norm's running statistics and the random generators are put back.

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
