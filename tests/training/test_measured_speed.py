"""What a processor computes fastest in: measured, kept, and decided by what is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lulcseg.settings.model import ModelSettings
from lulcseg.training import kept_speed, measured_speed, precision
from lulcseg.training.kept_speed import TUNED, keep_measurement, kept_measurement, place_of
from lulcseg.training.measured_speed import Computing, Measured, Measurement, Work, measure, using_threads
from lulcseg.training.precision import ChosenComputing, choose_computing
from lulcseg.training.processor import processor_kind

WORK = Work(ModelSettings(filters=2, depth=1), bands=3, patch=16)
BF16, FLOAT32 = "bf16-mixed", "32-true"
AMX, AVX512, NEITHER = {"amx_bf16": True, "avx512_bf16": True}, {"amx_bf16": False, "avx512_bf16": True}, {}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LULCSEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def measurement(bf16: float = 0.5, contiguous: float = 1.3, threads: Sequence[tuple[int, float]] = ()) -> Measurement:
    """Return the times of formats, of contiguous layout so much slower, and of numbers of threads."""
    formats = tuple(
        Measured(Computing(kind, layout, 1), 10.0, ratio * (1.0 if layout else contiguous))
        for layout in (True, False)
        for kind, ratio in ((FLOAT32, 1.0), (BF16, bf16))
    )
    best = Measurement(formats).fastest_format().computing
    return Measurement(formats, tuple(Measured(replace(best, threads=n), 5.0, ratio) for n, ratio in threads))


def measures(monkeypatch: pytest.MonkeyPatch, found: Measurement, has: dict[str, bool] = AVX512) -> list[Work]:
    """Let a measurement give something, and return the works that are measured from now on."""
    calls: list[Work] = []

    def pretended(work: Work, progress: Any = None) -> Measurement:
        calls.append(work)
        return found

    monkeypatch.setattr(precision, "measure", pretended)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    return calls


@pytest.mark.parametrize(("bf16", "expected"), [(0.5, BF16), (0.96, FLOAT32), (1.3, FLOAT32)])
def test_only_what_clearly_saves_time_is_chosen(bf16: float, expected: str) -> None:
    found = measurement(bf16)
    assert found.fastest_format().computing.precision == expected
    assert found.fastest_format().ratio <= 1


def test_the_fastest_of_what_is_left_open_is_chosen() -> None:
    found = measurement(0.9, contiguous=0.5, threads=[(4, 0.3), (1, 0.45), (2, 0.29)])
    assert found.fastest_format().computing == Computing(BF16, False, 1)
    assert found.fastest_format(channels_last=True).computing == Computing(BF16, True, 1)
    assert found.fastest_format(precision=FLOAT32).computing == Computing(FLOAT32, False, 1)
    assert found.fastest_format(precision="16-mixed").computing == found.fastest_format().computing
    assert found.fastest.computing.threads == 4, "PyTorch's own number, which 2 threads beat by less than noise"
    assert measurement(threads=[(4, 0.3), (2, 0.2)]).fastest.computing.threads == 2
    assert measurement().fastest == measurement().fastest_format()


@pytest.mark.parametrize(
    ("has", "bf16", "measured", "expected"),
    [
        (AMX, 2.0, False, BF16), (AVX512, 0.5, True, BF16), (AVX512, 1.5, True, FLOAT32),
        (NEITHER, 0.5, False, FLOAT32),
    ],
)  # fmt: skip
def test_auto_measures_only_where_the_device_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], bf16: float, measured: bool, expected: str
) -> None:
    calls = measures(monkeypatch, measurement(bf16), has)
    chosen = choose_computing("auto", "cpu", WORK)
    assert chosen == ChosenComputing(expected, True, None, "measurement" if measured else "device")
    assert calls == [WORK] * measured
    assert choose_computing("16-mixed", "cpu", WORK).precision == "16-mixed"
    assert choose_computing("32-true", "cpu", WORK).decided_by == "settings"


def test_what_was_kept_decides_over_the_device_and_for_its_work_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    measures(monkeypatch, measurement(), AMX)
    keep_measurement(WORK, measurement(1.4))
    assert choose_computing("auto", "cpu", WORK) == ChosenComputing(FLOAT32, True, None, "measurement")
    others = [replace(WORK, patch=32), replace(WORK, bands=4), replace(WORK, training=False)]
    others.append(replace(WORK, model=ModelSettings(filters=4, depth=1)))
    for other in others:
        assert choose_computing("auto", "cpu", other).decided_by == "device"
    alike = replace(WORK, classes=2, model=replace(WORK.model, encoder_weights="imagenet"))
    assert place_of(alike) == place_of(WORK)
    for name, value in (("processor_kind", "another"), ("usable_cores", 99)):
        with monkeypatch.context() as patched:
            patched.setattr(kept_speed, name, lambda value=value: value)
            assert kept_measurement(WORK) is None
    monkeypatch.setattr(torch, "__version__", "1.0")
    assert kept_measurement(WORK) is None


def test_a_processor_of_the_same_name_with_other_instructions_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    measures(monkeypatch, measurement(), AMX)
    keep_measurement(WORK, measurement(0.5))
    kind = processor_kind()
    measures(monkeypatch, measurement(), NEITHER)
    assert kept_measurement(WORK) is None
    measures(monkeypatch, measurement(), AMX)
    assert kept_measurement(WORK) is not None
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
    assert processor_kind() != kind, "kernels that are left out round otherwise"
    assert kept_measurement(WORK) is None


@pytest.mark.parametrize(
    ("key", "value"), [("precision", "fp8-mixed"), ("ratio", -1.0), ("ratio", "nan"), ("threads", 0)]
)
def test_a_kept_file_that_cannot_be_is_measured_anew(key: str, value: object) -> None:
    keep_measurement(WORK, measurement(0.5))
    path = place_of(WORK)
    content = json.loads(path.read_text())
    content["formats"][1][key] = value
    path.write_text(json.dumps(content))
    assert kept_measurement(WORK) is None


def test_the_same_machine_decides_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = measures(monkeypatch, measurement(0.5))
    first = choose_computing("auto", "cpu", WORK)
    measures(monkeypatch, measurement(1.5))
    assert choose_computing("auto", "cpu", WORK) == first
    assert calls == [WORK]
    late = keep_measurement(WORK, measurement(1.5))
    assert late.fastest_format().computing.precision == BF16, "of two processes at once, the first's is kept"
    assert keep_measurement(WORK, measurement(1.5), again=True).fastest_format().computing.precision == FLOAT32
    assert kept_measurement(WORK) == keep_measurement(WORK, measurement())


def test_layout_and_threads_are_measured_where_they_are_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = measures(monkeypatch, measurement(0.9, contiguous=0.5, threads=[(2, 0.4), (8, 0.2)]), NEITHER)
    chosen = choose_computing("auto", "cpu", WORK, channels_last=None, threads=0)
    assert chosen == ChosenComputing(BF16, False, 8, "measurement")
    assert choose_computing("auto", "cpu", WORK, threads=3) == ChosenComputing(BF16, True, 3, "measurement")
    fixed = choose_computing("32-true", "cpu", WORK, channels_last=True, threads=0)
    assert fixed == ChosenComputing(FLOAT32, True, 8, "measurement")
    assert calls == [WORK]
    keep_measurement(WORK, measurement(), again=True)
    assert choose_computing("auto", "cpu", WORK, threads=0).threads is None, "not measured: PyTorch's own"


@pytest.mark.parametrize("spoilt", ["", "[]", "{}", '{"formats": [], "threads": []}', '{"formats": [1], "threads": 2}'])
def test_a_spoilt_file_is_measured_anew(monkeypatch: pytest.MonkeyPatch, spoilt: str) -> None:
    calls = measures(monkeypatch, measurement(0.5))
    path = place_of(WORK)
    path.parent.mkdir(parents=True)
    path.write_text(spoilt)
    assert choose_computing("auto", "cpu", WORK).precision == BF16
    assert choose_computing("auto", "cpu", WORK).precision == BF16
    assert calls == [WORK]
    content = json.loads(path.read_text())
    assert content["patch"] == 16
    assert content["torch"] == torch.__version__


def test_a_cache_that_cannot_be_written_is_no_obstacle(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    cache.parent.joinpath("file").write_text("")
    monkeypatch.setenv("LULCSEG_CACHE", str(cache.parent / "file"))
    measures(monkeypatch, measurement(0.5))
    assert choose_computing("auto", "cpu", WORK).precision == BF16


def test_an_accelerator_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = measures(monkeypatch, measurement(0.5))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    for accelerator in ("auto", "gpu"):
        chosen = choose_computing("auto", accelerator, WORK, channels_last=None, threads=0)
        assert chosen == ChosenComputing(BF16, True, None, "device")
    assert choose_computing("auto", "mps", WORK).precision == FLOAT32
    assert calls == []


def test_it_measures_every_way_and_leaves_generator_and_threads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_speed, "_SECONDS", 0.01)
    monkeypatch.setattr(measured_speed, "usable_cores", lambda: 3)
    monkeypatch.setattr(measured_speed, "is_busy", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: AVX512, raising=False)
    state, threads, reports = torch.get_rng_state(), torch.get_num_threads(), []
    found = measure(WORK, lambda done, total: reports.append((done, total)))
    ways = [(each.computing.precision, each.computing.channels_last) for each in found.formats]
    assert ways == [(FLOAT32, True), (BF16, True), (FLOAT32, False), (BF16, False)]
    assert found.formats[0].ratio == 1
    assert {1, threads, 3} <= {each.computing.threads for each in found.threads}
    assert found.threads[0].computing.threads == threads
    best = found.fastest_format()
    (alone,) = [each for each in found.threads if each.computing.threads == 1]
    assert alone.ratio == best.ratio
    assert all(each.ms > 0 for each in (*found.formats, *found.threads))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert [one for one, _ in reports] == list(range(1, len(reports) + 1))
    assert all(one < total for one, total in reports[:-1])
    assert reports[-1][0] == reports[-1][1]


def test_threads_are_not_measured_on_a_busy_machine_nor_for_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_speed, "_SECONDS", 0.01)
    monkeypatch.setattr(measured_speed, "usable_cores", lambda: 4)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    monkeypatch.setattr(measured_speed.os, "getloadavg", lambda: (100.0, 0.0, 0.0), raising=False)
    assert measure(WORK).threads == ()
    monkeypatch.setattr(measured_speed.os, "getloadavg", lambda: (0.0, 0.0, 0.0), raising=False)
    maps = measure(replace(WORK, training=False))
    assert maps.threads == ()
    assert [each.computing for each in maps.formats] == [Computing(FLOAT32, True, 1)]
    assert measure(WORK).threads


def test_a_step_is_small_whatever_the_patch() -> None:
    assert [replace(WORK, patch=side).batch for side in (16, 128, 256, 1024)] == [
        (16, 16),
        (8, 128),
        (2, 256),
        (2, 256),
    ]
    own = replace(WORK, patch=1024, model=ModelSettings(target="torch.nn.Conv2d"))
    assert own.batch == (2, 1024)


def test_threads_go_back_to_what_they_were() -> None:
    before = torch.get_num_threads()
    with using_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    with using_threads(None):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before


def test_files_lie_in_the_users_cache(cache: Path) -> None:
    kept = keep_measurement(WORK, measurement())
    assert kept.path is not None
    assert kept.path.parent == cache / TUNED
