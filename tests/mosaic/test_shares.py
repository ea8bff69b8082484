"""Maps by several processes: the pixels of one, whatever dies, and nothing done twice."""

from __future__ import annotations

import errno
import json
import os

import pytest
from filelock import FileLock

from lulcseg.errors import LulcsegError
from lulcseg.mosaic.map_progress import maps_in_progress, progress_of
from lulcseg.mosaic.map_share import MapShare
from lulcseg.mosaic.strip_store import StripStore
from tests.support.mosaics import NormalisedUNet, map_reader, pixels_of, request_of, share_reader
from tests.support.pass_plans import MULTIPLE
from tests.support.share_jobs import REQUEST, reader, start

STRIPS = 9


pytestmark = pytest.mark.usefixtures("one_thread")


def alone(folder, **changed):
    return map_reader(folder, NormalisedUNet(), reader(), MULTIPLE, **{**REQUEST, **changed})


def share(folder, **changed):
    return share_reader(folder, NormalisedUNet(), reader(), MULTIPLE, **{**REQUEST, **changed})


@pytest.fixture(scope="module")
def whole(tmp_path_factory, one_thread):
    folder = tmp_path_factory.mktemp("whole")
    return alone(folder), pixels_of(folder)


@pytest.fixture
def folder(tmp_path):
    """A folder whose scene exists, so that processes don't write it at the same time."""
    request_of(tmp_path, NormalisedUNet(), reader(), MULTIPLE, **REQUEST)
    return tmp_path


def hidden(folder) -> list[str]:
    return [path.name for path in (folder / "maps").iterdir() if path.name.startswith(".")]


def noted(folder) -> dict[int, str]:
    """Which strips of the unfinished map are done, by whom."""
    (part,) = (folder / "maps").glob(".*.part")
    notes = {path: json.loads(path.read_text()) for path in part.glob("strip_*.json")}
    return {int(path.stem[-5:]): note["by"] for path, note in notes.items()}


def test_one_job_of_many_makes_the_whole_map(folder, whole, capsys):
    result = share(folder, shares=4)
    assert pixels_of(folder) == whole[1]
    assert (result.patches, result.samples, result.strips) == (whole[0].patches, whole[0].samples, STRIPS)
    assert result.strips_resumed == 0
    assert hidden(folder) == []
    assert share(folder, shares=4) is None, "a job that starts late makes the map again"
    assert "map.tif is made already, by the same models, imagery and settings" in capsys.readouterr().out
    assert hidden(folder) == []


def test_jobs_divide_the_strips_and_one_joins(folder, whole):
    first = start(folder, "batch", "pause", count=8)
    first.wait()
    second = start(folder, "wait", "pause")
    second.wait()  # it has made all that was free
    before = noted(folder)
    assert before[0] != before[8]
    assert {n for n, by in before.items() if by == before[8]} >= {4, 5, 6, 7, 8}, "the second begins at its own share"
    (progress,) = maps_in_progress(folder)
    assert (progress.total, progress.done) == (STRIPS, len(before))
    assert [worker.state for worker in progress.workers] == ["working", "working"]
    assert sorted(n for numbers in progress.in_work.values() for n in numbers) == sorted(set(range(9)) - set(before))
    for job in (first, second):
        job.go_on()
    told = [job.finish() for job in (first, second)]
    assert [kind for kind, _ in told].count("joined") == 1
    assert pixels_of(folder) == whole[1]
    assert hidden(folder) == []


@pytest.mark.parametrize("count", [1, 3])
def test_strips_of_a_killed_job_are_made_by_the_others(folder, whole, count):
    killed = start(folder, "strip", "kill", count=count)
    assert killed.finish()[0] == "killed"
    by_the_dead = noted(folder)
    assert len(by_the_dead) == count - 1
    (progress,) = progress_of(folder)
    assert [worker.state for worker in progress.workers] == ["dead"]
    assert progress.in_work, "it claimed nothing"
    second = start(folder, "join", "pause")
    second.wait()
    after = noted(folder)
    assert len(after) == STRIPS
    assert by_the_dead.items() <= after.items(), "what was done is done again"
    second.go_on()
    kind, work = second.finish()
    assert (kind, work[2]) == ("joined", STRIPS)
    assert pixels_of(folder) == whole[1]


@pytest.mark.parametrize("at", ["join", "published"])
def test_a_killed_joiner_is_replaced_by_the_job_that_waits(folder, whole, at):
    joiner = start(folder, at, "pause")
    joiner.wait()
    substitute = start(folder, "wait", "pause")
    substitute.wait()
    spare = start(folder)
    assert spare.finish() == ("left", None), "a third waits too"
    os.kill(joiner.process.pid, 9)
    assert joiner.finish()[0] == "killed"
    assert hidden(folder), "the strips are gone before the map counts as made"
    substitute.go_on()
    assert substitute.finish()[0] == "joined"
    assert pixels_of(folder) == whole[1]
    assert hidden(folder) == []


