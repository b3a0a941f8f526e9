"""Numbers that are not finite: steps left out, roll-backs, and the end of patience."""

import copy
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from skdeblurbin._tensors import from_numpy_state
from skdeblurbin.training import (
    Batch,
    DivergenceError,
    GeneratorLoss,
    PerceptualLoss,
    Trainer,
    TrainingRun,
)

N_STEPS = 12
BAD = [math.nan, math.inf, -math.inf]


class Normed(nn.Module):
    """A small generator or discriminator with running statistics."""

    def __init__(self, seed):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.first = nn.Conv2d(1, 3, 3, padding=1)
            self.norm = nn.BatchNorm2d(3)
            self.last = nn.Conv2d(3, 1, 1)

    def forward(self, images, blurred=None):
        return self.last(self.norm(self.first(images)).relu()).tanh()


def make_trainer(**options):
    return Trainer(
        Normed(0),
        Normed(1),
        GeneratorLoss(K2=2.0, **options),
        learning_rate=0.01,
        average_decay=0.9,
    )


def make_batches(n=N_STEPS):
    made = torch.Generator().manual_seed(3)
    return [
        Batch(
            torch.rand(2, 1, 4, 6, generator=made) * 2 - 1,
            torch.rand(2, 1, 4, 6, generator=made).round() * 2 - 1,
        )
        for _ in range(n)
    ]


def flat(state):
    """All numbers of a nested state, moments of the optimizers included."""
    if isinstance(state, dict):
        return [v for value in state.values() for v in flat(value)]
    if isinstance(state, (list, tuple)):
        return [v for value in state for v in flat(value)]
    return (
        state.tolist() if isinstance(state, torch.Tensor) and state.dim() else [state]
    )


def spoil_input(trainer, batches, at, value):
    batches[at].blurred[0, 0, 1, 2] = value


def spoil_loss(trainer, batches, at, value):
    content, calls = trainer.loss.content, []

    def broken(*arguments):
        calls.append(None)
        return content(*arguments) * (value if len(calls) == at + 1 else 1)

    trainer.loss.content = broken


def spoil_gradient(trainer, batches, at, value):
    calls = []

    def broken(gradient):
        calls.append(None)
        return torch.full_like(gradient, value) if len(calls) == at + 1 else gradient

    trainer.generator.first.weight.register_hook(broken)


def spoil_discriminator(trainer, batches, at, value):
    """The gradient of the discriminator's own update, which comes first in a step."""
    calls = []

    def broken(gradient):
        calls.append(None)
        return gradient * (value if len(calls) == at + 1 else 1)

    trainer.discriminator.last.bias.register_hook(broken)


@pytest.mark.parametrize(
    "at", [0, N_STEPS // 2, N_STEPS - 1], ids=["first", "middle", "last"]
)
@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    "spoil", [spoil_input, spoil_loss, spoil_gradient, spoil_discriminator]
)
def test_a_bad_step_leaves_its_network_as_it_was(spoil, value, at):
    trainer = make_trainer()
    batches = make_batches()
    spoil(trainer, batches, at, value)
    states = [of_networks(trainer)]
    found = trainer.train_epoch(
        batches, on_step=lambda: states.append(of_networks(trainer))
    )
    assert found["skipped_steps"] == 1
    assert np.isfinite(list(found.values())).all()
    before, after = states[at], states[at + 1]
    assert after["generator"] == before["generator"]
    # The two alternate: where the discriminator's own numbers were sound, it was
    # updated before the generator's were known.
    is_sound = spoil in (spoil_loss, spoil_gradient)
    assert (after["discriminator"] != before["discriminator"]) == is_sound
    assert after["statistics"] == before["statistics"]
    trainer.check_finite()
    for one, two in pairwise(states[: at + 1] + states[at + 2 :]):
        assert one["generator"] != two["generator"]


def of_networks(trainer):
    """What each network's steps change: weights, averages and moments."""
    state = copy.deepcopy(trainer.state_dict())
    moments = {name: state["optimizers"][name] for name in state["optimizers"]}
    statistics = [
        value.tolist()
        for network in (trainer.generator, trainer.discriminator)
        for value in network.buffers()
    ]
    weights = [p.tolist() for p in trainer.discriminator.parameters()]
    return {
        "generator": flat([state["generator"], state["average"], moments["generator"]]),
        "discriminator": flat([weights, moments["discriminator"]]),
        "statistics": statistics,
    }


