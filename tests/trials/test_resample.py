"""Points and seeds resampled together: scores, joint draws, and what stops them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lulcseg.assessment.confusion import confusion_matrix
from lulcseg.assessment.scores import score
from lulcseg.errors import LulcsegError
from lulcseg.legend import LandClass, Legend
from lulcseg.trials import resample as module
from lulcseg.trials.resample import RESAMPLED, draw_scores, read_pairs, resample
from lulcseg.trials.scores_by_seed import View
from lulcseg.trials.trial_reader import read_trial
from tests.support.trials import assessment, reference, spoiled, write_run, write_trial

VIEW = View("synthetic2018", "single")


def maps_of(truth, agree, n_seeds, n_classes=9):
    return np.stack([spoiled(truth, agree, n_classes, np.random.default_rng([k, 5])) for k in range(n_seeds)])


@pytest.mark.parametrize("cells", [5_000_000, 700])
def test_draws_are_scores_of_drawn_points_and_seeds(monkeypatch, cells):
    """A plain loop over the same draws gives the same means, however many draws are held at a time."""
    monkeypatch.setattr(module, "_CELLS", cells)
    n, draws = 120, 25
    truth = reference(n)
    maps = {"a": maps_of(truth, 0.8, 3), "b": maps_of(truth, 0.6, 3)}
    found = draw_scores(truth, maps, 9, draws=draws, seed=4)

    picked = np.random.default_rng([4, 1]).integers(0, 3, size=(draws, 3))
    rng = np.random.default_rng(4)
    for b in range(draws):
        points = rng.integers(0, n, size=n, dtype=np.int32)
        for value, rows in maps.items():
            scores = [score(confusion_matrix(truth[points], rows[k][points], 9)) for k in picked[b]]
            for metric in RESAMPLED:
                assert found[value, metric][b] == pytest.approx(np.mean([getattr(s, metric) for s in scores]))


def test_covers_more_than_either_part(tmp_path):
    trial = read_trial(write_trial(tmp_path / "t", {"a": 0.8, "b": 0.75}, n_points=500))
    drawn = resample(trial, VIEW)
    low, high = drawn.interval("a")
    kappas = np.array([r.assessment("synthetic2018", "single").scores.kappa for r in trial.of("a")])
    assert low < kappas.mean() < high
    of_seeds = 2 * 1.96 * kappas.std() / math.sqrt(5)
    of_points = 2 * 1.96 * math.sqrt(0.8 * 0.2 / 500) / 5  # were the five maps' errors independent
    assert high - low > math.hypot(of_seeds, of_points)
    assert drawn.n_points == 500
    assert drawn.seeds == (0, 1, 2, 3, 4)
    assert resample(trial, VIEW).interval("a") == (low, high)
    assert resample(trial, VIEW, seed=1).interval("a") != (low, high)


def test_differences_are_drawn_on_the_same_points_and_seeds():
    truth = reference(300)
    rows = maps_of(truth, 0.7, 4)
    found = draw_scores(truth, {"a": rows, "b": rows}, 9, draws=50, seed=0)
    np.testing.assert_array_equal(found["a", "kappa"], found["b", "kappa"])
    assert found["a", "kappa"].std() > 0


def test_reads_only_points_that_were_scored_whatever_classes_are_called(tmp_path):
    legend = Legend((LandClass(0, "NA", "#000000"), LandClass(1, "null", "#ffffff"), LandClass(2, "1", "#ff0000")))
    truth = np.array([0, 1, 2, 0, 1, 2])
    mapped = np.array([0, 2, 2, -1, 1, 0])
    path = write_run(tmp_path / "t" / "v" / "seed0", [assessment(truth, mapped, scene="s", mosaic="m", legend=legend)])
    run = read_trial(path.parent.parent).replicates[0]
    pairs = read_pairs(run, run.assessments[0])
    assert pairs["reference"].tolist() == [0, 1, 2, 1, 2]
    assert pairs["map"].tolist() == [0, 2, 2, 1, 0]
    assert pairs.index.tolist() == ["0", "1", "2", "4", "5"]


def test_points_that_some_map_lacks_are_left_out_and_told(tmp_path):
    folder = write_trial(tmp_path / "t", {"a": 0.8, "b": 0.7}, n_points=100, seeds=(0, 1))
    truth = reference(100)
    mapped = truth.copy()
    mapped[10:14] = -1
    write_run(folder / "a" / "seed1", [assessment(truth, mapped, scene="synthetic2018", mosaic="single")], seed=1)
    drawn = resample(read_trial(folder), VIEW, draws=20)
    assert drawn.n_points == 96
    assert any(note.startswith("4 points that some map isn't scored at") for note in drawn.notes)


def test_says_why_nothing_is_drawn(tmp_path):
    folder = write_trial(tmp_path / "t", {"a": 0.8, "b": 0.7}, n_points=100, seeds=(0, 1))
    table = folder / "b" / "seed0" / "assessment" / "synthetic2018_single_points.csv"
    text = table.read_text()

    table.unlink()
    drawn = resample(read_trial(folder), VIEW)
    assert drawn.draws == {}
    assert all(math.isnan(bound) for bound in drawn.interval("a"))
    assert drawn.notes == ("Points and seeds aren't resampled together: a table of points is missing.",)

    table.write_text(text.replace("Other", "Banana Plantation"))
    assert "aren't scored at the same reference points" in resample(read_trial(folder), VIEW).notes[-1]

    table.write_text(text.replace("Other", "Nothing"))
    with pytest.raises(LulcsegError, match="holds a class that the legend lacks"):
        resample(read_trial(folder), VIEW)

    table.write_text("a,b\n1,2\n")
    with pytest.raises(LulcsegError, match="not a table of points"):
        resample(read_trial(folder), VIEW)

    one = write_trial(tmp_path / "one", {"a": 0.8}, n_points=100, seeds=(0,))
    assert "fewer than two seeds" in resample(read_trial(one), VIEW).notes[-1]


def test_seeds_that_some_value_lacks_are_told(tmp_path):
    folder = write_trial(tmp_path / "t", {"a": 0.8}, n_points=100, seeds=(0, 1, 2))
    write_trial(folder, {"b": 0.8}, n_points=100, seeds=(0, 1))
    drawn = resample(read_trial(folder), VIEW, draws=20)
    assert drawn.seeds == (0, 1)
    assert drawn.notes == ("a: 2 of its 3 seeds are resampled, those that all values share.",)


def test_an_unknown_design_is_told(tmp_path, monkeypatch):
    folder = write_trial(tmp_path / "t", {"a": 0.8}, n_points=100, seeds=(0, 1))
    for path in folder.glob("a/*/assessment/synthetic2018_single.json"):
        path.write_text(path.read_text().replace('"simple random"', '"unknown"'))
    assert "aren't known to be a simple random sample" in resample(read_trial(folder), VIEW, draws=20).notes[-1]
