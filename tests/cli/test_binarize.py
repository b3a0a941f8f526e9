"""``skdeblurbin binarize``"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skdeblurbin import GANBinarizer
from skdeblurbin.cli import _binarizing, main
from tests.cli.conftest import hear_ctrl_c


@pytest.fixture
def photos(pairs, tmp_path):
    """A folder of photos to play with."""
    folder = tmp_path / "photos"
    (folder / "deep" / "er").mkdir(parents=True)
    for number, place in enumerate(("", "deep", "deep/er")):
        image = Image.open(pairs / "blurred" / f"plate{number}.png")
        image.save(folder / place / f"plate{number}.png")
    return folder


@pytest.fixture
def binarize(cli, model_file):
    """Run with the tiny model: (exit code, the JSON, stderr)."""

    def run(*words):
        code, out, err = cli("binarize", *words, "--model", model_file, "--json")
        return code, json.loads(out) if out else None, err

    return run


def files_in(folder):
    paths = (p for p in Path(folder).rglob("*") if not p.is_dir())
    return sorted(str(p.relative_to(folder)) for p in paths)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def statuses(found):
    return {Path(f["input"]).name: f["status"] for f in found["files"]}


TREE = ["deep/er/plate2.png", "deep/plate1.png", "plate0.png"]


def test_in_a_process_of_its_own(program, photos, model_file, tmp_path):
    out = tmp_path / "out"
    run = program("binarize", photos, "-o", out, "--model", model_file, "--json")
    assert run.returncode == 0
    assert run.stderr.startswith("3 done, 0 skipped, 0 failed in ")
    assert files_in(out) == TREE
    found = json.loads(run.stdout)
    first = {"input": str(photos / TREE[2]), "output": str(out / TREE[2])}
    assert found["files"][0] == {**first, "status": "done", "error": None}
    summary = found["summary"]
    assert summary.pop("seconds") > 0
    numbers = {"done": 3, "skipped": 0, "failed": 0, "left": 0}
    assert summary == numbers | {"model": str(model_file), "device": "cpu"}


def test_results_are_those_of_predict_in_one_bit(
    binarize, photos, model_file, tmp_path
):
    out = tmp_path / "out"
    assert binarize(photos, "-o", out)[0] == 0
    model = GANBinarizer.load(model_file)
    for name in TREE:
        with Image.open(out / name) as image:
            assert (image.format, image.mode) == ("PNG", "1")
            written = np.asarray(image)
        predicted = model.predict([pixels(photos / name)])[0]
        np.testing.assert_array_equal(written, predicted == model.classes_[1])


def test_grey(binarize, photos, model_file, tmp_path):
    out = tmp_path / "out"
    assert binarize(photos, "-o", out, "--grey")[0] == 0
    with Image.open(out / TREE[0]) as image:
        assert image.mode == "L"
        written = np.asarray(image) / 255
    grey = GANBinarizer.load(model_file).deblur([pixels(photos / TREE[0])])[0]
    np.testing.assert_allclose(written, grey, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(
    ("words", "suffix", "kind", "mode"),
    [
        ([], ".png", "PNG", "1"),
        (["--format", "tiff"], ".tif", "TIFF", "1"),
        (["--format", "tiff", "--grey"], ".tif", "TIFF", "L"),
        (["--format", "jpeg", "--grey"], ".jpg", "JPEG", "L"),
    ],
)
def test_formats(binarize, photos, tmp_path, words, suffix, kind, mode):
    out = tmp_path / "out"
    assert binarize(photos, "-o", out, *words)[0] == 0
    assert files_in(out) == [name.replace(".png", suffix) for name in TREE]
    with Image.open(out / f"plate0{suffix}") as image:
        assert (image.format, image.mode) == (kind, mode)


@pytest.mark.parametrize("name", ["a.png", "a.TIF", "new/a.tiff"])
def test_one_file_to_a_file(binarize, photos, tmp_path, name):
    assert binarize(photos / TREE[2], "-o", tmp_path / name)[0] == 0
    assert pixels(tmp_path / name).dtype == bool


def test_files_go_into_the_folder_by_their_names(binarize, photos, tmp_path):
    out = tmp_path / "out"
    code, _, _ = binarize(photos / TREE[0], photos / TREE[2], "-o", out)
    assert code == 0
    assert files_in(out) == ["plate0.png", "plate2.png"]


def test_sizes(cli, pairs, tmp_path):
    photo = pairs / "blurred" / "plate0.png"
    for scale, shape in (("input", (24, 40)), ("model", (128, 192))):
        out = tmp_path / f"{scale}.png"
        assert cli("binarize", photo, "-o", out, "--output-scale", scale)[0] == 0
        assert pixels(out).shape == shape


def test_a_model_without_working_shape_has_no_size_of_its_own(
    binarize, photos, tmp_path
):
    code, _, err = binarize(photos, "-o", tmp_path / "out", "--output-scale", "model")
    assert code == 2
    assert "--output-scale: output_scale='model' needs a working_shape" in err


# What is done with strange files

TRUTH = 1 + np.indices((24, 40)).sum(axis=0) % 250


def kinds_of_files():
    grey = TRUTH.astype(np.uint8)
    colour = Image.fromarray(np.stack([grey] * 3, axis=-1))
    yield "grey.png", Image.fromarray(grey), {}
    yield "sixteen.png", Image.fromarray((TRUTH * 257).astype(np.uint16)), {}
    yield "sixteen.tif", Image.fromarray((TRUTH * 257).astype(np.uint16)), {}
    yield "colour.bmp", colour, {}
    yield "palette.png", colour.convert("P", palette=Image.Palette.ADAPTIVE), {}
    yield "alpha.png", Image.merge("LA", (Image.fromarray(grey),) * 2), {}
    yield "cmyk.tif", colour.convert("CMYK"), {}
    yield "frames.png", colour, {"save_all": True, "append_images": [colour] * 2}
    pages = [Image.new("L", (9, 9))]
    yield "pages.tif", Image.fromarray(grey), {"save_all": True, "append_images": pages}
    yield "with spaces and ümläute 車牌.webp", colour, {"lossless": True}


def test_all_kinds_of_images(binarize, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned by 90 degrees
    for name, image, options in kinds_of_files():
        image.save(folder / name, **options)
    Image.new("L", (40, 24), 99).save(folder / "turned.jpg", exif=turned)
    jobs = {path.name: path for path in folder.iterdir()}
    for name, path in jobs.items():
        assert binarize(path, "-o", tmp_path / "out" / f"{name}.png")[0] == 0, name
    of_grey = pixels(tmp_path / "out" / "grey.png.png")
    assert 0 < of_grey.mean() < 1
    for same in ("sixteen.png", "sixteen.tif", "colour.bmp", "pages.tif"):
        np.testing.assert_array_equal(pixels(tmp_path / "out" / f"{same}.png"), of_grey)
    assert pixels(tmp_path / "out" / "turned.jpg.png").shape == (40, 24)


@pytest.mark.parametrize("low_and_high", [(0, 1), (0, 65535), (-3.0, 2.0)])
def test_white_is_white_whatever_the_model_was_trained_on(
    cli, photos, plates, tiny_gan, tmp_path, low_and_high
):
    low, high = low_and_high
    X = low + plates.X / 255 * (high - low)
    X = X.astype(np.uint16) if high == 65535 else X
    model = tiny_gan(max_epochs=3).fit(X, plates.Y)
    model.save(tmp_path / "model")
    words = ("-o", tmp_path / "out", "--model", tmp_path / "model")
    assert cli("binarize", photos / TREE[2], *words)[0] == 0
    np.testing.assert_array_equal(
        pixels(tmp_path / "out" / TREE[2]), model.predict(X[:1])[0]
    )


def test_corrupt_files_are_reported_and_the_rest_done(binarize, photos, tmp_path):
    sound = (photos / "plate0.png").read_bytes()
    bad = {
        "cut.png": sound[: len(sound) // 2],
        "empty.png": b"",
        "text.jpg": b"no image",
        "bomb.png": bomb(20_000, 20_000),
        "larger_than_the_model_takes.png": bomb(8_200, 8_200),
        "halves.tif": b"II*\x00\x08\x00\x00\x00",
    }
    for name, data in bad.items():
        (photos / name).write_bytes(data)
    Image.fromarray(np.full((9, 9), 0.5, np.float32)).save(photos / "floats.tif")
    code, found, err = binarize(photos, "-o", tmp_path / "out")
    assert code == 1
    failed = {*bad, "floats.tif"}
    assert {n for n, status in statuses(found).items() if status == "failed"} == failed
    assert all(f["error"] for f in found["files"] if f["status"] == "failed")
    assert files_in(tmp_path / "out") == TREE
    for name in failed:
        assert f"{str(photos / name)!r} failed: " in err
    assert f"3 done, 0 skipped, {len(failed)} failed" in err


def bomb(height, width):
    """The beginning of a PNG file that claims to be large."""
    import struct
    import zlib

    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 9) + b"IDAT"


def test_a_photo_that_cannot_be_predicted_takes_no_others_along(
    binarize, photos, tmp_path, monkeypatch
):
    predict = GANBinarizer.predict

    def fail_for_one(self, X):
        if any(image.shape == (10, 10) for image in X):
            raise RuntimeError("out of memory")
        return predict(self, X)

    monkeypatch.setattr(GANBinarizer, "predict", fail_for_one)
    Image.new("L", (10, 10), 3).save(photos / "a.png")
    code, found, _ = binarize(photos, "-o", tmp_path / "out")
    assert code == 1
    assert [f["error"] for f in found["files"] if f["status"] == "failed"] == [
        "out of memory"
    ]
    assert files_in(tmp_path / "out") == TREE


def test_an_output_that_cannot_be_written(binarize, photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "deep").write_text("in the way of a folder")
    code, found, _ = binarize(photos, "-o", out)
    assert code == 1
    assert statuses(found)["plate0.png"] == "done"
    assert statuses(found)["plate1.png"] == "failed"


def test_a_file_gives_the_same_alone_and_among_others(
    binarize, photos, tmp_path, monkeypatch
):
    Image.fromarray(np.full((50, 60), 65535, np.uint16)).save(photos / "white.png")
    assert binarize(photos, "-o", tmp_path / "together")[0] == 0
    monkeypatch.setattr(_binarizing, "_MOST_PIXELS", 1)
    monkeypatch.setattr(_binarizing, "_FILES_A_PART", 2)
    assert binarize(photos, "-o", tmp_path / "alone")[0] == 0
    for name in files_in(tmp_path / "together"):
        np.testing.assert_array_equal(
            pixels(tmp_path / "together" / name), pixels(tmp_path / "alone" / name)
        )


def test_jobs_give_the_same_in_the_same_order(program, photos, model_file, tmp_path):
    image = Image.open(photos / "plate0.png")
    for number in range(40):
        image.rotate(number).save(photos / f"more{number}.png")
    (photos / "broken.png").write_bytes(b"")
    printed = {}
    for jobs in ("1", "2"):
        run = program(
            "binarize", photos, "-o", tmp_path / jobs, "--model", model_file,
            "--json", "--jobs", jobs,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert run.returncode == 1
        printed[jobs] = json.loads(run.stdout)["files"]
    assert [f["input"] for f in printed["1"]] == [f["input"] for f in printed["2"]]
    assert len(files_in(tmp_path / "1")) == 43
    for name in files_in(tmp_path / "1"):
        assert (tmp_path / "1" / name).read_bytes() == (
            tmp_path / "2" / name
        ).read_bytes()


# Which files are read and written


def test_outputs_that_are_there(binarize, photos, tmp_path):
    out = tmp_path / "out"
    assert binarize(photos / TREE[2], "-o", out)[0] == 0
    (out / TREE[2]).write_bytes(b"mine")
    code, found, err = binarize(photos, "-o", out)
    assert (code, found) == (2, None)
    assert "1 of 3 outputs are there already" in err
    assert str(out / TREE[2]) in err
    assert files_in(out) == [TREE[2]]
    code, found, _ = binarize(photos, "-o", out, "--skip-existing")
    assert code == 0
    assert statuses(found) == {
        "plate0.png": "skipped", "plate1.png": "done", "plate2.png": "done",
    }  # fmt: skip
    assert (out / TREE[2]).read_bytes() == b"mine"
    code, found, _ = binarize(photos, "-o", out, "--overwrite")
    assert found["summary"]["done"] == 3
    assert (out / TREE[2]).read_bytes() != b"mine"
    code, _, err = binarize(photos, "-o", out, "--overwrite", "--skip-existing")
    assert code == 2
    assert "exclude each other" in err


def test_an_output_that_appears_meanwhile_stays(
    binarize, photos, tmp_path, monkeypatch
):
    out, predict = tmp_path / "out", GANBinarizer.predict

    def predict_late(self, X):
        out.mkdir()
        (out / "plate0.png").write_bytes(b"mine")
        return predict(self, X)

    monkeypatch.setattr(GANBinarizer, "predict", predict_late)
    code, found, err = binarize(photos, "-o", out)
    assert code == 1
    assert statuses(found) == {
        "plate0.png": "failed", "plate1.png": "done", "plate2.png": "done",
    }  # fmt: skip
    assert "the output has appeared since the run began" in err
    assert (out / "plate0.png").read_bytes() == b"mine"


def test_two_inputs_for_one_output_are_named_before_anything_is_done(
    binarize, photos, tmp_path
):
    Image.open(photos / "plate0.png").save(photos / "plate0.jpg")
    other = tmp_path / "other"
    other.mkdir()
    Image.open(photos / "plate0.png").save(other / "plate1.png")
    for inputs, named in (
        ([photos], ("plate0.jpg", "plate0.png")),
        ([photos / "deep", other], ("deep/plate1.png", "other/plate1.png")),
    ):
        code, found, err = binarize(*inputs, "-o", tmp_path / "out")
        assert (code, found) == (2, None)
        assert all(name in err for name in named)
        assert not (tmp_path / "out").exists()
    code, _, _ = binarize(photos, "-o", tmp_path / "out", "--glob", "*.jpg")
    assert code == 0
    assert files_in(tmp_path / "out") == ["plate0.png"]


def test_an_input_given_twice_is_done_once(binarize, photos, tmp_path):
    inputs = [photos / "plate0.png", photos, photos / "." / "plate0.png"]
    _, found, _ = binarize(*inputs, "-o", tmp_path / "out")
    assert found["summary"]["done"] == 3


def test_an_input_is_never_overwritten(binarize, photos, tmp_path):
    before = {name: (photos / name).read_bytes() for name in TREE}
    link = tmp_path / "link.png"
    link.symlink_to(photos / "plate0.png")
    for words in (
        [photos, "-o", photos],
        [photos / "plate0.png", "-o", photos],
        [photos / "plate0.png", "-o", photos / "plate0.png"],
        [photos / "plate0.png", "-o", photos / "deep" / ".." / "plate0.png"],
        [photos / "plate0.png", "-o", link],
        [photos / "deep", photos / "plate0.png", "-o", photos],
    ):
        code, found, err = binarize(*words, "--overwrite")
        assert (code, found) == (2, None)
        assert "input" in err
    assert {name: (photos / name).read_bytes() for name in TREE} == before


def test_an_output_folder_inside_the_input_is_no_input(binarize, photos):
    for _ in range(2):
        code, found, _ = binarize(photos, "-o", photos / "out", "--overwrite")
        assert code == 0
        assert found["summary"]["done"] == 3
    assert files_in(photos / "out") == TREE


def test_hidden_files_other_files_and_linked_folders_are_left_alone(
    binarize, photos, tmp_path
):
    (photos / ".hidden").mkdir()
    for name in (".hidden.png", ".hidden/plate.png"):
        Image.open(photos / "plate0.png").save(photos / name)
    (photos / "notes.txt").write_text("no image")
    (photos / "folder.png").mkdir()
    (photos / "dangling.png").symlink_to("nowhere.png")
    (photos / "linked.png").symlink_to(photos / "plate0.png")
    (photos / "deep" / "loop").symlink_to(photos)
    code, _, _ = binarize(photos, "-o", tmp_path / "out")
    assert code == 0
    assert files_in(tmp_path / "out") == sorted([*TREE, "linked.png"])
    # Named, they are taken.
    code, _, _ = binarize(photos / ".hidden.png", "-o", tmp_path / "named")
    assert code == 0
    assert files_in(tmp_path / "named") == [".hidden.png"]


def test_patterns_where_no_shell_expands_them(binarize, photos, tmp_path):
    code, _, _ = binarize(f"{photos}/**/plate[12].png", "-o", tmp_path / "out")
    assert code == 0
    assert files_in(tmp_path / "out") == ["plate1.png", "plate2.png"]
    odd = photos / "odd[12].png"
    Image.open(photos / "plate0.png").save(odd)
    assert binarize(odd, "-o", tmp_path / "out2")[0] == 0


def test_names_with_dashes_and_letters_that_are_none(
    program, photos, model_file, tmp_path
):
    data = (photos / "plate0.png").read_bytes()
    (tmp_path / "-o.png").write_bytes(data)
    (tmp_path / "new\nline.png").write_bytes(data)
    broken = os.fsencode(tmp_path) + b"/\xff.png"
    Path(os.fsdecode(broken)).write_bytes(b"not even an image")
    run = program(
        "binarize", "-o", "out", "--json", "--model", model_file,
        "--", "-o.png", "new\nline.png", os.fsdecode(broken), cwd=tmp_path,
    )  # fmt: skip
    assert run.returncode == 1
    assert files_in(tmp_path / "out") == ["-o.png", "new\nline.png"]
    found = json.loads(run.stdout)
    assert found["files"][2]["input"] == os.fsdecode(broken)
    assert r"\udcff.png" in run.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no-such-photo", "-o", "out"], "no file or folder 'no-such-photo'"),
        (["*.gif", "-o", "out"], r"no file or folder '*.gif'"),
        (["nothing", "-o", "out"], "no images in 'nothing'"),
        (["photos", "-o", "out", "--glob", "x*"], "names match 'x*'"),
        (["photos", "-o", "out.png"], "the input must be one image file"),
        (["photos", "-o", "out", "--format", "jpeg"], "JPEG files cannot hold black"),
        (["photos/plate0.png", "-o", "a.jpg"], "JPEG files cannot hold black"),
        (["photos/plate0.png", "-o", "a.webp"], ".webp files cannot be written"),
        (["photos/plate0.png", "-o", "a.png", "--format", "tiff"], "differ"),
        (["photos", "-o", "out", "--device", "cuda:99"], "not available"),
        (["photos", "-o", "out", "--device", "gpu"], "device must be"),
    ],
)
def test_command_lines_that_are_wrong(
    binarize, photos, tmp_path, monkeypatch, words, told
):
    monkeypatch.chdir(tmp_path)
    Path("nothing").mkdir()
    code, found, err = binarize(*words)
    assert (code, found) == (2, None)
    assert told in err
    assert not Path("out").exists()


def test_an_output_that_is_a_folder_is_refused(binarize, photos, tmp_path):
    (tmp_path / "out" / "plate0.png").mkdir(parents=True)
    code, _, err = binarize(
        photos / "plate0.png", "-o", tmp_path / "out", "--overwrite"
    )
    assert code == 2
    assert "is a folder" in err


def test_jobs_outside_the_main_thread(photos, model_file, tmp_path):
    """Where signals cannot be set."""
    words = ["binarize", str(photos), "-o", str(tmp_path / "out"), "--jobs", "2"]
    with ThreadPoolExecutor(1) as thread:
        code = thread.submit(main, [*words, "--model", str(model_file)]).result()
    assert code == 0
    assert files_in(tmp_path / "out") == TREE


# Progress and Ctrl-C


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_leaves_whole_files_and_tells_what_was_done(
    photos, model_file, tmp_path, jobs
):
    image = Image.open(photos / "plate0.png").resize((400, 200))
    for number in range(600):
        image.save(photos / f"more{number}.png", compress_level=1)
    command = [sys.executable, "-m", "skdeblurbin", "binarize", str(photos), "--json"]
    command += ["-o", str(tmp_path / "out"), "--model", str(model_file), "--jobs", jobs]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=hear_ctrl_c,
    ) as process:
        reader = threading.Timer(120, process.kill)
        reader.start()
        wait_for(lambda: (tmp_path / "out").exists())
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, err = process.communicate()
        reader.cancel()
    assert process.returncode == 130, err
    found = json.loads(out)
    assert 0 < found["summary"]["done"] < 603
    assert found["summary"]["left"] == 603 - found["summary"]["done"]
    done = sorted(str(Path(f["output"])) for f in found["files"])
    assert done == sorted(str(tmp_path / "out" / n) for n in files_in(tmp_path / "out"))
    for path in done:
        assert pixels(path).dtype == bool
    assert "Traceback" not in err
    assert " left in " in err


@pytest.mark.parametrize("is_rich", [True, False])
def test_progress_on_a_terminal(photos, model_file, tmp_path, is_rich):
    pty = pytest.importorskip("pty", reason="terminals as Unix has them")
    (photos / "broken.png").write_bytes(b"")
    without = "import sys\nsys.modules['rich'] = sys.modules['rich.console'] = None\n"
    each = "from skdeblurbin import _progress\n_progress._EVERY = 0\n"  # is shown
    words = ["binarize", str(photos), "-o", str(tmp_path / "out")]
    code = ("" if is_rich else without) + (
        f"{each}from skdeblurbin.cli import main\n"
        f"raise SystemExit(main({[*words, '--model', str(model_file)]}))"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 1
    before, erased, after = shown.rpartition(b"\x1b[2K" if is_rich else b"\r\x1b[K")
    assert b"4/4 images" in before
    assert erased  # the line goes, the summary stays
    assert after.startswith(b"3 done, 0 skipped, 1 failed")
    assert b"broken.png' failed: " in shown
    assert (b"\xe2\x94\x81" in shown) is is_rich  # the bar
