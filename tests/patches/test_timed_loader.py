"""A loader that measures how long its batches are waited for."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor

from lulcseg.patches.timed_loader import Stopwatch, TimedLoader, _copied


def test_batches_are_copied_in_order_and_used_after_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The streams are stood in for: what is asked of them, and when, is what counts."""
    told: list[str] = []

    class Stream:
        def wait_stream(self, other: Any) -> None:
            told.append("wait")

    monkeypatch.setattr(torch.cuda, "stream", lambda _: told.append("copy") or nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: Stream())
    monkeypatch.setattr(Tensor, "record_stream", lambda *_: told.append("keep"))
    batches = ({"image": torch.full((1,), i)} for i in range(3))
    for number, batch in enumerate(_copied(batches, torch.device("cpu"), Stream())):
        assert batch["image"].item() == number
        assert told == ["copy", "wait", "keep"] * (number + 1)
    assert len(list(TimedLoader(Stopwatch(), list(range(4)), device=torch.device("cpu")))) == 4
