"""How a GANBinarizer is fitted: `fit` and `partial_fit`."""

from __future__ import annotations

from typing import Any, Self

from skdeblurbin._base import tears_down_callbacks
from skdeblurbin._gan_callbacks import FitTasks
from skdeblurbin._gan_data import check_training_data
from skdeblurbin._gan_engine import GANEngine
from skdeblurbin._gan_parameters import (
    check_gan_parameters,
    check_patience,
    check_resume,
    check_same_classes,
)


class GANFitting(GANEngine):
    """Checks what to train on, and has `GANEngine` train."""

    @tears_down_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        resume: bool | str = "auto",
    ) -> Self:
        """Train on pairs of blurred and binary images.

        Ctrl-C ends the training after the present step with a warning, and keeps what
        was learnt, in the first epoch too (`n_epochs_` is 0 then); a second one raises
        KeyboardInterrupt.
        Callbacks (`set_callbacks`) see each epoch as a task named "epoch"; if one
        returns True at its end, so does the training. Their `fitted_estimator` is a
        copy of what `fit` would return if it ended there.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width), (n_samples, height, \
                width, channels) or (n_samples, n_features), or list of images
            Blurred images, of mixed sizes too.
        y : array-like or list of images
            Binary images of the same shapes, with two values over all of them: the
            lower is ink, the upper paper.
        sample_weight : array-like of shape (n_samples,), default=None
            What each pair counts for in the losses, at least 0; None counts all alike.
            Only their ratios matter. A pair of weight 0 is left out.
        X_val : array-like or list of images, default=None
            Blurred images to validate on after each epoch, as if
            `validation_fraction` had set them aside.
        y_val : array-like or list of images, default=None
            Their binary truth, in the encoding of `y`.
        resume : {"auto", True, False}, default="auto"
            Whether to go on from a checkpoint of this very training in
            `checkpoint_dir`: with equal parameters and data, as which `n_threads`,
            `device` and `verbose` do not count. At an equal number of threads the
            result is that of a training that was never stopped, to the last bit.
            "auto" goes on where there is one; True makes it an error if there is none;
            False begins anew.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not as described; the estimator is then as it
            was before. If ``resume=True`` and there is no checkpoint of this training;
            the error names in what those that are there differ.
        ModelFileError
            If the checkpoint is damaged, or holds no state of such a training.
        RuntimeError
            If another process or thread is at the same training in `checkpoint_dir`.
        OSError
            If a checkpoint cannot be written, or the disk is full; the one before it
            stays.
        FloatingPointError
            If losses, gradients or weights become infinite or NaN time and again. What
            was learnt until the last finite epoch is kept, if there is one.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If a loss, a gradient or a weight becomes infinite or NaN: such a step is
            left out; after ten in a row, the training goes back to the last finite
            epoch, and on with a tenth of the learning rate, three times at most. If
            the output of the trained generator is practically constant, or after 500
            steps no better than blank paper; if the discriminator teaches nothing.
        """
        parameters = self.get_params(deep=False)
        check_gan_parameters(parameters)
        check_patience(parameters, validates=X_val is not None)
        must_resume = check_resume(resume)
        data = check_training_data(
            self, X, y, sample_weight=sample_weight, validation=(X_val, y_val)
        )
        continuing = self.warm_start and hasattr(self, "generator_")
        tasks = FitTasks(self, X, y, self.max_epochs)
        return self._train(
            X, data, continuing=continuing, tasks=tasks, resume=must_resume
        )

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> Self:
        """Train for one epoch, going on from earlier calls.

        Value range and classes are those of the first call; the learning rate stays
        constant, no pairs are set aside, and no callbacks run.

        Parameters
        ----------
        X : array-like or list of images
            Blurred images, as in :meth:`fit`.
        y : array-like or list of images
            Binary images of the same shapes.
        classes : array-like of shape (2,), default=None
            The two values of binary images: needed by the first call if its `y` holds
            one of them only. The lower is ink.
        sample_weight : array-like of shape (n_samples,), default=None
            As in :meth:`fit`; ratios to the other pairs of this call matter only.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not as described, or `classes` are not those
            of the first call; the estimator is then as it was before.
        FloatingPointError
            As in :meth:`fit`; the estimator is then as it was before.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            As in :meth:`fit`.
        """
        check_gan_parameters(self.get_params(deep=False))
        continuing = hasattr(self, "generator_")
        if continuing:
            self._check_new_images(X)
            check_same_classes(classes, self.classes_)
            classes = self.classes_
        scale = (self.input_range_, self._fitted_on_integers) if continuing else None
        data = check_training_data(
            self, X, y, sample_weight=sample_weight, classes=classes, scale=scale
        )
        return self._train(X, data, continuing=continuing)
