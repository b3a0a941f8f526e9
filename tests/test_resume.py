"""Trainings that were stopped at any moment end as if nothing had happened."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skdeblurbin import ModelFileError
from skdeblurbin._files import pack, unpack
from skdeblurbin.training import Checkpoint, Trainer


class Killed(BaseException):
    """What stops a training in these tests: nothing catches it."""


def learnt(model):
    """All that a fit leaves behind, but for the seconds that it took."""
    state = dict(model.__getstate__())
    state["history_"] = [
        {name: value for name, value in epoch.items() if name != "seconds"}
        for epoch in state["history_"]
    ]
    for name in ("checkpoint_dir", "checkpoint_every", "warm_start"):
        state.pop(name)
    return joblib.hash(state)


def kill_after(monkeypatch, n_writes):
    """Let the process die right after so many checkpoints."""
    write = Checkpoint.write
    left = [n_writes]

    def write_and_die(self, state):
        write(self, state)
        left[0] -= 1
        if not left[0]:
            raise Killed

    monkeypatch.setattr(Checkpoint, "write", write_and_die)


def fit_killed(model, plates, monkeypatch, n_writes):
    with monkeypatch.context() as patch:
        kill_after(patch, n_writes)
        with pytest.raises(Killed):
            model.fit(*plates)


def no_more_training(monkeypatch):
    def fail(*_):
        raise AssertionError("a step was made")

    monkeypatch.setattr(Trainer, "train_step", fail)


SETTINGS = {
    "default": {},
    "adam": {"optimizer": "adam", "learning_rate": 0.001},
    "validation": {
        "validation_fraction": 0.3,
        "n_iter_no_change": 1,
        "max_epochs": 4,
        "learning_rate": 0.05,
    },
    "decay": {"learning_rate_decay": "cosine", "average_decay": None},
    "no adversary": {"adversarial_weight": 0},
    "features": {"perceptual": "discriminator"},
    "paper": {"n_levels": 0, "downsampling": 1, "content_loss": "l1"},
    "random state": {"random_state": np.random.RandomState(3)},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_killed_after_any_step(name, plates, tiny_gan, tmp_path, monkeypatch):
    def make(**options):
        parameters = {"max_epochs": 2, "batch_size": 2, **SETTINGS[name], **options}
        return clone(tiny_gan(**parameters))

    whole = make().fit(*plates)
    expected = learnt(whole)
    n_steps = whole.n_epochs_ * (2 if name == "validation" else 3)
    for step in range(1, n_steps + 1):
        directory = tmp_path / str(step)
        options = {"checkpoint_dir": directory, "checkpoint_every": 0}
        model = make(**options)
        fit_killed(model, plates, monkeypatch, step)
        assert not hasattr(model, "generator_")
        resumed = make(**options).fit(*plates, resume=True)
        assert learnt(resumed) == expected, step


def test_killed_at_every_step_of_one_training(plates, tiny_gan, tmp_path, monkeypatch):
    parameters = {"max_epochs": 2, "batch_size": 1, "validation_fraction": 0.2}
    expected = learnt(tiny_gan(**parameters).fit(*plates))
    model = tiny_gan(**parameters, checkpoint_dir=tmp_path, checkpoint_every=0)
    for _ in range(10):
        fit_killed(model, plates, monkeypatch, 1)
    assert learnt(model.fit(*plates)) == expected


def test_checkpoints_change_nothing(plates, tiny_gan, tmp_path):
    plain = tiny_gan(max_epochs=2).fit(*plates)
    model = tiny_gan(max_epochs=2, checkpoint_dir=tmp_path / "new").fit(*plates)
    assert learnt(model) == learnt(plain)
    assert model.checkpoint_dir == tmp_path / "new"  # as it was given


def test_a_finished_training_is_taken_from_its_file(
    plates, tiny_gan, tmp_path, monkeypatch
):
    model = tiny_gan(max_epochs=2, checkpoint_dir=str(tmp_path)).fit(*plates)
    no_more_training(monkeypatch)
    again = clone(model).set_params(n_threads=2, verbose=1, checkpoint_every=1)
    again.fit(*plates)
    again.set_params(n_threads=1, verbose=0)
    assert learnt(again) == learnt(model)
    with pytest.raises(AssertionError, match="a step was made"):
        clone(model).fit(*plates, resume=False)
    with pytest.raises(AssertionError, match="a step was made"):
        clone(model).set_params(K2=1).fit(*plates)


def test_warm_starts_go_on_from_what_they_began_with(
    plates, tiny_gan, tmp_path, monkeypatch
):
    first = tiny_gan(max_epochs=1, warm_start=True).fit(*plates)
    expected = learnt(clone_of(first).fit(*plates))
    options = {"checkpoint_dir": tmp_path, "checkpoint_every": 0}
    stopped = clone_of(first).set_params(**options)
    fit_killed(stopped, plates, monkeypatch, 1)
    assert learnt(clone_of(first).set_params(**options).fit(*plates)) == expected
    # What began elsewhere is another training.
    with pytest.raises(ValueError, match="differs in earlier training"):
        tiny_gan(max_epochs=1, **options).fit(*plates, resume=True)


def clone_of(model):
    """A copy with what it has learnt."""
    copied = type(model).__new__(type(model))
    copied.__setstate__(model.__getstate__())
    return copied


def test_without_a_seed_the_next_fit_is_another(
    plates, tiny_gan, tmp_path, monkeypatch
):
    model = tiny_gan(
        random_state=None, checkpoint_dir=tmp_path, checkpoint_every=0, max_epochs=2
    )
    fit_killed(model, plates, monkeypatch, 2)
    (path,) = tmp_path.glob("*.checkpoint")
    model.fit(*plates, resume=True)
    assert not path.exists()
    one = model.predict(plates.X), learnt(model)
    assert learnt(model.fit(*plates)) != one[1]


def test_resume_true_names_what_differs(plates, tiny_gan, tmp_path):
    X, Y = plates
    options = {"checkpoint_dir": tmp_path, "max_epochs": 2}
    with pytest.raises(ValueError, match="resume=True needs a checkpoint_dir"):
        tiny_gan().fit(X, Y, resume=True)
    with pytest.raises(ValueError, match=r"holds no checkpoint .* data\.$"):
        tiny_gan(**options).fit(X, Y, resume=True)
    model = tiny_gan(**options).fit(X, Y)
    before = learnt(model)
    (path,) = tmp_path.glob("*.checkpoint")
    for changed, named in [
        ({"K2": 3, "learning_rate": 0.01}, "K2, learning_rate"),
        ({"random_state": 1}, "random_state"),
        ({"max_epochs": 3}, "max_epochs"),
    ]:
        match = rf"{path.name} differs in {named}\.$"
        with pytest.raises(ValueError, match=match):
            clone_of(model).set_params(**changed).fit(X, Y, resume=True)
    other = X.copy()
    other[3, 2, 1] ^= 1  # one grey level
    for data in [
        (other, Y),
        (X[::-1], Y[::-1]),
        (X, 255 * Y),
        (X / np.float32(255), Y),
    ]:
        with pytest.raises(ValueError, match=r"differs in training data\.$"):
            model.fit(*data, resume=True)
    assert learnt(model) == before  # a fit that fails leaves it whole


def test_only_the_nearest_trainings_are_told_of(plates, tiny_gan, tmp_path):
    for seed in range(5):
        tiny_gan(checkpoint_dir=tmp_path, random_state=seed).fit(*plates)
    with pytest.raises(ValueError, match="; 2 more differ in more"):
        tiny_gan(checkpoint_dir=tmp_path, random_state=9).fit(*plates, resume=True)


@pytest.mark.parametrize("resume", ["yes", None, 1, "True", []])
def test_other_values_of_resume(resume, plates, tiny_gan):
    with pytest.raises(ValueError, match="resume must be 'auto', True or False"):
        tiny_gan().fit(*plates, resume=resume)


def test_equal_values_of_parameters_are_the_same_training(
    plates, tiny_gan, tmp_path, monkeypatch
):
    tiny_gan(checkpoint_dir=tmp_path, K2=170, n_blocks=1).fit(*plates)
    no_more_training(monkeypatch)
    same = {"K2": np.float64(170), "n_blocks": np.int64(1), "augment": np.bool_(True)}
    tiny_gan(checkpoint_dir=tmp_path, **same).fit(*plates, resume=np.True_)
    as_list = list(plates.X)
    tiny_gan(checkpoint_dir=tmp_path).fit(as_list, plates.Y, resume=True)


def test_feature_networks_are_told_apart_by_their_weights(plates, tiny_gan, tmp_path):
    def fit(network, **options):
        options |= {"checkpoint_dir": tmp_path, "perceptual": network}
        return tiny_gan(**options).fit(*plates, resume=bool(list(tmp_path.iterdir())))

    def network(weight):
        layer = torch.nn.Conv2d(1, 1, 1)
        torch.nn.init.constant_(layer.weight, weight)
        torch.nn.init.zeros_(layer.bias)
        return layer

    fit(network(0.5))
    fit(network(0.5))  # the same training
    with pytest.raises(ValueError, match="differs in perceptual"):
        fit(network(0.25))
    with pytest.raises(TypeError, match="perceptual must be a value that can be pickl"):
        fit(lambda images: images)


def test_a_damaged_checkpoint(plates, tiny_gan, tmp_path):
    model = tiny_gan(checkpoint_dir=tmp_path).fit(*plates)
    before = learnt(model)
    (path,) = tmp_path.glob("*.checkpoint")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=f"{path.name}: .* damaged"):
        model.fit(*plates)
    assert learnt(model) == before
    assert path.read_bytes() == data
    assert learnt(clone(model).fit(*plates, resume=False)) == before  # written anew
    assert learnt(clone(model).fit(*plates, resume=True)) == before


def spoil(weights, value=np.nan):
    name = next(iter(weights))
    weights[name] = np.full_like(weights[name], value)


def rename(weights):
    weights["other"] = weights.pop(next(iter(weights)))


# Changes to a checkpoint's content; its checksum is right.
BAD_STATES = {
    "nothing": lambda state: state.clear(),
    "no weights": lambda state: state["trainer"].clear(),
    "other weights": lambda state: rename(state["trainer"]["generator"]),
    "no networks": lambda state: state.update(trainer=[]),
    "no place": lambda state: state.pop("epoch"),
    "history": lambda state: state.update(history=5),
    "epochs": lambda state: state.update(_n_done="2"),
    "order": lambda state: state.update(batches={}),
    "random state": lambda state: state["batches"].update(random={"state": 1}),
    "NaN weights": lambda state: spoil(state["trainer"]["generator"]),
    "infinite weights": lambda state: spoil(state["trainer"]["discriminator"], np.inf),
    "NaN average": lambda state: spoil(state["trainer"]["average"]["module"]),
}


@pytest.mark.parametrize("name", BAD_STATES)
def test_a_checkpoint_with_a_state_that_cannot_be(name, plates, tiny_gan, tmp_path):
    model = tiny_gan(checkpoint_dir=tmp_path).fit(*plates)
    before = learnt(model)
    (path,) = tmp_path.glob("*.checkpoint")
    content = unpack(path.read_bytes(), path)
    BAD_STATES[name](content["state"])
    path.write_bytes(pack(content))
    with pytest.raises(ModelFileError, match=f"{path.name}: it holds no state of this"):
        model.fit(*plates)
    assert learnt(model) == before


def test_what_a_training_goes_back_to_is_looked_at(
    plates, tiny_gan, tmp_path, monkeypatch
):
    options = {"validation_fraction": 0.3, "max_epochs": 2, "batch_size": 2}
    model = tiny_gan(**options, checkpoint_dir=tmp_path, checkpoint_every=0)
    fit_killed(model, plates, monkeypatch, 3)  # within the second epoch
    (path,) = tmp_path.glob("*.checkpoint")
    data = path.read_bytes()
    for name in ("_best", "_last_finite"):
        content = unpack(data, path)
        spoil(content["state"][name]["generator"])
        path.write_bytes(pack(content))
        with pytest.raises(ModelFileError, match="in the generator became nan"):
            model.fit(*plates)
        assert content["state"]["epoch"] is not None


def test_a_full_disk(plates, tiny_gan, tmp_path, monkeypatch):
    model = tiny_gan(checkpoint_dir=tmp_path, checkpoint_every=0, max_epochs=2)
    fit_killed(model, plates, monkeypatch, 2)
    (path,) = tmp_path.glob("*.checkpoint")
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space left"):
            model.fit(*plates)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.unfinished"))
    expected = learnt(tiny_gan(max_epochs=2).fit(*plates))
    assert learnt(model.fit(*plates)) == expected


def test_a_directory_that_cannot_be(plates, tiny_gan, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        tiny_gan(checkpoint_dir=tmp_path / "file").fit(*plates)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_shares_a_directory(n_jobs, plates, tiny_gan, tmp_path):
    def search(**options):
        model = tiny_gan(max_epochs=2, **options)
        grid = {"K2": [10, 170], "n_blocks": [1, 2]}
        found = GridSearchCV(model, grid, cv=2, n_jobs=n_jobs).fit(*plates)
        return found.cv_results_["mean_test_score"], learnt(found.best_estimator_)

    scores, best = search()
    for _ in range(2):  # trained, then taken from the files
        found, again = search(checkpoint_dir=tmp_path)
        assert_array_equal(found, scores)
        assert again == best
        assert (
            len(list(tmp_path.glob("*.checkpoint"))) == 9
        )  # 4 x 2 folds, and the best


@contextmanager
def run_script(text, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(text)
    command = [sys.executable, "-u", str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()  # if it has not ended


SCRIPT = """
import signal
import warnings
from skdeblurbin import GANBinarizer
from skdeblurbin.datasets import make_blurred_plates

