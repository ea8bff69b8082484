"""``lulcseg calibrate``, and maps with the calibration it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from lulcseg.assessment.assessment import Assessment
from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.run.fingerprint import fingerprint_of
from lulcseg.run.fit_calibration import fit_calibration
from lulcseg.run.predict import predict
from lulcseg.sampling.plan import Plan
from lulcseg.settings.calibrate import CalibrateSettings
from lulcseg.training.calibration import CalibrationFile, calibration_beside
from tests.conftest import scene_maker
from tests.support.small_runs import QUICK, run

BLOCKS = ["validation.fraction=0.4", "validation.block=32", "mosaic=single", "trainer.precision=32-true"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a run trained with validation ground, and its scene."""
    root = tmp_path_factory.mktemp("calibrated")
    scene = scene_maker(root)(size=(192, 256), labels={"file": "labels.gpkg", "column": "class", "uncovered": "Bare"})
    folder = run(root / "run", *QUICK, *BLOCKS, f"scene={scene}", f"cache={root}/cache", "sampling.patches=200")
    return folder, scene


def settings(scene: Path, folder: Path, **changes: object) -> CalibrateSettings:
    return CalibrateSettings(scene=str(scene), cache=str(folder.parent / "cache"), accelerator="cpu", **changes)  # type: ignore[arg-type]


def mapped(folder: Path, scene: Path, out: Path, *overrides: str) -> Path:
    overrides = (
        f"checkpoint={folder}/checkpoints/best.ckpt", f"scene={scene}", f"cache={folder.parent}/cache",
        f"output={out}", "mosaic=single", "accelerator=cpu", "precision=32-true", "mosaic.outputs=[probabilities]",
        "show=none", *overrides,
    )  # fmt: skip
    predict(compose("predict", list(overrides)))
    return out / "maps" / "scene_single.tif"


def pixels_of(path: Path) -> np.ndarray:
    with rasterio.open(path) as data:
        return np.asarray(data.read())


def tags_of(path: Path) -> dict[str, str]:
    with rasterio.open(path) as data:
        return dict(data.tags())


