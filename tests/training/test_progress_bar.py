"""The progress bar of training."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lulcseg.training import progress_bar as progress
from lulcseg.training.progress_bar import PatchProgress


def test_the_bar_fetches_values_twice_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now, fetched = [100.0], []
    trainer = SimpleNamespace(callback_metrics={"train/loss_step": torch.tensor(0.25)})
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])

    def values(*_: Any) -> dict[str, float]:
        fetched.append(1)
        return {"val/mean_f1": float(len(fetched))}

    monkeypatch.setattr(progress.RichProgressBar, "get_metrics", values)
    bar = PatchProgress()
    shown = []
    for at in (0.0, 0.1, 0.4, 0.6, 0.9, 1.2):
        now[0] = 100 + at
        shown.append(bar.get_metrics(trainer, None)["val F1"])  # type: ignore[arg-type]
    assert shown == [1, 1, 1, 2, 2, 3]
    assert bar.get_metrics(trainer, None)["loss"] == 0.25  # type: ignore[arg-type]
