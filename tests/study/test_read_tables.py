"""Results and questions that aren't whole, or can't be, are refused in a sentence, and nothing is written from them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lulcseg.cli import main
from lulcseg.study.effects import effects
from lulcseg.study.questions import read_questions
from lulcseg.study.read_tables import read_classes, read_maps

VIEWS = "views:\n" + "".join(
    f"  {name}: {{scene: mini2018, ground: training, title: {name}}}\n" for name in ("own", "held", "date")
)
QUESTION = "  - {id: A1, asks: Is it better, primary: held, first: [trial/off], second: [trial/on]}\n"


def _maps(landscapes: int = 3) -> pd.DataFrame:
    return pd.DataFrame([
        {
            "trial": "trial", "value": value, "level": None, "seed": seed, "landscape": f"v3_seed{seed}",
            "scene": "mini2018", "mosaic": "single", "ground": "training", "against": "truth",
            "kappa": kappa + seed / 50,
            "overall_accuracy": 0.6, "mean_f1": 0.5, "mean_users": 0.5, "mean_producers": 0.5,
            "training_seconds": 60.0, "map_seconds": 5.0, "steps": 820, "plan": "0a",
        }
        for seed in range(landscapes)
        for value, kappa in (("off", 0.5), ("on", 0.6 + seed**2 / 500))
    ])  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study of three landscapes and one question."""
    maps = _maps()
    maps.to_csv(tmp_path / "results.csv", index=False)
    classes = maps.drop(columns=["kappa", "mean_f1", "mean_users", "mean_producers", "overall_accuracy"])
    classes = classes.assign(**{"class": "Vineyards"}, f1=0.5, users=None, producers=0.4, n=5)
    (tmp_path / "classes.csv.gz").write_bytes(gzip.compress(classes.to_csv(index=False).encode()))
    (tmp_path / "questions.yaml").write_text(f"{VIEWS}questions:\n{QUESTION}")
    return tmp_path


def test_a_whole_study_is_written(folder: Path) -> None:
    main(["study", "tables", str(folder)])
    assert {"effects.csv", "tables.md", "effects.png"} <= {path.name for path in folder.iterdir()}
    assert pd.read_csv(folder / "effects.csv")["row"].tolist() == ["A1.own", "A1.held", "A1.date"]


def _column(name: str, value: Any) -> Any:
    return lambda maps: maps.assign(**{name: [value, *maps[name].iloc[1:]]}).to_csv(index=False)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda maps: "", "it is no table"),
        (lambda maps: maps.head(0).to_csv(index=False), "it has no rows"),
        (lambda maps: maps.to_csv(index=False)[:-30], "it ends within a line"),
        (lambda maps: maps.drop(columns="kappa").to_csv(index=False), "it has no column kappa"),
        (lambda maps: pd.concat([maps, maps.head(1)]).to_csv(index=False), "line 8: trial/off has seed 0 twice"),
        (_column("kappa", "x"), "line 2: kappa is 'x'"),
        (_column("kappa", 5), "line 2: kappa is 5, which no kappa can be"),
        (_column("kappa", None), "kappa of trial/off, seed 0, mini2018, training, is NaN"),
        (_column("mean_f1", -0.1), "line 2: mean_f1 is -0.1"),
        (_column("seed", None), "line 2 has no seed"),
        (_column("seed", "x"), "line 2: seed is 'x'"),
        (_column("ground", None), "line 2 has no ground"),
    ],
)
def test_results_that_cannot_be_are_refused(
    change: Any, part: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "results.csv").write_text(change(_maps()))
    before = sorted(folder.iterdir())
    with pytest.raises(SystemExit) as stopped:
        main(["study", "tables", str(folder)])
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert part in told
    assert "results.csv" in told
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("damage", [lambda raw: raw[:-20], lambda raw: b"", lambda raw: b"class"])
def test_a_damaged_table_of_classes_is_refused(damage: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = folder / "classes.csv.gz"
    table.write_bytes(damage(table.read_bytes()))
    with pytest.raises(SystemExit) as stopped:
        main(["study", "tables", str(folder)])
    assert stopped.value.code == 2
    assert "classes.csv.gz" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("id: A1", "id: a 1", "question 1 has the id 'a 1'"),
        ("[trial/off]", "[trial]", "names the arm 'trial'"),
        ("[trial/off]", "[]", "has too few arms"),
        (", second: [trial/on]", "", "has too few arms"),
        ("primary: held", "primary: held, metric: kapa", "asks about 'kapa'"),
        ("primary: held", "primary: held, metric: f1", "asks about 'f1'"),
        ("primary: held", "primary: held, metric: f1, classes: [Vinyards]", "no map was scored for class 'Vinyards'"),
        ("  own:", "  mine:", "it has no view own"),
        ("ground: training", "ground: trainng", "trainng"),
        ("trial/on", "trial/om", "none of its questions has runs of all its arms"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused(
    old: str, new: str, part: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = folder / "questions.yaml"
    asked.write_text(asked.read_text().replace(old, new, 1))
    before = sorted(folder.iterdir())
    with pytest.raises(SystemExit) as stopped:
        main(["study", "tables", str(folder)])
    assert stopped.value.code == 2
    assert part in capsys.readouterr().err
    assert sorted(folder.iterdir()) == before


def test_classes_without_an_arm_that_the_maps_have_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = folder / "questions.yaml"
    asked.write_text(asked.read_text().replace("primary: held", "primary: held, metric: f1, classes: [Vineyards]"))
    main(["study", "tables", str(folder)])
    classes = pd.read_csv(folder / "classes.csv.gz")
    classes[classes["value"] != "on"].to_csv(folder / "classes.csv.gz", index=False)
    with pytest.raises(SystemExit, match="2"):
        main(["study", "tables", str(folder)])
    assert "it has no rows of trial/on, which results.csv has" in capsys.readouterr().err


def test_where_a_file_cannot_be_replaced_none_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["study", "tables", str(folder)])
    for name in ("effects.csv", "tables.md"):
        (folder / name).write_text("before")
    (folder / "effects.png").unlink()
    (folder / "effects.png").mkdir()
    with pytest.raises(SystemExit, match="2"):
        main(["study", "tables", str(folder)])
    assert "effects.png: it is a folder" in capsys.readouterr().err
    assert {(folder / name).read_text() for name in ("effects.csv", "tables.md")} == {"before"}


def test_two_landscapes_tell_nothing(folder: Path) -> None:
    maps = _maps(landscapes=2).assign(kappa=[0.5, 0.6, 0.5, 0.6001])
    maps.to_csv(folder / "results.csv", index=False)
    whole = read_maps(folder / "results.csv")
    found = effects(read_questions(folder / "questions.yaml"), whole, read_classes(folder / "classes.csv.gz"))
    assert (found["p"] < 0.05).all()
    assert set(found["verdict"]) == {"can't be told"}
