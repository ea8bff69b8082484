"""Length of the training, and the hardware it runs on (``trainer:``)."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.settings.schema import setting

AUTO = "auto"
MONITORS = {
    "val/mean_f1": "max",
    "val/kappa": "max",
    "val/accuracy": "max",
    "val/loss": "min",
    "train/loss_epoch": "min",
    "train/mean_f1": "max",
    "train/kappa": "max",
    "train/accuracy": "max",
}
"""Logged scores that the best epoch may be chosen by, and whether the largest or the smallest is the best."""


@dataclass
class TrainerSettings:
    """Length of the training, and the hardware it runs on."""

    epochs: int = setting(20, "Epochs: passes over the plan.", least=1)
    steps: int | None = setting(
        None,
        "Optimiser steps that the epochs are chosen to come nearest to, at least one epoch; overrides `epochs`.",
        least=1,
    )
    minutes: float | None = setting(
        None,
        "Minutes of training, validation included, after which it stops if its epochs aren't over; null: no limit.",
        least=0.01,
    )
    batch_size: int = setting(64, "Patches of one optimiser step, summed over all devices.", least=1)
    micro_batch: int | None = setting(
        None, "Most patches that a device computes at once; gradients of the rest are accumulated; null: all.", least=1
    )
    monitor: str = setting(
        AUTO,
        "Score that the best epoch is chosen by; auto: val/mean_f1 if ground is held out for validation, else "
        "train/loss_epoch.",
        choices=(AUTO, *MONITORS),
    )
    patience: int | None = setting(
        None, "Epochs without a better `monitor` after which training stops; null: it never does.", least=1
    )
    ema: float = setting(
        0.0,
        "Decay of the weights' moving average, such as 0.999, which is validated and predicted with; 0: no average.",
        least=0.0,
        most=0.99999,
    )
    accelerator: str = setting("auto", "Lightning's accelerator.", choices=("auto", "cpu", "gpu", "mps"))
    devices: str = setting("auto", "Number of devices per machine, or auto.")
    nodes: int = setting(1, "Number of machines.", least=1)
    strategy: str = setting("auto", "Lightning's strategy, such as ddp.")
    precision: str = setting(
        "auto",
        "Number format of the forward pass; auto: bf16 where that is faster, by what lulcseg tune measured, else by "
        "the device.",
        choices=("auto", "32-true", "bf16-mixed", "16-mixed"),
    )
    channels_last: bool | None = setting(
        True, "Whether the network's memory layout is channels-last; null: the faster, by measurement on a CPU."
    )
    threads: int | None = setting(
        None, "Threads that a CPU trains with; null: PyTorch's own number; 0: the fastest, by measurement.", least=0
    )
    compile: bool = setting(False, "Whether the network is compiled (torch.compile), where that is available.")
    activation_checkpointing: bool = setting(
        False, "Whether activations are recomputed in the backward pass instead of stored: less memory, more time."
    )
    gradient_clip: float = setting(1.0, "Largest norm of the gradient; 0: not clipped.", least=0.0)
    sync_batchnorm: bool = setting(
        True,
        "Whether batch norm computes its statistics over all GPUs; false is faster, and can be compiled. Processes on "
        "CPUs take those of their own part in any case.",
    )
    deterministic: bool = setting(
        False, "Whether only deterministic kernels are used; on a GPU, bilinear upsampling has none."
    )
