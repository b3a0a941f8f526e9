import struct

import numpy as np
import pytest
from PIL import Image

from skdeblurbin.datasets import load_image_pairs


@pytest.fixture
def folders(tmp_path):
    blurred, binary = tmp_path / "blurred", tmp_path / "binary"
    blurred.mkdir()
    binary.mkdir()
    return blurred, binary


def grey(value=0, shape=(6, 9)):
    height, width = shape
    ramp = np.arange(height * width, dtype=np.uint8).reshape(shape)
    return ramp + np.uint8(value)


def two_level(shape=(6, 9), low=0, high=255):
    return np.where(np.indices(shape).sum(axis=0) % 3 == 0, low, high).astype(np.uint8)


def save(array, path, **options):
    Image.fromarray(array).save(path, **options)


def fill(folders, names, shape=(6, 9)):
    for i, name in enumerate(names):
        save(grey(i, shape), folders[0] / f"{name}.png")
        save(two_level(shape), folders[1] / f"{name}.png")


def test_equal_sizes_give_two_stacks(folders):
    fill(folders, ["a", "b"])
    X, Y = load_image_pairs(*folders)
    np.testing.assert_array_equal(X, [grey(0), grey(1)])
    np.testing.assert_array_equal(Y, [two_level(), two_level()])
    assert X.dtype == Y.dtype == np.uint8


def test_mixed_sizes_give_two_lists(folders):
    fill(folders, ["a"], (6, 9))
    fill(folders, ["b"], (8, 5))
    X, Y = load_image_pairs(*folders)
    assert isinstance(X, list)
    assert isinstance(Y, list)
    assert [x.shape for x in X] == [y.shape for y in Y] == [(6, 9), (8, 5)]


def test_order_is_natural(folders):
    fill(folders, ["p10", "p2", "1", "P3", "p2b", "p02", "01"])
    *_, names = load_image_pairs(*folders, return_names=True)
    assert names == ["01", "1", "P3", "p02", "p2", "p2b", "p10"]


def test_names_belong_to_images(folders):
    fill(folders, ["b10", "b9"])
    X, _, names = load_image_pairs(*folders, return_names=True)
    assert names == ["b9", "b10"]
    np.testing.assert_array_equal(X, [grey(1), grey(0)])


def test_paths_may_be_strings(folders):
    fill(folders, ["a"])
    X, _ = load_image_pairs(str(folders[0]), str(folders[1]))
    assert X.shape == (1, 6, 9)


@pytest.mark.parametrize("suffix", ["PNG", "bmp", "tif", "TIFF", "webp"])
def test_suffixes_may_differ_between_folders(folders, suffix):
    lossless = {"lossless": True} if suffix == "webp" else {}
    save(grey(), folders[0] / f"a.{suffix}", **lossless)
    save(two_level(), folders[1] / "a.png")
    X, _ = load_image_pairs(*folders)
    assert X.shape == (1, 6, 9)
    # WebP stores colour differences, off by one grey level at most.
    assert np.abs(X[0].astype(int) - grey()).max() <= (1 if lossless else 0)


@pytest.mark.parametrize("suffix", ["jpg", "JPEG"])
def test_photos_may_be_jpeg(folders, suffix):
    save(grey(), folders[0] / f"a.{suffix}", quality=95)
    save(two_level(), folders[1] / "a.png")
    X, _ = load_image_pairs(*folders)
    assert np.abs(X[0].astype(int) - grey()).mean() < 5


def test_stems_are_case_sensitive(folders):
    fill(folders, ["a", "A"])
    *_, names = load_image_pairs(*folders, return_names=True)
    assert names == ["A", "a"]


def test_other_files_are_ignored(folders):
    fill(folders, ["a"])
    for folder in folders:
        (folder / ".hidden.png").write_bytes(b"no image")
        (folder / "labels.csv").write_text("a,b")
        (folder / "Thumbs.db").write_bytes(b"x")
        (folder / "sub.png").mkdir()
    X, _ = load_image_pairs(*folders)
    assert len(X) == 1


def test_colour_becomes_rec_601_luma(folders):
    colour = np.zeros((1, 3, 3), np.uint8)
    colour[0] = np.eye(3) * 255
    save(colour, folders[0] / "a.png")
    save(np.array([[0, 1, 1]], np.uint8), folders[1] / "a.png")
    X, _ = load_image_pairs(*folders)
    # 255 * (0.299, 0.587, 0.114) = 76.2, 149.7, 29.1
    np.testing.assert_array_equal(X[0], [[76, 150, 29]])


