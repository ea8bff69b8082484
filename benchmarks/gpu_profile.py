"""Where the time of benchmarks/gpu.py's training step goes: its kernels or operations, in groups by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gpu_bench import Bench
from gpu_course import Row
from gpu_step import training_step

GROUPS = (
    ("compiled: what is fused", r"compiledfxgraph|compiledfunction|torch-compiled"),
    ("batch norm", r"batch_?norm|bn_(fw|bw)|batchnorm"),
    ("loss", r"nll_loss|log_softmax|softmax|cross_entropy"),
    ("pooling, upsampling", r"max_pool|avg_pool|pooling|upsample|interpolate"),
    ("optimiser", r"multi_tensor|adam|_foreach"),
    (
        "layout copies",
        r"nchwtonhwc|nhwctonchw|transpose_kernel|tensortransform|memcpy|copy|contiguous|aten::(to|clone)$",
    ),
    ("activation, elementwise", r"triton_(poi|red|per)"),
    ("convolution backward", r"[dwb]grad|conv.*backward|backward.*conv"),
    ("convolution forward", r"conv|fprop|gemm|winograd|cutlass|xmma|nvjet|triton_tem"),
    (
        "activation, elementwise",
        r"elementwise|threshold|clamp|relu|catarray|reduce_kernel|fill|memset|zero|aten::(add|mul|div|sum|cat|ne|sub)_?$",
    ),
)
"""Groups of kernels and operations by what is in their names; the first that fits counts."""
OTHER = "other"


def measure_profile(bench: Bench, steps: int = 3) -> Row:
    """Return where a step's time goes: seconds a step by kernel on a GPU, by operation on a CPU, in groups."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    on_gpu = bench.device.type == "cuda"
    step = training_step(bench, bench.fast)
    for _ in range(bench.warm_up):
        step()
    bench.wait()
    with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as profiler:
        for _ in range(steps):
            step()
        bench.wait()
    spent: dict[str, float] = {}
    for event in profiler.key_averages():
        is_kernel = event.device_type == DeviceType.CUDA and not event.is_user_annotation
        if is_kernel or not on_gpu:
            took = event.self_device_time_total if on_gpu else event.self_cpu_time_total
            spent[event.key] = spent.get(event.key, 0.0) + took / 1e6 / steps
    return grouped(spent)


def grouped(spent: Mapping[str, float]) -> Row:
    """Return seconds by group, the longest first, the ten longest by name, and what that says.

    Args:
        spent: Seconds by kernel or operation.
    """
    groups: dict[str, float] = {}
    for name, seconds in spent.items():
        groups[group_of(name)] = groups.get(group_of(name), 0.0) + seconds
    groups = dict(sorted(groups.items(), key=lambda pair: -pair[1]))
    total = sum(groups.values())
    longest = [
        {"name": shortened(name), "group": group_of(name), "seconds": seconds}
        for name, seconds in sorted(spent.items(), key=lambda pair: -pair[1])[:10]
    ]
    found = {"seconds": total, "groups": groups, "longest": longest}
    if not total:
        return {**found, "binds": "the profiler saw nothing"}
    first = next(iter(groups))
    return {**found, "binds": f"Most of the device's time, {groups[first] / total:.0%}, goes to {first}."}


def group_of(name: str) -> str:
    """Return the group of a kernel or an operation, by its name.

    A compiled network's kernels on a GPU (``triton_…``) are named by what is fused in them. A transposed convolution
    goes forward by the kernel that others go backward with, and is counted there.
    """
    low = name.lower()
    return next((group for group, pattern in GROUPS if re.search(pattern, low)), OTHER)


def shortened(name: str, most: int = 80) -> str:
    """Return a kernel's name without its types, at most so long."""
    bare = re.sub(r"<.*>?", "<…>", name.removeprefix("void ")) if "triton" not in name else name
    if bare.startswith("at::native::") and "<" in name:  # what an elementwise kernel does is in its types
        inner = re.findall(r"at::native::(?:\(anonymous namespace\)::)?(\w+)", name)
        bare = " ".join(dict.fromkeys(inner)) or bare
    return bare if len(bare) <= most else bare[: most - 1] + "…"
