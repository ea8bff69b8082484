"""The tutorial's commands run in order, at a small size, and the notebooks run on what they leave."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lulcseg.cli import main
from tests.support.checkout import ROOT
from tests.support.documents import blocks, commands

jupytext = pytest.importorskip("jupytext")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytestmark = pytest.mark.slow

TUTORIAL = ROOT / "docs" / "tutorial.md"
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.py"))
SMALLER = {
    "1024": "384", "2000": "200", "400": "60", "20": "4", "sampling.patch_size=128": "sampling.patch_size=32",
    "sampling.patches=400": "sampling.patches=96", "model.filters=16": "model.filters=8",
    "trainer.epochs=10": "trainer.epochs=3",
}  # fmt: skip
"""Sizes of the tutorial, and those that its test takes instead."""
FAST = {
    "train": [
        "model.depth=2",
        "optim.learning_rate=0.01",
        "trainer.accelerator=cpu",
        "reading.workers=0",
        "logger=none",
    ],
    "predict": ["accelerator=cpu", "mosaic.workers=0", "show=none"],
}  # fmt: skip


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command as typed, in this process."""
    monkeypatch.setattr(sys, "argv", ["lulcseg", *words])
    main(words)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the tutorial has been followed."""
    folder = tmp_path_factory.mktemp("tutorial")
    typed = iter(commands(TUTORIAL))
    used = set()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("LULCSEG_CACHE", str(folder / "cache"))
        for language, content in blocks(TUTORIAL):
            if language == "python":
                subprocess.run([sys.executable, "-c", content], cwd=folder, check=True)
                continue
            for _ in content.splitlines():
                words = next(typed)
                used |= SMALLER.keys() & set(words)
                words = [SMALLER.get(word, word) for word in words]
                run(words + FAST.get(words[0], []), monkeypatch)
    assert used == SMALLER.keys()
    return folder


def test_the_tutorial_ends_with_an_accuracy_by_design(place: Path) -> None:
    assert (place / "runs" / "plan" / "plan.png").is_file()
    assert (place / "runs" / "tutorial" / "report.html").is_file()
    assert '"design": "stratified"' in (place / "accuracy.json").read_text()
    assert list((place / "runs" / "tutorial" / "maps").glob("synthetic_2015_*.tif"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = jupytext.read(path)
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": place}}
    ).execute()
    shown = "".join(str(output) for cell in notebook.cells for output in cell.get("outputs", []))
    expected = {"read_a_run": "trained on synthetic_2018_training", "assess_a_map": "95 % interval"}
    assert expected[path.stem] in shown
