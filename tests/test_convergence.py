"""What a training tells of itself: its history, and warnings when it fails."""

from __future__ import annotations

import re
import warnings

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy.ndimage import uniform_filter1d
from sklearn.exceptions import ConvergenceWarning

from skdeblurbin import _gan_engine
from skdeblurbin._gan_pairs import validation_scores, warn_of_failure
from skdeblurbin.datasets import make_blurred_plates
from skdeblurbin.metrics import f_measure, root_mean_squared_error
from skdeblurbin.training import DivergenceError, Pairs


def weights(model):
    return joblib.hash(
        {name: model.__getstate__()[name] for name in ("generator_", "_training_state")}
    )


# The history

ALWAYS = {
    "epoch",
    "content_loss",
    "generator_loss",
    "generator_gradient_norm",
    "generator_learning_rate",
    "rmse",
    "skipped_steps",
    "seconds",
}
WITH_DISCRIMINATOR = {
    "adversarial_loss",
    "discriminator_loss",
    "discriminator_gradient_norm",
    "discriminator_accuracy_real",
    "discriminator_accuracy_fake",
    "discriminator_learning_rate",
}
WITH_VALIDATION = {"validation_rmse", "validation_f_measure"}


@pytest.mark.parametrize(
    ("parameters", "keys"),
    [
        ({}, ALWAYS | WITH_DISCRIMINATOR),
        ({"adversarial_weight": 0}, ALWAYS),
        ({"K2": 0}, (ALWAYS | WITH_DISCRIMINATOR) - {"content_loss"}),
        (
            {"perceptual": lambda images: images, "adversarial_weight": 0},
            ALWAYS | {"perceptual_loss"},
        ),
        (
            {"validation_fraction": 0.5},
            ALWAYS | WITH_DISCRIMINATOR | WITH_VALIDATION,
        ),
    ],
    ids=["default", "no adversary", "no content", "perceptual", "validation"],
)
def test_history(parameters, keys, plates, tiny_gan):
    history = tiny_gan(max_epochs=2, **parameters).fit(*plates).history_
    assert [entry["epoch"] for entry in history] == [1, 2]
    for entry in history:
        assert set(entry) == keys
        assert all(type(value) in (int, float) for value in entry.values())
        assert np.isfinite(list(entry.values())).all()
        assert entry["generator_gradient_norm"] > 0
        assert entry["skipped_steps"] == 0
        for name in keys & {"discriminator_accuracy_real", "validation_f_measure"}:
            assert 0 <= entry[name] <= 1


def test_history_as_a_frame(plates, tiny_gan):
    pandas = pytest.importorskip("pandas")
    model = tiny_gan(max_epochs=3, learning_rate_decay="cosine").fit(*plates)
    frame = pandas.DataFrame(model.history_).set_index("epoch")
    assert frame.shape == (3, len(ALWAYS | WITH_DISCRIMINATOR) - 1)
    assert not frame.isna().any(axis=None)
    # Two steps an epoch: the last of an epoch lies at 1/6, 3/6 and 5/6 of a half
    # cosine from 0.003 to 0.
    expected = 0.0015 * (1 + np.cos(np.pi * np.array([1, 3, 5]) / 6))
    for network in ("generator", "discriminator"):
        assert frame[f"{network}_learning_rate"].tolist() == pytest.approx(expected)


def test_validation_is_by_the_metrics_on_the_pairs_set_aside(
    plates, tiny_gan, monkeypatch
):
    held_out = []
    split = _gan_engine.split_pairs

    def spy(*arguments):
        held_out.append(split(*arguments)[1])
        return split(*arguments)

    monkeypatch.setattr(_gan_engine, "split_pairs", spy)
    model = tiny_gan(validation_fraction=0.5).fit(*plates)
    predicted = model.predict(np.stack(held_out[0].grey))
    truth = np.stack(held_out[0].paper).astype(np.uint8)
    entry = model.history_[0]
    assert entry["validation_f_measure"] == f_measure(truth, predicted)
    assert entry["validation_rmse"] == root_mean_squared_error(truth, predicted)


