"""``skdeblurbin train``"""

import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from skdeblurbin import GANBinarizer
from skdeblurbin.cli import _training
from skdeblurbin.datasets import load_image_pairs
from skdeblurbin.persistence import read_model
from skdeblurbin.training import Checkpoint
from tests.cli.conftest import hear_ctrl_c

TINY = [
    word
    for setting in ("n_blocks=1", "growth_rate=2", "base_channels=4", "n_threads=1")
    for word in ("--set", setting)
]


@pytest.fixture
def train(cli, pairs, tmp_path):
    """Train a tiny network to `tmp_path / "model"`: (exit code, stdout, stderr)."""

    def run(*words, epochs=2, out=None):
        folders = (pairs / "blurred", pairs / "binary")
        output = ("-o", out or tmp_path / "model", "--epochs", epochs, *TINY)
        return cli("train", *folders, *output, *words)

    return run


def same_bits(path, other):
    """Whether two models have equal weights."""
    one, two = (read_model(p, None)[1] for p in (path, other))
    assert one.keys() == two.keys()
    return all(np.array_equal(one[name], two[name]) for name in one)


def tiny_of_library(**parameters):
    sizes = {"n_blocks": 1, "growth_rate": 2, "base_channels": 4, "n_threads": 1}
    return GANBinarizer(**(sizes | {"max_epochs": 2, "random_state": 0} | parameters))


def test_in_a_process_of_its_own(program, pairs, tmp_path):
    out = tmp_path / "new" / "plates.safetensors"
    run = program(
        "train", pairs / "blurred", pairs / "binary", "-o", out, "--epochs", 2,
        "--json", *TINY,
    )  # fmt: skip
    assert run.returncode == 0
    cost, *lines = run.stderr.splitlines()
    assert cost.startswith("skdeblurbin: 6 pairs, 2 epochs of 2 steps: about ")
    assert cost.endswith(" in all")
    assert [line for line in lines if "epoch 2/2" in line and "left 0:00" in line]
    printed = json.loads(run.stdout)
    assert printed["last_epoch"].pop("epoch") == 2
    assert 0 < printed["last_epoch"]["rmse"] < 1
    del printed["last_epoch"]
    about = {"model": str(out), "pairs": 6, "epochs": 2, "interrupted": False}
    assert printed == about
    assert os.listdir(out.parent) == [out.name]  # and no checkpoints
    GANBinarizer.load(out)


def test_the_model_is_that_of_the_library(train, pairs, tmp_path):
    assert train()[0] == 0
    X, Y = load_image_pairs(pairs / "blurred", pairs / "binary")
    tiny_of_library().fit(X, Y).save(tmp_path / "library")
    assert same_bits(tmp_path / "model", tmp_path / "library")
    about, _ = read_model(tmp_path / "model", None)
    assert about["parameters"]["verbose"] == 0
    assert about["parameters"]["warm_start"] is False
    assert about["parameters"]["checkpoint_dir"] is None


def test_options_become_parameters(train, tmp_path):
    words = ["--batch-size", 3, "--working-shape", "16x32", "--seed", 7]
    words += ["--validation-fraction", 0.4, "--device", "cpu"]
    words += ["--set", "optimizer=adam", "--set", "average_decay=null"]
    words += ["--set", "learning_rate=1e-4", "--set", "augment=false"]
    assert train(*words)[0] == 0
    parameters = read_model(tmp_path / "model", None)[0]["parameters"]
    wanted = {
        "batch_size": 3, "working_shape": [16, 32], "random_state": 7,
        "validation_fraction": 0.4, "optimizer": "adam", "average_decay": None,
        "learning_rate": 1e-4, "augment": False, "max_epochs": 2, "n_blocks": 1,
    }  # fmt: skip
    assert {name: parameters[name] for name in wanted} == wanted
    # A list is a tuple, as the library has it.
    assert train("--set", "working_shape=[16, 32]", "--overwrite")[0] == 0
    parameters = read_model(tmp_path / "model", None)[0]["parameters"]
    assert parameters["working_shape"] == [16, 32]


