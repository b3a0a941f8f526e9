"""Pairs that measure a generator: set aside for validation, or to check its output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from skdeblurbin._ranges import Extent, extents_of
from skdeblurbin._thresholding import binarize_otsu
from skdeblurbin._warnings import warn_user
from skdeblurbin.metrics import f_measure, root_mean_squared_error
from skdeblurbin.networks.inference import deblur_images
from skdeblurbin.training import DivergenceError, Pairs

# How many pairs the check for constant output looks at.
_N_CHECKED = 8
# Output of less than this share of the truth's contrast, and no better than blank, is
# called constant. Measured: 0.4 and more where a generator learns, from the first epoch
# on; up to 0.2 where it has collapsed (docs/contributing.md).
_LEAST_CONTRAST = 0.25
# Smaller pictures are mostly border to the network, whose padding they show.
_LEAST_SIDE = 8
# Sound networks too are worse than blank paper for the first hundred steps.
_MATURE_STEPS = 500
# Epochs in a row in which a discriminator is always right, or always says the same.
_PINNED_EPOCHS = 5
# Blank images may seem better than they are by rounding.
_NO_BETTER = 0.999


def split_pairs(pairs: Pairs, fraction: float, seed: int) -> tuple[Pairs, Pairs]:
    """Pairs to train on, and pairs set aside for validation.

    Equal seeds set the same pairs aside, so that a fit that goes on with the same
    data never validates on pairs that were trained on before.
    """
    n_held_out = max(1, round(fraction * len(pairs)))
    if n_held_out >= len(pairs):
        raise ValueError(
            f"validation_fraction={fraction} of {len(pairs)} pairs leaves none to "
            "train on."
        )
    order = np.random.default_rng(seed).permutation(len(pairs)).tolist()
    return pairs.take(order[n_held_out:]), pairs.take(order[:n_held_out])


def to_paper(blurred: Extent, sharp: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Binarize a deblurred image; where nothing was to be seen, all is paper."""
    if blurred.is_constant:
        # The network's own answer is the zeros that its convolutions pad with.
        return np.ones(sharp.shape, dtype=bool)
    return binarize_otsu(sharp)


def validation_scores(held_out: Pairs, generator: torch.nn.Module) -> dict[str, float]:
    """RMSE on {0, 1} and F-measure of ink, on pairs that are not trained on.

    Raises
    ------
    DivergenceError
        If the generator's output is not finite, whatever its weights are.
    """
    sharp = _deblur_finite(generator, held_out)
    errors, measures = [], []
    # Image by image, so that no more than one answer is held.
    for extent, truth, grey in zip(
        extents_of(held_out.grey), held_out.paper, sharp, strict=True
    ):
        pair = [truth], [to_paper(extent, grey)]
        errors.append(root_mean_squared_error(*pair))
        measures.append(f_measure(*pair, classes=[False, True]))
    return {
        name: float(np.average(values, weights=held_out.weights))
        for name, values in (("rmse", errors), ("f_measure", measures))
    }


def _deblur_finite(
    generator: torch.nn.Module, pairs: Pairs
) -> Iterator[NDArray[np.float32]]:
    for grey in deblur_images(generator, pairs.scaled(), pairs.working_shape):
        finite = np.isfinite(grey)
        if not finite.all():
            raise DivergenceError("the output of the generator", grey[~finite][0])
        yield grey


def warn_of_failure(
    generator: torch.nn.Module,
    pairs: Pairs,
    history: Sequence[Mapping[str, Any]],
    n_steps: int,
    adversarial_weight: float = 0.0,
) -> None:
    """Warn if a training came to nothing, though it came to its end.

    Parameters
    ----------
    generator : nn.Module
        The trained one.
    pairs : Pairs
        Those that it was validated on, or else trained on.
    history : sequence of dict
        Of all epochs.
    n_steps : int
        Of an epoch.
    adversarial_weight : float, default=0.0
        What the adversarial loss was weighed with.
    """
    _warn_of_pinned_discriminator(history, adversarial_weight)
    if not _warn_of_useless_output(generator, pairs):
        _warn_of_no_gain(pairs, history, n_steps)


def _warn_of_pinned_discriminator(
    history: Sequence[Mapping[str, Any]], adversarial_weight: float
) -> None:
    """Warn if the generator learns from a discriminator that has nothing to teach.

    Sound trainings have discriminators that are always right, too, since grey output is
    easily told from binary truth: their content loss teaches the generator. So it is a
    failure only where the adversarial loss is most of all.
    """
    last = history[-_PINNED_EPOCHS:]
    if len(last) < _PINNED_EPOCHS or not all(
        _is_pinned(epoch) and _share_of_adversary(epoch, adversarial_weight) > 0.5
        for epoch in last
    ):
        return
    right = [last[-1][f"discriminator_accuracy_{kind}"] for kind in ("real", "fake")]
    warn_user(
        f"For the last {_PINNED_EPOCHS} epochs the discriminator has called "
        f"{right[0]:.0%} of the true images true and {right[1]:.0%} of the generated "
        "ones false, and its loss is most of what the generator is trained with: "
        "there is nothing left to learn from it. Try a lower adversarial_weight (the "
        "default is 0.1), a higher K2, or a smaller discriminator "
        "(n_discriminator_layers, discriminator_channels).",
        ConvergenceWarning,
    )


