"""Files made once: several processes at once, makers that are killed, folders that can't be written."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lulcseg.errors import LulcsegError
from lulcseg.scene import cached_files, label_burning
from lulcseg.scene.cached_files import digest_of, make_once
from lulcseg.scene.scene import Scene

Make = Callable[..., Path]
FORK = multiprocessing.get_context("fork")


def note(log: Path) -> None:
    with log.open("a") as file:
        file.write(f"{os.getpid()}\n")


def test_of_several_processes_one_burns(
    make_scene: Make, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, log = Scene.open(str(make_scene(size=(768, 1024))), cache), tmp_path / "log"
    scene.features  # noqa: B018 (read before the race, so that all come to the burn at once)
    burn_blocks, start, found = label_burning._burn_blocks, FORK.Barrier(4), FORK.Queue()

    def burned(*args: Any) -> None:
        note(log)
        burn_blocks(*args)

    def ask() -> None:
        start.wait(30)
        found.put(int(scene.labels.read(scene.grid.window).sum()))  # type: ignore[union-attr]

    monkeypatch.setattr(label_burning, "_burn_blocks", burned)
    processes = [FORK.Process(target=ask) for _ in range(4)]
    for process in processes:
        process.start()
    sums = [found.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    assert len(log.read_text().split()) == 1
    assert set(sums) == {int(scene.labels.read(scene.grid.window).sum())}  # type: ignore[union-attr]
    assert sorted("".join(p.suffixes) for p in (cache / "labels").iterdir()) == [".tif", ".tif.sha256"]


def test_killed_maker_leaves_nothing_and_the_next_one_makes(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "thing.bin"

    def dies(part: Path) -> None:
        part.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)

    process = FORK.Process(target=make_once, args=(path, dies))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert not path.exists()
    assert any(".part" in p.name for p in path.parent.iterdir())
    make_once(path, lambda part: part.write_bytes(b"whole"))  # type: ignore[arg-type, return-value]
    assert path.read_bytes() == b"whole"
    assert set(path.parent.iterdir()) == {path, digest_of(path)}


def write(content: bytes) -> Callable[[Path], None]:
    def make(part: Path) -> None:
        part.write_bytes(content)

    return make


@pytest.mark.parametrize("damage", ["a byte", "cut off", "no digest", "another digest"])
def test_a_damaged_file_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    path = tmp_path / "thing.bin"
    make_once(path, write(b"whole content"))
    make_once(path, write(b"not asked"))
    assert path.read_bytes() == b"whole content"
    if damage == "a byte":
        path.write_bytes(b"whole c0ntent")
    elif damage == "cut off":
        path.write_bytes(b"whole")
    elif damage == "no digest":
        digest_of(path).unlink()
    else:
        digest_of(path).write_text("0" * 64)
    monkeypatch.setattr(cached_files, "_VERIFIED", {})  # another process
    make_once(path, write(b"made anew"))
    assert path.read_bytes() == b"made anew"
    assert f"{path} is damaged" in capsys.readouterr().err


def test_a_byte_that_flips_in_a_label_raster_changes_no_label(
    make_scene: Make, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_scene()
    scene = Scene.open(str(path), cache)
    expected = scene.labels.read(scene.grid.window)  # type: ignore[union-attr]
    (raster,) = (cache / "labels").glob("*.tif")
    content = bytearray(raster.read_bytes())
    content[len(content) // 2] ^= 1
    raster.write_bytes(content)
    monkeypatch.setattr(cached_files, "_VERIFIED", {})
    again = Scene.open(str(path), cache)
    np.testing.assert_array_equal(again.labels.read(again.grid.window), expected)  # type: ignore[union-attr]


def test_what_a_full_disk_swallowed_is_noticed(make_scene: Make, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_back = label_burning._read_back

    def swallowed(path: Path, written: Any) -> None:
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size * 2 // 3)
        read_back(path, written)

    monkeypatch.setattr(label_burning, "_read_back", swallowed)
    scene = Scene.open(str(make_scene(size=(768, 1024))), cache)
    with pytest.raises(LulcsegError, match="can't be read back as it was written; make room"):
        scene.labels  # noqa: B018
    assert list((cache / "labels").iterdir()) == []
    monkeypatch.undo()
    assert (scene.labels.read(scene.grid.window) != 255).any()  # type: ignore[union-attr]


def test_those_who_wait_for_a_killed_maker_go_on(tmp_path: Path) -> None:
    path, log = tmp_path / "thing.bin", tmp_path / "log"
    begun, never = FORK.Event(), FORK.Event()

    def hangs(part: Path) -> None:
        begun.set()
        never.wait(60)

    def makes(part: Path) -> None:
        note(log)
        part.write_bytes(b"whole")

    first = FORK.Process(target=make_once, args=(path, hangs))
    first.start()
    assert begun.wait(30)
    waiting = [FORK.Process(target=make_once, args=(path, makes)) for _ in range(3)]
    for process in waiting:
        process.start()
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    for process in [first, *waiting]:
        process.join(30)
    assert [process.exitcode for process in waiting] == [0, 0, 0]
    assert len(log.read_text().split()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log", "thing.bin", "thing.bin.sha256"]


def test_a_maker_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails(part: Path) -> None:
        part.write_bytes(b"half")
        raise LulcsegError("no")

    with pytest.raises(LulcsegError, match="no"):
        make_once(tmp_path / "cache" / "thing.bin", fails)
    assert list((tmp_path / "cache").iterdir()) == []


def test_cache_that_cannot_be_written_is_named(make_scene: Make, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(LulcsegError, match=r"file.labels: it can't be written .*; set cache="):
        Scene.open(str(make_scene()), blocked).labels  # noqa: B018


def test_burn_in_blocks_equals_one_block(make_scene: Make, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_scene()
    whole = Scene.open(str(path), cache / "one")
    expected = whole.labels.read(whole.grid.window)  # type: ignore[union-attr]
    monkeypatch.setattr(label_burning, "_BLOCK", 32)
    scene = Scene.open(str(path), cache / "two")
    np.testing.assert_array_equal(scene.labels.read(scene.grid.window), expected)  # type: ignore[union-attr]


def test_runs_that_start_together_make_one_landscape(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from lulcseg.scene.spec import read_scene; "
        "read_scene(sys.argv[1], cache=Path(sys.argv[2]))"
    )
    scene = tmp_path / "scene.yaml"
    scene.write_text("name: mine\nsynthetic: {size: 128, seed: 3}\n")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(scene), str(tmp_path / "cache")], stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    told = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], told
    assert sum("Making the synthetic landscape" in text for text in told) == 1
    assert len(list((tmp_path / "cache" / "synthetic").glob("v*"))) == 1