@pytest.mark.parametrize("at", [0, N_STEPS // 2, N_STEPS - 1])
@pytest.mark.parametrize("spoil", [spoil_input, spoil_discriminator])
def test_nothing_at_all_is_left_of_a_step_that_the_discriminator_failed(spoil, at):
    trainer, expected = make_trainer(), make_trainer()
    batches = make_batches()
    spoil(trainer, batches, at, math.nan)
    trainer.train_epoch(batches)
    sound = make_batches()
    del sound[at]
    expected.train_epoch(sound)
    assert flat(trainer.state_dict()) == flat(expected.state_dict())


@pytest.mark.parametrize("at", [0, N_STEPS // 2, N_STEPS - 1])
@pytest.mark.parametrize("spoil", [spoil_loss, spoil_gradient])
def test_without_adversary_nothing_at_all_is_left_of_a_bad_step(spoil, at):
    def make():
        return Trainer(Normed(0), None, GeneratorLoss(), learning_rate=0.01)

    trainer, expected = make(), make()
    batches = make_batches()
    spoil(trainer, batches, at, math.nan)
    trainer.train_epoch(batches)
    del batches[at]
    expected.train_epoch(batches)
    assert flat(trainer.state_dict()) == flat(expected.state_dict())


def test_skipped_steps_are_told():
    batches = make_batches()
    for i in (2, 5):
        batches[i].blurred.fill_(math.nan)
    run = TrainingRun(make_trainer(), max_epochs=2, decay=True)
    with pytest.warns(ConvergenceWarning) as caught:
        run.train(batches)
    assert [str(w.message)[:36] for w in caught] == [
        "2 of 12 steps of epoch 1 were left o",
        "2 of 12 steps of epoch 2 were left o",
    ]
    assert [epoch["skipped_steps"] for epoch in run.history] == [2, 2]
    # The rate falls with all steps, as many as there are batches.
    last = 0.005 * (1 + math.cos(math.pi * 23 / 24))
    assert run.history[-1]["generator_learning_rate"] == pytest.approx(last)


@pytest.mark.parametrize("n_sound", [0, 3])
def test_ten_bad_steps_in_a_row_end_an_epoch(n_sound):
    batches = make_batches(20)
    for batch in batches[n_sound:]:
        batch.blurred.fill_(math.nan)
    trainer = make_trainer()
    with pytest.raises(DivergenceError) as caught:
        trainer.train_epoch(batches)
    assert caught.value.step == n_sound + 10
    # The next epoch counts anew.
    trainer.train_epoch(make_batches())


def test_an_epoch_of_bad_steps_alone_is_none():
    batches = make_batches(3)
    for batch in batches:
        batch.blurred.fill_(math.inf)
    with pytest.raises(DivergenceError) as caught:
        make_trainer().train_epoch(batches)
    assert caught.value.step == 3


class Spoiling(list):
    """Batches at whose given step, counted over all epochs, a weight is spoilt."""

    def __init__(self, trainer, at, value, n_times=1):
        super().__init__(make_batches())
        self.weight = trainer.generator.first.weight
        self.left, self.value, self.n_times = at, value, n_times

    def __iter__(self):
        for batch in super().__iter__():
            yield batch
            self.left -= 1
            if self.left < 0 and self.n_times > 0:
                self.n_times -= 1
                with torch.no_grad():
                    self.weight[0, 0, 1, 1] = self.value


@pytest.mark.parametrize(
    ("at", "begin"),
    [
        (0, "the beginning"),
        (N_STEPS - 1, "the beginning"),
        (N_STEPS // 2, "the beginning"),
        (N_STEPS, "the end of epoch 1"),
        (N_STEPS + N_STEPS // 2, "the end of epoch 1"),
        (3 * N_STEPS - 1, "the end of epoch 2"),
    ],
)
@pytest.mark.parametrize("value", BAD)
def test_a_spoilt_weight_rolls_back(value, at, begin):
    trainer = make_trainer()
    run = TrainingRun(trainer, max_epochs=3, decay=False)
    expected = rf"in epoch \d.*: back to {begin}, and on with the learning rate 0.001\."
    with pytest.warns(ConvergenceWarning, match=expected) as caught:
        run.train(Spoiling(trainer, at, value))
    assert len(caught) == 1
    assert [epoch["epoch"] for epoch in run.history] == [1, 2, 3]
    rates = [epoch["generator_learning_rate"] for epoch in run.history]
    lowered = at // N_STEPS
    assert rates == [0.01] * lowered + [0.001] * (3 - lowered)
    assert run.failure is None
    assert run.is_finished
    trainer.check_finite()


def test_a_roll_back_loads_the_state_of_the_last_epoch():
    trainer, expected = make_trainer(), make_trainer()
    run = TrainingRun(trainer, max_epochs=2, decay=False)
    with pytest.warns(ConvergenceWarning, match="back to the end of epoch 1"):
        run.train(Spoiling(trainer, N_STEPS, math.nan))
    TrainingRun(expected, max_epochs=1, decay=False).train(make_batches())
    expected.learning_rate = 0.001
    expected.load_state_dict(copy.deepcopy(expected.state_dict()))
    expected.train_epoch(make_batches())
    assert flat(trainer.state_dict()) == flat(expected.state_dict())


def test_the_fourth_time_is_the_last():
    trainer, expected = make_trainer(), make_trainer()
    run = TrainingRun(trainer, max_epochs=5, decay=False)
    with pytest.warns(ConvergenceWarning, match="back to the end of epoch 2") as caught:
        generator = run.train(Spoiling(trainer, 2 * N_STEPS, math.nan, 10**9))
    assert len(caught) == 3
    assert run.failure.startswith("discriminator_loss became nan in epoch 3, step 11: ")
    assert "what was learnt until epoch 2 is kept. Try a learning_r" in run.failure
    assert not run.is_finished
    alone = TrainingRun(expected, max_epochs=2, decay=False)
    sound = alone.train(make_batches())
    assert flat(generator.state_dict()) == flat(sound.state_dict())
    assert [epoch["epoch"] for epoch in run.history] == [1, 2]


@pytest.mark.parametrize("earlier", [(), ({"epoch": 1},)])
def test_failure_before_anything_is_learnt_is_an_error(earlier):
    trainer = make_trainer()
    run = TrainingRun(trainer, max_epochs=2, decay=False, history=list(earlier))
    begin = "the end of epoch 1" if earlier else "the beginning"
    with (
        pytest.warns(ConvergenceWarning, match=f"back to {begin}") as caught,
        pytest.raises(FloatingPointError, match=r"step 11: .* nothing was learnt. T"),
    ):
        run.train(Spoiling(trainer, 0, math.nan, 10**9))
    assert len(caught) == 3


def test_divergence_keeps_the_best_epoch():
    errors = iter([0.3, 0.2, 0.4])
    trainer, expected = make_trainer(), make_trainer()
    run = TrainingRun(
        trainer, max_epochs=5, decay=False, validate=lambda _: {"rmse": next(errors)}
    )
    with pytest.warns(ConvergenceWarning, match="back to the end of epoch 3"):
        found = run.train(Spoiling(trainer, 3 * N_STEPS, math.nan, 10**9))
    best = TrainingRun(expected, max_epochs=2, decay=False).train(make_batches())
    assert flat(found.state_dict()) == flat(best.state_dict())


def test_an_epoch_that_cannot_be_validated_is_trained_again():
    def validate(generator):
        calls.append(generator.first.weight.sum().item())
        if len(calls) == 2:
            raise DivergenceError("the output", math.nan)
        return {"rmse": 0.5 / len(calls)}

    calls = []
    run = TrainingRun(make_trainer(), max_epochs=3, decay=False, validate=validate)
    with pytest.warns(ConvergenceWarning, match="the output became nan in epoch 2: ba"):
        run.train(make_batches())
    assert len(run.history) == 3
    assert len(set(calls)) == 4


class Resumable(Spoiling):
    """Batches that know where they are."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.begin = self.drawn = 0

    def __iter__(self):
        begin, self.begin = self.begin, 0
        for number, batch in enumerate(super().__iter__()):
            if number >= begin:
                self.drawn = number + 1
                yield batch

    def state_dict(self):
        return {"drawn": self.drawn, "left": self.left, "n_times": self.n_times}

    def load_state_dict(self, state, *, is_over):
        assert not is_over
        self.begin, self.n_times = state["drawn"], state["n_times"]
        self.left = state["left"] + state["drawn"]  # those are counted once more


class Kept:
    """A checkpoint after each step, in memory."""

    is_due = True

    def __init__(self):
        self.states = []

    def write(self, state):
        self.states.append(copy.deepcopy(state))


def test_a_training_that_rolled_back_is_resumed_bit_identically():
    trainer, kept = make_trainer(), Kept()
    run = TrainingRun(trainer, max_epochs=3, decay=True, checkpoint=kept)
    with pytest.warns(ConvergenceWarning, match="back to the end of epoch 1"):
        run.train(Resumable(trainer, N_STEPS + 3, math.nan))
    # Before the weight is spoilt, among the steps left out, and after the roll-back.
    for number in (N_STEPS + 1, N_STEPS + 8, N_STEPS + 20, len(kept.states) - 4):
        again = make_trainer()
        batches = Resumable(again, 0, math.nan, 0)
        resumed = TrainingRun(again, max_epochs=3, decay=True, checkpoint=Kept())
        resumed.resume(from_numpy_state(kept.states[number]), batches)
        if number < N_STEPS + 13:
            with pytest.warns(ConvergenceWarning, match="back to the end of epoch 1"):
                resumed.train(batches)
        else:
            resumed.train(batches)
        assert flat(again.state_dict()) == flat(trainer.state_dict()), number
        assert [e["generator_loss"] for e in resumed.history] == [
            e["generator_loss"] for e in run.history
        ]


def test_what_became_infinite_is_named():
    loss = {"perceptual": PerceptualLoss(lambda images: 1e30 * images)}
    with pytest.raises(DivergenceError) as caught:
        make_trainer(**loss).train_epoch(make_batches(2))
    assert caught.value.quantity == "perceptual_loss"


@pytest.mark.parametrize(
    ("options", "quantity", "advice"),
    [
        ({"K2": 1e39}, "generator_loss", "smaller weights K1, K2 and adver"),
        (
            {"perceptual": PerceptualLoss(lambda images: 1e30 * images)},
            "perceptual_loss",
            "Check that the feature network gives finite",
        ),
    ],
)
def test_advice_is_that_of_the_quantity(options, quantity, advice):
    trainer = Trainer(Normed(0), None, GeneratorLoss(**options), learning_rate=0.01)
    run = TrainingRun(trainer, max_epochs=1, decay=False)
    expected = rf"{quantity} became inf in epoch 1, step 1: .*{advice}"
    with (
        pytest.warns(ConvergenceWarning, match="back to the beginning"),
        pytest.raises(FloatingPointError, match=expected),
    ):
        run.train(make_batches(1))


@pytest.mark.parametrize("value", [-np.inf, np.nan])
@pytest.mark.parametrize("part", ["generator", "averaged generator", "discriminator"])
def test_weights_of_every_network_are_looked_at(part, value):
    trainer = make_trainer()
    trainer.check_finite()
    network = {
        "generator": trainer.generator,
        "averaged generator": trainer.average.module,
        "discriminator": trainer.discriminator,
    }[part]
    with torch.no_grad():
        next(network.parameters()).fill_(value)
    with pytest.raises(DivergenceError, match=rf"in the {part} became {value}"):
        trainer.check_finite()


def test_ctrl_c_in_an_epoch_that_diverged():
    class Both(Spoiling):
        def __iter__(self):
            for batch in super().__iter__():
                yield batch
                if self.n_times == 0:
                    raise KeyboardInterrupt

    trainer, expected = make_trainer(), make_trainer()
    run = TrainingRun(trainer, max_epochs=5, decay=False)
    with (
        pytest.warns(UserWarning, match="interrupted by user after 1 of 5"),
        pytest.warns(ConvergenceWarning, match="epoch 2: back to the end of epoch 1"),
    ):
        generator = run.train(Both(trainer, N_STEPS + 4, math.nan))
    alone = TrainingRun(expected, max_epochs=1, decay=False).train(make_batches())
    assert flat(generator.state_dict()) == flat(alone.state_dict())


def test_divergence_error_survives_pickle():
    # Workers of joblib send errors so.
    error = DivergenceError("content_loss", -math.inf, 7)
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is DivergenceError
    assert (found.quantity, found.value, found.step) == ("content_loss", -math.inf, 7)
    assert str(found) == str(error) == "content_loss became -inf"
