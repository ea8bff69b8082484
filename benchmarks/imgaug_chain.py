"""imgaug 0.4.0 doing what lulcseg's augmentation does, on one core, for benchmarks/augment.py to time beside it.

Runs in a Python of its own (3.9: imgaug needs NumPy below 1.24) and imports nothing of lulcseg. Talks in lines of
JSON: first in, {"images": FILE, "masks": FILE, "chains": {name: {operation: probability}}, "one_of": [operation]};
first out, its versions and what it can do. From then on each {"name": NAME, "seconds": S} is answered with
{"rate": patches a second}. Image and segmentation map are augmented together. Strengths are lulcseg's where imgaug
measures them alike, and imgaug's defaults where not (elastic, clouds, fog).
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import cv2
import imgaug as ia
import numpy as np
from imgaug import augmenters as iaa
from imgaug.augmentables.segmaps import SegmentationMapsOnImage

OPERATIONS: dict[str, Any] = {
    "zoom": lambda: iaa.Affine(scale=(0.8, 1.25)),
    "stretch": lambda: iaa.Affine(scale={"x": (0.87, 1.15), "y": (0.87, 1.15)}),
    "rotation": lambda: iaa.Affine(rotate=(-45, 45)),
    "shear": lambda: iaa.Affine(shear=(-8.5, 8.5)),
    "elastic": lambda: iaa.ElasticTransformation(alpha=(0.0, 40.0), sigma=(4.0, 8.0)),
    "horizontal_flip": lambda: iaa.Fliplr(1.0),
    "vertical_flip": lambda: iaa.Flipud(1.0),
    "quarter_turn": lambda: iaa.Rot90((1, 3)),
    "resample": lambda: iaa.KeepSizeByResize(iaa.Resize((0.4, 1.0))),
    "blur": lambda: iaa.GaussianBlur(sigma=(0.0, 2.0)),
    "clouds": iaa.Clouds,
    "fog": iaa.Fog,
    "smoke": lambda: iaa.CloudLayer(
        intensity_mean=(100, 160), intensity_freq_exponent=(-2.5, -2.0), intensity_coarse_scale=10,
        alpha_min=0.0, alpha_multiplier=(0.3, 0.8), alpha_size_px_max=(2, 8), alpha_freq_exponent=(-2.5, -2.0),
        sparsity=(0.8, 1.0), density_multiplier=(0.5, 1.0),
    ),
    "brightness": lambda: iaa.Add((-51, 51)),
    "multiply": lambda: iaa.Multiply((0.77, 1.3)),
    "linear": lambda: iaa.LinearContrast((0.67, 1.5)),
    "gamma": lambda: iaa.GammaContrast((0.59, 1.7)),
    "sigmoid": lambda: iaa.SigmoidContrast(gain=(5, 9), cutoff=(0.38, 0.62)),
    "clahe": lambda: iaa.AllChannelsCLAHE(clip_limit=(1.2, 4.0), tile_grid_size_px=64),
    "equalise": iaa.AllChannelsHistogramEqualization,
    "saturation": lambda: iaa.MultiplySaturation((0.75, 1.25)),
    "hue": lambda: iaa.AddToHue((-8, 8)),
    "response": lambda: iaa.Sequential(
        [iaa.Multiply((0.67, 1.5), per_channel=True), iaa.GammaContrast((0.71, 1.4), per_channel=True)]
    ),
    "band_multiply": lambda: iaa.Multiply((0.8, 1.25), per_channel=True),
    "element_multiply": lambda: iaa.MultiplyElementwise((0.75, 1.25), per_channel=True),
    "poisson": lambda: iaa.AdditivePoissonNoise((0, 12), per_channel=True),
    "gaussian": lambda: iaa.AdditiveGaussianNoise(scale=(0, 13), per_channel=True),
    "salt_pepper": lambda: iaa.SaltAndPepper((0.0, 0.03)),
    "jpeg": lambda: iaa.JpegCompression(compression=(5, 70)),
}  # fmt: skip


def main() -> None:
    """Answer until there is no more to answer."""
    cv2.setNumThreads(1)
    ia.seed(0)
    given = json.loads(sys.stdin.readline())
    images = list(np.load(given["images"]))
    masks = [SegmentationMapsOnImage(mask, shape=images[0].shape) for mask in np.load(given["masks"])]
    augmenters = {name: make() for name, make in OPERATIONS.items()}
    for name, probability in given["chains"].items():
        augmenters[name] = chain(probability, given["one_of"])
    answer({"imgaug": ia.__version__, "numpy": np.__version__, "opencv": cv2.__version__, "names": list(augmenters)})
    warm = set()
    for line in sys.stdin:
        asked = json.loads(line)
        augmenter = augmenters[asked["name"]]
        if asked["name"] not in warm:
            augmenter(images=images[:1], segmentation_maps=masks[:1])
            warm.add(asked["name"])
        answer({"rate": rate(augmenter, images, masks, asked["seconds"])})


def chain(probability: dict[str, float], one_of: list[str]) -> iaa.Augmenter:
    """Compose operations: each for itself, and of some of them a sample gets one at most."""
    each = [iaa.Sometimes(p, OPERATIONS[n]()) for n, p in probability.items() if n not in one_of]
    before, left = 1.0, []
    for name in (n for n in probability if n in one_of):
        left.append((name, probability[name] / before))  # given that none before it came
        before -= probability[name]
    nested = None
    for name, share in reversed(left):
        nested = iaa.Sometimes(min(1.0, share), OPERATIONS[name](), nested)
    return iaa.Sequential(each + ([nested] if nested is not None else []))


def rate(augmenter: iaa.Augmenter, images: list[Any], masks: list[Any], seconds: float) -> float:
    """Return patches a second over some seconds, at least a batch."""
    started, patches = time.perf_counter(), 0
    while True:
        augmenter(images=images, segmentation_maps=masks)
        patches += len(images)
        passed = time.perf_counter() - started
        if passed >= seconds:
            return patches / passed


def answer(content: dict[str, Any]) -> None:
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
