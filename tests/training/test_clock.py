"""Time of a training, accumulated across resumes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lulcseg.patches import timed_loader as timed
from lulcseg.patches.timed_loader import Stopwatch, TimedLoader
from lulcseg.training.clock import TrainingClock
from lulcseg.training.resources import Counter, EnergyMeter


class Clock:
    """A time that goes on only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


def test_waiting_for_batches_is_counted_and_work_with_them_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, waited = Clock(), Stopwatch()
    monkeypatch.setattr(timed, "time", clock)

    class Slow:
        def __len__(self) -> int:
            return 4

        def __getitem__(self, number: int) -> int:
            clock.now += 2.0
            return number

    seen = []
    for batch in TimedLoader(waited, Slow(), batch_size=2):
        seen += batch.tolist()
        clock.now += 100.0
    assert seen == [0, 1, 2, 3]
    assert waited.seconds == 8.0


def test_sums_go_on_from_a_checkpoints(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    time = Clock()
    monkeypatch.setattr("lulcseg.training.clock.time", time)
    joules = [0.0]
    first = TrainingClock(lambda: 3.0, EnergyMeter("gpu", [Counter(lambda: joules[0])]), None)
    time.now, joules[0] = 10.0, 7200.0
    state = first.state_dict()
    assert state == {"seconds": 10.0, "reading_seconds": 3.0, "energy_wh": 2.0, "scores": {}}
    second = TrainingClock(lambda: 1.0, EnergyMeter("gpu", [Counter(lambda: joules[0])]), None)
    second.load_state_dict(state)
    time.now, joules[0] = 15.0, 10_800.0
    took = {"training_seconds": 15.0, "reading_seconds": 4.0, "energy_wh": 3.0, "energy_of": "gpu"}
    assert second.stop() == took
    unmeasured = TrainingClock(lambda: 1.0, None, None)
    assert unmeasured.stop()["energy_wh"] is None
    third = TrainingClock(lambda: 0.0, EnergyMeter("cpu", [Counter(lambda: joules[0])]), None)
    third.load_state_dict(unmeasured.state_dict())
    assert third.energy_wh is None, "energy of a part is given as that of the whole"
