"""What the training step does on its device: no waiting, fused steps, compilation."""

from __future__ import annotations

import traceback
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
    unset_fake_temporarily,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torchmetrics.classification import MulticlassConfusionMatrix

from lulcseg.augment import noise, warp, weather
from lulcseg.launch.compose import compose
from lulcseg.legend import IGNORE
from lulcseg.settings.augment import AugmentSettings
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.settings.trainer import TrainerSettings
from lulcseg.training.losses.cross_entropy import summed_cross_entropy
from lulcseg.training.optimizers import build_optimizer
from lulcseg.training.recompute import recompute
from lulcseg.training.task import SegmentationTask
from lulcseg.training.training_settings import TrainingSettings
from tests.support.models import record

SIDE = 32


def task_of(**trainer: Any) -> SegmentationTask:
    return _task({"trainer": trainer})


def _task(changes: dict[str, dict[str, Any]]) -> SegmentationTask:
    trainer, augment = TrainerSettings(**changes.get("trainer", {})), AugmentSettings(**changes.get("augment", {}))
    known = record(patch_size=SIDE, scaling=ScalingSettings(**changes.get("scaling", {})))
    return SegmentationTask(known, TrainingSettings(trainer=trainer, augment=augment))


def batch_of(size: int = 4, device: str = "cpu") -> dict[str, Tensor]:
    """Return a batch, at random where it is real."""
    mask = torch.randint(0, 9, (size, SIDE, SIDE), device=device).to(torch.uint8)
    mask[:, :4] = IGNORE
    return {
        "image": torch.randint(0, 255, (size, 3, SIDE, SIDE), device=device).to(torch.uint8),
        "mask": mask,
        "valid": torch.ones(size, SIDE, SIDE, dtype=torch.bool, device=device),
        "scene": torch.zeros(size, dtype=torch.int64, device=device),
    }


# --- nothing in a step has the CPU wait for the device


class GpuInName(TorchDispatchMode):
    """Tensors on a GPU that needn't be there have shapes and no values; those on the CPU are what they are."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        parts = tree_leaves((args, kwargs or {}))
        if func is torch.ops.aten._to_copy.default and not isinstance(args[0], FakeTensor):
            there = (kwargs or {}).get("device")
            if there is not None and there.type == "cuda" and not kwargs.get("non_blocking"):
                raise RuntimeError("a copy to the device that is waited for")
        if any(isinstance(p, FakeTensor) or (isinstance(p, torch.device) and p.type == "cuda") for p in parts):
            return func(*args, **(kwargs or {}))
        with unset_fake_temporarily():
            return func(*args, **(kwargs or {}))


def _to_gpu_in_name(module: nn.Module) -> None:
    """Put a module's tensors on a GPU that needn't be there: shapes and devices without values."""
    for part in module.modules():
        for name, old in part._parameters.items():
            if old is not None:
                part._parameters[name] = nn.Parameter(torch.empty(old.shape, dtype=old.dtype, device="cuda"))
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype, device="cuda")


def _drawn(shape: Any, own: Any, device: torch.device) -> Tensor:
    return torch.empty(tuple(shape), device=device)  # a generator on a GPU needs one


@pytest.mark.filterwarnings("ignore:CUDA is not available", "ignore:User provided device_type")
@pytest.mark.parametrize("scaling", ["none", "min_max", "percentile", "standardise"])
@pytest.mark.parametrize("augment", ["none", "light", "paper"])
def test_a_step_never_waits_for_the_device(augment: str, scaling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever would fetch a value from the GPU, or need one for a shape, raises; so does mixing devices."""
    for module, name in ((noise, "uniform"), (noise, "normal")):
        monkeypatch.setattr(module, name, _drawn)
    for module in (warp, weather):
        monkeypatch.setattr(
            module, "draw_knots", lambda own, sizes, device: [torch.empty(len(own), *s, device=device) for s in sizes]
        )
    monkeypatch.setattr(torch.Tensor, "is_cuda", property(lambda self: self.device.type == "cuda"), raising=False)
    task = _task({"augment": {"name": augment}, "scaling": {"method": scaling}})
    with FakeTensorMode(allow_non_fake_inputs=True), GpuInName():
        _to_gpu_in_name(task)
        for metric in (task.train_confusion, task.train_loss):
            for name in metric._defaults:
                setattr(metric, name, getattr(metric, name).new_empty(getattr(metric, name).shape, device="cuda"))
        image, mask = task.prepared(batch_of(16, "cuda"), 0)
        logits = task._logits(image)
        total, pixels = summed_cross_entropy(logits, mask)
        task.train_confusion.update(logits.argmax(dim=1), mask)
        task.train_loss.update(total.detach(), pixels)
        assert {t.device.type for t in (image, mask, logits, total, task.train_confusion.counts)} == {"cuda"}


