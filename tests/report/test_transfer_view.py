"""Scenes that a run was not trained on: what is shown, what was gained, and what is missing."""

from __future__ import annotations

import json
import shutil

import pytest

from lulcseg.report.run.adaptation_view import adaptation_views
from lulcseg.report.run.run_data import read_run
from lulcseg.report.run.run_page import write_report
from lulcseg.report.run.shared_photos import shared_photos
from lulcseg.report.run.transfer_view import transfer_views
from tests.support.adapted_run import ADAPTED, OTHER, scored, write_adapted_run
from tests.support.html_page import Page


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_adapted_run(tmp_path_factory.mktemp("runs") / "demo")


@pytest.fixture
def copied(run, tmp_path):
    return shutil.copytree(run, tmp_path / "run")


def views_of(path):
    data = read_run(path)
    return transfer_views(data, shared_photos(data))


def changed(path, change):
    """Change the run's record."""
    record = json.loads((path / "record.json").read_text())
    change(record)
    (path / "record.json").write_text(json.dumps(record))
    return path


def test_only_the_scene_that_was_not_trained_on_is_shown(run):
    (view,) = views_of(run)

    assert (view.scene, view.trained_on) == (OTHER, "synthetic2018")
    assert [photo.scene for photo in view.photos] == ["synthetic2018", OTHER]
    assert [band.medians for band in view.bands] == [
        f"Median {trained:g} trained on, 127.5 here, {trained:g} matched" for trained in (63.75, 76.5, 89.25)
    ]
    assert (view.notes, view.hints) == ([], [])


def test_gains_are_the_difference_of_both_assessments(run):
    before, after = (scored(run, mosaic).scores for mosaic in ("multiple", ADAPTED))

    ((view,), notes) = adaptation_views(read_run(run), OTHER)

    assert notes == []
    assert view.whole["Kappa"].difference == pytest.approx(after.kappa - before.kappa)
    assert view.whole["Kappa"].difference > 0
    for i, row in enumerate(view.rows):
        assert row.reference == before.reference_points[i]
        assert (row.f1.before, row.f1.after) == pytest.approx((before.f1[i], after.f1[i]), nan_ok=True)
        assert (row.users.before, row.users.after) == pytest.approx((before.users[i], after.users[i]), nan_ok=True)
        assert row.producers.after == pytest.approx(after.producers[i], nan_ok=True)
    assert [m.after for m in view.means] == [after.mean_f1, after.mean_users, after.mean_producers]
    assert [title for title, _ in view.pictures] == ["Before: the mosaic as it is", "After: the mosaic adapted"]


def test_the_page_has_the_section_and_says_what_was_gained(run):
    html = write_report(run).read_text()
    words = Page(html).words()
    before, after = (scored(run, mosaic).scores.kappa for mosaic in ("multiple", ADAPTED))

    for expected in (
        "Scenes not trained on", f"{OTHER} as it is", "Gained by class", f"{before:.3f} → {after:.3f}",
        "Before and after adaptation: Map, multiple pass, matched to the training mosaics",
    ):  # fmt: skip
        assert expected in words
    assert html.count('role="img" aria-label="Band ') == 3


def test_imagery_used_without_labels_is_said(copied):
    assert "imagery used without labels" not in Page(write_report(copied).read_text()).words()
    changed(copied, lambda record: record.update(unlabelled_scenes=[OTHER]))
    words = Page(write_report(copied).read_text()).words()
    assert f"{OTHER}, imagery used without labels" in words
    assert f"Unlabelled {OTHER}" in words


def test_a_class_never_mapped_before_has_no_gain_of_users_accuracy(run):
    assert scored(run, "multiple").scores.mapped_points[-1] == 0

    ((view,), _) = adaptation_views(read_run(run), OTHER)

    last = view.rows[-1]
    assert (last.users.difference_text, last.users.kind) == ("–", "")
    assert last.f1.before == 0


@pytest.mark.parametrize(("how", "is_matched"), [("batch_norm", False), ("histogram_batch_norm", True)])
def test_every_adaptation_is_compared_and_matching_alone_changes_values(copied, how, is_matched):
    def otherwise(record):
        record["maps"][-1] |= {"adapted": how, "mosaic": f"multiple_{how}"}

    (view,) = views_of(changed(copied, otherwise))

    assert [a.title.endswith("with the mosaic's batch norm") for a in view.adaptations] == [True]
    assert (view.is_matched, "matched" in view.bands[0].medians) == (is_matched, is_matched)
    assert view.hints == []


def test_without_an_adapted_map_the_page_says_how_to_get_one(copied):
    def without(record):
        record["maps"] = [m for m in record["maps"] if m["mosaic"] != ADAPTED]

    (view,) = views_of(changed(copied, without))

    assert view.adaptations == []
    assert not view.is_matched
    assert "matched" not in view.bands[0].medians
    assert "adapt=histogram" in view.hints[0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda r: r["scenes"][OTHER].pop("values"), "it was mapped by an earlier version"),
        (lambda r: r["scenes"][OTHER].update(values="previews/gone.json"), "not a mosaic's values"),
        (lambda r: r["scenes"].pop("synthetic2018"), "no picture of the imagery that the model was trained on"),
        (lambda r: r["maps"].pop(2), "no map by the same model with adapt=none"),
    ],
)
def test_what_is_missing_is_a_sentence(copied, change, sentence):
    html = write_report(changed(copied, change)).read_text()

    assert sentence in Page(html).words()
    assert OTHER in Page(html).words()


def test_maps_by_other_models_are_not_compared(copied):
    for mosaic, digest in (("multiple", "aa"), (ADAPTED, "bb")):
        item = {"properties": {"lulcseg:checkpoint_sha256": digest}}
        (copied / "maps" / f"{OTHER}_{mosaic}.json").write_text(json.dumps(item))

    views, notes = adaptation_views(read_run(copied), OTHER)

    assert views == []
    assert "by the same model" in notes[0]


def test_maps_assessed_at_other_points_are_not_compared(copied):
    path = copied / "assessment" / f"{OTHER}_{ADAPTED}.json"
    plain = json.loads(path.read_text())
    plain["confusion"][0][0] += 5
    path.write_text(json.dumps(plain))

    ((view,), _) = adaptation_views(read_run(copied), OTHER)

    assert (view.rows, view.whole, view.means) == ([], {}, None)
    assert "assessed at different points" in view.note


def test_a_run_of_its_own_scene_alone_has_no_such_section(copied):
    def alone(record):
        record["maps"] = record["maps"][:2]
        record["assessments"] = ["assessment/synthetic2018_single"]

    html = write_report(changed(copied, alone)).read_text()

    assert 'id="transfer"' not in html
    assert 'href="#transfer"' not in html