def _is_pinned(epoch: Mapping[str, Any]) -> bool:
    """Whether the discriminator is always right, or always says the same."""
    names = ("discriminator_accuracy_real", "discriminator_accuracy_fake")
    return "adversarial_loss" in epoch and all(
        name in epoch and abs(epoch[name] - 0.5) >= 0.49 for name in names
    )


def _share_of_adversary(epoch: Mapping[str, Any], adversarial_weight: float) -> float:
    total = epoch["generator_loss"]
    share: float = (
        adversarial_weight * epoch["adversarial_loss"] / total if total else 0
    )
    return share


def _warn_of_no_gain(
    pairs: Pairs, history: Sequence[Mapping[str, Any]], n_steps: int
) -> None:
    """Warn if blank paper would be as good, and there was time enough to learn."""
    if len(history) * n_steps < _MATURE_STEPS:
        return
    errors = [e["validation_rmse"] for e in history if "validation_rmse" in e]
    error = min(errors, default=history[-1]["rmse"])
    of_pairs = [float(np.mean(~truth)) ** 0.5 for truth in pairs.paper]
    blank = float(np.average(of_pairs, weights=pairs.weights))
    if error < blank or not blank:
        return
    warn_user(
        f"After {len(history)} epochs the RMSE is {error:.3f}, and that of blank paper "
        f"{blank:.3f}: nothing of use was learnt. Check that X[i] and y[i] show the "
        "same plate at the same place for every i; then try more pairs, more epochs, "
        "or a lower learning_rate.",
        ConvergenceWarning,
    )


def _warn_of_useless_output(generator: torch.nn.Module, pairs: Pairs) -> bool:
    """Warn if a trained generator's output is not finite, or shows next to nothing."""
    if _all_photos_constant(pairs):
        warn_user(
            "All photos are constant, so that there was nothing to learn from them: "
            "check that X holds the photos.",
            ConvergenceWarning,
        )
        return True
    try:
        return _warn_of_constant_output(generator, pairs)
    except DivergenceError as error:
        warn_user(
            f"After the training, {error}: its predictions mean nothing. Try a lower "
            "learning_rate (the default, 0.003, suits most data).",
            ConvergenceWarning,
        )
        return True


def _warn_of_constant_output(generator: torch.nn.Module, pairs: Pairs) -> bool:
    """Warn if what the generator makes of the pairs shows next to nothing.

    Pairs of which photo or truth is constant tell nothing, and so do rows of a few
    pixels. The search ends as soon as there is contrast enough, so that a sound
    generator costs a few predictions.
    """
    chosen = pairs.take(islice(_telling(pairs), _N_CHECKED))
    missing = _LEAST_CONTRAST * sum(float(truth.std()) for truth in chosen.paper)
    wrong = blank = 0.0
    sharp = _deblur_finite(generator, chosen)
    for truth, grey in zip(chosen.paper, sharp, strict=True):
        missing -= float(grey.std())
        if missing <= 0:
            return False
        wrong += float(np.mean(binarize_otsu(grey) != truth)) ** 0.5
        blank += min(float(truth.mean()), 1 - float(truth.mean())) ** 0.5
    # Faint output that Otsu's threshold still splits rightly is no failure.
    is_useless = len(chosen) > 0 and wrong >= _NO_BETTER * blank
    if is_useless:
        warn_user(
            "The output of the trained generator is practically constant: on the "
            f"{len(chosen)} pairs looked at it has less than a quarter of the truth's "
            "contrast, and binarized it is no better than blank images, so that its "
            "predictions mean nothing. If the training was short, try more epochs or a "
            "lower learning_rate. Else check that X[i] and y[i] show the same plate at "
            "the same place for every i, that the photos use a good part of "
            "input_range_, and that the blur is shorter than half of the "
            f"{generator.receptive_field} pixels that the generator sees (raise "
            "n_blocks, downsampling or n_levels).",
            ConvergenceWarning,
        )
    return is_useless


def _all_photos_constant(pairs: Pairs) -> bool:
    """Whether there are pictures to be learnt, but not one photo shows anything."""
    return any(map(_has_strokes, pairs.paper)) and all(map(_is_constant, pairs.grey))


def _telling(pairs: Pairs) -> Iterator[int]:
    """The indices of pairs that are pictures, and of which neither is constant."""
    for i, (photo, truth) in enumerate(zip(pairs.grey, pairs.paper, strict=True)):
        if _has_strokes(truth) and not _is_constant(photo):
            yield i


def _is_constant(photo: NDArray[Any]) -> bool:
    return bool(photo.min() == photo.max())


def _has_strokes(truth: NDArray[np.bool_]) -> bool:
    """Whether a truth is a picture, not a row of a few pixels, and varies."""
    varies = truth.any() and not truth.all()
    return bool(min(truth.shape) >= _LEAST_SIDE and varies)