def test_that_test_would_notice() -> None:
    """torchmetrics' confusion matrix does wait: it picks pixels out, and counts by bincount."""
    with FakeTensorMode():
        labels = torch.empty(2, 8, 8, dtype=torch.int64, device="cuda")
        metric = MulticlassConfusionMatrix(9, ignore_index=IGNORE, validate_args=False)
        with pytest.raises((DataDependentOutputException, DynamicOutputShapeException)):
            metric.update(labels, labels)


# --- whole steps through Lightning


class _Fused(SegmentationTask):
    """As on a GPU."""

    norms: list[float]

    def configure_optimizers(self) -> Any:
        return build_optimizer(self.network, self.settings.optim, 4, fused=True)

    def configure_gradient_clipping(self, *arguments: Any, **named: Any) -> None:
        super().configure_gradient_clipping(*arguments, **named)
        whole = torch.cat([p.grad.flatten() for p in self.network.parameters() if p.grad is not None])
        self.norms = [*getattr(self, "norms", []), whole.norm().item()]


def _fit(task: SegmentationTask, precision: Any = "bf16-mixed", clip: float = 0.01, patches: int = 8) -> None:
    samples = [{key: value[0] for key, value in batch_of(1).items()} for _ in range(patches)]
    loader = torch.utils.data.DataLoader(samples, batch_size=2)
    pl.Trainer(
        max_epochs=1, accelerator="cpu", precision=precision, gradient_clip_val=clip, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    ).fit(task, loader)  # fmt: skip


def test_gradients_are_clipped_before_a_fused_step() -> None:
    plain = task_of(batch_size=2)
    task = _Fused(plain.record, plain.settings)
    _fit(task)
    assert len(task.norms) == 4
    assert max(task.norms) == pytest.approx(0.01, rel=0.02)


def test_training_says_why_it_is_not_compiled(capsys: pytest.CaptureFixture[str]) -> None:
    task = task_of(batch_size=2, compile=True, activation_checkpointing=True)
    recompute(task.network)
    _fit(task, "32-true")
    assert "not compiled: its activations are recomputed" in capsys.readouterr().out


def test_batch_norm_over_devices_is_not_compiled(capsys: pytest.CaptureFixture[str]) -> None:
    task = task_of(batch_size=2, compile=True)
    task.network = nn.SyncBatchNorm.convert_sync_batchnorm(task.network)
    task._trainer = SimpleNamespace(precision_plugin=SimpleNamespace(forward_context=nullcontext))  # type: ignore[assignment]
    task._compile(2)
    assert "not compiled: batch norm takes its statistics over all devices" in capsys.readouterr().out
    assert task.network._compiled_call_impl is None


def test_training_compiles_for_its_micro_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    monkeypatch.setattr(nn.Module, "compile", lambda self, **_: setattr(self, "tried", True))
    monkeypatch.setattr("lulcseg.training.compiling.try_step", lambda network, image: shapes.append(tuple(image.shape)))
    task = task_of(batch_size=2, compile=True)
    _fit(task, "32-true")
    assert shapes == [(2, 3, SIDE, SIDE)]
    assert task.network.tried


# --- the loop around it


def test_lightning_fetches_no_value_in_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own bar would have it fetch what is logged for it after every batch, shown or not."""
    fetched = []
    item = Tensor.item

    def told(self: Tensor) -> Any:
        stack = "".join(frame.filename for frame in traceback.extract_stack())
        fetched.append("logger_connector" in stack)
        return item(self)

    monkeypatch.setattr(Tensor, "item", told)
    task = task_of(batch_size=2)
    _fit(task, "32-true")
    in_steps = sum(fetched)
    assert in_steps <= 8, "at an epoch's end alone: its scores"
    fetched.clear()
    longer = task_of(batch_size=2)
    _fit(longer, "32-true", patches=24)
    assert sum(fetched) == in_steps, "as many for thrice the steps"


@pytest.mark.parametrize(
    ("name", "environment", "expected"),
    [
        ("gpu", {}, ("gpu", "1", 1, "auto", True)),
        ("ddp", {}, ("gpu", "auto", 1, "ddp", False)),
        ("slurm", {}, ("gpu", "auto", 1, "ddp", False)),
        ("slurm", {"SLURM_NTASKS_PER_NODE": "4", "SLURM_NNODES": "2"}, ("gpu", "4", 2, "ddp", False)),
        ("cpu", {}, ("cpu", "1", 1, "auto", False)),
    ],
)
def test_trainers_compose(
    name: str, environment: dict[str, str], expected: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("SLURM_NTASKS_PER_NODE", "SLURM_NNODES"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    trainer = compose("train", [f"trainer={name}"]).trainer
    assert (trainer.accelerator, trainer.devices, trainer.nodes, trainer.strategy, trainer.compile) == expected
