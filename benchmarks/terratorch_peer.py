"""TerraTorch's tiled inference with lulcseg's U-Net, in a process of its own, for a benchmark to time beside ours.

python benchmarks/terratorch_peer.py WEIGHTS MOSAIC --network '{"bands": 3, "classes": 9, "filters": 16, "depth": 4}'
    [--patch 256] [--stride 128] [--delta 8] [--batch 16] [--threads N] [--dtype fp32|bf16] [--device cpu] [--rounds 1]

Needs a Python with torch, tqdm and terratorch 1.2.13, and of lulcseg nothing but the file models/unet.py. Either the
whole of TerraTorch in an environment of its own, or the package alone in a folder, for any Python that has torch:
    python3.12 -m venv PATH, PATH/bin/pip install terratorch==1.2.13, run by PATH/bin/python; or
    pip install --no-deps --target FOLDER terratorch==1.2.13, run with PYTHONPATH=FOLDER
Of TerraTorch the one file with tiled inference is loaded, unmodified: the package itself takes ten seconds and 1 GB to
import, which are not tiled inference's. WEIGHTS is a saved state_dict, MOSAIC uint8 (C, H, W) as .npy, or a GeoTIFF.
The mosaic stays uint8 and a batch is scaled as it reaches the model, which TerraTorch allows and which takes the least
memory. The model computes channels-last, as ours does, and returns probabilities, which is what is blended.

Prints a line of JSON: ``seconds`` (tiled inference, without loading and without a map being written),
``model_seconds`` (of these, in the model: scaling, network, softmax) and ``forward_seconds`` (the network alone on as
many batches of the same sizes), each a list of rounds; ``samples``, ``batches``, ``pixels``; and in bytes ``peak``,
``peak_before`` (with the model warm and the mosaic not loaded) and ``gpu_peak``.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

LAYOUT = torch.channels_last


def main() -> None:
    """Run what is asked for, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="state_dict of lulcseg's U-Net")
    parser.add_argument("mosaic", type=Path, help="uint8 (C, H, W) as .npy, or a GeoTIFF")
    parser.add_argument("--network", type=json.loads, required=True, help="bands, classes, filters and depth, as JSON")
    parser.add_argument("--patch", type=int, default=256)
    parser.add_argument("--stride", type=int, default=128)
    parser.add_argument("--delta", type=int, default=8, help="border that is cut off each patch")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    if asked.delta < 1 or asked.stride > asked.patch - 2 * asked.delta:
        parser.error("TerraTorch's padding needs a delta of at least 1, and patches that still meet without it")
    torch.set_num_threads(asked.threads)
    tiled_inference = by_path(terratorch_file(), "terratorch.tasks.tiled_inference").tiled_inference
    model = Model(asked)
    model.warm(asked.patch)
    before = peak_memory()
    mosaic = read(asked.mosaic)
    seconds, model_seconds, forward_seconds = [], [], []
    for _ in range(asked.rounds):
        model.sizes, model.seconds = [], 0.0
        started = time.perf_counter()
        blended = tiled_inference(
            model,
            mosaic,
            crop=asked.patch,
            stride=asked.stride,
            delta=asked.delta,
            batch_size=asked.batch,
            device=asked.device,
        )
        model.wait()
        seconds.append(time.perf_counter() - started)
        model_seconds.append(model.seconds)
        check(blended, (1, asked.network["classes"], *mosaic.shape[-2:]))
        del blended
        gc.collect()
        forward_seconds.append(model.bare(asked.patch))
    found = {
        "seconds": seconds,
        "model_seconds": model_seconds,
        "forward_seconds": forward_seconds,
        "samples": sum(model.sizes),
        "batches": len(model.sizes),
        "pixels": mosaic.shape[-2] * mosaic.shape[-1],
        "peak": peak_memory(),
        "peak_before": before,
        "gpu_peak": torch.cuda.max_memory_allocated() if model.on_gpu else None,
        "terratorch": version("terratorch"),
        "torch": torch.__version__,
    }
    print(json.dumps(found))


