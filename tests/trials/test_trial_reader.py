"""Reading a trial's folder: what is unfinished, failed, missing or unlike is told and not averaged."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest

from lulcseg.errors import LulcsegError
from lulcseg.legend import PAPER_LEGEND
from lulcseg.trials.ranking import rank_trial
from lulcseg.trials.scores_by_seed import View, score_table, views
from lulcseg.trials.summary import small_classes, summarise, summarise_classes
from lulcseg.trials.trial_reader import Contrast, read_trial
from tests.support.trials import assessment, reference, spoiled, write_run, write_trial

VIEW = View("synthetic2018", "single")


@pytest.fixture
def folder(tmp_path):
    return write_trial(
        tmp_path / "batch_size",
        {"batch10": 0.8, "batch50": 0.7},
        seeds=(0, 1, 2),
        levels={"batch10": 10, "batch50": 50},
        contrast={"kind": "difference", "values": ["batch10", "batch50"]},
        n_points=200,
    )


def change(path, **entries):
    record = json.loads((path / "record.json").read_text())
    (path / "record.json").write_text(json.dumps(record | entries))


def test_reads_a_whole_trial(folder):
    trial = read_trial(folder)
    assert [(v.name, v.level) for v in trial.values] == [("batch10", 10), ("batch50", 50)]
    assert trial.seeds == [0, 1, 2]
    assert trial.contrast == Contrast("difference", ("batch10", "batch50"))
    assert [(r.value, r.seed, r.state) for r in trial.replicates] == [
        (value, seed, "finished") for value in ("batch10", "batch50") for seed in range(3)
    ]
    assert trial.notes == ()
    assert views(trial) == [VIEW]
    assert trial.labels("synthetic2018").compared == "labels"
    table = score_table(trial, VIEW, "kappa")
    own = trial.replicates[4].assessment("synthetic2018", "single").scores.kappa
    assert table.loc["batch50", 1] == own


def test_tells_what_is_failed_running_missing_and_damaged(folder):
    change(folder / "batch10" / "seed0", state="failed", error="RuntimeError: out of memory\nmore")
    change(folder / "batch10" / "seed1", state="running")
    shutil.rmtree(folder / "batch50" / "seed2")
    (folder / "batch50" / "seed1" / "record.json").write_text("{")

    trial = read_trial(folder)

    assert "batch10, seed 0: the run failed and isn't counted (RuntimeError: out of memory)." in trial.notes
    assert "batch10, seed 1: the run isn't finished and isn't counted." in trial.notes
    assert "batch50: 1 of 3 replicates are missing (seed 2)." in trial.notes
    assert "batch50, seed 1: the run isn't counted (its record can't be read)." in trial.notes
    ten, fifty = summarise(trial, VIEW, ["kappa"])
    assert (ten.n, ten.seeds, fifty.n, fifty.seeds) == (1, (2,), 1, (0,))
    assert math.isnan(ten.low)
    contrast = rank_trial(trial, VIEW).contrast
    assert contrast.n == 0
    assert "inconclusive, no seeds in common" in contrast.sentence


def test_tells_replicates_that_are_unlike(folder):
    change(folder / "batch10" / "seed0", plan={"digest": "another"})
    config = folder / "batch50" / "seed1" / "config.yaml"
    config.write_text(config.read_text().replace("512", "256"))
    notes = read_trial(folder).notes
    assert any(note.startswith("batch10: its replicates have differing sampling plans") for note in notes)
    assert any(note.startswith("batch50: its replicates have differing settings other than the seed") for note in notes)
    assert not any("batch50: its replicates have differing sampling plans" in note for note in notes)


def test_settings_that_change_no_result_may_differ(folder):
    config = folder / "batch50" / "seed1" / "config.yaml"
    config.write_text("logger:\n  name: wandb\n  tags:\n  - a\ncheckpoint: x\n" + config.read_text())
    assert read_trial(folder).notes == ()


def test_seeds_that_share_a_fingerprint_have_no_differing_settings(folder):
    """What the fingerprint leaves out (:mod:`tests.run.test_fingerprint`) isn't reported of replicates either."""
    for seed in range(3):
        config = folder / "batch50" / f"seed{seed}" / "config.yaml"
        workers = f"mosaic:\n  batch_size: 4\n  workers: {seed}\n  strip: {64 * seed}\nshow: s{seed}\n"
        config.write_text(config.read_text() + workers)
    assert read_trial(folder).notes == ()
    config.write_text(config.read_text().replace("batch_size: 4", "batch_size: 5"))
    assert len(read_trial(folder).notes) == 1


def test_tells_values_of_different_plans(folder):
    for seed in range(3):
        change(folder / "batch50" / f"seed{seed}", plan={"digest": "another"})
    assert any(
        note.startswith("The values are trained on different sampling plans") for note in read_trial(folder).notes
    )


def test_never_averages_over_different_classes(folder):
    truth = reference(200)
    truth[truth == 8] = 3  # no point of the last class
    mapped = spoiled(truth, 0.8, 9, np.random.default_rng(0))
    write_run(
        folder / "batch10" / "seed0",
        [assessment(truth, mapped, scene="synthetic2018", mosaic="single")],
        trial={"name": "batch_size", "value": "batch10", "level": 10},
        seed=0,
    )
    trial = read_trial(folder)
    by_metric = {s.metric: s for s in summarise(trial, VIEW) if s.value == "batch10"}
    assert math.isnan(by_metric["mean_f1"].mean)
    assert by_metric["mean_f1"].n == 3  # the scores themselves are there
    assert by_metric["kappa"].mean == pytest.approx(np.mean(by_metric["kappa"].scores))
    assert any("averages are over different classes" in note for note in trial.notes)
    assert [r.place for r in rank_trial(trial, VIEW).rows] == [None, 1]