warnings.simplefilter("always")
signal.signal(signal.SIGINT, signal.default_int_handler)
X, Y = make_blurred_plates(8, (24, 36), random_state=0)
model = GANBinarizer(
    n_blocks=1, growth_rate=2, base_channels=8, discriminator_channels=4, n_threads=1,
    max_epochs={epochs}, random_state=0, checkpoint_dir={directory!r}, verbose=2,
    checkpoint_every=1000, device="cpu",
)
model.fit(X, Y)
print("fitted", model.n_epochs_, model.predict(X).shape)
"""


def wait_for_epoch(process, number):
    seen = []
    for line in process.stderr:
        if f" epoch {number}/" in line:
            return
        seen.append(line)
    raise AssertionError("".join(seen))


def without_epochs(error):
    """What stderr holds beside the lines of the epochs."""
    lines = error.splitlines()
    return "\n".join(line for line in lines if not line.startswith("[GANBinarizer]"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_sigterm_writes_a_checkpoint_first(tmp_path):
    folder = tmp_path / "checkpoints"
    script = SCRIPT.format(epochs=100_000, directory=str(folder))
    with run_script(script, tmp_path) as process:
        wait_for_epoch(process, 3)
        process.terminate()
        out, error = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert "fitted" not in out
    (path,) = folder.glob("*.checkpoint")
    assert len(unpack(path.read_bytes(), path)["state"]["history"]) >= 3
    assert without_epochs(error) == ""


def signalled_in(monkeypatch, owner, name, when, number):
    """Send a signal at the beginning of certain calls of a method."""
    method, calls = getattr(owner, name), []

    def signalled(self, *arguments, **options):
        calls.append(None)
        if len(calls) in when:
            signal.raise_signal(number)
        return method(self, *arguments, **options)

    monkeypatch.setattr(owner, name, signalled)


class Stop:
    """A callback that ends the training after an epoch."""

    def __init__(self, after):
        self.after = after

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        return context.task_name == "epoch" and fitted_estimator.n_epochs_ == self.after

    def teardown(self, estimator, context):
        pass


@pytest.mark.parametrize("how", ["last epoch", "stopped"])
def test_sigterm_after_the_last_step(how, plates, tiny_gan, tmp_path, monkeypatch):
    """At the end of an epoch, where no step follows that would pass it on."""
    options = {"max_epochs": 2, "validation_fraction": 0.3}
    expected = learnt(tiny_gan(**options).fit(*plates))
    last = 2 if how == "last epoch" else 1
    heard = []

    def hear(*_):
        (path,) = tmp_path.glob("*.checkpoint")
        heard.append(len(unpack(path.read_bytes(), path)["state"]["history"]))

    signalled_in(monkeypatch, Trainer, "check_finite", [last], signal.SIGTERM)
    before = signal.signal(signal.SIGTERM, hear)
    try:
        model = tiny_gan(**options, checkpoint_dir=tmp_path)
        if how == "stopped":
            model.set_callbacks(Stop(after=1))
        model.fit(*plates)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [last]  # once, and after the checkpoint
    assert model.n_epochs_ == last
    again = tiny_gan(**options, checkpoint_dir=tmp_path)
    assert learnt(again.fit(*plates, resume=True)) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_ctrl_c_keeps_what_was_learnt_and_a_checkpoint(tmp_path):
    folder = tmp_path / "checkpoints"
    script = SCRIPT.format(epochs=100_000, directory=str(folder))
    with run_script(script, tmp_path) as process:
        wait_for_epoch(process, 3)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert "(8, 24, 36)" in out.splitlines()[-1]
    assert "Training interrupted by user after" in error
    n_epochs = int(out.splitlines()[-1].split()[1])
    (path,) = folder.glob("*.checkpoint")
    state = unpack(path.read_bytes(), path)["state"]
    assert len(state["history"]) == n_epochs
    assert not state["_is_finished"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_five_times_at_random_moments():
    script = Path(__file__).parent / "soak" / "kill_training.py"
    found = subprocess.run(
        [sys.executable, script, "--kills", "5"], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr
    kills, _, rest = found.stdout.splitlines()[-1].partition(" kills, ")
    assert int(kills) >= 5
    assert rest.endswith(" 0 of them differ from the one that was not killed")


def interrupt_in(monkeypatch, owner, name, when):
    """Press Ctrl-C at the beginning of a certain call of a method."""
    signalled_in(monkeypatch, owner, name, when, signal.SIGINT)


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_ctrl_c_in_a_step_ends_the_fit_after_it(plates, tiny_gan, monkeypatch):
    one_epoch = tiny_gan(max_epochs=1, batch_size=2).fit(*plates).deblur(plates.X)
    interrupt_in(monkeypatch, Trainer, "train_step", [4])
    model = tiny_gan(max_epochs=5, batch_size=2)
    with pytest.warns(UserWarning, match="interrupted by user after 1 of 5 epochs"):
        model.fit(*plates)
    assert model.n_epochs_ == 1
    assert (model.deblur(plates.X) != one_epoch).any()  # the fourth step is kept


FIRST_EPOCH = {
    "plain": {},
    "validation": {"validation_fraction": 0.3},
    "decay, no adversary": {"learning_rate_decay": "cosine", "adversarial_weight": 0},
}


@pytest.mark.parametrize("name", FIRST_EPOCH)
@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_ctrl_c_in_the_first_epoch(name, plates, tiny_gan, tmp_path, monkeypatch):
    options = {"batch_size": 1, "max_epochs": 2, **FIRST_EPOCH[name]}
    whole = learnt(tiny_gan(**options).fit(*plates))
    for directory in (None, tmp_path):
        ended = Ended()
        model = tiny_gan(**options, checkpoint_dir=directory).set_callbacks(ended)
        with monkeypatch.context() as patch:
            interrupt_in(patch, Trainer, "train_step", [3])
            seen = steps_noted(patch)
            match = "interrupted by user after 0 of 2 epochs; what was learnt is kept"
            with pytest.warns(UserWarning, match=match):
                model.fit(*plates)
        assert model.n_epochs_ == 0
        assert model.history_ == []
        assert weights(model.generator_) == seen[2]  # the third step, and no other
        assert ended.seen == [("epoch", seen[2]), ("fit", seen[2])]
        assert model.predict(plates.X).shape == plates.X.shape
    resumed = tiny_gan(**options, checkpoint_dir=tmp_path).fit(*plates, resume=True)
    assert learnt(resumed) == whole
    # What was learnt goes on being learnt.
    model.set_callbacks().set_params(checkpoint_dir=None).partial_fit(*plates)
    assert [epoch["epoch"] for epoch in model.history_] == [1]


class Ended(Stop):
    """Notes the weights that it finds at the end of each task."""

    def __init__(self):
        self.seen = []

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.seen.append((context.task_name, weights(fitted_estimator.generator_)))


def weights(network):
    return joblib.hash([value.numpy() for value in network.state_dict().values()])


def steps_noted(monkeypatch):
    """The weights that predict after each step."""
    step, seen = Trainer.train_step, []

    def noted(self, batch):
        found = step(self, batch)
        seen.append(weights(self.trained_generator))
        return found

    monkeypatch.setattr(Trainer, "train_step", noted)
    return seen


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_ctrl_c_before_a_sound_step_raises(plates, tiny_gan, monkeypatch):
    """There is nothing to keep: not of a step that was left out, either."""

    calls = []

    def features(images):
        calls.append(images)
        return images * (1.0 if len(calls) == 1 else np.nan)  # after the trial

    interrupt_in(monkeypatch, Trainer, "train_step", [1])
    model = tiny_gan(max_epochs=5, perceptual=features)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*plates)
    assert not hasattr(model, "generator_")


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_a_second_ctrl_c_raises(plates, tiny_gan, monkeypatch):
    interrupt_in(monkeypatch, Trainer, "train_step", [4])
    interrupt_in(monkeypatch, Trainer, "networks", [1])
    model = tiny_gan(max_epochs=5, batch_size=2)
    with (
        pytest.raises(KeyboardInterrupt),
        pytest.warns(UserWarning, match="interrupted by user"),
    ):
        model.fit(*plates)
    assert not hasattr(model, "generator_")


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_ctrl_c_after_the_last_step_is_told(plates, tiny_gan, monkeypatch):
    expected = learnt(tiny_gan().fit(*plates))
    interrupt_in(monkeypatch, Trainer, "check_finite", [1])
    model = tiny_gan()
    with pytest.warns(UserWarning, match="interrupted by user after 1 of 1 epochs"):
        model.fit(*plates)
    assert learnt(model) == expected


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_ctrl_c_while_a_callback_stops_the_training_is_told(
    plates, tiny_gan, monkeypatch
):
    interrupt_in(monkeypatch, Trainer, "check_finite", [1])
    model = tiny_gan(max_epochs=5).set_callbacks(Stop(after=1))
    with pytest.warns(UserWarning, match="interrupted by user after 1 of 5 epochs"):
        model.fit(*plates)


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_ctrl_c_in_partial_fit_ends_the_callers_loop(plates, tiny_gan, monkeypatch):
    model = tiny_gan().partial_fit(*plates)
    before = learnt(model)
    interrupt_in(monkeypatch, Trainer, "check_finite", [1])
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(*plates)
    assert learnt(model) == before
