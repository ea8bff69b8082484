"""Where a prediction's maps go: a folder that depends on the models, and never over a map by others."""

from __future__ import annotations

from pathlib import Path

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.files import write_json
from lulcseg.run.map_destination import check_maps_of, map_destination
from lulcseg.run.predict import predict
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.settings.config import PredictConfig

A, B, C = Path("/models/a.ckpt"), Path("/models/b.ckpt"), Path("/models/c.ckpt")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path.resolve()


def folder_of(checkpoints: list[Path], digests: list[str], **settings: object) -> Path:
    config = PredictConfig(checkpoint=[str(path) for path in checkpoints])
    for key, value in settings.items():
        setattr(config, key, value)
    return map_destination(config, checkpoints, digests).path


def test_other_ensembles_have_other_folders_and_the_same_one_its_own(here: Path) -> None:
    first = folder_of([A, B], ["1", "2"])
    assert first.parent == here / "predictions"
    assert first.name.startswith("2_models_")
    assert folder_of([A.with_name("moved.ckpt"), B], ["1", "2"]) == first, "contents count, not paths"
    others = {folder_of([A, C], ["1", "3"]), folder_of([B, A], ["2", "1"]), folder_of([A, B, C], ["1", "2", "3"])}
    assert len(others | {first}) == 4
    assert folder_of([A, B], ["1", "2"], output="maps") == here / "maps"
    assert folder_of([A], ["1"]) == here / "predictions"


def test_a_folder_named_as_a_file_is_refused_before_anything_is_read(here: Path) -> None:
    for name in ("maps/x.tif", "x.GPKG"):
        with pytest.raises(LulcsegError, match=r"output: 'x\.\w+' is the name of a file, and output names a"):
            predict(PredictConfig(checkpoint="none.ckpt", scene="none", output=name))
        with pytest.raises(LulcsegError, match="is the name of a file"):
            folder_of([A], ["1"], output=name)
    assert not list(here.iterdir())
    (here / "x.tif").mkdir()
    assert folder_of([A], ["1"], output="x.tif") == here / "x.tif", "one that is there already"
    assert folder_of([A], ["1"], output="v1.2") == here / "v1.2"


def test_replicates_have_folders_beside_their_value(here: Path) -> None:
    value = here / "trial" / "small"
    value.mkdir(parents=True)
    replicates = {"checkpoint": str(value)}
    assert folder_of([A, B], ["1", "2"], **replicates) == here / "trial" / "small_ensemble"
    others = [folder_of([A, B], ["1", "2"], **replicates, members="others", seed=seed) for seed in (2, 3)]
    assert others == [here / "trial" / "small_others_2", here / "trial" / "small_others_3"]
    assert [RunFolder(path).named_seed for path in others] == [None, None], "they would pass for replicates"


def test_a_models_own_run_takes_its_maps(here: Path) -> None:
    run = RunFolder(here / "run")
    run.checkpoints.mkdir(parents=True)
    RunRecord.of(state="finished").save(run)
    assert folder_of([run.best], ["1"]) == run.path
    assert folder_of([run.best, run.last], ["1", "2"]).parent == here / "predictions"


@pytest.mark.parametrize("made_by", ["1", ["1", "2"]])
def test_a_map_by_other_models_is_not_replaced(here: Path, made_by: str | list[str]) -> None:
    folder = RunFolder(here)
    digests = [made_by] if isinstance(made_by, str) else made_by
    path = folder.map_file("scene_single")
    path.parent.mkdir()
    path.touch()
    properties = {"lulcseg:checkpoint_sha256": made_by, "lulcseg:checkpoint": "/old/a.ckpt"}
    write_json(path.with_suffix(".json"), {"properties": properties})
    check_maps_of(folder, ["scene_single", "scene_multiple"], [A, B], digests)
    for other in (["3"], [*digests, "3"], [*reversed(digests), "3"]):
        said = r"scene_single.tif: it was made by .*/old/a.ckpt.*with output="
        with pytest.raises(LulcsegError, match=said) as error:
            check_maps_of(folder, ["scene_multiple", "scene_single"], [A], other)
        assert str(A) in str(error.value)
    check_maps_of(folder, ["scene_multiple"], [A], ["3"])
    path.unlink()
    check_maps_of(folder, ["scene_single"], [A], ["3"])