def test_a_calibration_is_kept_used_and_said(
    trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, scene = trained
    checkpoint = folder / "checkpoints" / "best.ckpt"
    plain = mapped(folder, scene, tmp_path / "plain")
    assert "calibration" not in tags_of(plain)
    main(["calibrate", str(checkpoint), f"scene={scene}", f"cache={folder.parent}/cache", "accelerator=cpu"])
    said = capsys.readouterr().out
    assert "Temperature" in said
    assert "validation blocks of scene" in said
    beside = calibration_beside(checkpoint)
    try:
        file = CalibrationFile.load(beside)
        held = file.fitted_on
        assert held["patches"] + held["test_patches"] >= 8
        factor = file.fits["temperature"].factor[0]
        calibrated = mapped(folder, scene, tmp_path / "calibrated")
        assert f"Probabilities are calibrated: temperature {1 / factor:.3f}." in capsys.readouterr().out
        assert tags_of(calibrated)["calibration"] == f"temperature {1 / factor:.3f}"
        item = json.loads(calibrated.with_suffix(".json").read_text())
        assert item["properties"]["lulcseg:calibrated_by"]["factor"][0] == factor
        record = json.loads((tmp_path / "calibrated" / "record.json").read_text())
        assert record["maps"][0]["calibration"] == f"temperature {1 / factor:.3f}"
        assert (pixels_of(calibrated) == pixels_of(plain)).all(), "one temperature keeps every class"
        ours, theirs = (pixels_of(p.with_name("scene_single_probabilities.tif")) for p in (calibrated, plain))
        assert (ours != theirs).any()
        logits = np.log(np.maximum(theirs, 1) / 250) * factor
        again = 250 * np.exp(logits) / np.exp(logits).sum(axis=0)
        assert np.abs(again - ours)[:, (theirs > 25).all(axis=0)].mean() < 2 * np.maximum(factor, 1)
        page = (tmp_path / "calibrated" / "report.html").read_text()
        assert "Reliability diagram of scene" in page
        assert "Brier score" in page
        without = mapped(folder, scene, tmp_path / "without", "calibration=none")
        assert (pixels_of(without.with_name("scene_single_probabilities.tif")) == theirs).all()
        scored = Assessment.load(tmp_path / "calibrated" / "assessment" / "scene_single")
        assert scored.reliability is not None
        assert scored.reliability.points == scored.scores.n_scored
        assert scored.reliability.brier.se > 0
    finally:
        beside.unlink()


def test_places_to_review_by_precision_need_a_calibration(trained: tuple[Path, Path], tmp_path: Path) -> None:
    folder, scene = trained
    asked = ("mosaic.outputs=[review]", "mosaic.review_precision=0.9")
    with pytest.raises(LulcsegError, match="need its precision on held-out ground"):
        mapped(folder, scene, tmp_path / "refused", *asked)
    assert not list((tmp_path / "refused").rglob("*.tif"))
    for other in (["mosaic.outputs=[review]"], []):
        with pytest.raises(LulcsegError, match="review_precision"):
            compose("train", [f"scene={scene}", "mosaic.review_precision=0.9", *other])
    checkpoint = folder / "checkpoints" / "best.ckpt"
    fit_calibration(checkpoint, settings(scene, folder))
    try:
        review = mapped(folder, scene, tmp_path / "reviewed", *asked).with_name("scene_single_review.gpkg")
        assert review.is_file()
    finally:
        calibration_beside(checkpoint).unlink()


def test_fingerprints_change_only_where_a_calibration_is_used(trained: tuple[Path, Path], tmp_path: Path) -> None:
    folder, scene = trained
    checkpoint = folder / "checkpoints" / "best.ckpt"

    def of(*overrides: str) -> str:
        return fingerprint_of(
            compose("predict", [f"checkpoint={checkpoint}", f"scene={scene}", f"cache={tmp_path}", *overrides])
        )

    before = of()
    assert of("calibration=none") == before
    fit_calibration(checkpoint, settings(scene, folder))
    beside = calibration_beside(checkpoint)
    try:
        assert of("calibration=none") == before
        assert of() != before
        assert of("calibration=temperature") == of()
        assert of(f"calibration={beside}") == of()
    finally:
        beside.unlink()


def test_the_held_out_ground_is_never_trained_on(
    trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from lulcseg.run import held_out

    folder, scene = trained
    plan, read = Plan.load(folder / "plan.gpkg"), []
    original = held_out._predicted

    def spied(model, opened, chosen):  # type: ignore[no-untyped-def]
        read.extend(chosen)
        return original(model, opened, chosen)

    monkeypatch.setattr(held_out, "_predicted", spied)
    fit_calibration(folder / "checkpoints/best.ckpt", settings(scene, folder, out=str(tmp_path / "c.json")))
    covered = np.zeros((192, 256), dtype=bool)
    for row, col, size in plan.of("scene", "train")[["row", "col", "size"]].to_numpy():
        covered[row : row + size, col : col + size] = True
    assert covered.any()
    for each in read:
        assert not covered[each.window.row + each.rows, each.window.col + each.cols].any()
    assert len({(each.window.row, each.window.col) for each in read}) == len(read)


def test_a_scene_not_trained_on_serves_and_is_seeded(trained: tuple[Path, Path], tmp_path: Path) -> None:
    folder, _ = trained
    other = scene_maker(tmp_path)("other", size=(192, 256), seed=5)
    checkpoint = folder / "checkpoints" / "best.ckpt"
    first = fit_calibration(checkpoint, settings(other, folder, out=str(tmp_path / "a.json")))
    second = fit_calibration(checkpoint, settings(other, folder, out=str(tmp_path / "b.json")))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "not trained on" in first.file.fitted_on["ground"]
    assert second.file.fits == first.file.fits
    fewer = fit_calibration(checkpoint, settings(other, folder, out=str(tmp_path / "c.json"), pixels=1200))
    assert fewer.file.fitted_on["pixels"] + fewer.file.fitted_on["test_pixels"] <= 1200


def test_ground_that_does_not_serve_is_refused(
    trained: tuple[Path, Path], tmp_path: Path, make_scene: Callable[..., Path]
) -> None:
    folder, scene = trained
    checkpoint = folder / "checkpoints" / "best.ckpt"
    refused: list[tuple[CalibrateSettings, str]] = [
        (settings(make_scene("unlabelled", labels=None), folder), "no labels"),
        (settings(make_scene("tiny", size=(64, 64)), folder), "needs 1,000 in 8"),
        (settings(scene, folder, out=str(tmp_path / "c.txt")), "ends in .json"),
    ]
    renamed = [{"code": 10, "name": "Bare", "colour": "#c8a165"}, {"code": 20, "name": "Trees", "colour": "#2d6a31"}]
    other = make_scene("classes", legend=renamed, labels={"file": "labels.gpkg", "column": "class", "uncovered": "Bare",
                       "crosswalk": {"Water": "Trees"}}, points=None)  # fmt: skip
    refused.append((settings(other, folder), "are not the model's"))
    for asked, said in refused:
        with pytest.raises(LulcsegError, match=said):
            fit_calibration(checkpoint, asked)
    assert not calibration_beside(checkpoint).exists()
    (tmp_path / "moved").mkdir()
    moved = tmp_path / "moved" / "best.ckpt"
    moved.write_bytes(checkpoint.read_bytes())
    with pytest.raises(LulcsegError, match="not in the folder of its run"):
        fit_calibration(moved, settings(scene, folder))


def test_a_run_without_validation_has_no_ground_of_its_own(trained: tuple[Path, Path], tmp_path: Path) -> None:
    _, scene = trained
    folder = run(tmp_path / "run", *QUICK, f"scene={scene}", f"cache={tmp_path}/cache", "stop_after=training",
                 "validation.fraction=0")  # fmt: skip
    with pytest.raises(LulcsegError, match=r"without validation ground.*validation.fraction=0\.2"):
        fit_calibration(folder / "checkpoints/best.ckpt", settings(scene, tmp_path / "run"))


@pytest.mark.parametrize(
    ("words", "said"), [(["scene"], "key=value"), (["scenes=a"], "did you mean 'scene'"), (["method=platt"], "method")]
)
def test_misspelt_settings_are_sentences(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["calibrate", "best.ckpt", *words])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err
