"""Lightning's whole loop, fed from memory: lulcseg's task, and a plain LightningModule; see benchmarks/gpu.py."""

from __future__ import annotations

import tempfile
import time
from statistics import median
from typing import Any

import pytorch_lightning as pl
import torch
from gpu_bench import CLASSES, ROUNDS, Bench, make_network, make_task, set_backends
from gpu_course import Row, summed_up
from pytorch_lightning.callbacks import LearningRateMonitor
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchmetrics.classification import MulticlassJaccardIndex

from lulcseg.legend import IGNORE
from lulcseg.patches.timed_loader import Stopwatch, TimedLoader
from lulcseg.processes import as_keyboard_interrupt
from lulcseg.settings.config import TrainConfig
from lulcseg.training.precision import resolve_precision
from lulcseg.training.progress_bar import PatchProgress


class Pool(Dataset[dict[str, Tensor]]):
    """Patches in memory, walked again and again.

    Args:
        patches: (B, …) by key.
        is_plain: Whether images come as float32 in 0…1, labels as int64, and nothing besides.
        length: Patches of an epoch.
    """

    def __init__(self, patches: dict[str, Tensor], *, is_plain: bool, length: int) -> None:
        self.patches, self.is_plain, self.length = patches, is_plain, length

    def __len__(self) -> int:
        """Return the patches of an epoch."""
        return self.length

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        """Return a patch."""
        patch = {key: value[number % len(value)] for key, value in self.patches.items()}
        return {"image": patch["image"].float() / 255, "mask": patch["mask"].long()} if self.is_plain else patch


class Plain(pl.LightningModule):
    """The U-Net as one writes it down: float32, Adam, a score, a logged loss."""

    def __init__(self, network: nn.Module) -> None:
        """Keep the network."""
        super().__init__()
        self.network = network
        self.score = MulticlassJaccardIndex(CLASSES, ignore_index=IGNORE)

    def training_step(self, batch: dict[str, Tensor], batch_index: int) -> Tensor:  # noqa: ARG002
        """Return the loss."""
        logits = self.network(batch["image"])
        loss = functional.cross_entropy(logits, batch["mask"], ignore_index=IGNORE)
        self.score.update(logits.argmax(dim=1), batch["mask"])
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class LoopClock(pl.Callback):
    """Times Lightning's steps in rounds, waiting for the device only at their ends, and stops the training.

    Attributes:
        rates: Patches a second of each round.
        waited: Seconds of each in which data was waited for.
        seconds: Seconds of each.
    """

    def __init__(self, bench: Bench, waited: Stopwatch) -> None:
        self.bench, self.stopwatch = bench, waited
        self.rates: list[float] = []
        self.waited: list[float] = []
        self.seconds: list[float] = []
        self._steps = -bench.warm_up

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Count the step."""
        self._steps += 1
        now = time.perf_counter()
        if self._steps == 0:
            self._begin()
        elif self._steps > 0 and now - self._began >= self.bench.sizes["seconds"] / ROUNDS:
            self.bench.wait()
            took = time.perf_counter() - self._began
            self.rates.append(self._steps * self.bench.sizes["batch"] / took)
            self.waited.append(self.stopwatch.seconds - self._waited)
            self.seconds.append(took)
            trainer.should_stop = len(self.rates) == ROUNDS
            self._begin()

    def _begin(self) -> None:
        self.bench.wait()
        self._steps, self._waited, self._began = 0, self.stopwatch.seconds, time.perf_counter()


def measure_loop(bench: Bench, *, paper: bool) -> Row:
    """Time lulcseg's task in Lightning's loop, set as lulcseg/run/fit.py sets it, fed from memory."""
    task, waited = make_task(bench, bench.fast, paper=paper), Stopwatch()
    set_backends(bench.fast)
    workers = bench.workers
    loader = TimedLoader(
        waited, Pool(bench.pool, is_plain=False, length=bench.sizes["batch"] * 100_000),
        batch_size=bench.sizes["batch"], num_workers=workers, device=bench.device,
        pin_memory=bench.device.type == "cuda", persistent_workers=workers > 0,
        prefetch_factor=TrainConfig().reading.prefetch if workers else None,
    )  # fmt: skip
    clock = LoopClock(bench, waited)
    with tempfile.TemporaryDirectory(prefix="gpu") as folder:
        trainer = pl.Trainer(
            max_epochs=1, accelerator=bench.accelerator, devices=1,
            precision=resolve_precision("auto", bench.accelerator), gradient_clip_val=1.0,
            benchmark=True, use_distributed_sampler=False, logger=CSVLogger(folder, name="", version=""),
            callbacks=[LearningRateMonitor("step"), PatchProgress(), clock], log_every_n_steps=20,
            num_sanity_val_steps=0, enable_model_summary=False, enable_checkpointing=False,
        )  # fmt: skip
        with as_keyboard_interrupt():
            trainer.fit(task, loader)
    shares = [a / b for a, b in zip(clock.waited, clock.seconds, strict=True)]
    return {
        **summed_up(clock.rates), "peak_bytes": bench.peak(), "waited_seconds": sum(clock.waited),
        "waited_share": median(shares), "is_compiled": task.network._compiled_call_impl is not None,
    }  # fmt: skip


def measure_plain(bench: Bench) -> Row:
    """Time the plain LightningModule under default settings, torch's own among them."""
    set_backends(None)
    torch.manual_seed(0)
    clock = LoopClock(bench, Stopwatch())
    patches = Pool(bench.pool, is_plain=True, length=bench.sizes["batch"] * 100_000)
    loader = DataLoader(patches, batch_size=bench.sizes["batch"], num_workers=bench.workers)
    with tempfile.TemporaryDirectory(prefix="gpu") as folder:
        trainer = pl.Trainer(
            max_epochs=1, accelerator=bench.accelerator, devices=1, default_root_dir=folder, callbacks=[clock],
            enable_model_summary=False, enable_checkpointing=False,
        )  # fmt: skip
        with as_keyboard_interrupt():
            trainer.fit(Plain(make_network(bench.sizes)), loader)
    return {**summed_up(clock.rates), "peak_bytes": bench.peak()}
