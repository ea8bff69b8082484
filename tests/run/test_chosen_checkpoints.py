"""Which checkpoints a prediction's settings name: files, lists, the replicates of a trial's value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.files import write_json
from lulcseg.launch.jobs import jobs_from
from lulcseg.run.chosen_checkpoints import chosen_checkpoints, first_run, replicates_folder
from lulcseg.run.fingerprint import predict_fingerprint
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.settings.config import PredictConfig


def chosen(*words: str) -> list[Path]:
    return chosen_checkpoints(settings(*words))


def settings(*words: str) -> Any:
    (job,) = jobs_from("predict", [*words, "scene=any"])
    return job.settings


@pytest.fixture
def value(tmp_path: Path) -> Path:
    """A trial's value with seeds 0, 2 and 10, all trained."""
    folder = tmp_path / "my trial, it's" / "full_training"
    for seed in (10, 0, 2):
        run = RunFolder(folder / f"seed{seed}")
        run.checkpoints.mkdir(parents=True)
        run.best.write_bytes(bytes([seed]))
        RunRecord.of(seed=seed, state="finished", checkpoint="checkpoints/best.ckpt").save(run)
    return folder


def of_seeds(value: Path, *seeds: int) -> list[Path]:
    return [value / f"seed{seed}" / "checkpoints" / "best.ckpt" for seed in seeds]


def test_a_path_or_a_list_of_paths(tmp_path: Path) -> None:
    assert chosen(f"checkpoint={tmp_path}/a.ckpt") == [tmp_path / "a.ckpt"]
    assert chosen(f"checkpoint=[{tmp_path}/b.ckpt,{tmp_path}/a.ckpt]") == [tmp_path / "b.ckpt", tmp_path / "a.ckpt"]
    with pytest.raises(LulcsegError, match="checkpoint is missing"):
        chosen()
    for wrong in ("7", "[]", "[a.ckpt,3]", "{a: b}"):
        with pytest.raises(LulcsegError, match="neither a path nor a list of paths"):
            chosen(f"checkpoint={wrong}")


def test_replicates_of_a_value_in_the_order_of_their_seeds(value: Path) -> None:
    quoted = str(value).replace("'", "\\'")
    trial = str(value.parent).replace("'", "\\'")
    assert chosen(f"checkpoint='{quoted}'") == of_seeds(value, 0, 2, 10)
    assert chosen(f"trial='{trial}'", "value=full_training") == of_seeds(value, 0, 2, 10)
    assert chosen(f"checkpoint='{quoted}'", "members=one", "seed=2") == of_seeds(value, 2)
    assert chosen(f"checkpoint='{quoted}'", "members=others", "seed=2") == of_seeds(value, 0, 10)
    config = settings(f"checkpoint='{quoted}'")
    assert replicates_folder(config) == value
    assert first_run(config).path == value / "seed0"


@pytest.mark.parametrize(
    "words",
    [
        ["trial=runs/x"],
        ["value=x"],
        ["trial=runs/x", "value=x", "checkpoint=a.ckpt"],
        ["-m", "trial=runs/x", "value=a,b"],
    ],
)
def test_trial_and_value_go_together(words: list[str]) -> None:
    with pytest.raises(
        LulcsegError, match=r"doesn't name the replicates of one value; write trial=runs/<trial> value="
    ):
        jobs_from("predict", [*words, "scene=any"])


def test_trial_is_no_short_form_of_training() -> None:
    with pytest.raises(LulcsegError, match="value=x"):
        jobs_from("train", ["value=x"])


def test_replicates_that_are_not_trained_are_named(value: Path) -> None:
    run = RunFolder(value / "seed2")
    RunRecord.of(seed=2, state="interrupted").save(run)
    values = [{"name": "full_training", "level": None}]
    write_json(value.parent / "trial.json", {"format": 1, "values": values, "seeds": [0, 1, 2, 10]})
    config = PredictConfig(checkpoint=str(value))
    with pytest.raises(LulcsegError) as error:
        chosen_checkpoints(config)
    assert "2 of its 4 replicates are not trained to the end: seed 1 (not begun), seed 2 (interrupted)" in str(
        error.value
    )
    assert f"'checkpoint=[{','.join(map(str, of_seeds(value, 0, 10)))}]'" in str(error.value)


def test_folders_and_members_that_name_no_model(value: Path, tmp_path: Path) -> None:
    with pytest.raises(LulcsegError, match=r"no folder of a trial's value.*/full_training"):
        chosen_checkpoints(PredictConfig(checkpoint=str(value.parent)))
    with pytest.raises(LulcsegError, match="no replicate of seed 5"):
        chosen_checkpoints(PredictConfig(checkpoint=str(value), members="others", seed=5))
    with pytest.raises(LulcsegError, match="by their seed"):
        chosen_checkpoints(PredictConfig(checkpoint=str(value), members="others"))
    with pytest.raises(LulcsegError, match="by their seed"):
        chosen_checkpoints(PredictConfig(checkpoint=str(tmp_path / "a.ckpt"), members="one", seed=1))


def test_a_fingerprint_is_of_the_models_contents_not_of_how_they_are_named(value: Path, tmp_path: Path) -> None:
    paths = of_seeds(value, 0, 2, 10)
    by_list = predict_fingerprint(PredictConfig(checkpoint=[str(path) for path in paths]), [])
    assert predict_fingerprint(PredictConfig(checkpoint=str(value)), []) == by_list
    assert predict_fingerprint(PredictConfig(checkpoint=[str(path) for path in paths[:2]]), []) != by_list
    one = predict_fingerprint(PredictConfig(checkpoint=str(paths[0])), [])
    assert predict_fingerprint(PredictConfig(checkpoint=[str(paths[0])]), []) == one
    assert (
        predict_fingerprint(PredictConfig(checkpoint=str(value), members="one", seed=0), []) != one
    )  # the seed counts


def test_a_value_or_a_trial_that_does_not_exist_is_named_with_those_that_do(value: Path) -> None:
    trial = str(value.parent).replace("'", "\\'")
    with pytest.raises(LulcsegError, match=r"the trial has no value 'nope'; use one of: full_training") as error:
        chosen(f"trial='{trial}'", "value=nope")
    assert str(value.parent) in str(error.value)
    with pytest.raises(LulcsegError, match=r"no value 'full_trainin'; did you mean 'full_training'"):
        chosen_checkpoints(PredictConfig(checkpoint=str(value.with_name("full_trainin"))))
    with pytest.raises(LulcsegError, match=r"my trial, it with a value 'full_training'; did you mean 'my trial, it's'"):
        chosen_checkpoints(PredictConfig(checkpoint=str(value.parents[1] / "my trial, it" / "full_training")))
    with pytest.raises(LulcsegError, match=r"neither a checkpoint .*; give the path of a .ckpt, or runs/<trial>"):
        chosen_checkpoints(PredictConfig(checkpoint=str(value / "seed0" / "checkpoints" / "nowhere" / "x")))
