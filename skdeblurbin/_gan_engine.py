"""Training, prediction and state of the GAN behind GANBinarizer's public face."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import Tags, check_random_state

from skdeblurbin._base import (
    BaseBinarizer,
    closing_iterator,
    taken_back_on_error,
)
from skdeblurbin._gan_callbacks import FitTasks
from skdeblurbin._gan_checkpoint import make_checkpoint, read_checkpoint, resume_from
from skdeblurbin._gan_data import TrainingData
from skdeblurbin._gan_pairs import (
    split_pairs,
    to_paper,
    validation_scores,
    warn_of_failure,
)
from skdeblurbin._gan_parameters import (
    bytes_to_work_in,
    check_image_sizes,
    check_output_scale,
    check_unchanged,
)
from skdeblurbin._parameters import check_image_shape
from skdeblurbin._progress import PATIENCE, Progress
from skdeblurbin._ranges import scale_all_to_unit
from skdeblurbin._tensors import (
    Interruptible,
    build_network,
    device_or_cpu,
    from_numpy_state,
    full_precision,
    one_fit_at_a_time,
    place,
    resolve_device,
    to_numpy_state,
    torch_threads,
)
from skdeblurbin._validation import Images
from skdeblurbin.networks import DenseGenerator, PatchDiscriminator
from skdeblurbin.networks.discriminator import MINIMUM_SIZE
from skdeblurbin.networks.inference import deblur_images
from skdeblurbin.networks.perceptual import check_features, resolve_perceptual
from skdeblurbin.networks.training_form import TrainingForm
from skdeblurbin.training import (
    CONTENT_LOSSES,
    OPTIMIZERS,
    Checkpoint,
    GeneratorLoss,
    PairBatches,
    Pairs,
    PerceptualLoss,
    Trainer,
    TrainingRun,
    augment_pair,
)

_NETWORKS: dict[str, type[torch.nn.Module]] = {
    "generator_": DenseGenerator,
    "discriminator_": PatchDiscriminator,
}


class GANEngine(BaseBinarizer):
    """Builds, trains and keeps the networks that the parameters describe.

    Everything here works on validated input; `GANBinarizer` has the parameters, the
    public methods and the documentation.
    """

    generator_: torch.nn.Module
    discriminator_: torch.nn.Module | None
    input_range_: tuple[float, float]
    history_: list[dict[str, Any]]
    device_: torch.device
    _rng: np.random.Generator
    # Of the last training; the file may be gone, and None is a training without one.
    _checkpoint_path: Path | None

    def _train(
        self,
        X: Any,
        data: TrainingData,
        *,
        continuing: bool,
        tasks: FitTasks | None = None,
        resume: bool | None = None,
    ) -> Self:
        """Initialise or take over, train, and only then change the estimator.

        With `tasks` it is a fit of `max_epochs`, with decay, validation, callbacks and
        checkpoints; else one epoch.
        """
        form = self._form_of(X, data.images, continuing=continuing)
        device = resolve_device(self.device)
        session = Interruptible(
            one_fit_at_a_time,
            partial(torch_threads, self.n_threads),
            partial(full_precision, device),
        )
        checkpoint = self._checkpoint(data, continuing=continuing) if tasks else None
        with session, checkpoint or nullcontext():
            state = read_checkpoint(checkpoint, resume)
            rng = self._make_rng(continuing=continuing)
            split_seed = self._split_seed if continuing else int(rng.integers(2**62))
            trainer = self._make_trainer(rng, device, continuing=continuing)
            training, held_out = data.pairs, data.validation
            if tasks and self.validation_fraction is not None:
                fraction = self.validation_fraction
                training, held_out = split_pairs(training, fraction, split_seed)
            run = self._make_run(
                trainer, held_out, tasks, checkpoint, continuing=continuing
            )
            batches = self._batches(training, trainer, rng, device)
            if checkpoint is not None and state is not None:
                resume_from(checkpoint, state, run, batches)
            known = form | data.known() | {"device_": device, "_split_seed": split_seed}
            learnt = partial(_learnt, known, trainer, run, rng, checkpoint)
            if tasks:
                tasks.connect(session, lambda: learnt() if run.has_learnt else None)
            run.train(batches)
            fitted = learnt()
            if checkpoint and run.is_finished and self.random_state is None:
                checkpoint.remove()  # the next fit is to be another one
            self._warn_of_failure(fitted, held_out or training, len(batches))
        with taken_back_on_error(self):
            self._replace_state(fitted)
            if tasks:
                tasks.end()
        if run.failure:
            raise FloatingPointError(run.failure)
        return self

    def _warn_of_failure(
        self, fitted: dict[str, Any], pairs: Pairs, n_steps: int
    ) -> None:
        generator, history = fitted["generator_"], fitted["history_"]
        warn_of_failure(generator, pairs, history, n_steps, self.adversarial_weight)

    def _check_sizes(self, images: Images, name: str = "X") -> None:
        shape = self._checked_working_shape()
        check_image_sizes(images.shapes, shape, self.max_image_pixels, name)

    def _checkpoint(self, data: TrainingData, *, continuing: bool) -> Checkpoint | None:
        earlier = self._training_state if continuing else None
        return make_checkpoint(self, data.pairs, data.validation, data.known(), earlier)

    def _checked_working_shape(self) -> tuple[int, int] | None:
        return check_image_shape(self.working_shape, "working_shape")

    def _make_run(
        self,
        trainer: Trainer,
        held_out: Pairs | None,
        tasks: FitTasks | None,
        checkpoint: Checkpoint | None,
        *,
        continuing: bool,
    ) -> TrainingRun:
        return TrainingRun(
            trainer,
            max_epochs=self.max_epochs if tasks else 1,
            decay=tasks is not None and self.learning_rate_decay is not None,
            validate=partial(validation_scores, held_out) if held_out else None,
            n_iter_no_change=self.n_iter_no_change,
            on_epoch_begin=tasks.begin_epoch if tasks else None,
            on_epoch_end=tasks.end_epoch if tasks else None,
            verbose=self.verbose,
            history=self.history_ if continuing else (),
            checkpoint=checkpoint,
            # The caller's loop of `partial_fit` is to end, not the epoch.
            hear_interruption=tasks is not None,
        )

    def _make_rng(self, *, continuing: bool) -> np.random.Generator:
        if continuing:
            return copy.deepcopy(self._rng)  # a failing fit must not advance it
        if self.random_state is None:
            return np.random.default_rng()  # leaves numpy's global generator alone
        seed = check_random_state(self.random_state).randint(2**31)
        return np.random.default_rng(seed)

    def _batches(
        self,
        pairs: Pairs,
        trainer: Trainer,
        rng: np.random.Generator,
        device: torch.device,
    ) -> PairBatches:
        discriminator = trainer.discriminator
        return PairBatches(
            pairs,
            batch_size=self.batch_size,
            minimum_size=getattr(discriminator, "minimum_size", MINIMUM_SIZE),
            rng=rng,
            device=device,
            augmentation=augment_pair if self.augment else None,
        )

    def _make_trainer(
        self, rng: np.random.Generator, device: torch.device, *, continuing: bool
    ) -> Trainer:
        seeded = torch.Generator().manual_seed(int(rng.integers(2**62)))
        generator = build_network(DenseGenerator, self._generator_options(), seeded)
        discriminator = None
        if self.adversarial_weight:
            options = self._discriminator_options()
            discriminator = build_network(PatchDiscriminator, options, seeded)
        if continuing:
            check_unchanged(generator, self.generator_)
            check_unchanged(discriminator, self.discriminator_)
        freeze = bool(self.freeze_batch_norm) and continuing
        # Measured on CPUs only; elsewhere the plain modules train. The form measures
        # each batch, which a frozen network does not.
        has_form = device.type == "cpu" and not freeze
        trainer = Trainer(
            generator.to(device),
            None if discriminator is None else place(discriminator, device),
            self._make_loss(device, discriminator),
            learning_rate=self.learning_rate,
            average_decay=self.average_decay,
            freeze_batch_norm=freeze,
            generate=TrainingForm(generator) if has_form else None,
            optimizers=OPTIMIZERS[self.optimizer],
        )
        if continuing:
            trainer.load_state_dict(from_numpy_state(self._training_state))
        return trainer

    def _make_loss(
        self, device: torch.device, discriminator: PatchDiscriminator | None
    ) -> GeneratorLoss:
        features = None
        if self.K1:
            features = resolve_perceptual(
                self.perceptual, self.perceptual_weights, discriminator
            )
        if isinstance(features, torch.nn.Module):
            of_library = isinstance(self.perceptual, str)
            features = place(features, device) if of_library else features.to(device)
        if features is not None and not isinstance(self.perceptual, str):
            check_features(features, device)
        return GeneratorLoss(
            K1=float(self.K1),
            K2=float(self.K2),
            adversarial_weight=float(self.adversarial_weight),
            perceptual=None if features is None else PerceptualLoss(features),
            content=CONTENT_LOSSES[self.content_loss](),
        )

    def _generator_options(self) -> dict[str, int]:
        return {
            "n_blocks": self.n_blocks,
            "growth_rate": self.growth_rate,
            "base_channels": self.base_channels,
            "downsampling": self.downsampling,
            "n_levels": self.n_levels,
        }

    def _discriminator_options(self) -> dict[str, int]:
        return {
            "n_layers": self.n_discriminator_layers,
            "base_channels": self.discriminator_channels,
            "conditional": self.conditional,
        }

    def _deblur(
        self, images: Images, output_scale: str = "input"
    ) -> Iterator[NDArray[np.float32]]:
        """Deblur one image after the other, as they are asked for."""
        check_output_scale(output_scale, self.working_shape)
        scaled = scale_all_to_unit(
            images.grey, images.extents, self.input_range_, self._fitted_on_integers
        )
        progress = Progress(
            len(images), "images", wanted=bool(self.verbose), delay=PATIENCE
        )
        with torch_threads(self.n_threads), progress:
            for sharp in deblur_images(
                self.generator_,
                scaled,
                self._checked_working_shape(),
                resize_back=output_scale == "input",
                n_bytes=bytes_to_work_in(self.working_memory),
            ):
                progress.advance()
                yield sharp

    def _binarize(
        self, images: Images, output_scale: str = "input"
    ) -> Iterator[NDArray[np.bool_]]:
        with closing_iterator(self._deblur(images, output_scale)) as deblurred:
            # Strict, so that the generator comes to its end.
            for extent, sharp in zip(images.extents, deblurred, strict=True):
                yield to_paper(extent, sharp)

    def _binarize_for_caller(self, images: Images) -> Iterator[NDArray[np.bool_]]:
        return self._binarize(images, self.output_scale)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_checkpoint_path", None)  # a training's, not the model's
        for name in _NETWORKS:
            network = state.get(name)
            if network is not None:
                weights = to_numpy_state(dict(network.state_dict()))
                state[name] = {"options": network.options, "weights": weights}
        for name in ("device", "device_"):  # names, which need no torch
            if isinstance(state.get(name), torch.device):
                state[name] = str(state[name])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "working_memory" not in state:  # whose network may be another, too
            raise ValueError(
                "This GANBinarizer was pickled by a development version before the "
                "parameter working_memory, which this version cannot go on with; it "
                "has to be trained again."
            )
        state = dict(state)  # the caller's stays as it is
        if "device_" in state:
            state["device_"] = device_or_cpu(state["device_"])
        for name, network in _NETWORKS.items():
            packed = state.get(name)
            if packed is not None:
                module = build_network(network, packed["options"], torch.Generator())
                module.load_state_dict(from_numpy_state(packed["weights"]))
                module.requires_grad_(name != "generator_")
                state[name] = module.eval().to(state["device_"])
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _learnt(
    known: dict[str, Any],
    trainer: Trainer,
    run: TrainingRun,
    rng: np.random.Generator,
    checkpoint: Checkpoint | None,
) -> dict[str, Any]:
    """The fitted attributes, as if the training ended now.

    Nothing in them changes with the training that goes on.
    """
    state = run.kept_state()
    generator, discriminator = trainer.networks(state)
    return {
        **known,
        "generator_": generator,
        "discriminator_": discriminator,
        "history_": copy.deepcopy(run.history),
        "n_epochs_": len(run.history),
        "_rng": copy.deepcopy(rng),
        "_checkpoint_path": checkpoint.path if checkpoint else None,
        # As numpy arrays: pickles carry no device, and deepcopy keeps everything.
        "_training_state": to_numpy_state(state),
    }
