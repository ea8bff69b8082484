"""Scores of the training curves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lulcseg.training.curve_scores import classes_averaged, curve_values


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


def test_mean_f1_counts_classes_that_are_never_predicted_and_leaves_out_those_without_labels() -> None:
    from lulcseg.assessment.scores import score

    # the second class has labels and is never predicted, the third is predicted and has none, the last is neither
    counts = torch.tensor([[8, 0, 2, 0], [3, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    of_points = score(counts.numpy())
    assert of_points.mean_f1 == pytest.approx(2 * 8 / (10 + 11) / 2)
    assert curve_values(counts)["mean_f1"].item() == pytest.approx(of_points.mean_f1)
    assert classes_averaged(counts).item() == of_points.classes_averaged == 2