# Numbers that are no longer finite


def test_what_was_learnt_before_a_divergence_is_kept(plates, tiny_gan):
    calls = []

    def features(images):
        calls.append(images)
        # Once for the trial, then for target and output of two steps an epoch.
        return images * (np.nan if len(calls) > 1 + 2 * 4 else 1.0)

    model = tiny_gan(max_epochs=5, perceptual=features)
    expected = r"perceptual_loss became nan in epoch 3, step 2: .* until epoch 2 is kep"
    with (
        pytest.warns(ConvergenceWarning, match="back to the end of epoch 2") as caught,
        pytest.raises(FloatingPointError, match=expected),
    ):
        model.fit(*plates)
    assert [str(w.filename) for w in caught] == [__file__] * 3
    assert model.n_epochs_ == len(model.history_) == 2
    sound = tiny_gan(max_epochs=2, perceptual=lambda images: images).fit(*plates)
    assert_array_equal(model.deblur(plates.X), sound.deblur(plates.X))
    assert np.isfinite(model.deblur(plates.X)).all()


def test_a_step_that_is_not_finite_is_left_out(plates, tiny_gan):
    calls = []

    def features(images):
        calls.append(images)
        return images * (np.inf if len(calls) == 1 + 2 * 2 else 1.0)

    model = tiny_gan(max_epochs=3, perceptual=features)
    expected = "1 of 2 steps of epoch 1 were left out"
    with pytest.warns(ConvergenceWarning, match=expected) as caught:
        model.fit(*plates)
    assert [str(w.filename) for w in caught] == [__file__]
    assert [epoch["skipped_steps"] for epoch in model.history_] == [1, 0, 0]
    assert np.isfinite(model.deblur(plates.X)).all()


def test_divergence_at_once_leaves_the_estimator_as_it_was(plates, tiny_gan):
    model = tiny_gan(learning_rate=1e24)
    expected = r"became nan in epoch 1.* nothing was learnt. Try a learning_rate below "
    with (
        pytest.warns(ConvergenceWarning, match="back to the beginning") as caught,
        pytest.raises(FloatingPointError, match=expected),
    ):
        model.fit(*plates)
    assert [str(w.filename) for w in caught] == [__file__] * 3
    assert set(vars(model)) == set(model.get_params())
    # What the error advises helps.
    model.set_params(learning_rate=0.001).fit(*plates)


def test_divergence_of_partial_fit_keeps_the_fit(plates, tiny_gan):
    model = tiny_gan().fit(*plates)
    before, networks = model.history_, weights(model)
    model.set_params(learning_rate=1e24)
    with (
        pytest.warns(ConvergenceWarning, match=r"epoch 2.* back to the end of epoch 1"),
        pytest.raises(FloatingPointError, match=r"in epoch 2.* nothing was learnt"),
    ):
        model.partial_fit(*plates)
    assert model.history_ == before
    assert model.n_epochs_ == 1
    assert weights(model) == networks
    model.set_params(learning_rate=0.001)
    assert weights(model.partial_fit(*plates)) != networks


# Output that is not finite, though the weights are

# A step of a million in every weight: the output overflows, and inf - inf is nan.
OVERFLOWING = {
    "downsampling": 4,
    "n_levels": 0,
    "growth_rate": 4,
    "learning_rate": 1e6,
    "average_decay": None,
    "augment": False,
}


@pytest.fixture(scope="module")
def drawn_plates():
    return make_blurred_plates(4, image_shape=(16, 24), random_state=0)


def test_an_epoch_with_nan_output_is_never_the_best(drawn_plates, tiny_gan):
    # Three times a tenth of it overflows as well.
    parameters = OVERFLOWING | {"learning_rate": 1e9}
    model = tiny_gan(max_epochs=3, validation_fraction=0.5, **parameters)
    expected = r"^the output of the generator became nan in epoch 1: .* nothing was le"
    with (
        pytest.warns(ConvergenceWarning, match="back to the beginning") as caught,
        pytest.raises(FloatingPointError, match=expected),
    ):
        model.fit(*drawn_plates)
    assert [str(w.filename) for w in caught] == [__file__] * 3
    assert set(vars(model)) == set(model.get_params())


