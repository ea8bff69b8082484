"""The GPU benchmark: it runs without geodata libraries, its ratios are of its rates, and it counts what it says."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[2] / "benchmarks"
FORBIDDEN = [
    "rasterio", "geopandas", "torchgeo", "shapely", "pyproj", "pyogrio", "fiona", "hydra", "omegaconf", "PIL",
    "matplotlib", "pandas", "scipy", "tensorboard", "torchvision",
]  # fmt: skip
WITHOUT = f"""
import runpy, sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in {FORBIDDEN} else super().find_spec(name, path, target)

    @classmethod
    def find_distributions(cls, context):  # torchmetrics looks for matplotlib here
        return [] if context.name in {[*FORBIDDEN, "pillow"]} else super().find_distributions(context)

sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]
sys.argv = sys.argv[1:]
sys.path.insert(0, {str(FOLDER)!r})
runpy.run_path(sys.argv[0], run_name="__main__")
assert not set({FORBIDDEN}) & set(sys.modules)
"""
TINY = ["--patch", "32", "--batch", "2", "--filters", "2", "--depth", "1", "--mosaic", "64", "--matrix", "64"]


@pytest.fixture
def beside(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in [name for name in sys.modules if name.partition("_")[0] == "gpu"]:
        del sys.modules[name]


@pytest.mark.slow
def test_it_runs_without_geodata_libraries_and_ratios_are_quotients_of_rates(tmp_path, beside):
    command = [sys.executable, "-c", WITHOUT, str(FOLDER / "gpu.py"), *TINY, "--seconds", "0.03", "--device", "cpu"]
    done = subprocess.run(
        [*command, "--no-compile", "--workers", "0", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "No picture: matplotlib isn't here" in done.stdout

    content = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    rates, step = content["rates"], content["rates"]["step"]["rate"]
    failed = {k: v["failed"] for part in ("rates", "switches", "mapping") for k, v in content[part].items()}
    left_out = {k for k, v in failed.items() if v == "not on here"}
    assert {"compiled", "fused", "tf32", "benchmark"} <= left_out <= {"compiled", "fused", "tf32", "benchmark", "bf16"}
    assert {k: v for k, v in failed.items() if v and k not in left_out} == {}
    for row in [*rates.values(), *(r for r in content["switches"].values() if not r["failed"])]:
        assert row["ratio"] == pytest.approx(row["rate"] / step)
        assert row["lowest"] <= row["rate"] <= row["highest"]
        assert sorted(row["rounds"])[1] == row["rate"]
    ceiling = max(content["ceilings"][kind]["rate"] for kind in ("bf16", "fp32"))
    assert rates["loop"]["share"] == pytest.approx(rates["loop"]["rate"] * content["flops_per_patch"] / ceiling)
    assert content["loop_over_plain"] == pytest.approx(rates["loop"]["rate"] / rates["plain"]["rate"])
    assert content["mapping"]["multiple"]["ratio"] == pytest.approx(
        content["mapping"]["multiple"]["rate"] / content["mapping"]["multiple"]["forward"]["rate"]
    )
    assert content["study_hours"] is None

    beside("gpu_draw").draw(content, tmp_path / "gpu.png")
    assert (tmp_path / "gpu.png").stat().st_size > 10_000


def test_hours_are_of_the_papers_size_alone(beside):
    row = {"failed": None, "rate": 1000.0}
    content = {
        "rates": dict.fromkeys(("plain", "step", "loop", "loop_paper"), row), "switches": {}, "mapping": {},
        "ceilings": {"bf16": {"failed": None, "rate": 1e15}, "fp32": {"failed": "out of memory"}},
        "flops_per_patch": 10**11, "profile": {"failed": "none"}, "machine": {"type": "cuda"},
        "settings": {"patch": 512, "filters": 32, "depth": 4, "batch": 64},
    }  # fmt: skip
    found = beside("gpu_show").derive(content)
    assert found["study_hours"]["loop"]["4"] == pytest.approx(31.0e6 / 1000 / 3600 / 4)
    assert found["ceiling_patches_per_second"] == pytest.approx(10_000)
    content["settings"]["patch"] = 256
    assert beside("gpu_show").derive(content)["study_hours"] is None


def test_a_measurement_that_fails_has_a_reason_and_the_next_is_taken(beside, capsys):
    freed = []

    def full():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")

    with beside("gpu_course").Course(lambda: freed.append(1), 2) as course:
        assert course.take("one", full) == {"failed": "out of memory"}
        assert course.take("two", lambda: {"rate": 2.0}) == {"failed": None, "rate": 2.0}
    assert len(freed) == 4  # before and after each
    assert "two: 2 patches/s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("sm90_xmma_dgrad_implicit_gemm_indexed_bf16bf16_bf16f32_f32_nhwckcrs_nhwc", "convolution backward"),
        ("void cutlass__5x_cudnn::Kernel<cutlass_tensorop_bf16_s16816wgrad_optimized_bf16>", "convolution backward"),
        ("sm80_xmma_fprop_implicit_gemm_bf16bf16_bf16f32_f32_nhwckrsc_nhwc_tilesize128x128", "convolution forward"),
        ("triton_red_fused__native_batch_norm_legit_functional_relu_7", "batch norm"),
        ("triton_poi_fused_convolution_cat_12", "activation, elementwise"),
        ("void at::native::batch_norm_backward_elemt_channels_last_kernel<4, float>", "batch norm"),
        ("void cudnn::engines_precompiled::nchwToNhwcKernel<float, float, float>", "layout copies"),
        ("void at::native::elementwise_kernel<128, 4, at::native::direct_copy_kernel_cuda>", "layout copies"),
        ("void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>>",
         "activation, elementwise"),
        ("void at::native::(anonymous namespace)::multi_tensor_apply_kernel<FusedAdamMathFunctor<float, 4>>",
         "optimiser"),
        ("void at::native::(anonymous namespace)::nll_loss2d_forward_kernel<float>", "loss"),
        ("void at::native::(anonymous namespace)::max_pool_backward_nhwc<float>", "pooling, upsampling"),
        ("aten::convolution_backward", "convolution backward"),
        ("aten::mkldnn_convolution", "convolution forward"),
        ("aten::_fused_adamw_", "optimiser"),
        ("something_unheard_of", "other"),
    ],
)  # fmt: skip
def test_kernels_are_put_in_their_groups(beside, name, group):
    assert beside("gpu_profile").group_of(name) == group


def test_operations_of_a_convolution_are_counted_forward_and_backward(beside):
    flops_of = beside("gpu_step").flops_of
    with torch.device("meta"):
        one = torch.nn.Conv2d(3, 8, 3, padding=1)
        two = torch.nn.Sequential(one, torch.nn.Conv2d(8, 5, 1))
    first, second = 2 * 16**2 * 8 * 3 * 9, 2 * 16**2 * 5 * 8
    assert flops_of(one, 3, 16) == 2 * first  # forward, and the gradient of the weights: none of the image
    assert flops_of(two, 3, 16) == 2 * first + 3 * second


def test_class_codes_are_those_of_the_maps(beside):
    from lulcseg.legend import PAPER_LEGEND
    from lulcseg.mosaic.blend import FinishedRows
    from lulcseg.mosaic.products import products

    generator = torch.Generator().manual_seed(0)
    shares = torch.randint(0, 4, (9, 5, 7), generator=generator).float()  # with ties
    rows = FinishedRows(0, shares, torch.rand(5, 7, generator=generator) > 0.3)
    codes_of = beside("gpu_mapping").class_codes(torch.device("cpu"))
    assert torch.equal(codes_of(rows), products(PAPER_LEGEND, [])[0](rows)[0])
