"""Contact sheets: labels outlined where they are, a row for each operation, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lulcseg.augment.build_augmentation import build
from lulcseg.augment.catalogue import operations
from lulcseg.legend import IGNORE, LandClass, Legend
from lulcseg.pictures import contact_layout as contact
from lulcseg.pictures.canvas import wrap_text
from lulcseg.pictures.contact_layout import lay_out_contact_sheets
from lulcseg.pictures.display_range import DisplayRange
from lulcseg.pictures.tiles import NO_IMAGERY, draw_tile, outline_labels, patch_display_range

LEGEND = Legend((LandClass(10, "Cane", "#00ff00"), LandClass(30, "Road", "#0000ff"), LandClass(50, "Other", "#ff0000")))
PLAIN = DisplayRange(np.zeros(3, np.float32), np.ones(3, np.float32))
SIDE = 64


def patches(count=2, bands=3, dtype=np.uint8, seed=0):
    """Return raw patches with a field of cane on the left, a road across and ground without label below."""
    high = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    image = (np.random.default_rng(seed).random((count, bands, SIDE, SIDE)) * high * 0.6).astype(dtype)
    mask = np.full((count, SIDE, SIDE), 2, np.uint8)
    mask[:, :, :20], mask[:, 30:36], mask[:, 50:] = 0, 1, IGNORE
    valid = np.ones(mask.shape, np.bool_)
    return image, mask, valid


def test_outlines_run_inside_a_class_along_its_border_and_the_patch_s_edge():
    mask = np.full((40, 40), IGNORE, np.uint8)
    mask[10:20, 5:30] = 1
    expected = np.zeros((40, 40), np.bool_)
    expected[10:20, 5:30] = True
    expected[12:18, 7:28] = False
    np.testing.assert_array_equal(outline_labels(mask, 2), expected)
    whole = outline_labels(np.zeros((9, 9), np.uint8), 1)
    assert whole.sum() == 9 * 9 - 7 * 7


def test_a_tile_shows_imagery_outlines_hatching_and_its_lack():
    image = np.full((3, 200, 200), 0.4, np.float32)
    mask = np.full((200, 200), IGNORE, np.uint8)
    mask[:100, :80], mask[:100, 80:] = 0, 1
    valid = np.ones((200, 200), np.bool_)
    valid[150:] = False
    picture = draw_tile(image, mask, valid, legend=LEGEND, display=PLAIN, side=256)
    assert picture.shape == (200, 200, 3)
    np.testing.assert_array_equal(picture[50, 78:82], [[0, 255, 0]] * 2 + [[0, 0, 255]] * 2)  # both sides of the border
    assert (picture[20:90, 10:70] == 102).all()
    np.testing.assert_array_equal(picture[160, 60], NO_IMAGERY)
    unlabelled = picture[110:140]
    assert 0.05 < (unlabelled != 102).any(axis=2).mean() < 0.12
    bare = draw_tile(image, mask, valid, legend=LEGEND, display=PLAIN, side=256, outlined=False)
    assert (bare[:150] == 102).all()


@pytest.mark.parametrize(("size", "side", "shown"), [(64, 256, 192), (200, 256, 200), (512, 256, 256), (300, 192, 192)])
def test_tiles_are_enlarged_by_whole_factors_and_shrunk_to_fit(size, side, shown):
    mask = np.zeros((size, size), np.uint8)
    mask[:, size // 2 :] = 1
    picture = draw_tile(np.zeros((1, size, size), np.float32), mask, mask < 9, legend=LEGEND, display=PLAIN, side=side)
    assert picture.shape == (shown, shown, 3)
    np.testing.assert_array_equal(picture[shown // 2, shown // 2 - 1 : shown // 2 + 1], [[0, 255, 0], [0, 0, 255]])


def test_a_cut_tile_is_the_middle_pixel_for_pixel():
    image = np.random.default_rng(0).random((3, 300, 300)).astype(np.float32)
    mask = np.full((300, 300), IGNORE, np.uint8)
    picture = draw_tile(image, mask, mask > 9, legend=LEGEND, display=PLAIN, side=200, cut=True, outlined=False)
    np.testing.assert_array_equal(picture, np.rint(image[:, 50:250, 50:250].transpose(1, 2, 0) * 255))


def test_fine_labels_get_thinner_outlines():
    checks = (np.indices((200, 200)).sum(axis=0) // 1 % 2).astype(np.uint8)
    stripes = np.repeat(np.arange(200) // 8 % 2, 200).reshape(200, 200).astype(np.uint8)
    image, valid = np.full((3, 200, 200), 0.4, np.float32), checks < 9
    picture = draw_tile(image, stripes, valid, legend=LEGEND, display=PLAIN, side=256)
    np.testing.assert_array_equal(picture[8:16, 100, 0] == 102, [False, *[True] * 6, False])


def test_other_types_are_stretched_by_what_there_is():
    image = np.zeros((1, 2, 10, 10), np.float32)
    image[0, 0] = np.linspace(0.1, 0.2, 100).reshape(10, 10)
    valid = np.ones((1, 10, 10), np.bool_)
    valid[0, 0, 0], image[0, 0, 0, 0] = False, 0.9
    display = patch_display_range(image, valid, as_it_is=False)
    np.testing.assert_allclose((display.low[0], display.high[0]), (0.102, 0.198), atol=2e-3)
    assert patch_display_range(image, valid, as_it_is=True).high.tolist() == [1, 1, 1]


@pytest.mark.parametrize(("bands", "dtype"), [(1, np.uint8), (4, np.uint16)])
def test_sheets_have_a_row_for_each_patch_and_operation(bands, dtype):
    steps = []
    sheets = lay_out_contact_sheets(
        *patches(3, bands, dtype), LEGEND, build("paper", bands), versions=2, progress=lambda *step: steps.append(step)
    )
    assert list(sheets) == ["versions", "contrast", "noise", "geometry", "weather"]
    rows = {g: sum(o.group == g and o.bands in (None, bands) for o in operations().values()) for g in list(sheets)[1:]}
    heights = {g: (sheets[g].height - 114) / 200 for g in rows}
    assert heights == rows
    assert steps[0][0] == 0
    assert steps[-1] == (1 + sum(rows.values()),) * 2
    for column in range(3):
        part = np.asarray(sheets["versions"])[:, 20 + 200 * column : 212 + 200 * column]
        filled = (part != 255).any(axis=2).mean(axis=1) > 0.6
        runs = [len(run) for run in "".join("x" if f else " " for f in filled).split()]
        assert [run for run in runs if run > 100] == [192, 192, 192]


def test_same_seed_same_sheets_and_the_global_generator_stays():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    augmentation = build("paper", 3)
    first, again, other = (
        lay_out_contact_sheets(*patches(1), LEGEND, augmentation, versions=3, seed=s) for s in (1, 1, 2)
    )
    for name in first:
        assert first[name].tobytes() == again[name].tobytes()
        assert first[name].tobytes() != other[name].tobytes()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture
def only_versions(monkeypatch):
    """Leave the sheets of single operations out."""
    monkeypatch.setattr(contact, "_GROUPS", ())


def test_versions_are_what_the_augmentation_makes(only_versions):
    """With nothing but a flip, the version is the original flipped, with its outlines."""
    image, mask, valid = patches(1)
    mask[mask == IGNORE] = 2  # hatching does not flip
    flip = build("none", 3, p={"horizontal_flip": 1.0})
    pixels = np.asarray(lay_out_contact_sheets(image, mask, valid, LEGEND, flip, versions=1)["versions"])
    top = next(y for y in range(pixels.shape[0]) if (pixels[y, 20:212] == (0, 255, 0)).all(axis=1).sum() > 20)
    original, version = pixels[top : top + 192, 20:212], pixels[top : top + 192, 220:412]
    np.testing.assert_array_equal(version[:, ::-1], original)
    assert (version != original).any()


def test_8_bit_colours_beside_heights_are_shown_as_they_are(only_versions):
    image, mask, valid = patches(1)
    units = np.concatenate([image / 255, np.full((1, 1, SIDE, SIDE), 0.3)], axis=1).astype(np.float32)
    expected, found = (
        np.asarray(
            lay_out_contact_sheets(each, mask, valid, LEGEND, build("none", each.shape[1]), versions=1, **how)[
                "versions"
            ]
        )
        for each, how in ((image, {}), (units, {"unit": (0.0, 1.0), "dtypes": ["uint8"] * 3 + ["float32"]}))
    )
    np.testing.assert_array_equal(found, expected)


def test_single_operations_are_as_strong_as_in_the_augmentation():
    pepper = {"p": {"salt_pepper": 1.0}, "strengths": {"salt_pepper": {"most": 0.7}}}
    alone = contact._alone("salt_pepper", 3, build("none", 3, **pepper, strength=0.5, crop=32))
    assert (alone.strength, alone.crop, alone.probability["salt_pepper"]) == (0.5, 32, 1.0)
    assert [(o.name, o.most) for o in alone.operations] == [("salt_pepper", 0.7)]
    assert contact._alone("gamma", 3, build("light", 3)).operations[0].widest == 1.35


def test_draws_run_from_the_weakest_to_the_strongest():
    made = contact._SheetPatches(*(torch.from_numpy(p) for p in patches(1)), LEGEND, PLAIN)
    made = contact.dataclasses.replace(made, image=made.image.float() / 255)
    after = made.augmented(contact._alone("gaussian", 3, build("paper", 3)), torch.zeros(11, dtype=torch.int64), 0)
    change = [
        float((after.image[i] - made.image[0]).square().mean())
        for i in contact._weakest_to_strongest(after, made.image)
    ]
    assert len(change) == 5
    assert change == sorted(change)
    assert change[0] < change[-1] / 4
    flipped = made.augmented(
        contact._alone("vertical_flip", 3, build("paper", 3)), torch.zeros(11, dtype=torch.int64), 0
    )
    assert len(contact._weakest_to_strongest(flipped, made.image)) == 1


def test_a_margin_is_not_shown(only_versions):
    augmentation = build("none", 3, crop=32)
    pixels = np.asarray(lay_out_contact_sheets(*patches(1), LEGEND, augmentation, versions=1)["versions"])
    assert not (pixels == NO_IMAGERY).all(axis=2).any()
    greens = (pixels == (0, 255, 0)).all(axis=2)
    assert greens[:, 20:180].any()  # 32 px enlarged by 5: the field reaches 4 px into the middle
    assert not greens[:, 20 + 4 * 5 : 180].any()


def test_words_are_wrapped_to_the_width():
    lines = wrap_text("as another flying height or ground resolution would", 150, 14)
    assert len(lines) > 2
    assert " ".join(lines) == "as another flying height or ground resolution would"