def test_nan_output_after_the_training_is_told(drawn_plates, tiny_gan):
    model = tiny_gan(max_epochs=1, **OVERFLOWING)
    expected = "the output of the generator became nan: its predictions mean nothing"
    with pytest.warns(ConvergenceWarning, match=expected) as caught:
        model.fit(*drawn_plates)
    assert [str(w.filename) for w in caught] == [__file__]
    for value in model.generator_.state_dict().values():
        assert value.isfinite().all()
    assert np.isnan(model.deblur(drawn_plates[0])).any()


class Spotted(torch.nn.Module):
    """What it is given, faintly, but for one pixel of its second image."""

    receptive_field = 1

    def __init__(self, spot):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))
        self.spot, self.n_predictions = spot, 0

    def forward(self, blurred):
        self.n_predictions += 1
        output = 0.2 * blurred  # or the first image would be contrast enough
        if self.n_predictions == 2:
            output[0, 0, 3, 4] = self.spot
        return output


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_pixel_that_is_not_finite_is_enough(value, plates):
    truth = list(plates.Y.astype(bool))
    pairs = Pairs(list(255 * plates.Y), [(0, 255)] * len(truth), truth)
    assert validation_scores(pairs, Spotted(0.1)) == {"rmse": 0, "f_measure": 1}
    warn_of_failure(Spotted(0.1), pairs, [], 1)
    expected = f"the output of the generator became {value}"
    with pytest.raises(DivergenceError, match=f"^{expected}$"):
        validation_scores(pairs, Spotted(value))
    with pytest.warns(ConvergenceWarning, match=f"{expected}: its predictions"):
        warn_of_failure(Spotted(value), pairs, [], 1)


# Constant output

CONSTANT = r"generator is practically constant: on the \d+ pairs"
# Enough to learn the strokes below, and to learn that there is nothing to learn.
SHORT = {
    "optimizer": "adam",  # Muon learns even from faint photos, and is harder to fool
    "learning_rate": 0.01,
    "max_epochs": 10,
    "adversarial_weight": 0,
    "average_decay": None,
    "augment": False,
    "downsampling": 4,
    "n_levels": 0,  # of a network that does not begin from the photo
    "content_loss": "l1",  # answered by blank paper where nothing is to be learnt
}


@pytest.fixture(scope="module")
def strokes():
    """Pairs of strokes at random places, which cover a fifth of the picture."""
    rng = np.random.default_rng(0)
    Y = np.ones((24, 24, 40), dtype=np.uint8)
    for image in Y:
        for left, top in zip(
            rng.integers(0, 36, 4), rng.integers(0, 14, 4), strict=True
        ):
            image[top : top + 10, left : left + 4] = 0
    X = uniform_filter1d(np.where(Y == 1, 200.0, 40.0), size=5, axis=2)
    return X.astype(np.uint8), Y


def test_pairs_that_do_not_belong_together(strokes, tiny_gan):
    X, Y = strokes
    model = tiny_gan(**SHORT)
    model.fit(X, Y)  # healthy: no warning, which would be an error
    assert model.deblur(X).std(axis=(1, 2)).min() > 0.3
    # The least L1 loss for truth that has nothing to do with the photo is all paper.
    shifted = np.roll(Y, 1, axis=0)
    with pytest.warns(ConvergenceWarning, match=CONSTANT) as caught:
        model.fit(X, shifted)
    (warning,) = caught
    assert warning.filename == __file__
    message = str(warning.message)
    for advice in (
        "on the 8 pairs",
        "X[i] and y[i] show the same plate",
        "try more epochs or a lower learning_rate",
        "the 28 pixels",  # 4 * (2 * n_blocks + 5)
    ):
        assert advice in message
    assert model.deblur(X[:8]).std(axis=(1, 2)).mean() < 0.04
    assert model.n_epochs_ == 10  # it is fitted all the same
    with pytest.warns(ConvergenceWarning, match=CONSTANT):
        model.partial_fit(X, shifted)
    with pytest.warns(ConvergenceWarning, match="on the 6 pairs"):
        model.set_params(validation_fraction=0.25).fit(X, shifted)