def test_transparency_is_laid_over_white(folders):
    rgba = np.array([[[0, 0, 0, 0], [0, 0, 0, 255], [0, 0, 0, 128]]], np.uint8)
    save(rgba, folders[0] / "a.png")
    save(np.array([[[0, 0], [0, 255], [255, 255]]], np.uint8), folders[1] / "a.png")
    X, Y = load_image_pairs(*folders)
    np.testing.assert_array_equal(X[0], [[255, 0, 127]])
    np.testing.assert_array_equal(Y[0], [[255, 0, 255]])


def test_palettes_are_resolved(folders):
    indices = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    indices = indices.convert("P")
    indices.putpalette([10, 10, 10, 200, 200, 200, 255, 0, 0])
    indices.save(folders[0] / "a.png")
    bilevel = Image.fromarray(np.array([[False, True, True]]))
    assert bilevel.mode == "1"
    bilevel.save(folders[1] / "a.png")
    X, Y = load_image_pairs(*folders)
    np.testing.assert_array_equal(X[0], [[10, 200, 76]])
    np.testing.assert_array_equal(Y[0], [[0, 255, 255]])


def test_sixteen_bits_are_kept(folders):
    deep = np.array([[0, 1000, 65535]], np.uint16)
    save(deep, folders[0] / "a.png")
    save(np.array([[0, 255, 255]], np.uint8), folders[1] / "a.png")
    X, Y = load_image_pairs(*folders)
    assert X.dtype == np.uint16
    assert Y.dtype == np.uint8
    np.testing.assert_array_equal(X[0], deep)


def test_eight_bits_among_sixteen_are_as_bright(folders):
    levels = np.array([[0, 128, 255]], np.uint8)
    save(levels, folders[0] / "a.png")
    save(levels.astype(np.uint16) * 257, folders[0] / "b.png")
    save(two_level((1, 3)), folders[1] / "a.png")
    save(two_level((1, 3)).astype(np.uint16) * 257, folders[1] / "b.png")
    X, Y = load_image_pairs(*folders)
    assert X.dtype == Y.dtype == np.uint16
    # 65535 / 255 = 257 exactly.
    np.testing.assert_array_equal(X[0], [[0, 128 * 257, 65535]])
    np.testing.assert_array_equal(X[0], X[1])
    np.testing.assert_array_equal(Y[0], Y[1])


def test_orientation_is_applied(folders):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    save(grey(), folders[0] / "a.png", exif=exif)
    save(two_level((9, 6)), folders[1] / "a.png")
    X, _ = load_image_pairs(*folders)
    np.testing.assert_array_equal(X[0], np.rot90(grey(), -1))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 255), (17, 200)])
def test_binary_values_are_kept(folders, low, high):
    save(grey(), folders[0] / "a.png")
    save(two_level(low=low, high=high), folders[1] / "a.png")
    _, Y = load_image_pairs(*folders)
    np.testing.assert_array_equal(np.unique(Y), [low, high])


def test_a_constant_truth_is_fine_among_others(folders):
    fill(folders, ["a", "b"])
    save(np.full((6, 9), 255, np.uint8), folders[1] / "b.png")
    _, Y = load_image_pairs(*folders)
    assert (Y[1] == 255).all()


def test_truth_of_more_than_two_levels_is_named_five_at_most(folders):
    fill(folders, [f"n{i}" for i in range(1, 9)])
    for i in range(2, 9):
        save(grey(), folders[1] / f"n{i}.png")
    with pytest.raises(ValueError, match=r"exactly two grey levels, got 5\d;") as error:
        load_image_pairs(*folders)
    message = str(error.value)
    assert "7 image(s) are to blame" in message
    assert all(f"n{i}.png (54 values)" in message for i in range(2, 7))
    assert "n1.png" not in message
    assert "n7.png" not in message
    assert "and 2 more" in message
    assert "threshold=128" in message


def test_three_levels_over_two_files_are_refused(folders):
    fill(folders, ["a", "b", "c"])
    save(two_level(low=0, high=1), folders[1] / "c.png")
    with pytest.raises(ValueError, match=r"got 3; 1 image\(s\) .* c\.png \(2 values\)"):
        load_image_pairs(*folders)


def test_truth_of_one_level_is_refused(folders):
    fill(folders, ["a"])
    save(np.full((6, 9), 7, np.uint8), folders[1] / "a.png")
    with pytest.raises(ValueError, match=r"two grey levels, but all .* are 7"):
        load_image_pairs(*folders)


def test_threshold_makes_truth_binary(folders):
    save(grey(), folders[0] / "a.png")
    save(np.array([[0, 127, 128, 129, 255]], np.uint8), folders[1] / "a.png")
    save(np.zeros((1, 5), np.uint8), folders[0] / "a.png")
    _, Y = load_image_pairs(*folders, threshold=128)
    np.testing.assert_array_equal(Y, [[[0, 0, 0, 255, 255]]])
    assert Y.dtype == np.uint8


