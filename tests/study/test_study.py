"""A study's scenes, scores by ground, effects and tables, held against figures worked out otherwise."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from matplotlib.figure import Figure
from scipy import stats
from sklearn.metrics import cohen_kappa_score, f1_score

from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.scene.scene import Scene
from lulcseg.scene.synthetic.write import write_landscape
from lulcseg.study.derived_scenes import write_class_scene, write_ground_scene
from lulcseg.study.effect_figures import effects_figure, score_boxes, work_against_accuracy
from lulcseg.study.effects import effects, verdict
from lulcseg.study.landscape import read_map, read_truth
from lulcseg.study.questions import StudyView, read_questions
from lulcseg.study.score import score_labels, score_trials
from lulcseg.study.write_study import write_document
from lulcseg.trials.trial_reader import read_trial
from tests.support.checkout import ROOT
from tests.support.plans import drawn

SIZE = 256
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def landscape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "land"
    write_landscape(folder, size=SIZE, seed=4, points=400)
    return folder


def whole_scene(landscape: Path, cache: Path) -> Scene:
    return Scene.open(str(landscape / "scene_2018.yaml"), cache)


def test_scores_of_a_ground_are_those_of_its_pixels_and_points(landscape: Path, tmp_path: Path) -> None:
    scene = whole_scene(landscape, tmp_path)
    known = read_truth(scene, split=True)
    with rasterio.open(landscape / "truth_2018.tif") as file:
        truth = file.read(1)
    east = known.grounds["heldout"]
    assert not (east & known.grounds["training"]).any()
    assert (east | known.grounds["training"]).mean() > 0.99
    rng = np.random.default_rng(1)
    mapped = np.where(rng.random(truth.shape) < 0.8, truth, rng.integers(0, 9, truth.shape)).astype(np.uint8)
    mapped[:3] = 255
    counted = east & (mapped != 255)
    matrix = known.pixels(mapped, "heldout")
    assert matrix.sum() == counted.sum()
    observed = np.repeat(np.indices(matrix.shape).reshape(2, -1), matrix.ravel(), axis=1)
    assert cohen_kappa_score(*observed) == pytest.approx(cohen_kappa_score(truth[counted], mapped[counted]))
    points = scene.points
    assert points is not None
    at = known.at_points(mapped, "all")
    rows = ((scene.grid.top - points.geometry.y) / 0.5).astype(int).to_numpy()
    cols = ((points.geometry.x - scene.grid.left) / 0.5).astype(int).to_numpy()
    seen = mapped[rows, cols] != 255
    assert np.trace(at) == (mapped[rows, cols][seen] == points["class_index"].to_numpy()[seen]).sum()
    assert at.sum() == seen.sum()


def test_a_landscape_has_its_folders_name_from_wherever_it_is_named(landscape: Path, tmp_path: Path) -> None:
    plain = yaml.safe_load((landscape / "scene_2018.yaml").read_text())
    plain["imagery"]["files"] = [f"../{name}" for name in plain["imagery"]["files"]]
    for part in ("labels", "points"):
        plain[part]["file"] = f"../{plain[part]['file']}"
    (landscape / "more").mkdir()
    (landscape / "more" / "scene.yaml").write_text(yaml.safe_dump(plain))
    assert read_truth(Scene.open(str(landscape / "more" / "scene.yaml"), tmp_path), split=True).landscape == "land"


def test_a_scene_of_one_class_and_one_of_a_plans_ground(landscape: Path, tmp_path: Path) -> None:
    scene = whole_scene(landscape, tmp_path)
    single = Scene.open(str(write_class_scene(scene, "Vineyards", tmp_path / "one" / "v.yaml")), tmp_path)
    assert (single.name, list(single.legend.names)) == (scene.name, ["Other", "Vineyards"])
    assert scene.labels is not None
    assert single.labels is not None
    vines = scene.legend.names.index("Vineyards")
    window = scene.grid.window
    np.testing.assert_array_equal(single.labels.read(window) == 1, scene.labels.read(window) == vines)
    assert single.points is not None
    assert scene.points is not None
    assert (single.points["class_index"] == 1).sum() == (scene.points["class_index"] == vines).sum()
    truth = read_truth(single, split=True).truth
    np.testing.assert_array_equal(truth == 1, read_truth(scene, split=True).truth == vines)
    with pytest.raises(LulcsegError, match="no class 'Vinyards'"):
        write_class_scene(scene, "Vinyards", tmp_path / "x.yaml")

    plan = drawn(scene, method="grid", cell=64, background=None, seed=0)
    ground = Scene.open(str(write_ground_scene(scene, plan, tmp_path / "ground.yaml")), tmp_path)
    assert ground.ground.area == pytest.approx(len(plan) * (32 * 0.5) ** 2)


def test_a_plan_of_another_scene_gives_no_ground(
    landscape: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, out = tmp_path / "plan.gpkg", tmp_path / "ground.yaml"
    drawn(whole_scene(landscape, tmp_path), method="grid", cell=64, background=None, seed=0).save(plan)
    coarse = landscape / "coarse.yaml"
    coarse.write_text((landscape / "scene_2018.yaml").read_text() + "resolution: 1.0\n")
    rest = [str(plan), str(out), "--cache", str(tmp_path)]
    for scene, wrong in (
        (landscape / "scene_2015.yaml", "it is a plan of scene"), (coarse, "it was made for other imagery"),
    ):  # fmt: skip
        with pytest.raises(SystemExit, match="2"):
            main(["study", "ground", str(scene), *rest])
        assert wrong in capsys.readouterr().err
        assert not out.exists()
    main(["study", "ground", str(landscape / "scene_2018.yaml"), *rest])
    assert out.exists()


def test_a_derived_scene_replaces_neither_a_synthetic_scenes_file_nor_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, plan = tmp_path / "given.yaml", tmp_path / "plan.gpkg"
    given.write_text(f"name: given\nsynthetic: {{size: {SIZE}, seed: 4, scene: '2018'}}\n")
    drawn(Scene.open(str(given), tmp_path), method="grid", cell=64, background=None, seed=0).save(plan)
    before = [path.read_bytes() for path in (given, plan)]
    ground = ["study", "ground", str(given), str(plan)]
    for command in (
        [*ground, str(given)], [*ground, str(plan.with_suffix(".yaml"))],
        ["study", "class", str(given), "Vineyards", str(given)],
    ):  # fmt: skip
        with pytest.raises(SystemExit, match="2"):
            main([*command, "--cache", str(tmp_path)])
        assert "it is read, and would be replaced" in capsys.readouterr().err
        assert [path.read_bytes() for path in (given, plan)] == before


@pytest.fixture(scope="module")
def trial(landscape: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two values of three seeds, whose maps are the truth with noise."""
    folder = tmp_path_factory.mktemp("trials") / "noise"
    with rasterio.open(landscape / "truth_2018.tif") as file:
        truth, profile = file.read(1), file.profile
    for level, value in ((1, "little"), (4, "much")):
        for seed in SEEDS:
            run = folder / value / f"seed{seed}"
            (run / "maps").mkdir(parents=True)
            rng = np.random.default_rng([level, seed])
            noisy = np.where(rng.random(truth.shape) < 0.1 * level, rng.integers(0, 9, truth.shape), truth)
            with rasterio.open(run / "maps" / "m.tif", "w", **profile) as file:
                file.write(noisy.astype(np.uint8), 1)
            entry = {"scene": "synthetic_2018", "mosaic": "single", "path": "maps/m.tif", "seconds": 2.0}
            record = {
                "state": "finished", "seed": seed, "trial": {"name": "noise", "value": value, "level": level},
                "maps": [entry], "training_seconds": 60.0 * level, "steps": 7, "assessments": [],
            }  # fmt: skip
            (run / "record.json").write_text(json.dumps(record))
            asked = {"scenes": {"train": [], "assess": [str(landscape / "scene_2018.yaml")]}}
            (run / "config.yaml").write_text(yaml.safe_dump(asked))
    return folder


