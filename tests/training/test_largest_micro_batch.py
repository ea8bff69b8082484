"""The largest micro-batch that fits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lulcseg.cli import main
from lulcseg.training.largest_micro_batch import KEPT_FREE, StepMeasurement, largest_that_fits
from tests.support.checkout import ROOT
from tests.support.models import step_memory


@given(limit=st.integers(0, 300), most=st.integers(1, 200))
def test_the_search_finds_the_limit_without_going_far_beyond(limit: int, most: int) -> None:
    asked: list[int] = []

    def fits(patches: int) -> bool:
        asked.append(patches)
        return patches <= limit

    assert largest_that_fits(fits, most) == min(limit, most)
    assert max(asked) <= min(most, max(1, 2 * limit))
    assert len(asked) == len(set(asked)) <= 20


def test_a_step_that_runs_out_of_memory_does_not_fit() -> None:
    steps = step_memory()
    forward = steps.task.network.forward

    def limited(image: torch.Tensor) -> torch.Tensor:
        if len(image) > 3:
            raise torch.OutOfMemoryError
        return forward(image)

    steps.task.network.forward = limited  # type: ignore[method-assign]
    assert steps.measure(4) is None
    fitting = steps.measure(3)
    assert fitting is not None
    assert fitting.patches == 3
    assert fitting.rate > 0
    assert largest_that_fits(lambda patches: steps.measure(patches) is not None, 64) == 3


def test_what_fits_a_cpu_follows_from_two_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = step_memory()
    monkeypatch.setattr(steps, "measure", lambda patches: StepMeasurement(patches, 100 + 30 * patches, 1.0))
    fitting, few = steps.estimate(10_000)
    assert fitting == (10_000 * (1 - KEPT_FREE) - 100) // 30
    assert [one.patches for one in few] == [2, 4], "the first step isn't counted"
    assert steps.estimate(50)[0] == 0


HOLDS = """
import torch
from tests.support.models import step_memory
steps = step_memory()
steps.measure(1)
small = steps.measure(1)
steps.task.network.register_forward_hook(lambda *_: setattr(steps, "held", torch.ones(10**8, dtype=torch.uint8)))
print(steps.measure(1).peak - small.peak)
"""


def test_memory_is_measured() -> None:
    """A hundred megabytes that each of two steps holds, until the next has its own, show.

    In a process of its own: this one may have freed memory to give out again.
    """
    done = subprocess.run([sys.executable, "-c", HOLDS], capture_output=True, text=True, check=True, cwd=ROOT)
    assert 150e6 < int(done.stdout) < 260e6


def test_the_command_names_the_micro_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scene=small2018", f"cache={tmp_path}", "sampling.patch_size=64", "model.filters=4", "model.depth=2"]
    main(["micro-batch", "--most", "8", *words, "trainer=cpu", "trainer.batch_size=16"])
    told = capsys.readouterr().out
    assert "8 patches or more" in told
    assert "trainer.micro_batch=8 for the batch of 16" in told.replace("\n", " ")


@pytest.mark.parametrize(
    ("word", "told"),
    [("trainer.batch_sise=16", "did you mean 'trainer.batch_size'"), ("scene=null", "no scene to train on")],
)
def test_wrong_settings_are_a_sentence(word: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["micro-batch", word])
    assert left.value.code == 2
    assert told in capsys.readouterr().err