def test_photos_without_contrast_on_their_range(strokes, tiny_gan):
    X, Y = strokes
    faint = X.astype(np.uint16) // 8 + 1000  # on [0, 65535]
    with pytest.warns(ConvergenceWarning, match=CONSTANT) as caught:
        tiny_gan(**SHORT).fit(faint, Y)
    assert "use a good part of input_range_" in str(caught[0].message)
    # What the warning advises helps.
    tiny_gan(**SHORT).fit((faint - 1000) * np.uint16(2000), Y)


class Faint(torch.nn.Module):
    """What it is given, with a share of the contrast."""

    receptive_field = 1

    def __init__(self, contrast):
        super().__init__()
        self.contrast = torch.nn.Parameter(torch.tensor(contrast))
        self.n_predictions = 0

    def forward(self, blurred):
        self.n_predictions += 1
        return self.contrast * blurred


def test_faint_output_that_is_right_is_no_failure(plates):
    truth = plates.Y.astype(bool)
    pairs = Pairs(list(255 * plates.Y), [(0, 255)] * len(truth), list(truth))
    warn_of_failure(Faint(0.01), pairs, [], 1)
    # The same output, of the next plate: still faint, and wrong.
    wrong = Pairs(pairs.grey, pairs.ranges, [~image for image in pairs.paper])
    with pytest.warns(ConvergenceWarning, match="on the 6 pairs"):
        warn_of_failure(Faint(0.01), wrong, [], 1)


class Blank(torch.nn.Module):
    receptive_field = 1

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, blurred):
        return torch.ones_like(blurred)


def test_constant_pairs_say_nothing(plates):
    photos, truth = plates.X.copy(), plates.Y.astype(bool)
    photos[:3], truth[3:] = 7, True  # photos without contrast, truth without ink
    pairs = Pairs(list(photos), [(0, 255)] * len(truth), list(truth))
    warn_of_failure(Blank(), pairs, [], 1)
    pairs.grey[0][0, 0] = 8
    with pytest.warns(ConvergenceWarning, match="on the 1 pairs"):
        warn_of_failure(Blank(), pairs, [], 1)


def test_rows_of_pixels_say_nothing(plates):
    truth = plates.Y.astype(bool)
    for n_rows, warned in ((1, False), (7, False), (8, True)):
        pairs = Pairs(
            list(plates.X[:, 5 : 5 + n_rows]),
            [(0, 255)] * len(truth),
            list(truth[:, 5 : 5 + n_rows]),
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warn_of_failure(Blank(), pairs, [], 1)
        assert bool(caught) == warned


@pytest.mark.parametrize(("contrast", "n_predictions"), [(0.9, 3), (0.45, 5), (0.2, 8)])
def test_a_sound_generator_costs_few_predictions(contrast, n_predictions, plates):
    # Nine times one plate, sharp: a quarter of the contrast of the 8 that are looked at
    # is that of 2, which 3 * 0.9 and 5 * 0.45 exceed, but 2 * 0.9 and 4 * 0.45 do not.
    truth = plates.Y[0].astype(bool)
    generator = Faint(contrast)
    pairs = Pairs([255 * plates.Y[0]] * 9, [(0, 255)] * 9, [truth] * 9)
    warn_of_failure(generator, pairs, [], 1)
    assert generator.n_predictions == n_predictions


@pytest.mark.parametrize("kind", ["rmse", "validation_rmse"])
def test_training_without_gain_is_told(kind, plates):
    truth = list(plates.Y.astype(bool))
    pairs = Pairs(list(255 * plates.Y), [(0, 255)] * len(truth), truth)
    blank = float(np.mean([np.sqrt(np.mean(~image)) for image in truth]))

    def train(error, n_epochs=100, n_steps=5):
        history = [{"rmse": 2.0, kind: error + 0.1 * i} for i in range(n_epochs)]
        if kind == "rmse":  # of the last epoch, where none is kept before it
            history.reverse()
        warn_of_failure(Spotted(0.1), pairs, history, n_steps)

    with pytest.warns(
        ConvergenceWarning, match=f"of blank paper {blank:.3f}"
    ) as caught:
        train(blank)
    assert f"After 100 epochs the RMSE is {blank:.3f}" in str(caught[0].message)
    train(blank - 1e-6)
    train(blank, n_epochs=99)  # too early to tell
    paper = [np.ones_like(image) for image in truth]
    pairs = Pairs(pairs.grey, pairs.ranges, paper)
    train(0.1)  # no ink to be found


def test_pairs_of_noise_end_with_a_warning(tiny_gan):
    # Half are set aside, since a network can learn eight pictures by heart. A fifth is
    # ink, so that blank paper is hard to beat without knowing where it is.
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (8, 16, 24), np.uint8)
    Y = (rng.random(X.shape) > 0.2).astype(np.uint8)
    options = {"adversarial_weight": 0, "batch_size": 1, "validation_fraction": 0.5}
    with pytest.warns(ConvergenceWarning, match=r"nothing of use was learnt\. Check"):
        tiny_gan(max_epochs=125, **options).fit(X, Y)