@pytest.mark.parametrize("bad", ["128", True, np.nan, [1]])
def test_bad_threshold_is_named(folders, bad):
    with pytest.raises(TypeError, match=r"threshold must be None or a finite float"):
        load_image_pairs(*folders, threshold=bad)


def test_bad_return_names_is_named(folders):
    with pytest.raises(TypeError, match=r"return_names must be a bool, got 'no'"):
        load_image_pairs(*folders, return_names="no")


@pytest.mark.parametrize("side", [0, 1])
def test_missing_folder_is_named(folders, side):
    fill(folders, ["a"])
    paths = list(folders)
    paths[side] = folders[side] / "nowhere"
    parameter = ("blurred_dir", "binary_dir")[side]
    with pytest.raises(FileNotFoundError, match=rf"{parameter} does not .*nowhere"):
        load_image_pairs(*paths)


@pytest.mark.parametrize("side", [0, 1])
def test_file_in_place_of_a_folder_is_named(folders, side):
    fill(folders, ["a"])
    paths = list(folders)
    paths[side] = folders[side] / "a.png"
    parameter = ("blurred_dir", "binary_dir")[side]
    with pytest.raises(NotADirectoryError, match=rf"{parameter} is not .*a\.png"):
        load_image_pairs(*paths)


@pytest.mark.parametrize("bad", [None, 3, b"photos"])
def test_folder_of_a_wrong_type_is_named(folders, bad):
    fill(folders, ["a"])
    with pytest.raises(TypeError, match=r"binary_dir must be a str or a path, got"):
        load_image_pairs(folders[0], bad)


def test_empty_folder_is_named(folders):
    with pytest.raises(ValueError, match=r"blurred_dir holds no images: .*blurred"):
        load_image_pairs(*folders)


def test_duplicate_stems_are_named(folders):
    fill(folders, ["a", "b"])
    save(grey(), folders[0] / "a.JPG")
    with pytest.raises(ValueError, match=r"blurred_dir .*: a\.JPG and a\.png\."):
        load_image_pairs(*folders)


def test_unmatched_files_are_named_ten_at_most(folders):
    fill(folders, ["both"])
    save(two_level(), folders[1] / "B.png")
    for i in range(1, 13):
        save(grey(), folders[0] / f"n{i}.png")
    with pytest.raises(ValueError, match=r"^13 image\(s\) have no partner") as error:
        load_image_pairs(*folders)
    message = str(error.value)
    assert "binary/B.png" in message
    assert "blurred/n9.png" in message
    assert "n10.png" not in message
    assert "both" not in message
    assert "and 3 more" in message


def broken_files():
    bomb = struct.pack(">I4sIIBBBBB", 13, b"IHDR", 10**6, 10**6, 8, 0, 0, 0, 0)
    return {
        "text": b"this is no image",
        "empty": b"",
        "bomb": b"\x89PNG\r\n\x1a\n" + bomb + b"\0\0\0\0",
    }


@pytest.mark.parametrize("kind", sorted(broken_files()))
def test_unreadable_files_are_named(folders, kind):
    fill(folders, ["a", "b", "c"])
    (folders[0] / "b.png").write_bytes(broken_files()[kind])
    (folders[1] / "c.png").write_bytes(broken_files()[kind])
    with pytest.raises(ValueError, match=r"^2 image\(s\) cannot be read") as error:
        load_image_pairs(*folders)
    assert "blurred/b.png" in str(error.value)
    assert "binary/c.png" in str(error.value)
    assert "a.png" not in str(error.value)


def test_truncated_file_is_named(folders):
    fill(folders, ["a", "b"], (64, 64))
    whole = (folders[0] / "b.png").read_bytes()
    (folders[0] / "b.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"^1 image\(s\) cannot be read: blurred/b"):
        load_image_pairs(*folders)


def test_float_images_are_named(folders):
    fill(folders, ["a"])
    (folders[0] / "a.png").unlink()
    save(np.zeros((6, 9), np.float32), folders[0] / "a.tif")
    with pytest.raises(ValueError, match=r"cannot be read: blurred/a\.tif .*floats"):
        load_image_pairs(*folders)


def test_pairs_of_different_size_are_named(folders):
    fill(folders, ["a", "b", "c"])
    save(two_level((9, 6)), folders[1] / "b.png")
    with pytest.raises(ValueError, match=r"^1 pair\(s\) differ in size") as error:
        load_image_pairs(*folders)
    assert "b.png (6x9) and b.png (9x6)" in str(error.value)