def test_a_model_is_trained_on(train, model_file, pairs, tmp_path):
    assert train("--from", model_file, epochs=1)[0] == 0
    X, Y = load_image_pairs(pairs / "blurred", pairs / "binary")
    library = GANBinarizer.load(model_file).set_params(warm_start=True, max_epochs=1)
    assert library.set_params(n_threads=1).fit(X, Y).n_epochs_ == 1
    library.set_params(warm_start=False).save(tmp_path / "library")
    assert same_bits(tmp_path / "model", tmp_path / "library")
    assert not same_bits(tmp_path / "model", model_file)
    code, _, err = train("--from", model_file, "--seed", 1, "--overwrite")
    assert code == 2
    assert "--seed has no effect" in err


def test_a_model_that_is_there_is_not_replaced(train, pairs, tmp_path):
    (tmp_path / "model").write_bytes(b"mine")
    code, _, err = train()
    assert code == 2
    assert "is there already" in err
    assert (tmp_path / "model").read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["model"]
    assert train("--overwrite")[0] == 0
    GANBinarizer.load(tmp_path / "model")


class Killed(BaseException):
    """What stops a training in these tests: nothing catches it."""


@pytest.fixture
def train_killed(train, monkeypatch):
    """Train until the first checkpoint is written, and die."""
    write = Checkpoint.write

    def write_and_die(self, state):
        write(self, state)
        raise Killed

    def run(*words):
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "write", write_and_die)
            with pytest.raises(Killed):
                train(*words)

    return run


@pytest.mark.parametrize("is_new", [True, False])
def test_a_killed_training_goes_on(train, train_killed, model_file, tmp_path, is_new):
    words = ("--set", "checkpoint_every=0")
    words += () if is_new else ("--from", model_file)
    assert train(*words, out=tmp_path / "whole")[0] == 0
    train_killed(*words)
    assert sorted(os.listdir(tmp_path)) == ["model.checkpoints", "whole"]
    assert train(*words)[0] == 0
    assert sorted(os.listdir(tmp_path)) == ["model", "whole"]
    assert same_bits(tmp_path / "model", tmp_path / "whole")


def test_only_its_own_training_replaces_an_interrupted_model(
    train, train_killed, tmp_path
):
    words = ("--set", "checkpoint_every=0")
    train_killed(*words)
    (tmp_path / "model").write_bytes(b"as Ctrl-C left it")
    code, _, err = train(*words, "--seed", 1)
    assert code == 2
    assert "differs in random_state" in err
    assert "--overwrite" in err
    assert (tmp_path / "model").read_bytes() == b"as Ctrl-C left it"
    assert train(*words)[0] == 0
    GANBinarizer.load(tmp_path / "model")


def test_a_folder_for_checkpoints_that_was_named_stays(train, tmp_path):
    words = ("--checkpoint-dir", tmp_path / "kept")
    assert train(*words)[0] == 0
    assert [p.suffix for p in (tmp_path / "kept").glob("*.checkpoint")] == [
        ".checkpoint"
    ]
    before = load_file(tmp_path / "model")
    code, _, err = train(*words)  # is done at once
    assert code == 0
    assert "epoch 1/2" not in err
    # Not the bytes, in which safetensors puts the header's entries in any order.
    after = load_file(tmp_path / "model")
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


def test_checkpoints_of_other_trainings_stay(train, train_killed, tmp_path):
    """They have the folder of one model in common."""
    words = ("--set", "checkpoint_every=0")
    train_killed(*words, "--seed", 1)
    folder = tmp_path / "model.checkpoints"
    other = sorted(os.listdir(folder))
    assert [name.split(".")[1] for name in other] == ["checkpoint", "lock"]
    assert train(*words, "--seed", 2)[0] == 0
    assert sorted(os.listdir(folder)) == other
    assert train(*words, "--seed", 1, "--overwrite")[0] == 0
    assert os.listdir(tmp_path) == ["model"]


def test_other_files_beside_checkpoints_stay(train, tmp_path):
    folder = tmp_path / "model.checkpoints"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    assert train()[0] == 0
    assert os.listdir(folder) == ["notes.txt"]


