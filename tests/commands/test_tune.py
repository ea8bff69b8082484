"""``lulcseg tune``: a small table, kept and written, and refusals in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lulcseg.cli import main
from lulcseg.training import measured_speed

SMALL = ["model.filters=2", "model.depth=1", "sampling.patch_size=16"]


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LULCSEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(measured_speed, "_SECONDS", 0.01)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)


def test_it_shows_keeps_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "times.json"
    main(["tune", *SMALL, "--out", str(out)])
    first = capsys.readouterr().out
    assert "unet, 3 bands, patches of 16²: training steps" in first
    assert "forward passes of maps" in first
    assert first.count("Kept in") == 2
    assert "precision=auto: " in first
    assert "trainer=tuned: " in first
    assert not (tmp_path / "cache" / "synthetic").exists(), "no landscape is made to measure on"
    times = json.loads(out.read_text())
    assert [len(times[use]["formats"]) for use in ("training", "mapping")] == [4, 2]
    assert all(Path(times[use]["kept"]).is_file() for use in times)
    main(["tune", *SMALL])
    again = capsys.readouterr().out
    assert again.count("Measured earlier, and kept in") == 2
    assert f"{times['training']['formats'][0]['ms']:,.1f}" in again
    kept = Path(times["training"]["kept"])
    kept.write_text(kept.read_text().replace('"ms"', '"old": 1, "ms"'))
    main(["tune", *SMALL, "--again"])
    assert "old" not in kept.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "times.txt"], "times are written as a JSON file"),
        (["--out", "nowhere/times.json"], "into a folder that is there"),
        (["model.filters=8,16"], "filters"),
        (["model.filtres=8"], "filtres"),
        (["trainer=gpu"], "this machine has no gpu"),
    ],
)
def test_bad_requests_are_sentences(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as left:
        main(["tune", *words])
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_a_gpu_is_not_measured(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(SystemExit):
        main(["tune", *SMALL])
    assert "it measures processors" in capsys.readouterr().err


def test_a_cache_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LULCSEG_CACHE", str(tmp_path / "file"))
    main(["tune", *SMALL])
    assert capsys.readouterr().out.count("can't be written; each run measures for itself") == 2
