"""Patches a second of augmentation: every operation and preset, beside imgaug 0.4.0 and the training step, in one run.

python benchmarks/augment.py [--imgaug-python PATH] [--rounds 3] [--seconds 0.25] [--out augment]

Patches are 512² pixels of three bands with their labels, which move along. lulcseg starts where training does, from
values brought to 0…1 in float32; imgaug from its own uint8, on one core, in a Python of its own (imgaug needs NumPy
below 1.24): python3.9 -m venv PATH, then
    PATH/bin/pip install "numpy<1.24" imgaug==0.4.0 opencv-python-headless "scikit-image<0.20"
and --imgaug-python PATH/bin/python. Beside elastic, clouds and fog stand Kornia's elastic transform, plasma shadow and
plasma brightness, as they come. Arms take turns in short bursts, and a ratio is the median of its rounds'. Last, the
training step (U-Net as configured, bf16 where the device computes in it) with each preset over the step without.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from augment_show import GPU, IMGAUG, KORNIA, SINGLE, draw, show
from imgaug_peer import Peer

PATCH = 512
CLASSES = 9
CPU_BATCH = 8
CHAINS = ("light", "geometry", "paper")
LONGER = 4
"""How many times longer than an operation a preset is timed: its draws differ more."""
COUNTERPARTS = {"elastic": "RandomElasticTransform", "clouds": "RandomPlasmaShadow", "fog": "RandomPlasmaBrightness"}


@dataclass(frozen=True)
class Rates:
    """What one arm reached, round by round.

    Attributes:
        name: Operation or preset.
        group: The operation's group; ``presets``.
        arm: Who, on what.
        rounds: Patches a second.
    """

    name: str
    group: str
    arm: str
    rounds: list[float]


@dataclass(frozen=True)
class Step:
    """The training step with a preset.

    Attributes:
        preset: Of the augmentation.
        arm: On what.
        rounds: Patches a second.
        times: How many times longer the step without takes, by rounds: the ratio to the same round's.
    """

    preset: str
    arm: str
    rounds: list[float]
    times: list[float]


def main() -> None:
    """Time everything in turn, and print, save and draw it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--imgaug-python", type=Path, help="a Python that has imgaug; left out, imgaug is too")
    parser.add_argument("--rounds", type=int, default=3, help="bursts of each arm")
    parser.add_argument("--seconds", type=float, default=0.25, help=f"length of a burst; of a preset's {LONGER} times")
    parser.add_argument("--batch", type=int, default=64, help=f"patches at once on a GPU; a CPU takes {CPU_BATCH}")
    parser.add_argument("--step-batch", type=int, help="patches of a training step; 1, or 32 on a GPU; 0: no step")
    parser.add_argument("--threads", type=int, default=cores, help="threads of the arm with many")
    parser.add_argument("--only", nargs="+", help="operations and presets to time; all of them")
    parser.add_argument("--out", type=Path, default=Path("augment"), help="folder for augment.json and augment.png")
    settings = parser.parse_args()
    if settings.imgaug_python and not settings.imgaug_python.exists():
        parser.error(f"{settings.imgaug_python} does not exist; see --help for how to make it")
    import torch

    warnings.filterwarnings("ignore", message="Default grid_sample")  # Kornia's call, not ours
    on_gpu = torch.cuda.is_available()
    settings.step_batch = (32 if on_gpu else 1) if settings.step_batch is None else settings.step_batch
    if not settings.imgaug_python:
        print("imgaug is left out: no --imgaug-python (see --help for how to make one)")
    with tempfile.TemporaryDirectory(prefix="augment") as folder:
        image, mask, _ = patches(CPU_BATCH, "cpu")
        peer = Peer(settings.imgaug_python, Path(folder), image, mask, CHAINS) if settings.imgaug_python else None
        rates = time_operations(settings, peer)
        versions = peer.close() if peer else {}
    steps = time_steps(settings) if settings.step_batch else []
    settings.out.mkdir(parents=True, exist_ok=True)
    chosen = {key: value for key, value in vars(settings).items() if key not in {"out", "imgaug_python"}}
    machine = {"cores": cores, "gpu": torch.cuda.get_device_name() if on_gpu else None, "torch": torch.__version__}
    content = {"settings": chosen, "machine": machine | versions, "rates": [asdict(r) for r in rates]}
    content |= {"steps": [asdict(step) for step in steps]}
    (settings.out / "augment.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    show(content)
    draw(content, settings.out / "augment.png")


def patches(count: int, device: str) -> tuple[Any, Any, Any]:
    """Make patches of soft patterns under fine noise: uint8 (B, 3, P, P), classes (B, P, P) and validity."""
    import torch
    from torch.nn.functional import interpolate

    generator = torch.Generator().manual_seed(0)
    soft = interpolate(torch.randn(count, 3, 16, 16, generator=generator) * 40 + 110, PATCH, mode="bilinear")
    image = (soft + torch.randn(soft.shape, generator=generator) * 6).clamp(0, 255).to(torch.uint8)
    coarse = torch.randint(0, CLASSES, (count, 1, 16, 16), generator=generator).float()
    mask = interpolate(coarse, PATCH)[:, 0].to(torch.uint8)
    return image.to(device), mask.to(device), torch.ones_like(mask, dtype=torch.bool, device=device)


@dataclass
class Ours:
    """One augmentation on one device, called as training calls it.

    Attributes:
        change: Takes image, mask and validity, and a number to draw by.
        batch: The patches.
        threads: Of the CPU.
        calls: Of one burst; 0: not known yet.
    """

    change: Callable[[Any, Any, Any, int], Any]
    batch: tuple[Any, Any, Any]
    threads: int
    calls: int = 0

    def rate(self, seconds: float, number: int) -> float:
        """Return patches a second over a burst, whose number of calls the first one fits to its length."""
        import torch

        torch.set_num_threads(self.threads)
        if not self.calls:  # a GPU's first calls choose and load kernels
            first = self._time(3 if self.batch[0].is_cuda else 1, number)
            self.calls = 1 if first > seconds and not self.batch[0].is_cuda else self._fitting(seconds, number)
        return self.calls * len(self.batch[0]) / self._time(self.calls, number)

    def _fitting(self, seconds: float, number: int) -> int:
        return max(1, round(seconds / self._time(1, number)))

    def _time(self, calls: int, number: int) -> float:
        import torch

        wait = torch.cuda.synchronize if self.batch[0].is_cuda else (lambda: None)
        wait()
        started = time.perf_counter()
        for call in range(calls):
            self.change(*self.batch, 1000 * number + call)
        wait()
        return time.perf_counter() - started


def time_operations(settings: argparse.Namespace, peer: Peer | None) -> list[Rates]:
    """Time every operation and preset: all arms of one take turns."""
    import torch

    from lulcseg.augment.catalogue import operations
    from lulcseg.augment.stretch import to_unit

    devices = {SINGLE: ("cpu", 1)}
    if settings.threads > 1:
        devices[threads_arm(settings.threads)] = ("cpu", settings.threads)
    if torch.cuda.is_available():
        devices[GPU] = ("cuda", 1)
    batches = {}
    for device in {device for device, _ in devices.values()}:
        image, mask, valid = patches(settings.batch if device == "cuda" else CPU_BATCH, device)
        batches[device] = (to_unit(image, (0.0, 255.0)), mask, valid)
    groups = dict.fromkeys(CHAINS, "presets") | {name: operation.group for name, operation in operations().items()}
    found = []
    for name in settings.only or groups:
        seconds = settings.seconds * (LONGER if name in CHAINS else 1)
        arms: dict[str, Callable[[int], float]] = {}
        for words, (device, threads) in devices.items():
            ours = Ours(lulcseg_change(name), batches[device], threads)
            arms[words] = lambda number, ours=ours, s=seconds: ours.rate(s, number)
            if name in COUNTERPARTS and threads == 1:
                theirs = Ours(kornia_change(name), batches[device], threads)
                arms[KORNIA + words] = lambda number, theirs=theirs, s=seconds: theirs.rate(s, number)
        if peer and name in peer.names:
            arms[IMGAUG] = lambda _, name=name, s=seconds: peer.rate(name, s)
        rounds = [{arm: take(number) for arm, take in arms.items()} for number in range(settings.rounds)]
        found += [Rates(name, groups[name], arm, [one[arm] for one in rounds]) for arm in arms]
        print(name + ": " + ", ".join(f"{r.arm} {median(r.rounds):.0f}" for r in found if r.name == name), flush=True)
    return found


def threads_arm(threads: int) -> str:
    """Return what an arm on the CPU is called."""
    return SINGLE if threads == 1 else f"{threads} threads"


def lulcseg_change(name: str) -> Callable[[Any, Any, Any, int], Any]:
    """Return an operation of ours for every sample, or a preset."""
    from lulcseg.augment.build_augmentation import build
    from lulcseg.training.augmenting import augmented

    augmentation = build(name, 3) if name in CHAINS else build("none", 3, p={name: 1.0})
    return lambda image, mask, valid, number: augmented(augmentation, image, mask, valid, [number])


def kornia_change(name: str) -> Callable[[Any, Any, Any, int], Any]:
    """Return Kornia's counterpart of an operation, image and labels together."""
    import kornia.augmentation as ka
    from kornia.constants import DataKey, Resample

    nearest = {DataKey.MASK: {"resample": Resample.NEAREST}}
    both = ka.AugmentationSequential(
        getattr(ka, COUNTERPARTS[name])(p=1.0),
        data_keys=["input", "mask"],
        extra_args=nearest if name == "elastic" else {},
    )
    return lambda image, mask, _, __: both(image, mask.unsqueeze(1).float())


def time_steps(settings: argparse.Namespace) -> list[Step]:
    """Time training steps without and with each preset, in turn."""
    import torch

    from lulcseg.augment.build_augmentation import build
    from lulcseg.augment.scaler import Scaler
    from lulcseg.models.networks import build_network
    from lulcseg.settings.model import ModelSettings
    from lulcseg.settings.optim import OptimSettings
    from lulcseg.settings.scaling import ScalingSettings
    from lulcseg.training.augmenting import augmented
    from lulcseg.training.losses.cross_entropy import cross_entropy
    from lulcseg.training.optimizers import build_optimizer
    from lulcseg.training.precision import fast_bf16

    device, layout = "cuda" if torch.cuda.is_available() else "cpu", torch.channels_last
    raw, labels, everywhere = patches(settings.step_batch, device)
    network = build_network(ModelSettings(), 3, CLASSES).to(device, memory_format=layout).train()
    optimizer = build_optimizer(network, OptimSettings(), 10_000)["optimizer"]
    scaler = Scaler(ScalingSettings(), "uint8")
    half = torch.autocast(device, torch.bfloat16) if fast_bf16("auto") else nullcontext()

    def step(preset: str) -> Callable[[Any, Any, Any, int], Any]:
        augmentation = build(preset, 3)

        def train(image: Any, mask: Any, valid: Any, number: int) -> None:
            image = scaler.to_unit(image, valid)
            if preset != "none":
                image, mask, valid = augmented(augmentation, image, mask, valid, [number])
            image = scaler(image, valid, scaler.over).contiguous(memory_format=layout)
            with half:
                loss = cross_entropy(network(image), mask)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()

        return train

    arms = {p: Ours(step(p), (raw, labels, everywhere), settings.threads) for p in ("none", *CHAINS)}
    words = GPU if device == "cuda" else threads_arm(settings.threads)
    rounds = []
    for number in range(settings.rounds):
        rounds.append({preset: arm.rate(LONGER * settings.seconds, number) for preset, arm in arms.items()})
        print(f"training step, round {number + 1} of {settings.rounds}", flush=True)
    return [Step(p, words, [r[p] for r in rounds], [r["none"] / r[p] for r in rounds]) for p in arms]


if __name__ == "__main__":
    main()
