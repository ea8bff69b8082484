"""The learning-rate range test: its rates, what it reads, and what it suggests."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lulcseg.cli import main
from lulcseg.training.rate_finder import RateTest, has_diverged, rising_rates, smoothed, suggest_rate
from tests.support.small_runs import QUICK

Make = Callable[..., Path]
OPTIONS = ["reading.workers=0", "trainer.precision=32-true"]


def test_rates_rise_by_equal_factors() -> None:
    rates = np.array(rising_rates(150, 1e-6, 1.0))
    assert rates == pytest.approx(np.geomspace(1e-6, 1, 150))


def test_the_smoothed_loss_is_pandas_exponential_average() -> None:
    losses = np.random.default_rng(0).random(60)
    expected = pd.Series(losses).ewm(alpha=0.1, adjust=True).mean()
    assert smoothed(list(losses)) == pytest.approx(expected.to_list())


def test_a_tenth_of_the_rate_at_the_minimum_is_suggested() -> None:
    rates = rising_rates(200, 1e-6, 1.0)
    losses = [2.0 - 1.5 / (1 + (3e-4 / rate) ** 2) + 40 * max(0.0, rate - 0.02) for rate in rates]
    found = suggest_rate(rates, losses)
    assert found.rate == found.lowest / 10
    assert 0.005 < found.lowest < 0.06
    assert found.steepest is not None
    assert 1e-4 < found.steepest < 2e-3, "the loss halves its fall at 3e-4"
    assert suggest_rate(rates, [1.0] * 200).rate is None
    assert suggest_rate(rates, [*losses[:150], math.nan]).lowest <= rates[150]
    with pytest.raises(ValueError, match="too few"):
        suggest_rate(rates, [1.0] * 11)
    assert not has_diverged(losses[:150])
    assert has_diverged(losses)


def test_groups_of_weights_keep_their_proportions() -> None:
    test = RateTest([1e-3, 2e-3], lambda done, total: None)
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": weights[:1]}, {"params": weights[1:], "lr": 0.01}], lr=0.1)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5)
    test.losses.append(1.0)
    test.on_before_optimizer_step(None, None, optimizer)  # type: ignore[arg-type]
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([2e-3, 2e-4])


def test_the_command_leaves_two_files(
    make_scene: Make, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [f"scene={make_scene()}", f"cache={cache}", *QUICK, *OPTIONS, "trainer.micro_batch=3"]
    before = {"cache", *(p.name for p in tmp_path.iterdir())}
    main(["rate-range", "--steps", "40", "--lowest", "1e-4", "--highest", "10", *words])
    assert {p.name for p in tmp_path.iterdir()} - before == {"rate_range.csv", "rate_range.png"}
    table = pd.read_csv("rate_range.csv")
    assert 12 <= len(table) <= 40
    assert table["learning_rate"].to_numpy() == pytest.approx(np.geomspace(1e-4, 10, 40)[: len(table)], rel=1e-4)
    assert table["loss"].iloc[0] == pytest.approx(math.log(3), abs=0.6), "not a mean over labelled pixels"
    assert table["smoothed_loss"].min() < table["smoothed_loss"].iloc[0]
    printed = capsys.readouterr().out
    assert "Suggested: optim.learning_rate=" in printed
    assert "rate_range.png" in printed


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--steps", "5", "scene=x"], "5 steps are too few"),
        (["--lowest", "1", "--highest", "0.1", "scene=x"], "don't rise"),
        (["--out", "none/rates.png", "scene=x"], "output folder does not exist"),
        (["scene=none.yaml"], "there is no scene"),
        (["trainer.epoch=3"], "did you mean"),
    ],
)
def test_what_it_cannot_use_is_a_sentence(
    words: list[str], part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["rate-range", *words, f"cache={tmp_path / 'cache'}"])
    assert left.value.code == 2
    assert part in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} <= {"cache"}