def test_sixteen_bits_among_eight(cli, pairs, tmp_path):
    """A photo is the same in 8 bits and in 16, beside others of 8."""
    for kind in ("blurred", "binary"):
        (tmp_path / kind).mkdir()
        for path in (pairs / kind).iterdir():
            with Image.open(path) as image:
                levels = np.asarray(image)
            if kind == "blurred" and path.stem == "plate2":
                levels = levels.astype(np.uint16) * 257
            Image.fromarray(levels).save(tmp_path / kind / path.name)
    for folder, name in ((pairs, "eight"), (tmp_path, "mixed")):
        words = (folder / "blurred", folder / "binary", "-o", tmp_path / name)
        assert cli("train", *words, "--epochs", 1, *TINY)[0] == 0
    assert same_bits(tmp_path / "eight", tmp_path / "mixed")


def test_binary_images_as_jpeg(cli, pairs, tmp_path):
    (tmp_path / "binary").mkdir()
    for path in (pairs / "binary").iterdir():
        Image.open(path).save(tmp_path / "binary" / f"{path.stem}.jpg", quality=80)
    words = (pairs / "blurred", tmp_path / "binary", "-o", tmp_path / "model")
    code, _, err = cli("train", *words, *TINY)
    assert code == 3
    assert "exactly two grey levels" in err
    assert cli("train", *words, "--epochs", 1, "--threshold", 128, *TINY)[0] == 0


def test_pairs_that_do_not_belong_together(cli, pairs, tmp_path):
    (tmp_path / "binary").mkdir()
    Image.open(pairs / "binary" / "plate0.png").save(tmp_path / "binary" / "other.png")
    words = (pairs / "blurred", tmp_path / "binary", "-o", tmp_path / "model", *TINY)
    code, _, err = cli("train", *words)
    assert code == 3
    assert "binary/other.png" in err
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "n_block=1"], "no parameter 'n_block'; there are K1, K2"),
        (["--set", "n_blocks=1O"], "n_blocks must be an integer"),
        (["--set", "n_blocks=1.5"], "n_blocks must be an integer"),
        (["--set", "verbose=2"], "--set verbose"),
        (["--set", "checkpoint_dir=here"], "use --checkpoint-dir"),
        (["--validation-fraction", "2"], "validation_fraction must be"),
        (["--device", "cuda:99"], "not available"),
        (["--from", "nothing"], "there is no model 'nothing'"),
        (["-o", "."], "is a folder"),
    ],
)
def test_command_lines_that_are_wrong(train, tmp_path, words, told):
    code, out, err = train(*words)
    assert (code, out) == (2, "")
    assert told in err
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_there(cli, pairs, tmp_path):
    words = ("train", pairs / "nothing", pairs / "binary", "-o", tmp_path / "model")
    code, _, err = cli(*words)
    assert code == 2
    assert "nothing' does not exist" in err


def test_a_training_that_diverges_keeps_what_it_learnt(train, tmp_path, monkeypatch):
    fit = GANBinarizer.fit

    def diverge(self, *arguments, **more):
        fit(self, *arguments, **more)
        if self.checkpoint_dir:  # and not the trial that tells the cost
            raise FloatingPointError("diverged in epoch 3")
        return self

    monkeypatch.setattr(GANBinarizer, "fit", diverge)
    code, _, err = train()
    assert code == 3
    assert "error: diverged in epoch 3" in err
    GANBinarizer.load(tmp_path / "model")


def test_the_trial_for_the_cost_may_see_one_class_alone(cli, tmp_path):
    """Of three pairs it takes the first and the last, which are white."""
    for kind in ("blurred", "binary"):
        (tmp_path / kind).mkdir()
        for number in range(3):
            image = np.full((24, 40), 255, np.uint8)
            if number == 1:
                image[8:16, 10:30] = 0
            Image.fromarray(image).save(tmp_path / kind / f"{number}.png")
    folders = (tmp_path / "blurred", tmp_path / "binary", "-o", tmp_path / "model")
    words = ("--epochs", 1, "--batch-size", 2, *TINY)
    code, _, err = cli("train", *folders, *words)
    assert code == 0, err
    assert err.startswith("skdeblurbin: 3 pairs, 1 epochs of 2 steps\n")
    GANBinarizer.load(tmp_path / "model")


