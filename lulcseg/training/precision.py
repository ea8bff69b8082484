"""The fastest number format that is safe on a device."""

from __future__ import annotations

import torch

from lulcseg.training.format_speed import bf16_is_faster


def fast_bf16(accelerator: str) -> bool:
    """Whether a device computes faster in bfloat16: GPUs and processors with AMX do, others are measured.

    Processors that have AVX-512 BF16 without AMX take less time in one model and more in another.

    Args:
        accelerator: ``cpu``, ``gpu``, ``mps`` or ``auto`` (a GPU if there is one).
    """
    if accelerator in {"auto", "gpu"} and torch.cuda.is_available():
        return torch.cuda.get_device_capability()[0] >= 8
    if accelerator in {"auto", "cpu"}:
        capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(capabilities.get("amx_bf16") or (capabilities.get("avx512_bf16") and bf16_is_faster()))
    return False


def resolve_precision(precision: str, accelerator: str) -> str:
    """Return Lightning's precision for a setting.

    ``auto`` is bf16-mixed where that is faster (:func:`fast_bf16`; weights, loss and softmax stay float32), else
    32-true.

    Examples:
        >>> resolve_precision("32-true", "cpu")
        '32-true'
    """
    if precision != "auto":
        return precision
    return "bf16-mixed" if fast_bf16(accelerator) else "32-true"
