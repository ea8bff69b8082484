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
from lulcseg.scene import labels as scene_labels
from lulcseg.scene.cached_files import make_once
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
    burn_blocks, start, found = scene_labels._burn_blocks, FORK.Barrier(4), FORK.Queue()

    def burned(*args: Any) -> None:
        note(log)
        burn_blocks(*args)

    def ask() -> None:
        start.wait(30)
        found.put(int(scene.labels.read(scene.grid.window).sum()))  # type: ignore[union-attr]

    monkeypatch.setattr(scene_labels, "_burn_blocks", burned)
    processes = [FORK.Process(target=ask) for _ in range(4)]
    for process in processes:
        process.start()
    sums = [found.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    assert len(log.read_text().split()) == 1
    assert set(sums) == {int(scene.labels.read(scene.grid.window).sum())}  # type: ignore[union-attr]
    (made,) = (cache / "labels").iterdir()
    assert made.suffix == ".tif"


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
    assert list(path.parent.iterdir()) == [path]


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
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log", "thing.bin"]


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
    monkeypatch.setattr(scene_labels, "_BLOCK", 32)
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
