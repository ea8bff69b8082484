"""The fastest number format that is safe on a device."""

from __future__ import annotations

import torch


def native_bf16(accelerator: str) -> bool:
    """Whether a device multiplies bfloat16 in hardware.

    Args:
        accelerator: ``cpu``, ``gpu``, ``mps`` or ``auto`` (a GPU if there is one).
    """
    if accelerator in {"auto", "gpu"} and torch.cuda.is_available():
        return torch.cuda.get_device_capability()[0] >= 8
    if accelerator in {"auto", "cpu"}:
        capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


def resolve_precision(precision: str, accelerator: str) -> str:
    """Return Lightning's precision for a setting.

    ``auto`` is bf16-mixed if the device computes in it natively (weights, loss and softmax stay
    float32), else 32-true.

    Examples:
        >>> resolve_precision("32-true", "cpu")
        '32-true'
    """
    if precision != "auto":
        return precision
    return "bf16-mixed" if native_bf16(accelerator) else "32-true"