def test_values_of_different_classes_are_not_ranked(folder):
    truth = reference(200)
    truth[truth == 8] = 3
    for seed in range(3):
        mapped = spoiled(truth, 0.8, 9, np.random.default_rng(seed))
        write_run(
            folder / "batch10" / f"seed{seed}",
            [assessment(truth, mapped, scene="synthetic2018", mosaic="single")],
            trial={"name": "batch_size", "value": "batch10", "level": 10},
            seed=seed,
        )
    ranking = rank_trial(read_trial(folder), VIEW)
    assert [r.place for r in ranking.rows] == [None, None]
    assert "The values' averages are over different classes, so they aren't ranked." in ranking.notes


def test_without_a_description_values_stand_by_level_then_name(tmp_path):
    folder = write_trial(
        tmp_path / "t", {"b": 0.8, "a": 0.8, "z": 0.8}, seeds=(0,), levels={"z": 2, "b": 9}, n_points=60
    )
    (folder / "trial.json").unlink()
    trial = read_trial(folder)
    assert [v.name for v in trial.values] == ["z", "b", "a"]
    assert (trial.name, trial.seeds, trial.contrast) == ("t", [0], None)


def test_reads_a_folder_of_runs(tmp_path):
    truth = reference(60)
    for seed in (3, 4):
        scored = assessment(truth, spoiled(truth, 0.8, 9, np.random.default_rng(seed)), scene="s", mosaic="single")
        write_run(tmp_path / "demo" / f"2026-01-01_00-00-0{seed}_seed{seed}", [scored], name="demo", seed=seed)
    trial = read_trial(tmp_path / "demo")
    assert [(r.value, r.seed) for r in trial.replicates] == [("demo", 3), ("demo", 4)]


def test_a_trial_of_mosaics_is_compared_across_them(tmp_path):
    truth = reference(100)
    for mosaic in ("single", "multiple"):
        for seed in (0, 1):
            mapped = spoiled(truth, 0.8, 9, np.random.default_rng([seed, len(mosaic)]))
            write_run(
                tmp_path / "passes" / mosaic / f"seed{seed}",
                [assessment(truth, mapped, scene="s", mosaic=mosaic)],
                state="mapped",
                seed=seed,
            )
    trial = read_trial(tmp_path / "passes")
    assert views(trial) == [View("s", None)]
    assert score_table(trial, View("s", None), "kappa").notna().all(axis=None)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{", "not a readable JSON file"),
        ('{"format": 2}', "not the description of a trial of format 1"),
        ('{"format": 1, "values": [{"level": 3}]}', "its 'values' isn't valid"),
        (
            '{"format": 1, "contrast": {"kind": "difference", "values": ["batch10"]}}',
            "its 'contrast' isn't valid",
        ),
        ('{"format": 1, "contrast": {"kind": "difference", "values": ["batch10", "x"]}}', "its 'contrast' isn't valid"),
        ('{"format": 1, "contrast": {"kind": "trend"}}', "its 'contrast' isn't valid"),
    ],
)
def test_refuses_a_damaged_description(folder, content, what):
    (folder / "trial.json").write_text(content)
    with pytest.raises(LulcsegError, match=r"trial\.json") as caught:
        read_trial(folder)
    assert what in str(caught.value)


def test_refuses_a_folder_without_runs(tmp_path):
    with pytest.raises(LulcsegError, match="it holds no run"):
        read_trial(tmp_path)
    with pytest.raises(LulcsegError, match="there is no such folder"):
        read_trial(tmp_path / "none")


def test_flags_classes_of_few_points(folder):
    scored = read_trial(folder).replicates[0].assessment("synthetic2018", "single")
    few = small_classes(scored)
    points = dict(zip(PAPER_LEGEND.names, scored.scores.reference_points, strict=True))
    assert few == {name: n for name, n in points.items() if n < 25}
    assert few
    assert "Other" not in few


def test_users_accuracy_of_a_class_that_a_map_lacks_is_left_out_and_counted(tmp_path):
    truth = reference(100)
    for seed in (0, 1, 2):
        mapped = spoiled(truth, 0.9, 9, np.random.default_rng(seed))
        if seed == 0:
            mapped[mapped == 8] = 3
        write_run(
            tmp_path / "t" / "v" / f"seed{seed}", [assessment(truth, mapped, scene="s", mosaic="single")], seed=seed
        )
    found = summarise_classes(read_trial(tmp_path / "t"), View("s", "single"), ["users", "f1"])
    users, f1 = (next(s for s in found if (s.metric, s.land_class) == (m, "Vineyards")) for m in ("users", "f1"))
    assert (users.n, f1.n) == (2, 3)
    assert f1.scores[0] == 0


def test_a_seed_that_was_run_twice_counts_once(folder):
    shutil.copytree(folder / "batch10" / "seed0", folder / "batch10" / "seed0_again")
    trial = read_trial(folder)
    assert "batch10: several runs have the same seed (seed 0); the last by path counts." in trial.notes
    assert summarise(trial, VIEW, ["kappa"])[0].seeds == (0, 1, 2)
