"""The page of a trial: what its figures are drawn from, what it says, and that missing parts don't break it."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.pictures.inline_svg import inline_svg
from lulcseg.report.interval_figure import IntervalFigure
from lulcseg.report.trial import closeups as trialclose
from lulcseg.report.trial import score_figures as trialfigures
from lulcseg.report.trial.confusions import confusion_view
from lulcseg.report.trial.map_comparison import scene_maps
from lulcseg.report.trial.run_states import runs_view
from lulcseg.report.trial.score_table import year_of
from lulcseg.report.trial.score_views import comparisons
from lulcseg.report.trial.training_curves import Curve, CurvePanel, read_curve_panels
from lulcseg.report.trial.trial_page import write_trial_report
from lulcseg.trials.trial_reader import read_trial
from tests.support.html_page import Page
from tests.support.trial_pages import LEGEND, NASTY, SCENES, write_trial

TWO = (("batch10", 10), ("batch50", 50))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_trial(
        tmp_path_factory.mktemp("runs") / "batch_size",
        TWO,
        (0, 1, 2),
        failed=[("batch50", 1)],
        missing=[("batch50", 2)],
        size=(60, 80),
        n_points=200,
    )


@pytest.fixture(scope="module")
def trial(folder):
    return read_trial(folder)


@pytest.fixture(scope="module")
def html(folder):
    return write_trial_report(folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    folder = write_trial(
        tmp_path_factory.mktemp("runs") / "mine", TWO, (0, 1), legend=LEGEND, scenes=SCENES[:1], size=(60, 80)
    )
    plain = json.loads((folder / "trial.json").read_text())
    plain |= {"title": "</title><script>alert(2)</script>", "description": "<img src=x onerror=alert(3)>"}
    (folder / "trial.json").write_text(json.dumps(plain))
    return write_trial_report(folder)


def test_class_scores_are_the_assessments_own(trial, folder):
    comparison = comparisons(trial)[0]

    of_value = comparison.class_scores("producers")

    assert [scores.shape for scores in of_value] == [(3, 9), (1, 9)]
    own = Assessment.load(folder / "batch10" / "seed1" / "assessment" / f"{SCENES[0]}_single")
    assert of_value[0][1] == pytest.approx(own.scores.producers, nan_ok=True)
    assert comparison.whole("kappa")[0][1] == own.scores.kappa
    assert comparison.labels.compared == "labels"


def test_a_failed_run_counts_nowhere_but_is_reported(trial):
    view = runs_view(trial)

    assert [cell.state for cell in view.rows[1].cells] == ["finished", "failed", "absent-run"]
    assert "the loss is <not> a number" in view.rows[1].cells[1].about
    assert view.sentence == "6 planned: 4 finished, 1 failed, 1 missing"


def test_boxes_span_the_quartiles(trial):
    comparison = comparisons(trial)[0]

    figure = trialfigures.class_boxes_figure(comparison)

    of_other = comparison.class_scores("f1")[0][:, 3]
    bodies = figure.axes[0].collections[1].get_paths()
    heights = bodies[3].vertices[:, 1]
    assert [heights.min(), heights.max()] == pytest.approx(np.percentile(of_other, [25, 75]))


def test_many_values_are_named_row_by_row():
    names = [f"patch{size}_stratified_at_random" for size in range(7)]
    curve = Curve(0, *(np.arange(3.0) for _ in range(4)))

    figure = trialfigures.trial_curves_figure([CurvePanel("Loss", "epoch", False, [curve])], names, [None] * 7)

    legend = figure.legends[0]
    shown = [text.get_text().strip() for text in legend.get_texts()]
    assert legend._ncols == 3
    assert [shown[i] for i in (0, 3, 5, 1, 4, 6, 2)] == names  # drawn column by column: 3, 2, 2


def test_curves_are_mean_and_extremes_over_seeds(trial, folder):
    spread = {s.title: s for s in read_curve_panels(trial)}["Mean F1, validation"]

    logs = [pd.read_csv(folder / "batch10" / f"seed{k}" / "metrics.csv") for k in range(3)]
    last = [log["val/mean_f1"].dropna().iloc[-1] for log in logs]
    curve = spread.curves[0]
    assert (curve.epochs[0], curve.epochs[-1]) == (1, 20)
    assert (curve.mean[-1], curve.low[-1], curve.high[-1]) == pytest.approx((np.mean(last), min(last), max(last)))


def test_the_mean_matrix_is_the_mean_of_the_replicates(trial):
    comparison = comparisons(trial)[0]

    view = confusion_view(comparison, {name: i for i, name in enumerate(comparison.names)})

    counts = np.array([m["cells"] for m in view.matrices if m["title"].startswith("batch10, seed")])
    assert view.matrices[0]["title"] == "batch10, mean of 3 replicates"
    assert np.array(view.matrices[0]["cells"]) == pytest.approx(counts.mean(axis=0), abs=1e-4)
    assert view.scored == "200.0"  # tenths in the cells, yet their sums are right
    assert [group.label for group in view.groups] == ["batch10", "batch50"]
    assert [option.label for option in view.groups[1].options] == ["seed 0"]  # the mean of one is itself


def test_it_states_conclusions(html):
    words = Page(html).words()

    for expected in (
        *("Conclusions", "Contrast named before the trial", "6 planned: 4 finished, 1 failed, 1 missing"),
        *("Digitised polygons", "paper 0.67 (0.62–0.71)", "paper > 200", "of 3", "one sampling plan"),
        *("the run failed and isn't counted", "Class colours"),
    ):
        assert expected in words
    assert "<not>" not in html


def test_what_the_paper_does_not_print_has_no_figures_of_it(html):
    second = html.split('data-export="scene-2"')[1].split("</table>")[0]

    assert "paper" not in second


def test_names_are_escaped_everywhere(nasty):
    html = nasty.read_text(encoding="utf-8")
    page = Page(html)

    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert sum(tag == "script" for tag, _ in page.tags) == 2  # the data, and the page's own
    assert NASTY in page.words()
    assert "Costs $5_a$" in re.sub(r"\s+", " ", page.words())  # in figures too: no mathematics


def test_the_page_stands_alone(html):
    page = Page(html)

    addresses = [value for _, attrs in page.tags for key, value in attrs.items() if key in ("src", "href")]
    assert not [a for a in addresses if a and not a.startswith(("data:", "#", "batch"))]
    ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]+)\)", html))
    assert used <= set(ids)


def test_exports_in_the_page_are_the_files(folder, html):
    data = json.loads(html.split('id="trial-data">')[1].split("</script>")[0])
    for files in data["exports"].values():
        for file in files.values():
            assert (folder / "tables" / file["name"]).read_text(encoding="utf-8") == file["text"]

    table = pd.read_csv(folder / "tables" / data["exports"]["scene-1"]["csv"]["name"])
    assert table["value"].tolist() == ["digitised polygons", "batch10", "batch50"]
    assert table["n"].tolist() == [1, 3, 1]
    assert table["paper_kappa"].tolist() == [0.96, 0.67, 0.63]
    classes = pd.read_csv(folder / "tables" / data["exports"]["scene-1-classes"]["csv"]["name"])
    assert len(classes) == 9 * 2 * 3


def test_all_pictures_of_classes_share_the_pages_palette(nasty):
    view = scene_maps(read_trial(nasty.parent))[0]

    assert [layer.key for layer in view.layers] == ["imagery", "labels", "map-0", "map-1", "map-2", "map-3"]
    assert [layer.label for layer in view.layers[2:4]] == ["batch10, seed 0", "batch50, seed 0"]
    assert [c.name for c in view.classes] == LEGEND.names


def test_maps_that_do_not_fit_are_named(folder, monkeypatch):
    monkeypatch.setattr("lulcseg.report.trial.map_comparison._MOST", 4)

    views = scene_maps(read_trial(folder))

    shown = [[layer.label for layer in view.layers if layer.key.startswith("map-")] for view in views]
    assert shown == [["batch10, seed 0", "batch50, seed 0"]] * 2
    assert views[0].left_out[0] == ("batch10, seed 1", f"batch10/seed1/maps/{SCENES[0]}_single.tif")


def test_full_resolution_adds_a_window_of_the_maps(folder):
    html = write_trial_report(folder, full_resolution=True).read_text(encoding="utf-8")

    words = Page(html).words()
    assert f"{SCENES[0]}, at full resolution" in words
    assert "60 × 80 pixels around" in words
    assert "the maps of batch10, seed 0 and batch50, seed 0 differ most" in words
    assert html.count('class="viewer"') == 4


def test_a_window_finds_its_scene_by_the_scenes_own_name(make_scene, tmp_path, cache):
    first, second = make_scene("farm"), make_scene("hill")  # both files are called scene.yaml
    config = {
        "scene": str(tmp_path / "gone.yaml"),
        "cache": str(cache),
        "scenes": {"assess": [str(first), str(second)]},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(config))

    found = trialclose._open_scene(tmp_path, "hill", None)

    assert found is not None
    assert (found.name, found.cache) == ("hill", cache)
    with pytest.raises(LulcsegError, match="gone"):
        trialclose._open_scene(tmp_path, "lake", None)
    (tmp_path / "config.yaml").write_text(json.dumps({"scene": str(first)}))
    assert trialclose._open_scene(tmp_path, "lake", cache) is None
    assert trialclose._open_scene(tmp_path / "nowhere", "farm", None) is None


def test_a_trial_of_one_value_without_maps(tmp_path):
    folder = write_trial(tmp_path / "full", (("full", None),), (0,), maps=False, contrast=None, scenes=SCENES[:1])

    words = Page(write_trial_report(folder).read_text(encoding="utf-8")).words()

    assert "full: kappa 0." in words
    assert ", 1 run." in words
    assert "The run directories hold no maps" in words
    assert "by Holm" not in words


def test_a_trial_in_which_nothing_finished(tmp_path):
    folder = write_trial(tmp_path / "none", TWO, (0,), failed=[("batch10", 0), ("batch50", 0)], maps=False)
    for log in folder.glob("*/*/metrics.csv"):
        log.unlink()
    for picture in folder.glob("*/*/plan.png"):
        picture.unlink()

    words = Page(write_trial_report(folder).read_text(encoding="utf-8")).words()

    assert "No conclusion yet" in words
    assert "2 planned: 0 finished, 2 failed, 0 missing" in words
    assert "There are no learning curves" in words
    assert "No run directory holds a picture of its plan" in words


def test_a_damaged_map_is_reported(tmp_path):
    folder = write_trial(tmp_path / "t", TWO, (0,), scenes=SCENES[:1], size=(60, 80))
    path = folder / "batch50" / "seed0" / "maps" / f"{SCENES[0]}_single.tif"
    path.write_bytes(b"nothing")

    words = Page(write_trial_report(folder).read_text(encoding="utf-8")).words()

    assert "not a raster" in words
    assert "batch10, seed 0" in words


def test_a_folder_without_runs_is_one_sentence(tmp_path):
    with pytest.raises(LulcsegError, match="holds no run"):
        write_trial_report(tmp_path)


def test_the_same_runs_give_the_same_page(folder):
    assert write_trial_report(folder).read_bytes() == write_trial_report(folder).read_bytes()


def test_a_bar_holds_all_its_marks():
    cell = IntervalFigure(0.7, 0.6, 0.8, (0.65, 0.75), scale=(0.5, 0.9))

    assert (cell.position, cell.span, cell.replicate_positions) == (50.0, (25.0, 50.0), [37.5, 62.5])
    assert IntervalFigure(float("nan")).text == "–"


def test_the_year_of_a_scene():
    assert [year_of(name) for name in ("a2018", "2015_b", "x", "2015_2018", "20185")] == [2018, 2015, None, None, None]


def test_a_figure_takes_the_pages_colours(trial):
    drawn = inline_svg(trialfigures.class_boxes_figure(comparisons(trial)[0]), "k", 'a "b" <c>', ["#0072b2", "#d55e00"])

    assert "var(--v0)" in drawn
    assert "var(--v1)" in drawn
    assert "var(--ink)" in drawn
    assert "#0072b2" not in drawn
    assert 'aria-label="a &quot;b&quot; &lt;c&gt;"' in drawn
    assert not re.search(r' id="(?!k-)', drawn)


def test_the_command_writes_either_page(folder, capsys):
    from lulcseg.cli import main

    main(["report", str(folder)])
    assert str(folder / "report.html") in capsys.readouterr().out
    run = folder / "batch10" / "seed0"
    main(["report", str(run)])
    assert (run / "report.html").is_file()
    with pytest.raises(SystemExit) as stopped:
        main(["report", str(run), "--full-resolution"])
    assert stopped.value.code == 2


def test_plans_are_shown_once(folder, html):
    assert html.split('class="plans"')[1].split("</section>")[0].count("<img") == 1
    with Image.open(folder / "batch10" / "seed0" / "plan.png") as picture:
        assert picture.size == (80, 60)
