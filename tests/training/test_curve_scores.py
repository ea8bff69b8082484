"""Scores of the training curves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lulcseg.training.curve_scores import curve_values


def test_curves_agree_with_scikit_learn() -> None:
    from sklearn.metrics import cohen_kappa_score, f1_score

    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 500)
    guess = np.where(rng.random(500) < 0.6, truth, rng.integers(0, 4, 500))
    counts = torch.zeros(5, 5)
    np.add.at(counts.numpy(), (truth, guess), 1)
    values = curve_values(counts)
    assert values["kappa"].item() == pytest.approx(cohen_kappa_score(truth, guess))
    assert values["mean_f1"].item() == pytest.approx(f1_score(truth, guess, average="macro"))
    assert all(v.item() == 0 for v in curve_values(torch.zeros(3, 3)).values())
