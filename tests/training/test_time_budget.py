"""A budget in minutes: when training stops, what the learning rate is by then, and how it is resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lulcseg.settings.optim import OptimSettings
from lulcseg.training.clock import TrainingClock
from lulcseg.training.monitor import Monitor, StopWithoutProgress
from lulcseg.training.optimizers import build_optimizer
from lulcseg.training.schedules import rate_curve
from lulcseg.training.time_budget import TimeBudget, budget_is_spent, time_spent

PATCHES = 8


class Clock:
    """A time that goes on by 6 seconds with each batch."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


class Timed(pl.LightningModule):
    """Takes 6 seconds a batch, and keeps the learning rate of each."""

    def __init__(self, clock: Clock, schedule: str) -> None:
        super().__init__()
        self.clock, self.schedule = clock, schedule
        self.weight = nn.Parameter(torch.zeros(1))
        self.rates: list[float] = []

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        self.clock.now += 6
        self.rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])
        return self.weight.sum()

    def on_train_epoch_end(self) -> None:
        self.log("score", 1.0)

    def configure_optimizers(self) -> Any:
        optim = OptimSettings(schedule=self.schedule, learning_rate=1.0, warmup=0.0)
        steps = int(self.trainer.estimated_stepping_batches)
        return build_optimizer(self, optim, steps, spent=time_spent(self.trainer))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("lulcseg.training.clock.time", made)
    return made


def trained(
    folder: Path,
    clock: Clock,
    minutes: float,
    *,
    epochs: int = 100,
    accumulate: int = 1,
    schedule: str = "linear",
    start: Path | None = None,
    more: list[pl.Callback] | None = None,
) -> tuple[list[float], pl.Trainer]:
    """Return the learning rate of each batch, and the trainer, which wrote ``last.ckpt``."""
    module = Timed(clock, schedule)
    timing = TrainingClock(lambda: 0.0, None, None)
    trainer = pl.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        accumulate_grad_batches=accumulate, enable_checkpointing=False,
        callbacks=[timing, TimeBudget(minutes, timing), *(more or [])],
    )  # fmt: skip
    resumed = None if start is None else str(start)
    trainer.fit(module, DataLoader([torch.zeros(1)] * PATCHES), ckpt_path=resumed, weights_only=True)
    trainer.save_checkpoint(folder / "last.ckpt")
    return module.rates, trainer


def test_it_stops_after_the_step_in_which_it_is_spent_with_the_rate_at_its_end(tmp_path: Path, clock: Clock) -> None:
    rates, trainer = trained(tmp_path, clock, 1.25)  # 75 seconds: spent in the 13th batch
    assert trainer.global_step == len(rates) == 13
    assert rates == pytest.approx([1 - 6 * step / 75 for step in range(13)])
    assert budget_is_spent(tmp_path / "last.ckpt")


def test_the_rate_follows_the_steps_where_they_end_first(tmp_path: Path, clock: Clock) -> None:
    rates, _ = trained(tmp_path, clock, 100, epochs=2)
    assert rates == pytest.approx([1 - step / 16 for step in range(16)])
    assert not budget_is_spent(tmp_path / "last.ckpt")


def test_every_schedule_ends_by_time() -> None:
    for schedule, end in (("cosine", 0.0), ("linear", 0.0), ("one_cycle", 4e-6), ("constant", 1.0)):
        optim = OptimSettings(schedule=schedule, warmup=0.1)
        by_steps = [rate_curve(optim, 1000)(step) for step in range(0, 1001, 10)]
        by_time = [rate_curve(optim, 1000, lambda spent=step / 100: spent)(step) for step in range(101)]  # type: ignore[misc]
        assert by_time == pytest.approx(by_steps, abs=1e-12), "time counts as steps do"
        assert by_time[-1] == pytest.approx(end, abs=1e-12)
        assert max(by_time) == 1


def test_no_step_is_cut(tmp_path: Path, clock: Clock) -> None:
    # 75 seconds end in the first of a step's two batches
    rates, trainer = trained(tmp_path, clock, 1.25, accumulate=2)
    assert (trainer.global_step, len(rates)) == (7, 14)


def test_time_goes_on_where_training_resumes(tmp_path: Path, clock: Clock) -> None:
    whole, _ = trained(tmp_path, clock, 2.0)
    assert len(whole) == 20

    class Interrupted(pl.Callback):
        def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            trainer.save_checkpoint(tmp_path / "part.ckpt")
            trainer.should_stop = True

    part, _ = trained(tmp_path, clock, 2.0, more=[Interrupted()])
    clock.now += 1000  # not training
    rest, _ = trained(tmp_path, clock, 2.0, start=tmp_path / "part.ckpt")
    assert (len(part), part + rest) == (8, pytest.approx(whole))
    again, trainer = trained(tmp_path, clock, 2.0, start=tmp_path / "last.ckpt")
    assert (again, trainer.global_step) == ([], 20)


def test_a_validation_that_spends_the_rest_ends_it(tmp_path: Path, clock: Clock) -> None:
    class Slow(pl.Callback):  # as a validation of a minute
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            clock.now += 60 if trainer.global_step == PATCHES else 0

    rates, _ = trained(tmp_path, clock, 1.25, more=[Slow()])
    assert len(rates) == PATCHES
    assert budget_is_spent(tmp_path / "last.ckpt")


def test_the_warm_up_that_is_not_waited_for_ends_by_time(tmp_path: Path, clock: Clock) -> None:
    # 800 steps in 8 minutes of 80: the warm-up of a tenth ends with the first epoch, and one more is waited for
    stopping = StopWithoutProgress(Monitor("score", "max"), 1, warmup=0.1)
    rates, _ = trained(tmp_path, clock, 8.0, more=[stopping])
    assert len(rates) == 2 * PATCHES