QUESTIONS = """
views:
  own: {scene: synthetic_2018, ground: training, against: points, title: "2018, as the paper"}
  held: {scene: synthetic_2018, ground: heldout, title: "2018, held-out"}
  date: {scene: elsewhere, title: "another date"}
questions:
  - {id: N1, asks: "much noise against little", primary: held, first: [noise/little], second: [noise/much]}
  - {id: N2, asks: "a doubling", primary: held, first: [noise/little, noise/much]}
  - {id: N3, asks: "F1 of two classes", primary: own, metric: f1, classes: [Vineyards, Berry Crops],
     first: [noise/little/single], second: [noise/much/single]}
  - {id: N4, asks: "never run", primary: held, first: [noise/none], second: [noise/much]}
"""


def test_effects_are_paired_t_tests_of_what_the_maps_scored(trial: Path, landscape: Path, tmp_path: Path) -> None:
    whole, classes = score_trials([read_trial(trial)], tmp_path, "_other")
    assert len(whole) == 2 * len(SEEDS) * 3 * 2  # values, seeds, grounds, points and pixels
    (tmp_path / "q.yaml").write_text(QUESTIONS)
    questions = read_questions(tmp_path / "q.yaml")
    found = effects(questions, whole, classes).set_index("row")
    assert set(found["question"]) == {"N1", "N2", "N3"}, "what wasn't run has no row"

    truth = read_truth(whole_scene(landscape, tmp_path), split=True)
    held = truth.grounds["heldout"]

    def kappas(value: str) -> list[float]:
        maps = (read_map(trial / value / f"seed{s}" / "maps" / "m.tif", truth) for s in SEEDS)
        return [cohen_kappa_score(truth.truth[held], m[held]) for m in maps]

    little, much = np.array(kappas("little")), np.array(kappas("much"))
    row = found.loc["N1.held"]
    assert row["effect"] == pytest.approx((much - little).mean())
    assert row["p"] == pytest.approx(stats.ttest_rel(much, little).pvalue)
    low, high = stats.ttest_rel(much, little).confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["verdict"] == "differs"
    assert found.loc["N2.held", "effect"] == pytest.approx((much - little).mean() / 2), "two doublings from 1 to 4"
    again = whole.assign(trial=whole["trial"].replace("noise", "again"), level=np.nan)  # the models, predicted again
    whole_again = pd.concat([whole, again], ignore_index=True)
    asked = [replace(q, first=["again/little", "again/much"]) for q in questions.questions if q.id == "N2"]
    slope = effects(replace(questions, questions=asked), whole_again, classes).set_index("row")
    assert slope.loc["N2.held", "effect"] == pytest.approx((much - little).mean() / 2), "levels of the other trial"
    assert found.loc["N1.held", "p_holm"] >= found.loc["N1.held", "p"]
    assert np.isnan(found.loc["N1.own", "p_holm"])

    names = [truth.legend.names.index(name) for name in ("Vineyards", "Berry Crops")]
    here = truth.grounds["training"][truth.rows, truth.cols]

    def mean_f1(value: str, seed: int) -> float:
        shown = read_map(trial / value / f"seed{seed}" / "maps" / "m.tif", truth)[truth.rows, truth.cols]
        return float(f1_score(truth.points[here], shown[here], labels=names, average="macro", zero_division=0))

    by_hand = np.mean([mean_f1("much", s) - mean_f1("little", s) for s in SEEDS])
    assert found.loc["N3.own", "effect"] == pytest.approx(by_hand)


