"""Data sets larger than memory: read image by image, and never held as a whole."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from skdeblurbin import OtsuBinarizer, SauvolaBinarizer, WienerBinarizer
from skdeblurbin._validation import check_images
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import f_measure, root_mean_squared_error

SHAPE = (24, 36)


class Files(Sequence):
    """Images that are read when asked for, as from files; counts the readings."""

    def __init__(self, images):
        self.images = images
        self.n_read = 0

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        self.n_read += 1
        return np.array(self.images[index])


class Unordered:
    """No sequence by name, and no IndexError at its end: as many data sets are."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index % len(self.images)]


class Store:
    """An array on disk, as those of h5py and Zarr: converted as a whole on demand."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.ndim = array.ndim

    def __len__(self):
        return len(self.array)

    def __getitem__(self, index):
        return self.array[index]

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("the whole array was read at once")


@pytest.fixture(scope="module")
def plates():
    return make_blurred_plates(6, SHAPE, "plate", random_state=0)


def binarizers(tiny_gan):
    return {
        "gan": tiny_gan(max_epochs=1, random_state=0),
        "otsu": OtsuBinarizer(),
        "sauvola": SauvolaBinarizer(window_size=9),
        "wiener": WienerBinarizer(psf=np.ones((1, 3))),
    }


@pytest.mark.parametrize("form", [Files, Unordered, Store, deque])
@pytest.mark.parametrize("name", ["gan", "otsu", "sauvola", "wiener"])
def test_sequences_give_what_arrays_give(name, form, plates, tiny_gan):
    X, Y = plates
    wanted = binarizers(tiny_gan)[name].fit(X, Y)
    found = binarizers(tiny_gan)[name].fit(form(X), form(Y))
    assert_array_equal(np.stack(found.predict(form(X))), wanted.predict(X))
    assert found.score(form(X), form(Y)) == wanted.score(X, Y)
    # As the container is: what is an array gives an array.
    assert isinstance(found.predict(form(X)), np.ndarray if form is Store else list)


@pytest.mark.parametrize("form", [Files, Unordered, Store])
def test_colour_is_converted_when_it_is_read(form, plates):
    X, Y = plates
    colour = np.repeat(X[..., np.newaxis], 3, axis=-1)
    images = check_images(form(colour))
    assert images.shapes == [SHAPE] * len(X)
    assert_array_equal(np.stack(list(images.grey)), X)
    assert_array_equal(np.stack(images.grey[1:3]), X[1:3])
    assert root_mean_squared_error(form(Y), form(Y)) == 0
    assert f_measure(form(Y), list(Y)) == 1


def test_sequences_of_pil_images(plates):
    X, _ = plates
    images = check_images(Unordered([Image.fromarray(x) for x in X]))
    assert_array_equal(np.stack(list(images.grey)), X)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda X: [*X[:2], X[2] * np.nan], r"Input X\[2\] contains NaN"),
        (lambda X: [*X[:2], "plate.png"], r"X\[2\] must be an image of shape"),
        (lambda X: [*X[:2], X[2][0]], r"X\[2\] must be an image of shape"),
        (lambda X: [*X[:2], X[:, :, :2]], r"X\[2\] must be an image of shape"),
        (lambda X: [*X[:2], X[2][:0]], r"X\[2\] is an empty image"),
    ],
)
def test_what_is_no_image_is_named(bad, message, plates):
    X, _ = plates
    otsu = OtsuBinarizer()
    with pytest.raises(ValueError, match=message):
        otsu.fit(Unordered(bad(X.astype(float))))
    assert not hasattr(otsu, "classes_")


class OneBuffer(Files):
    """A reader that decodes every image into the same memory."""

    def __init__(self, images):
        super().__init__(images)
        self.buffer = np.empty_like(images[0])

    def __getitem__(self, index):
        self.buffer[:] = self.images[index]
        return self.buffer


@pytest.mark.parametrize("name", ["gan", "otsu", "sauvola", "wiener"])
def test_readers_may_use_their_memory_again(name, plates, tiny_gan):
    X, Y = plates
    wanted = binarizers(tiny_gan)[name].fit(X, Y)
    found = binarizers(tiny_gan)[name].fit(OneBuffer(X), OneBuffer(Y))
    assert_array_equal(np.stack(found.predict(OneBuffer(X))), wanted.predict(X))


class Broken(Files):
    def __getitem__(self, index):
        raise NotImplementedError("not yet")


def test_what_cannot_be_read_is_named(plates):
    with pytest.raises(ValueError, match=r"X\[0\] cannot be read: NotImplemented"):
        OtsuBinarizer().fit(Broken(plates[0]))


class OnlyAnArray:
    """Has axes and entries, but no length."""

    def __init__(self, array):
        self.array, self.ndim, self.shape = array, array.ndim, array.shape

    def __getitem__(self, index):
        return self.array[index]

    def __array__(self, dtype=None, copy=None):
        return self.array


def test_what_has_no_length_is_an_array(plates):
    X, _ = plates
    assert check_images(OnlyAnArray(X)).container == "array"


def test_empty_sequences_and_rows_are_as_in_lists():
    with pytest.raises(ValueError, match=r"X is an empty Files"):
        check_images(Files([]))
    rows = check_images(Unordered([[0, 1, 2], [3, 4, 5]]))
    assert rows.container == "rows"
    assert rows.shapes == [(1, 3), (1, 3)]


def test_lists_are_read_once_and_sequences_never_kept(plates):
    X, Y = plates
    files = Files(X)
    otsu = OtsuBinarizer().fit(files, Y)
    # Checked; its extent; levels and pixels for Otsu's threshold.
    assert files.n_read <= 6 * len(X)
    assert all(value is not files for value in vars(otsu).values())


MEASURE = """
import sys, threading, time
from pathlib import Path
import numpy as np
from skdeblurbin import GANBinarizer