def test_photos_that_are_all_constant_are_told(plates, tiny_gan):
    black = np.zeros_like(plates.X)
    with pytest.warns(ConvergenceWarning, match="All photos are constant"):
        tiny_gan(max_epochs=1).fit(black, plates.Y)


# A discriminator that has nothing to teach

PINNED = r"the discriminator has called \d+% of the true images true"


def epochs(n, real, fake, adversarial_loss=6.0, content_loss=0.5):
    return [
        {
            "discriminator_accuracy_real": real,
            "discriminator_accuracy_fake": fake,
            "adversarial_loss": adversarial_loss,
            "generator_loss": adversarial_loss + content_loss,
            "rmse": 0.1,
        }
    ] * n


@pytest.mark.parametrize(
    ("history", "warned"),
    [
        (epochs(5, 1.0, 1.0), True),
        (epochs(9, 0.995, 1.0), True),  # always right
        (epochs(5, 1.0, 0.0), True),  # says the same of all
        (epochs(5, 0.0, 1.0), True),
        (epochs(4, 1.0, 1.0), False),  # not for long enough
        (epochs(1, 0.6, 1.0) + epochs(4, 1.0, 1.0), False),
        (epochs(5, 1.0, 1.0) + epochs(1, 0.9, 1.0), False),  # and no longer
        (epochs(5, 1.0, 0.9), False),
        (epochs(5, 1.0, 1.0, content_loss=6.5), False),  # the content loss teaches
    ],
)
def test_pinned_discriminator_is_told(history, warned, plates):
    truth = list(plates.Y.astype(bool))
    pairs = Pairs(list(255 * plates.Y), [(0, 255)] * len(truth), truth)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_failure(Spotted(0.1), pairs, history, 1, adversarial_weight=1.0)
    assert [w.category for w in caught] == [ConvergenceWarning] * warned
    if warned:
        assert re.search(PINNED, str(caught[0].message))


# A discriminator that is far stronger than the generator.
UNEQUAL = {"discriminator_channels": 16, "max_epochs": 60}


def test_training_with_a_pinned_discriminator_is_told(plates, tiny_gan):
    # With next to no content loss, the adversarial one is all that there is to learn.
    model = tiny_gan(**UNEQUAL, adversarial_weight=1, K2=1e-6)
    with pytest.warns(ConvergenceWarning, match=PINNED):
        model.fit(plates.X, plates.Y)


def test_sound_training_with_a_pinned_discriminator_is_not_told(plates, tiny_gan):
    # Any warning would be an error here.
    model = tiny_gan(**UNEQUAL, adversarial_weight=0.1).fit(plates.X, plates.Y)
    for epoch in model.history_[-5:]:
        assert epoch["discriminator_accuracy_real"] > 0.99
        assert epoch["discriminator_accuracy_fake"] > 0.99