class Model:
    """The U-Net as TerraTorch calls it: raw patches in, class probabilities out.

    Attributes:
        sizes: Samples of each batch so far.
        seconds: Spent in it so far.
        on_gpu: Whether it computes on one.
    """

    def __init__(self, asked: argparse.Namespace) -> None:
        """Load it."""
        unet = by_path(Path(__file__).parents[1] / "lulcseg" / "models" / "unet.py", "unet")
        network: nn.Module = unet.UNet(**asked.network)
        network.load_state_dict(torch.load(asked.weights, map_location="cpu", weights_only=True))
        self._network = network.to(asked.device, memory_format=LAYOUT).eval()
        self._bands: int = asked.network["bands"]
        self._batch: int = asked.batch
        self._device = torch.device(asked.device)
        self._is_half = asked.dtype == "bf16"
        self.on_gpu = self._device.type == "cuda"
        self.sizes: list[int] = []
        self.seconds = 0.0

    def __call__(self, image: Tensor) -> Tensor:
        """Return probabilities, (B, K, P, P) float32, of a uint8 image (B, C, P, P)."""
        started = time.perf_counter()
        probabilities = torch.softmax(self._logits(scaled(image)), dim=1, dtype=torch.float32)
        self.wait()
        self.seconds += time.perf_counter() - started
        self.sizes.append(len(image))
        return probabilities

    def warm(self, patch: int) -> None:
        """Run two batches, so that the first one that is timed is not the first."""
        image = torch.zeros(self._batch, self._bands, patch, patch, dtype=torch.uint8, device=self._device)
        with torch.no_grad():
            for _ in range(2):
                self(image)

    def bare(self, patch: int) -> float:
        """Return the seconds that the network takes for the batches so far, on an image that lies ready."""
        image = scaled(torch.randint(0, 256, (self._batch, self._bands, patch, patch), dtype=torch.uint8))
        image = image.to(self._device)
        with torch.no_grad():
            self._logits(image)
            self.wait()
            started = time.perf_counter()
            for size in self.sizes:
                self._logits(image[:size])
            self.wait()
        return time.perf_counter() - started

    def wait(self) -> None:
        """Wait for the device."""
        if self.on_gpu:
            torch.cuda.synchronize()

    def _logits(self, image: Tensor) -> Tensor:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._is_half):
            logits: Tensor = self._network(image)
        return logits


def scaled(image: Tensor) -> Tensor:
    """Bring raw values to 0…1."""
    return image.to(torch.float32, memory_format=LAYOUT).div_(255)


def check(blended: Tensor, shape: tuple[int, ...]) -> None:
    """End with an error unless these are a mosaic's probabilities."""
    sums = blended[0, :, ::97, ::97].sum(dim=0)
    if blended.shape != shape or not torch.allclose(sums, torch.ones_like(sums), atol=1e-3):
        sys.exit(f"TerraTorch gave {tuple(blended.shape)} with sums {sums.min():.3f} to {sums.max():.3f}, not {shape}")


def terratorch_file() -> Path:
    """Return the file with tiled inference; the package that it lies in is not imported."""
    package = importlib.util.find_spec("terratorch")
    if package is None or package.origin is None:
        sys.exit(f"{sys.executable} has no terratorch; see --help for how to get it")
    # The file imports one name from here, which it never uses.
    sys.modules["terratorch.models.utils"] = unused = ModuleType("terratorch.models.utils")
    unused.__dict__["pad_images"] = None
    return Path(package.origin).parent / "tasks" / "tiled_inference.py"


def by_path(path: Path, name: str) -> ModuleType:
    """Import one file, and nothing of the package that it lies in."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(path: Path) -> Tensor:
    """Read the whole mosaic: uint8 (1, C, H, W)."""
    if path.suffix == ".npy":
        return torch.from_numpy(np.load(path)).unsqueeze(0)
    import rasterio

    with rasterio.open(path) as source:
        return torch.from_numpy(source.read()).unsqueeze(0)


def peak_memory() -> int:
    """Return the most memory that this process ever held, in bytes.

    Linux's ``ru_maxrss`` would count what the process that started this one held as well.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