n, path, what = int(sys.argv[1]), sys.argv[2], sys.argv[3]
shape = (n, 256, 512)
X = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
Y = np.lib.format.open_memmap(path + ".y", "w+", np.uint8, shape)
X[:], Y[:] = 0, 0
X[:, 100:150], Y[:, 100:150] = 200, 255
X, Y = np.load(path, mmap_mode="r"), np.load(path + ".y", mmap_mode="r")
model = GANBinarizer(
    n_blocks=1, growth_rate=4, base_channels=8, downsampling=4, n_levels=0, K2=1,
    adversarial_weight=0, augment=False, working_shape=(16, 16), max_epochs=1,
    random_state=0, n_threads=1, device="cpu",
)

def anonymous():  # pages of files can be dropped at any time; these cannot
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024

peak, done = [0.0], threading.Event()
def watch():
    while not done.wait(0.002):
        peak[0] = max(peak[0], anonymous())

few = X[:8], Y[:8]
works = {
    "fit": lambda X, Y: model.fit(X, Y),
    # So that the answer is small.
    "predict": lambda X, Y: model.set_params(output_scale="model").predict(X),
    "score": lambda X, Y: model.score(X, Y),
    "validation_fraction": lambda X, Y: model.set_params(
        validation_fraction=0.5
    ).fit(X, Y),
    "X_val": lambda X, Y: model.fit(*few, X_val=X, y_val=Y),
}
model.fit(*few)
works[what](*few)
before = anonymous()
watcher = threading.Thread(target=watch)
watcher.start()
works[what](X, Y)
done.set()
watcher.join()
print(peak[0] - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "work", ["fit", "predict", "score", "validation_fraction", "X_val"]
)
def test_peak_memory_does_not_grow_with_the_number_of_images(work, tmp_path):
    n_images = 240  # 30 MiB of photos, and as much truth
    code = ["-W", "ignore", "-c", MEASURE, str(n_images), tmp_path / "X", work]
    run = subprocess.run(
        [sys.executable, *code], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 10, run.stdout  # MiB
