"""GANBinarizer: joint deblurring and binarization by a conditional GAN."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
import torch

from skdeblurbin._base import closing_iterator
from skdeblurbin._gan_export import GANExport
from skdeblurbin._gan_fitting import GANFitting
from skdeblurbin._gan_summary import FittedSummary


class GANBinarizer(FittedSummary, GANFitting, GANExport):
    """Conditional GAN that maps blurred plates straight to binary ones.

    A generator of dense blocks learns from pairs (blurred photo, binary image), against
    a discriminator of patches, by an adversarial, a perceptual and a content loss.
    Otsu's threshold makes its grey output binary. The method is that of [1]_.

    The paper's own settings are ``GANBinarizer(n_blocks=10, downsampling=1, n_levels=0,
    adversarial_weight=1, perceptual="vgg16", content_loss="l1", augment=False,
    optimizer="adam", learning_rate=0.001, average_decay=None)``, which needs VGG16's
    file.

    Parameters
    ----------
    K1 : float, default=145
        Weight of the perceptual loss in equation (4). Without effect where
        `perceptual` is None.
    K2 : float, default=170
        Weight of the content loss in equation (4).
    content_loss : {"cross_entropy", "l1"}, default="cross_entropy"
        How output and truth are compared, pixel by pixel. "l1" is the paper's absolute
        difference. It learns more slowly, since its gradient vanishes at pixels that
        are wrong and sure; that of "cross_entropy" is the error itself.
    adversarial_weight : float, default=0.1
        Weight of the adversarial loss in equation (4), 1 in the paper; 0 trains
        without discriminator.
    n_blocks : int, default=4
        Number of dense blocks of the generator.
    growth_rate : int, default=32
        Channels that each dense block adds.
    base_channels : int, default=64
        Channels of the generator's first convolution.
    downsampling : {1, 2, 4}, default=2
        Side of the squares of pixels folded into channels before the first
        convolution; 1 in the paper.
    n_levels : int, default=2
        Levels of a U-Net around the dense blocks, each of which halves the resolution
        for what is below it; 0, in the paper, has none. What an output pixel depends
        on, ``generator_.receptive_field``, should be twice the longest blur.
    n_discriminator_layers : int, default=4
        Convolutional layers of the discriminator.
    discriminator_channels : int, default=16
        Channels of the discriminator's first layer; they double with each layer.
    conditional : bool, default=False
        Whether the discriminator sees the blurred image too.
    perceptual : {"glyph", "vgg16", "discriminator"}, None, nn.Module or callable, \
            default=None
        Feature network of the perceptual loss; None leaves the loss out. "glyph" is a
        small network of VGG16's form in the package, trained to read blurred
        characters. "vgg16" is the paper's; its weights must be on this machine (see
        `perceptual_weights`). Both are scaled to features of unit mean square, so that
        `K1` means about the same. "discriminator" is the last hidden layer of the
        discriminator in training, which must not be `conditional`. A module or
        callable gets grey images (n_images, 1, height, width) in [0, 1], and returns
        feature maps.
    perceptual_weights : path, default=None
        File with VGG16's weights in torchvision's layout. None looks at the environment
        variable ``SKDEBLURBIN_VGG16``, then in the torch hub cache. Nothing is
        downloaded.
    max_epochs : int, default=100
        Number of passes over the training pairs.
    batch_size : int, default=4
        Number of pairs for each update.
    optimizer : {"muon", "adam"}, default="muon"
        Of the generator. "adam" is the paper's. "muon" makes the updates of the
        convolutions' kernels orthogonal [2]_, and needs less than half of the steps;
        other weights have Adam. The discriminator has Adam always.
    learning_rate : float, default=0.003
        Of all optimizers. With ``optimizer="adam"`` rather 0.001.
    learning_rate_decay : {"cosine"} or None, default=None
        "cosine" lowers the learning rate to 0 over `max_epochs`, along a half cosine;
        worth it without `average_decay`. `partial_fit` keeps the rate constant.
    average_decay : float or None, default=0.995
        Predict with a moving average of the generator's weights, with this decay for
        each update. None predicts with the last weights.
    freeze_batch_norm : bool, default=False
        Whether BatchNorm keeps the means and variances of a fitted model, and
        normalizes by them, where a training goes on from it (`warm_start`, or
        `partial_fit`); without effect on a new model, and on the discriminator. Few
        pairs do not tell what they are: a model of the package that is trained on for a
        few epochs is the better for it.
    augment : bool, default=True
        Whether to vary the pairs at random (small affine maps, contrast, noise, blur).
    validation_fraction : float or None, default=None
        Share of the training pairs set aside to measure RMSE and F-measure after each
        epoch; the weights of the best epoch are kept. None sets none aside.
    n_iter_no_change : int or None, default=None
        Stop after this many epochs without a better validation RMSE.
    image_shape : tuple (height, width), default=None
        Shape of the images that rows of a 2-D `X` are flattened from. None takes each
        row as an image one pixel high.
    working_shape : tuple (height, width), default=None
        Resize images to this shape for the networks, and results back: for plates of
        all sizes, or crops too small to be trained on. None leaves them as they are.
    output_scale : {"input", "model"}, default="input"
        Size of what `predict` and `deblur` give: "input" is that of each photo, "model"
        is `working_shape`: a plate of 16 rows cannot be read in 16 rows. `score` and
        scorers compare with truths, and need "input".
    max_image_pixels : int or None, default=2**26
        Images of more pixels, and such a `working_shape`, are refused: rather a
        mistake than a plate. None allows all.
    working_memory : float or None, default=None
        MiB that an image may take on its way through the network in `predict`; larger
        ones go through it in tiles, with grey levels that differ by less than 1e-5.
        None takes scikit-learn's setting of this name (:func:`sklearn.set_config`).
    warm_start : bool, default=False
        Whether `fit` goes on from the networks of the previous call.
    n_threads : int or None, default=None
        CPU threads for torch in `fit` and `predict`; the process's number is restored
        afterwards. Results are equal to the last bit only at equal numbers of threads.
    device : {"auto", "cpu", "cuda", "cuda:N", "mps"} or torch.device, default="auto"
        Where to compute. "auto" takes a GPU where there is one; another device that is
        not there is an error.
    checkpoint_dir : path, default=None
        Directory where `fit` keeps the state of the training, so that it can go on
        after a crash; made if it is not there. Each training has a file of its own,
        named after its parameters and data: the candidates of a search may share a
        directory. A finished training stays, and the same `fit` takes its result from
        there, unless `random_state` is None. None keeps nothing. `partial_fit` writes
        no checkpoints.
    checkpoint_every : float, default=60
        Seconds between two checkpoints; 0 keeps one after each step.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, order and augmentation. Pass an int for reproducible
        results on one kind of device. Global generators are never touched.
    verbose : int or bool, default=0
        1 shows a live line on stderr: epoch, time left, validation RMSE, losses, as
        many as there is place for; in logs, where a line cannot be live, it prints one
        at most every ten seconds. 2 prints a line for each epoch. `predict` on many
        images shows one, too.

    Attributes
    ----------
    generator_ : DenseGenerator
        The trained generator, in evaluation mode.
    discriminator_ : PatchDiscriminator or None
        The trained discriminator; None if `adversarial_weight` is 0.
    classes_ : ndarray of shape (2,)
        The two values of `y`, ink (the lower) first.
    input_range_ : tuple (low, high)
        The values of `X` that are taken as black and white.
    image_shape_ : tuple (height, width) or None
        Shape of the training images; None if their sizes differ.
    n_features_in_ : int
        Number of columns of `X`, if it was 2-D.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of `X`, if it was a data frame with such names.
    n_epochs_ : int
        Number of epochs trained, over all calls.
    history_ : list of dict
        For each epoch its number ("epoch", from 1), losses, norms of gradients,
        accuracies of the discriminator, learning rates, "rmse" of the training outputs,
        "validation_rmse" and "validation_f_measure" of the pairs set aside,
        "skipped_steps" and "seconds". The user guide tells what each key means. What
        there is not (a discriminator, pairs set aside, a loss of weight 0) has no key.
    device_ : torch.device
        Where the networks are.

    See Also
    --------
    OtsuBinarizer : The baseline, without deblurring.

    References
    ----------
    .. [1] Nguyen & Nguyen, "Joint Image Deblurring and Binarization for License Plate
       Images using Deep Generative Adversarial Networks".
    .. [2] K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks",
       2024. https://kellerjordan.github.io/posts/muon/

    Examples
    --------
    >>> from skdeblurbin import GANBinarizer
    >>> from skdeblurbin.datasets import make_blurred_plates
    >>> X, Y = make_blurred_plates(4, (32, 48), layout="plate", random_state=0)
    >>> model = GANBinarizer(n_blocks=2, max_epochs=2, random_state=0).fit(X, Y)
    >>> model.predict(X).shape
    (4, 32, 48)
    >>> model.n_epochs_
    2
    """

    def __init__(
        self,
        *,
        K1: float = 145,
        K2: float = 170,
        content_loss: str = "cross_entropy",
        adversarial_weight: float = 0.1,
        n_blocks: int = 4,
        growth_rate: int = 32,
        base_channels: int = 64,
        downsampling: int = 2,
        n_levels: int = 2,
        n_discriminator_layers: int = 4,
        discriminator_channels: int = 16,
        conditional: bool = False,
        perceptual: Any = None,
        perceptual_weights: str | PathLike[str] | None = None,
        max_epochs: int = 100,
        batch_size: int = 4,
        optimizer: str = "muon",
        learning_rate: float = 0.003,
        learning_rate_decay: str | None = None,
        average_decay: float | None = 0.995,
        freeze_batch_norm: bool = False,
        augment: bool = True,
        validation_fraction: float | None = None,
        n_iter_no_change: int | None = None,
        image_shape: tuple[int, int] | None = None,
        working_shape: tuple[int, int] | None = None,
        output_scale: str = "input",
        max_image_pixels: int | None = 2**26,
        working_memory: float | None = None,
        warm_start: bool = False,
        n_threads: int | None = None,
        device: str | torch.device = "auto",
        checkpoint_dir: str | PathLike[str] | None = None,
        checkpoint_every: float = 60,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.K1 = K1
        self.K2 = K2
        self.content_loss = content_loss
        self.adversarial_weight = adversarial_weight
        self.n_blocks = n_blocks
        self.growth_rate = growth_rate
        self.base_channels = base_channels
        self.downsampling = downsampling
        self.n_levels = n_levels
        self.n_discriminator_layers = n_discriminator_layers
        self.discriminator_channels = discriminator_channels
        self.conditional = conditional
        self.perceptual = perceptual
        self.perceptual_weights = perceptual_weights
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_decay = learning_rate_decay
        self.average_decay = average_decay
        self.freeze_batch_norm = freeze_batch_norm
        self.augment = augment
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.image_shape = image_shape
        self.working_shape = working_shape
        self.output_scale = output_scale
        self.max_image_pixels = max_image_pixels
        self.working_memory = working_memory
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.device = device
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_every = checkpoint_every
        self.random_state = random_state
        self.verbose = verbose

    def deblur(self, X: Any) -> Any:
        """Map blurred images to the intermediate, deblurred grey images.

        Parameters
        ----------
        X : array-like or list of images
            Blurred images, as in :meth:`predict`.

        Returns
        -------
        float32 ndarray of shape (n_samples, height, width) or (n_samples, \
                n_features), or list
            Grey images in [0, 1], in the form of `X`: dark is ink, bright is paper.

        Raises
        ------
        NotFittedError, ValueError, TypeError
            As :meth:`predict`.
        """
        images = self._check_new_images(X)
        with closing_iterator(self._deblur(images, self.output_scale)) as deblurred:
            return images.pack(deblurred)