def test_a_map_of_another_resolution_is_scored_on_the_truths_pixels(landscape: Path, tmp_path: Path) -> None:
    truth = read_truth(whole_scene(landscape, tmp_path), split=True)
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 9, (SIZE // 2, SIZE // 2), dtype=np.uint8)
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": SIZE // 2, "width": SIZE // 2, "nodata": 255}
    with rasterio.open(landscape / "truth_2018.tif") as file:
        place = {"crs": file.crs, "transform": file.transform * rasterio.Affine.scale(2)}
        fine_place = {"crs": file.crs, "transform": file.transform * rasterio.Affine.scale(0.5)}
    with rasterio.open(tmp_path / "coarse.tif", "w", **profile, **place) as out:
        out.write(coarse, 1)
    np.testing.assert_array_equal(read_map(tmp_path / "coarse.tif", truth), coarse.repeat(2, 0).repeat(2, 1))
    fine = rng.integers(0, 9, (SIZE * 2, SIZE * 2), dtype=np.uint8)
    with rasterio.open(
        tmp_path / "fine.tif", "w", **profile | {"height": SIZE * 2, "width": SIZE * 2}, **fine_place
    ) as out:
        out.write(fine, 1)
    read = read_map(tmp_path / "fine.tif", truth)
    corners = np.stack([fine[a::2, b::2] for a in (0, 1) for b in (0, 1)])
    assert (corners == read).any(axis=0).all(), "each pixel has the class of one of the four under it"
    with rasterio.open(tmp_path / "part.tif", "w", **profile | {"height": SIZE // 4}, **place) as out:
        out.write(coarse[: SIZE // 4], 1)
    with pytest.raises(LulcsegError, match="isn't on its landscape's extent"):
        read_map(tmp_path / "part.tif", truth)


def test_points_of_a_scene_read_at_another_resolution_are_on_the_truths_pixels(landscape: Path, tmp_path: Path) -> None:
    truth = read_truth(whole_scene(landscape, tmp_path), split=True)
    for metres in (1.0, 0.25):
        path = tmp_path / f"at_{metres}m.yaml"
        command = [str(ROOT / "docs/study/resampled_scene.py"), str(landscape / "scene_2018.yaml"), "again"]
        subprocess.run([sys.executable, *command, str(metres), str(path)], check=True)
        scene = Scene.open(str(path), tmp_path)
        assert scene.grid.xres == metres
        again = read_truth(scene, split=True)
        np.testing.assert_array_equal(again.rows, truth.rows)
        np.testing.assert_array_equal(again.cols, truth.cols)
        np.testing.assert_array_equal(again.truth, truth.truth)


def test_polygons_are_scored_like_a_map(landscape: Path, tmp_path: Path) -> None:
    scored = score_labels([str(landscape / "scene_2018.yaml")], tmp_path, "_other")
    assert set(scored["ground"]) == {"all", "training", "heldout"}
    assert (scored["kappa"] > 0.6).all()
    assert (scored["kappa"] < 1).all()


@pytest.mark.parametrize(
    ("p", "same", "told"), [(0.01, 0.9, "differs"), (0.2, 0.01, "no difference"), (0.2, 0.2, "can't be told")]
)
def test_what_two_tests_let_be_told(p: float, same: float, told: str) -> None:
    assert verdict(p, same) == told


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (QUESTIONS.replace("primary: own", "primary: mine"), "rests on view 'mine'"),
        (QUESTIONS.replace("id: N2", "id: N1"), "two questions have one id"),
        (QUESTIONS.replace("metric:", "metrik:"), "metrik"),
        (QUESTIONS.replace("first: [noise/none]", "without: [noise/much], first: [noise/none]"), "isn't of four arms"),
    ],
)
def test_questions_that_cannot_be_asked_get_a_sentence(text: str, part: str, tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(text)
    with pytest.raises(LulcsegError, match=part):
        read_questions(tmp_path / "q.yaml")


def test_the_commands_write_results_tables_and_figures(
    trial: Path, landscape: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "questions.yaml").write_text(QUESTIONS)
    scene = str(landscape / "scene_2018.yaml")
    main(["study", "results", str(trial), "--out", str(tmp_path), "--cache", str(tmp_path), "--labels", scene])
    main(["study", "tables", str(tmp_path)])
    assert str(tmp_path / "effects.png") in capsys.readouterr().out
    first = (tmp_path / "classes.csv.gz").read_bytes()
    results = pd.read_csv(tmp_path / "results.csv")
    assert set(results["trial"]) == {"noise", "human"}
    tables = (tmp_path / "tables.md").read_text()
    assert "| N1.held | much noise against little | −" in tables
    assert "| N4 | never run | not run |" in tables
    assert tables.count("| human | manual |") == 2, "the third table is of a scene that has none"
    main(["study", "results", str(trial), "--out", str(tmp_path), "--cache", str(tmp_path), "--labels", scene])
    assert (tmp_path / "classes.csv.gz").read_bytes() == first, "the same runs give the same bytes"
    written = write_document(tmp_path)
    assert all(path.stat().st_size > 0 for path in written)


def test_the_tables_count_what_differs() -> None:
    found = pd.read_csv(ROOT / "docs/study/effects.csv").query("primary")
    alone, together = (found["p"] < 0.05).sum(), (found["p_holm"] < 0.05).sum()
    assert 0 < together < alone < len(found)
    said = f"Of {len(found)} conclusions {alone} differ by themselves, and {together} of these for all of them together"
    assert said in (ROOT / "docs/study/tables.md").read_text(encoding="utf-8")


def test_a_study_made_in_parts_keeps_the_rows_of_its_other_runs(
    trial: Path, landscape: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene, cache = str(landscape / "scene_2018.yaml"), ["--cache", str(tmp_path)]
    main(["study", "results", str(trial), "--out", str(tmp_path), *cache, "--labels", scene])
    files = [tmp_path / name for name in ("results.csv", "classes.csv.gz")]
    whole = [path.read_bytes() for path in files]
    part = tmp_path / "noise"
    shutil.copytree(trial / "little", part / "little")
    main(["study", "results", str(part), "--out", str(tmp_path), *cache, "--keep"])
    assert [path.read_bytes() for path in files] == whole
    shutil.copy(trial / "much" / "seed1" / "maps" / "m.tif", part / "little" / "seed1" / "maps" / "m.tif")
    main(["study", "results", str(part), "--out", str(tmp_path), *cache, "--keep"])
    before, after = pd.read_csv(io.BytesIO(whole[0])), pd.read_csv(files[0])
    changed = before[(before != after).any(axis=1) & (before["kappa"] != after["kappa"])]
    assert set(changed[["value", "seed"]].itertuples(index=False, name=None)) == {("little", 1)}
    main(["study", "results", str(part), "--out", str(tmp_path), *cache])
    assert set(pd.read_csv(files[0])["value"]) == {"little"}
    write_landscape(tmp_path / "second", size=SIZE, seed=5, points=400)
    main(["study", "results", str(trial), "--out", str(tmp_path), *cache, "--labels", scene])
    main(["study", "results", str(part), "--out", str(tmp_path), *cache, "--keep", "--labels",
          str(tmp_path / "second" / "scene_2018.yaml")])  # fmt: skip
    polygons = pd.read_csv(files[0]).query("trial == 'human'")
    assert set(polygons[["landscape", "seed"]].itertuples(index=False, name=None)) == {("land", 0), ("second", 1)}
    assert not polygons.duplicated(["landscape", "ground", "against"]).any()
    with pytest.raises(SystemExit):
        main(["study", "results", str(part), "--out", str(tmp_path / "new"), *cache, "--keep"])
    assert "results.csv: it can't be read; leave --keep out the first time" in capsys.readouterr().err


def test_results_that_are_missing_or_of_an_earlier_version_get_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "questions.yaml").write_text(QUESTIONS)
    with pytest.raises(LulcsegError, match=r"results\.csv: it can't be read; write it with lulcseg study results"):
        write_document(tmp_path)
    (tmp_path / "results.csv").write_text("trial,value,level,seed,scene,mosaic,ground,against\n")
    with pytest.raises(LulcsegError, match="it has no column landscape"):
        write_document(tmp_path)


@pytest.mark.slow
def test_samples_are_drawn_from_a_map_and_its_truth(
    trial: Path, landscape: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, scene = trial / "much" / "seed0", str(landscape / "scene_2018.yaml")
    main(["study", "samples", str(run), scene, "--out", str(tmp_path), "--cache", str(tmp_path)])
    files = capsys.readouterr().out.split()
    assert all(Path(name).stat().st_size > 0 for name in files)
    assert {Path(name).name for name in files} == {
        "samples_random.csv", "samples_designs.csv", "samples_scatter.png", "samples_ratio.png",
    }  # fmt: skip
    table = pd.read_csv(tmp_path / "samples_random.csv").set_index(["shares", "figure", "class"])
    truth = read_truth(whole_scene(landscape, tmp_path), split=False)
    mapped = read_map(run / "maps" / "m.tif", truth)
    kappa = cohen_kappa_score(truth.truth.ravel(), mapped.ravel())
    assert table.loc[("the landscape's shares", "kappa", "all"), "true"] == pytest.approx(kappa, abs=1e-5)
    ours, papers = (table.loc[(f"the {whose} shares", "producers"), "true"] for whose in ("landscape's", "paper's"))
    np.testing.assert_allclose(ours, papers, err_msg="shares change no producer's accuracy")
    other = str(landscape / "scene_2015.yaml")
    with pytest.raises(SystemExit):
        main(["study", "samples", str(run), other, "--out", str(tmp_path), "--cache", str(tmp_path)])
    assert "it has no map of synthetic_2015" in capsys.readouterr().err


def test_samples_of_another_landscape_are_refused(
    trial: Path, landscape: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(landscape, tmp_path / "elsewhere")
    other = str(tmp_path / "elsewhere" / "scene_2018.yaml")
    with pytest.raises(SystemExit) as stopped:
        main(["study", "samples", str(trial / "much" / "seed0"), other, "--out", str(tmp_path / "out")])
    assert stopped.value.code == 2
    assert "and the scene of elsewhere" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_map_that_is_gone_is_named(trial: Path, landscape: Path, tmp_path: Path) -> None:
    truth = read_truth(whole_scene(landscape, tmp_path), split=False)
    with pytest.raises(LulcsegError, match=r"gone\.tif: no such file"):
        read_map(tmp_path / "gone.tif", truth)


def test_of_two_runs_of_a_seed_one_counts(trial: Path, tmp_path: Path) -> None:
    read = read_trial(trial)
    doubled = replace(read, replicates=[*read.replicates, *read.replicates])
    once, twice = (score_trials([each], tmp_path, "_other") for each in (read, doubled))
    for one, two in zip(once, twice, strict=True):
        pd.testing.assert_frame_equal(one, two)


def test_the_first_figure_shows_headline_questions_without_shares(trial: Path, tmp_path: Path) -> None:
    whole, classes = score_trials([read_trial(trial)], tmp_path, "_other")
    (tmp_path / "q.yaml").write_text(QUESTIONS)
    asked = read_questions(tmp_path / "q.yaml")
    found = effects(asked, whole, classes)
    assert labels(effects_figure(found, asked)) == ["N3", "N2", "N1"]
    first = [replace(q, headline=q.id != "N2") for q in asked.questions]
    chosen = replace(asked, questions=first)
    assert labels(effects_figure(found, chosen)) == ["N3", "N1"]
    shares = found.assign(kind=found["kind"].where(found["question"] != "N1", "share"))
    assert labels(effects_figure(shares, chosen)) == ["N3"]


def labels(figure: Figure) -> list[str]:
    """Return the questions' names in a figure of effects, from below."""
    return [label.get_text().split()[0].split(".")[0] for label in figure.axes[0].get_yticklabels()]


def test_few_scores_have_a_dash_at_their_mean_instead_of_a_box() -> None:
    view = StudyView(scene="here", ground="all", against="truth", title="here")
    scores = [0.1, 0.2, 0.6, 0.7, 0.9]
    rows = [
        {"trial": "t", "value": "v", "seed": k, "scene": "here", "ground": "all", "against": "truth", "kappa": x}
        for k, x in enumerate(scores)
    ]
    few = score_boxes(pd.DataFrame(rows[:3]), [("t", "v")], [view], "kappa", [None]).axes[0].get_lines()
    dashes = [np.asarray(line.get_xdata(), dtype=float) for line in few if line.get_marker() == "None"]
    np.testing.assert_allclose(dashes, [[0.3, 0.3]])
    boxed = score_boxes(pd.DataFrame(rows), [("t", "v")], [view], "kappa", [None]).axes[0].get_lines()
    assert len(boxed) > len(few) + 3, "whiskers, caps, box and median"


def test_sets_of_passes_that_lack_a_seed_are_drawn_at_those_they_have() -> None:
    view = StudyView(scene="here", ground="all", against="truth", title="here")
    rows = [
        {"trial": "passes", "value": value, "seed": seed, "scene": "here", "ground": "all", "against": "truth",
         "kappa": 0.5 + gain, "map_seconds": seconds}
        for value, gain, seconds, seeds in (("single", 0.0, 2.0, SEEDS), ("multiple", 0.1, 16.0, SEEDS[:2]))
        for seed in seeds
    ]  # fmt: skip
    figure = work_against_accuracy(pd.DataFrame(rows), [("passes", "single"), ("passes", "multiple")], view, [1, 8])
    diamonds = {line.get_label(): line.get_xydata() for line in figure.axes[0].get_lines() if line.get_marker() == "D"}
    np.testing.assert_allclose(diamonds["single"], [[0.0, 0]])
    np.testing.assert_allclose(diamonds["multiple"], [[0.1, 1]])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["single, 1 ×", "multiple, 8 ×"]
