"""The tidy table, the two commands, and the exported tables."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from lulcseg.assessment.assessment import SubsetScores
from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.legend import LandClass, Legend
from lulcseg.trials.collecting import COLUMNS, collect, write_collected
from lulcseg.trials.tables import as_latex, as_markdown
from lulcseg.trials.trial_reader import read_trial
from tests.support.trials import assessment, reference, write_run, write_trial


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_trial(
        tmp_path_factory.mktemp("runs") / "batch_size",
        {"batch10": 0.85, "batch50": 0.8, "batch100": 0.5},
        levels={"batch10": 10, "batch50": 50, "batch100": 100},
        hours={"batch10": 1.5, "batch50": 0.6, "batch100": 0.5},
        contrast={"kind": "slope", "values": None},
        scenes=("synthetic2018", "synthetic2015"),
        n_points=300,
    )


def test_a_row_a_run_assessment_class_and_metric(folder):
    trial = read_trial(folder)
    table = collect([trial])
    assert list(table.columns) == list(COLUMNS)
    per_assessment = 5 + 3 * 9
    assert len(table) == 15 * 4 * per_assessment
    keys = ["run", "scene", "mosaic", "compared", "subset", "class", "metric"]
    assert not table.duplicated(keys).any()
    scored = trial.replicates[7].assessment("synthetic2015", "single")
    own = table[(table["run"] == "batch50/seed2") & (table["scene"] == "synthetic2015") & (table["compared"] == "map")]
    assert own["score"][own["metric"] == "kappa"].item() == scored.scores.kappa
    users = own[(own["metric"] == "users") & (own["class"] == "Vineyards")]
    assert (users["score"].item(), users["n"].item()) == (scored.scores.users[8], scored.scores.mapped_points[8])
    assert own["n"][own["metric"] == "mean_f1"].item() == 9
    assert set(own["training_seconds"]) == {0.6 * 3600}


def test_subsets_and_runs_without_scores_have_rows(tmp_path):
    truth = reference(50)
    scored = assessment(truth, truth, scene="s", mosaic="single")
    scored.subsets["inside_training"] = SubsetScores(20, 0.9, math.nan, 0.8, 4)
    write_run(tmp_path / "t" / "v" / "seed0", [scored], seed=0)
    write_run(tmp_path / "t" / "v" / "seed1", [], seed=1, state="failed", error="x")
    table = collect([read_trial(tmp_path / "t")])
    inside = table[table["subset"] == "inside_training"].set_index("metric")
    assert (inside.loc["mean_f1", "score"], inside.loc["mean_f1", "n"]) == (0.8, 4)
    assert inside.loc["overall_accuracy", "n"] == 20
    failed = table[table["seed"] == 1]
    assert (len(failed), failed["state"].item(), failed["metric"].item()) == (1, "failed", "")
    assert failed["score"].isna().all()


def test_parquet_and_csv_hold_the_same(folder, tmp_path):
    table = collect([read_trial(folder)])
    write_collected(table, [tmp_path / "a.parquet", tmp_path / "a.csv"])
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), table)
    text = pd.read_csv(tmp_path / "a.csv", keep_default_na=False, na_values={"score": [""], "level": [""]})
    pd.testing.assert_series_equal(text["score"], table["score"])
    with pytest.raises(LulcsegError, match="isn't a format for the table"):
        write_collected(table, [tmp_path / "b.parquet", tmp_path / "b.xlsx"])
    assert not (tmp_path / "b.parquet").exists()


def test_collect_command(folder, tmp_path, capsys):
    main(["collect", str(folder)])
    assert "of 15 runs" in capsys.readouterr().out
    assert (folder / "runs.parquet").exists()
    assert (folder / "runs.csv").exists()
    main(["collect", str(folder), "--out", str(tmp_path / "all.csv")])
    assert (tmp_path / "all.csv").read_text().startswith("trial,value,level,seed,run,state,scene")
    with pytest.raises(SystemExit) as caught:
        main(["collect", str(folder), "--out", str(tmp_path / "all.txt")])
    assert caught.value.code == 2


def test_rank_command(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    files = {kind: tmp_path / f"t.{kind}" for kind in ("csv", "latex", "markdown")}
    exports = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    main(["rank", str(folder), "--scene", "synthetic2018", "--points", *exports])
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert lines[1].startswith("Named beforehand: kappa from batch10 to batch100: −0.")
    assert "training spread, reference points fixed" in shown
    assert "batch100" in lines[-1] or "0.0625" in shown
    assert "Kappa, reference points and seeds resampled together" in shown
    numbers = pd.read_csv(files["csv"])
    assert list(numbers["value"]) == ["batch10", "batch50", "batch100"]
    trial = read_trial(folder)
    kappas = [r.assessment("synthetic2018", "single").scores.kappa for r in trial.of("batch10")]
    assert numbers["kappa"][0] == pytest.approx(sum(kappas) / 5)
    assert numbers["kappa_low"][0] < numbers["kappa_bootstrap_low"][0] < numbers["kappa"][0]
    assert files["latex"].read_text().count(r"\\") == 4
    assert files["markdown"].read_text().count("\n") == 5


def test_rank_shows_every_scene_unless_asked(folder, capsys):
    main(["rank", str(folder)])
    shown = capsys.readouterr().out
    assert "synthetic2018, single" in shown
    assert "synthetic2015, single" in shown


def test_rank_of_some_values(folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    main(["rank", str(folder), "--scene", "synthetic2018", "--values", "batch10", "batch50"])
    shown = capsys.readouterr().out
    assert "batch100" not in shown
    assert "No contrast was named beforehand." in shown  # the slope was to go through all three
    assert "batch10" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scene", "x"], "it has no maps of x; it has synthetic2018, single; synthetic2015, single"),
        (["--values", "batch10", "batch5"], "it has no value 'batch5'; did you mean 'batch50'?"),
        (["--margin", "0"], "--margin: the margin isn't above 0"),
    ],
)
def test_rank_refuses(folder, capsys, words, said):
    with pytest.raises(SystemExit) as caught:
        main(["rank", str(folder), *words])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_rank_of_a_trial_that_has_not_run(tmp_path, capsys):
    plain = {"format": 1, "name": "t", "values": [{"name": "a"}], "seeds": [0]}
    (tmp_path / "trial.json").write_text(json.dumps(plain))
    with pytest.raises(SystemExit):
        main(["rank", str(tmp_path)])
    assert "no map of its runs was assessed" in capsys.readouterr().err


def test_exports_escape_what_their_formats_read_as_their_own():
    table = pd.DataFrame({"value": ["a_b & 50% | <x>"], "kappa": ["0.5 ± 0.1"]})
    assert r"a\_b \& 50\% | <x> & 0.5 $\pm$ 0.1 \\" in as_latex(table)
    assert r"| a\_b & 50% \| \<x\> |" in as_markdown(table).replace(">", r"\>")


def test_class_names_are_texts_whatever_they_say(tmp_path):
    legend = Legend((LandClass(0, "NA", "#000000"), LandClass(1, "1", "#ffffff")))
    folder = write_trial(tmp_path / "t", {"None": 0.8}, legend=legend, n_points=40, seeds=(0, 1))
    table = collect([read_trial(folder)])
    write_collected(table, [tmp_path / "t.parquet"])
    assert set(pd.read_parquet(tmp_path / "t.parquet")["class"]) == {"", "NA", "1"}