def test_a_killed_joiner_is_replaced_by_a_repeated_command(folder, whole):
    assert start(folder, "join", "kill").finish()[0] == "killed"
    assert not list((folder / "maps").glob("*.tif"))
    assert share(folder).strips == STRIPS
    assert pixels_of(folder) == whole[1]


def test_a_full_disk_ends_one_job_and_the_others_go_on(folder, whole):
    kind, sentence = start(folder, "write", "full", count=7).finish()
    assert kind == "failed"
    assert "can't be written (" in sentence
    assert "space left on the disk" in sentence
    before = noted(folder)
    assert share(folder).strips == STRIPS
    assert set(before) == {0, 1}
    assert pixels_of(folder) == whole[1]


def test_folders_without_locks_do(folder, whole, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "_acquire", refuse)
    paused = start(folder, "batch", "pause", count=8)
    paused.wait()
    with pytest.raises(LulcsegError, match=r"of the jobs of mosaic\.shares are making this map"):
        alone(folder)
    paused.go_on()
    assert paused.finish()[0] == "joined"
    assert pixels_of(folder) == whole[1]
    assert share(folder, shares=3, batch=4).strips == STRIPS


def test_jobs_without_hard_links_do(folder, whole, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert share(folder).strips == STRIPS
    assert pixels_of(folder) == whole[1]


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"checkpoint": b"other"}, "checkpoint"), ({"batch": 4}, "batch"), ({"outputs": []}, "products")],
)
def test_a_job_that_sees_other_files_or_settings_is_refused(folder, whole, changed, named):
    paused = start(folder, "batch", "pause", count=8)
    paused.wait()
    checkpoint = (folder / "model.ckpt").read_bytes()
    with pytest.raises(LulcsegError, match=rf"this job's {named} differs from that of those making this map \("):
        share(folder, **changed)
    assert len(hidden(folder)) == 1, "its own folder is left"
    (folder / "model.ckpt").write_bytes(checkpoint)
    paused.go_on()
    assert paused.finish()[0] == "joined"
    assert pixels_of(folder) == whole[1]


def test_imagery_of_another_time_is_refused(folder):
    paused = start(folder, "batch", "pause", count=8)
    paused.wait()
    os.utime(folder / "scene" / "image.tif", (1, 1))
    with pytest.raises(LulcsegError, match="this job's imagery differs from that of those"):
        share(folder)
    paused.go_on()
    kind, sentence = paused.finish()
    assert kind == "failed"
    assert "the imagery changed while it was mapped" in sentence


def test_strips_and_threads_are_those_that_the_map_was_begun_with(folder, whole, capsys):
    assert start(folder, "strip", "kill", count=3).finish()[0] == "killed"
    assert share(folder, strip=64, shares=3).strips == STRIPS
    assert "rows, and keeps them: mosaic.strip=64 is not used." in capsys.readouterr().out
    assert pixels_of(folder) == whole[1]


def test_a_process_alone_and_several_keep_out_of_each_others_way(folder, whole, monkeypatch):
    own = StripStore.mark_done

    def meanwhile(self, *arguments):
        monkeypatch.undo()
        with pytest.raises(LulcsegError, match="another process is making this map"):
            share(folder)
        own(self, *arguments)

    monkeypatch.setattr(StripStore, "mark_done", meanwhile)
    alone(folder)
    assert pixels_of(folder) == whole[1]
    (folder / "maps" / "map.tif").unlink()
    paused = start(folder, "batch", "pause", count=8)
    paused.wait()
    with pytest.raises(LulcsegError, match=r"1 of the jobs of mosaic\.shares are making this map \(.*:\d+\)"):
        alone(folder)
    paused.go_on()
    assert paused.finish()[0] == "joined"


def test_a_process_alone_goes_on_with_what_several_left(folder, whole):
    assert start(folder, "strip", "kill", count=4).finish()[0] == "killed"
    assert alone(folder).strips_resumed == 3
    assert pixels_of(folder) == whole[1]
    assert hidden(folder) == []


def test_damaged_strips_are_made_again_by_the_joiner(folder, whole):
    joiner = start(folder, "join", "kill")
    assert joiner.finish()[0] == "killed"
    (part,) = (folder / "maps").glob(".*.part")
    strip = part / "classes_00004.tif"
    strip.write_bytes(strip.read_bytes()[:-50])
    assert share(folder).strips == STRIPS
    assert pixels_of(folder) == whole[1]


def test_a_folder_that_is_removed_meanwhile_ends_the_job(folder, monkeypatch):
    def remove(self):
        self.store.discard()
        return []

    monkeypatch.setattr(MapShare, "next_run", remove)
    with pytest.raises(LulcsegError, match="the folder of the unfinished map was removed; give the same command again"):
        share(folder)
