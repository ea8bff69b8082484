"""``lulcseg map status``: what the folder of a map in progress tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from lulcseg.cli import main
from lulcseg.mosaic.map_progress import progress_of
from lulcseg.mosaic.share_workers import WorkerNote, file_system_time


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """A map of ten strips, three of them done: two jobs at work, one of them long dead."""
    part = tmp_path / "maps" / ".scene_multiple.tif.0123456789ab.part"
    shares = part / "shares"
    shares.mkdir(parents=True)
    (part / "manifest.json").write_text(json.dumps({"part": [0, 0, 100, 50], "strip_rows": 10}))
    now = file_system_time(part)
    note = replace(WorkerNote.of_this_process("cpu (AVX512)"), since=now - 120)
    elsewhere = replace(note, host="node7", pid=123, machine="node7", since=now - 900)
    (shares / "worker_here.json").write_text(json.dumps(asdict(note)))
    (shares / "worker_there.json").write_text(json.dumps(asdict(elsewhere)))
    os.utime(shares / "worker_there.json", (now - 600, now - 600))
    for number, by in ((0, "there"), (1, "here"), (2, "here")):
        (part / f"strip_{number:05d}.json").write_text(json.dumps({"by": by}))
    for work, owner in (("strip_00000.0", "there"), ("strip_00001.0", "there"), ("strip_00001.1", "here")):
        (shares / f"{work}.claim").write_text(owner)
    for work, owner in (("strip_00003.0", "here"), ("strip_00005.0", "there"), ("strip_00006.0", "there")):
        (shares / f"{work}.claim").write_text(owner)
    return tmp_path


@pytest.mark.parametrize("place", [".", "maps", "maps/scene_multiple.tif"])
def test_a_map_is_found_by_its_name_or_its_folders(unfinished: Path, place: str) -> None:
    (found,) = progress_of(unfinished / place)
    assert found.target == unfinished / "maps" / "scene_multiple.tif"
    assert (found.done, found.total) == (3, 10)
    assert {w.name: w.state for w in found.workers} == {"there": "dead", "here": "working"}
    assert found.strips == {"there": 1, "here": 2}
    assert {name: sorted(numbers) for name, numbers in found.in_work.items()} == {"there": [5, 6], "here": [3]}
    assert found.rate == pytest.approx(2 / 120, rel=0.05), "the dead make nothing"
    assert found.seconds_left == pytest.approx(7 * 60, rel=0.05)


def test_the_table_names_jobs_and_what_the_dead_left(
    unfinished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    main(["map", "status", str(unfinished / "maps")])
    said = capsys.readouterr().out
    assert "scene_multiple.tif: 3 of 10 strips done, 1 a minute, 7 min left" in said
    assert f":{os.getpid()}" in said
    (dead,) = [line for line in said.splitlines() if "node7:123" in line]
    assert dead.split()[-7:] == ["dead,", "silent", "for", "10", "min", "1", "·"]
    assert "2 strips were claimed by jobs that are gone; others take them." in said
    assert "No job is at work" not in said
    (unfinished / "maps" / ".scene_multiple.tif.0123456789ab.part" / "shares" / "worker_here.json").unlink()
    main(["map", "status", str(unfinished / "maps")])
    said = capsys.readouterr().out
    assert "No job is at work: the same command goes on with the rest." in said
    assert "3 strips were claimed by jobs that are gone.\n" in said, "there are no others to take them"


def test_finished_maps_and_other_places_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "map.tif").touch()
    (tmp_path / "map.json").write_text(json.dumps({"properties": {"lulcseg:fingerprint": "0"}}))
    main(["map", "status", str(tmp_path / "map.tif")])
    assert "map.tif: finished, 20" in capsys.readouterr().out
    (tmp_path / "half.tif").touch()  # no map of ours: nothing beside it
    (tmp_path / "imagery.tif").touch()
    (tmp_path / "imagery.json").write_text(json.dumps({"properties": {"gsd": 0.5}}))
    main(["map", "status", str(tmp_path)])
    assert "map.tif: finished" in (shown := capsys.readouterr().out)
    assert "half.tif" not in shown
    assert "imagery.tif" not in shown
    (tmp_path / "empty").mkdir()
    for name, part in (
        ("other.tif", "there is nothing of this name"),
        ("half.tif", "no map is there, nor one in progress"),
        ("imagery.tif", "no map is there, nor one in progress"),
        ("empty", "no map is there, nor one in progress"),
    ):
        with pytest.raises(SystemExit) as left:
            main(["map", "status", str(tmp_path / name)])
        assert left.value.code == 2
        assert f"{part}; give a map, a folder of maps" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", '{"format": 99}', '{"part": [1], "strip_rows": 4}', "[]"])
def test_a_map_of_another_version_is_a_sentence(
    unfinished: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (manifest,) = unfinished.glob("maps/.*.part/manifest.json")
    manifest.write_text(content)
    with pytest.raises(SystemExit) as left:
        main(["map", "status", str(unfinished)])
    assert left.value.code == 2
    assert "manifest.json: it can't be read, or is of another version" in " ".join(capsys.readouterr().err.split())


def test_it_needs_no_torch() -> None:
    code = "import sys, lulcseg.commands.map_status, lulcseg.mosaic.map_progress; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
