"""Claims without locks, and signs of life whatever the clocks say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict

import pytest

from lulcseg.files import create_once
from lulcseg.mosaic.share_claims import ShareClaims, claims_in
from lulcseg.mosaic.share_workers import BEAT, SILENCE, Pulse, ShareWorker, WorkerNote, survey_workers
from lulcseg.mosaic.strips import free_run


def raced(count, act):
    """What threads that begin at once make of the same."""
    ready, found = threading.Barrier(count), [None] * count

    def run(number):
        ready.wait()
        found[number] = act(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("links", [True, False])
def test_one_of_many_creates_a_file(tmp_path, monkeypatch, links):
    if not links:

        def refuse(*_):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
    for attempt in range(20):
        path = tmp_path / f"claim{attempt}"
        found = raced(8, lambda number, path=path: create_once(path, f"job {number}"))
        assert found.count(True) == 1
        assert path.read_text() == f"job {found.index(True)}"
    assert len(list(tmp_path.iterdir())) == 20, "drafts are left"


def test_a_lost_answer_of_the_server_is_no_loss(tmp_path, monkeypatch):
    own = os.link

    def repeated(source, target):
        own(source, target)
        raise FileExistsError

    monkeypatch.setattr(os, "link", repeated)
    assert create_once(tmp_path / "claim", "mine")


def test_of_those_who_find_a_job_dead_one_takes_its_work(tmp_path):
    living = ["dead", *(f"job{n}" for n in range(12))]

    def take(job):
        return ShareClaims(tmp_path, job, living.__contains__, lambda _: False).take("strip_00003")

    owner = "dead"
    assert take(owner)
    while len(living) > 2:
        others = [job for job in living if job != owner]
        assert raced(len(others), lambda n, others=others: take(others[n])) == [False] * len(others)
        assert take(owner), "one's own claim holds"
        living.remove(owner)
        found = raced(len(others), lambda n, others=others: take(others[n]))
        assert found.count(True) == 1
        owner = others[found.index(True)]
        assert claims_in(tmp_path)["strip_00003"].owner == owner


def test_a_claim_without_a_name_counts_while_it_is_new(tmp_path):
    (tmp_path / "join.0.claim").touch()
    new = ShareClaims(tmp_path, "me", lambda _: False, lambda _: True)
    old = ShareClaims(tmp_path, "me", lambda _: False, lambda _: False)
    assert not new.take("join")
    assert old.take("join")


@pytest.mark.parametrize("ahead", [-7200.0, 0.0, 7200.0])
def test_no_difference_of_clocks_kills_or_revives(tmp_path, ahead):
    """The file's times are another machine's, which is hours ahead or behind."""
    path = tmp_path / "worker"
    path.touch()
    time = [1000.0]

    def touch():
        os.utime(path, (time[0] + ahead,) * 2)

    pulse = Pulse(lambda: time[0], lambda: time[0])
    for _ in range(100):
        touch()
        assert pulse.beats(path)
        time[0] += BEAT
    time[0] += SILENCE
    assert not pulse.beats(path)
    touch()
    assert pulse.beats(path)


def test_yesterdays_jobs_are_found_dead_soon(tmp_path):
    path = tmp_path / "worker"
    path.touch()
    os.utime(path, (0, 0))
    time = [86_400.0]
    pulse = Pulse(lambda: time[0], lambda: time[0])
    assert pulse.beats(path)
    time[0] += 3 * BEAT
    assert not pulse.beats(path)
    path.unlink()
    assert not pulse.beats(path)


def test_jobs_know_who_is_alive(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    here = WorkerNote.of_this_process("cpu")
    with ShareWorker(tmp_path / "shares", here) as first, ShareWorker(tmp_path / "shares", here) as second:
        assert first.name != second.name
        assert second.is_alive(first.name)
        assert [note.pid for note in second.others()] == [os.getpid()]
        theirs = {**asdict(here), "pid": child.pid, "since": 1.0}
        (tmp_path / "shares" / "worker_child.json").write_text(json.dumps(theirs))
        assert second.is_alive("child")
        child.kill()
        child.wait()
        assert not second.is_alive("child")
        (tmp_path / "shares" / "worker_child.json").write_text(json.dumps({**theirs, "machine": "elsewhere"}))
        assert second.is_alive("child"), "process ids of another machine say nothing"
        first.__exit__(None, None, None)
        assert not second.is_alive(first.name)
        states = {w.name: w.state for w in survey_workers(tmp_path / "shares", second.now())}
        assert states == {first.name: "left", second.name: "working", "child": "working"}
        later = survey_workers(tmp_path / "shares", second.now() + 2 * SILENCE)
        assert {w.name: w.state for w in later} == {first.name: "left", second.name: "dead", "child": "dead"}


@pytest.mark.parametrize("shares", [1, 2, 3, 8, 40])
@pytest.mark.parametrize("speeds", [[1.0], [1.0, 1.0], [1.0, 0.3, 2.0], [0.1, 1, 1, 1, 1, 1, 1, 5]])
def test_all_strips_are_made_once_whatever_the_jobs_speeds(shares, speeds):
    """A simulation of jobs that take strip after strip downwards."""
    total = 37
    owner = [None] * total
    done = [False] * total
    at = [(0.0, job, None) for job in range(len(speeds))]
    begun = 0
    while at:
        at.sort(key=lambda entry: entry[0])
        time, job, strip = at.pop(0)
        if strip is not None:
            done[strip] = True
        if strip is not None and strip + 1 < total and owner[strip + 1] is None:
            following = strip + 1
        else:
            busy = [o is not None and not d for o, d in zip(owner, done, strict=True)]
            run = free_run([o is None for o in owner], busy, shares)
            if not run:
                continue
            following = run[0]
            begun += 1
        assert owner[following] is None
        owner[following] = job
        at.append((time + 1 / speeds[job], job, following))
    assert all(done)
    if len(speeds) == 1:
        assert begun == 1, "a single job begins once"
    if len(set(speeds)) == 1 and shares == len(speeds):
        assert begun <= len(speeds) + 1, "equal jobs make their shares"