def test_a_trial_for_the_cost_that_diverges_is_no_failure(train, monkeypatch):
    fit = GANBinarizer.fit

    def diverge(self, *arguments, **more):
        if self.checkpoint_dir is None:
            raise FloatingPointError("diverged")
        return fit(self, *arguments, **more)

    monkeypatch.setattr(GANBinarizer, "fit", diverge)
    assert train()[0] == 0


def test_times_for_people():
    assert _training._time(7.25) == "7.2 s"
    assert _training._time(100) == "2 min"
    assert _training._time(7500) == "2 h 05 min"


def test_ctrl_c_leaves_a_model_and_the_same_command_goes_on(pairs, tmp_path):
    """In processes of their own; the whole is the training that was not stopped."""
    command = [sys.executable, "-m", "skdeblurbin", "train"]
    command += [str(pairs / "blurred"), str(pairs / "binary"), *TINY]
    command += ["--set", "checkpoint_every=0.2"]  # to be slow enough to be stopped
    model = tmp_path / "model"
    run = [*command, "-o", str(model), "--epochs", "60"]
    with subprocess.Popen(
        run, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c
    ) as process:
        killer = threading.Timer(120, process.kill)
        killer.start()
        shown = ""
        while "epoch 1/60" not in shown:  # the next ones are not all told
            line = process.stderr.readline()
            assert line, shown
            shown += line
        process.send_signal(signal.SIGINT)
        shown += process.stderr.read()
        killer.cancel()
    assert process.returncode == 130, shown
    assert "Traceback" not in shown
    assert "Training interrupted by user" in shown
    assert "the same command goes on" in shown
    n_first = GANBinarizer.load(model).n_epochs_
    assert 1 <= n_first < 60
    again = subprocess.run(run, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert "epoch 1/60" not in again.stderr
    assert GANBinarizer.load(model).n_epochs_ == 60
    assert os.listdir(tmp_path) == ["model"]
    whole = subprocess.run([*command, "-o", str(tmp_path / "whole"), "--epochs", "60"])
    assert whole.returncode == 0
    assert same_bits(model, tmp_path / "whole")


@pytest.mark.parametrize("after", ["nothing", "a step"])
def test_ctrl_c_in_the_first_epoch(after, program, pairs, tmp_path):
    code = (
        "import signal, sys\n"
        "from skdeblurbin.cli import main\n"
        "from skdeblurbin.training import Trainer\n"
        "step = Trainer.train_step\n"
        "def stop(self, *a, **k):\n"
        + "    raise KeyboardInterrupt\n"
        * (after == "nothing")
        + "    signal.raise_signal(signal.SIGINT)\n"
        "    return step(self, *a, **k)\n"
        "from skdeblurbin.cli import _training\n"
        "tell = _training._tell_cost\n"
        "def tell_and_patch(*a):\n"
        "    tell(*a)\n"
        "    Trainer.train_step = stop\n"
        "_training._tell_cost = tell_and_patch\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = [str(pairs / "blurred"), str(pairs / "binary"), "-o", str(tmp_path / "m")]
    run = subprocess.run(
        [sys.executable, "-c", code, "train", *words, *TINY, "--json"],
        capture_output=True,
        text=True,
        preexec_fn=hear_ctrl_c,
    )
    assert run.returncode == 130, run.stderr
    assert "Traceback" not in run.stderr
    if after == "nothing":
        assert "no model was written; the same command goes on" in run.stderr
        assert os.listdir(tmp_path) == ["m.checkpoints"]
        return
    assert "m holds what was learnt until Ctrl-C; the same command" in run.stderr
    found = json.loads(run.stdout)
    assert found["epochs"] == 0
    assert found["last_epoch"] is None
    assert GANBinarizer.load(tmp_path / "m").n_epochs_ == 0
