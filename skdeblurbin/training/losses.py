"""The losses of equations (2) to (4), each an object that can be tested alone.

Images are in [-1, 1] (-1 is ink, 1 is paper), of shape (n_images, 1, height, width). A
mask of the same shape, 1 inside the images and 0 in their padding, confines every loss
to the images; None means that nothing is padded. A weight for each image, of shape
(n_images,), multiplies what the image adds to a mean; None weighs all alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

# Less than single precision can tell from 0 at the ends of tanh.
_LEAST_PROBABILITY = 1e-8

ContentLoss = Callable[[Tensor, Tensor, Tensor | None, Tensor | None], Tensor]


class AdversarialLoss:
    r"""Standard cross-entropy on the averaged responses of the patches, equation (2).

    The probability that an image is real is the mean over its patches,
    :math:`D = \frac{1}{P}\sum_p \sigma(l_p)`. Its logarithm is computed from the
    logits, :math:`\log D = \mathrm{logsumexp}_p \log\sigma(l_p) - \log P`, which
    neither over- nor underflows.

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.training import AdversarialLoss
    >>> undecided = torch.zeros(4, 1, 7, 7)
    >>> round(float(AdversarialLoss().generator(undecided)), 4)  # -log(1/2)
    0.6931
    """

    def discriminator(
        self,
        real_logits: Tensor,
        fake_logits: Tensor,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> Tensor:
        r"""Loss of the discriminator, :math:`-\log D(y) - \log(1 - D(G(x)))`.

        Parameters
        ----------
        real_logits, fake_logits : Tensor of shape (n_images, 1, n_rows, n_columns)
            Patch logits for ground truth (label 1) and generator output (label 0).
        mask : Tensor of shape (n_images, 1, height, width), default=None
        weight : Tensor of shape (n_images,), default=None

        Returns
        -------
        Tensor of shape ()
            The mean over the images.
        """
        real = log_mean_sigmoid(real_logits, mask)
        # 1 - mean(sigmoid(l)) = mean(sigmoid(-l))
        not_fake = log_mean_sigmoid(-fake_logits, mask)
        return -weighted_mean(real + not_fake, weight)

    def generator(
        self,
        fake_logits: Tensor,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> Tensor:
        r"""Loss of the generator in its non-saturating form, :math:`-\log D(G(x))`.

        Parameters
        ----------
        fake_logits : Tensor of shape (n_images, 1, n_rows, n_columns)
        mask : Tensor of shape (n_images, 1, height, width), default=None
        weight : Tensor of shape (n_images,), default=None

        Returns
        -------
        Tensor of shape ()
            The mean over the images.
        """
        return -weighted_mean(log_mean_sigmoid(fake_logits, mask), weight)


class PerceptualLoss:
    r"""Squared difference of feature maps, equation (3).

    .. math:: L = \frac{1}{CWH} \sum_{c,i,j}
              \left(\phi(y)_{cij} - \phi(G(x))_{cij}\right)^2

    The paper divides by width and height and leaves the channels open; the mean is
    taken over them too, a factor of 256 on K1 for VGG16.

    Parameters
    ----------
    features : callable
        Maps grey images (n_images, 1, height, width) in [0, 1] to feature maps
        (n_images, n_channels, n_rows, n_columns).

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.training import PerceptualLoss
    >>> loss = PerceptualLoss(features=lambda images: 4 * images)
    >>> float(loss(torch.full((1, 1, 2, 2), 0.5), torch.ones(1, 1, 2, 2)))
    1.0
    """

    def __init__(self, features: Callable[[Tensor], Tensor]) -> None:
        self.features = features

    def __call__(
        self,
        output: Tensor,
        target: Tensor,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Compare generator output with ground truth; the mean over the images."""
        with torch.no_grad():
            wanted = self.features((target + 1) / 2)
        found = self.features((output + 1) / 2)
        return masked_mean((wanted - found).square(), mask, weight)


class AbsoluteLoss:
    """Mean absolute difference between output and target (L1), on [-1, 1].

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.training import AbsoluteLoss
    >>> float(AbsoluteLoss()(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)))
    1.0
    """

    def __call__(
        self,
        output: Tensor,
        target: Tensor,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Compare generator output with ground truth; the mean over the images."""
        return masked_mean((output - target).abs(), mask, weight)


class CrossEntropyLoss:
    r"""Mean cross-entropy of the pixels, whose output tells the probability of paper.

    .. math:: L = -\frac{1}{WH} \sum_{i,j} \log p_{ij}, \qquad
              p_{ij} = \frac{1 + y_{ij} \, G(x)_{ij}}{2}

    where p is the probability that the output gives to the truth y, which is -1 or 1.
    Its gradient to what goes into the output's tanh is the error itself, where that of
    L1 vanishes for pixels that are wrong and sure. (Beyond 9, where single precision
    does not tell tanh from 1, there is no gradient either.)

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.training import CrossEntropyLoss
    >>> undecided, paper = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    >>> round(float(CrossEntropyLoss()(undecided, paper)), 4)  # -log(1/2)
    0.6931
    """

    def __call__(
        self,
        output: Tensor,
        target: Tensor,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Compare generator output with ground truth; the mean over the images."""
        probability = (1 + output * target) / 2
        losses = -probability.clamp_min(_LEAST_PROBABILITY).log()
        return masked_mean(losses, mask, weight)


#: What `content_loss` may be.
CONTENT_LOSSES: dict[str, type[CrossEntropyLoss | AbsoluteLoss]] = {
    "cross_entropy": CrossEntropyLoss,
    "l1": AbsoluteLoss,
}


@dataclass
class GeneratorLoss:
    """The total loss of the generator, equation (4).

    ``adversarial_weight * L_adversarial + K1 * L_perceptual + K2 * L_content``. A term
    whose weight is 0 is not computed at all.

    Attributes
    ----------
    K1, K2, adversarial_weight : float
        The weights; the paper's are 145, 170 and 1.
    perceptual : PerceptualLoss or None
        None leaves the term out, whatever `K1` is.
    content : callable (output, target, mask, weight) -> Tensor
        `AbsoluteLoss`, as in the paper, or `CrossEntropyLoss`.
    adversarial : AdversarialLoss

    Examples
    --------
    >>> import torch
    >>> from skdeblurbin.training import GeneratorLoss
    >>> loss = GeneratorLoss(K2=170)
    >>> terms = loss(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4), fake_logits=None)
    >>> {name: float(value) for name, value in terms.items()}
    {'content_loss': 1.0, 'generator_loss': 170.0}
    """

    K1: float = 145.0
    K2: float = 170.0
    adversarial_weight: float = 1.0
    perceptual: PerceptualLoss | None = None
    content: ContentLoss = field(default_factory=AbsoluteLoss)
    adversarial: AdversarialLoss = field(default_factory=AdversarialLoss)

    def __call__(
        self,
        output: Tensor,
        target: Tensor,
        fake_logits: Tensor | None,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Compute every term, and their weighted sum as ``"generator_loss"``.

        Parameters
        ----------
        output, target : Tensor of shape (n_images, 1, height, width)
            Generator output and ground truth, in [-1, 1].
        fake_logits : Tensor or None
            The discriminator's patch logits for `output`; None without discriminator.
        mask : Tensor of shape (n_images, 1, height, width), default=None
        weight : Tensor of shape (n_images,), default=None

        Returns
        -------
        dict of str to Tensor of shape ()
            The unweighted terms, and ``"generator_loss"``.
        """
        terms: dict[str, Tensor] = {}
        total = output.new_zeros(())
        if fake_logits is not None and self.adversarial_weight:
            terms["adversarial_loss"] = self.adversarial.generator(
                fake_logits, mask, weight
            )
            total = total + self.adversarial_weight * terms["adversarial_loss"]
        if self.perceptual is not None and self.K1:
            terms["perceptual_loss"] = self.perceptual(output, target, mask, weight)
            total = total + self.K1 * terms["perceptual_loss"]
        if self.K2:
            terms["content_loss"] = self.content(output, target, mask, weight)
            total = total + self.K2 * terms["content_loss"]
        return {**terms, "generator_loss": total}


def log_mean_sigmoid(logits: Tensor, mask: Tensor | None = None) -> Tensor:
    """Logarithm of the mean over the patches of their sigmoids, for each image.

    Parameters
    ----------
    logits : Tensor of shape (n_images, 1, n_rows, n_columns)
    mask : Tensor of shape (n_images, 1, height, width), default=None
        Patches that lie in the padding for the greater part do not count.

    Returns
    -------
    Tensor of shape (n_images,)
    """
    log_probabilities = functional.logsigmoid(logits).flatten(1)  # (n, patches)
    if mask is None:
        n_patches = log_probabilities.shape[1]
        return torch.logsumexp(log_probabilities, dim=1) - math.log(n_patches)
    inside = _shrink(mask, logits).flatten(1) >= 0.5
    inside[:, 0] = True  # the least image has one patch
    counted = log_probabilities.masked_fill(~inside, -math.inf)
    return torch.logsumexp(counted, dim=1) - inside.sum(dim=1).log()


def weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Mean over images, each times its weight.

    Weights have a mean of 1 over the data set, not over each batch: steps on images of
    little weight are small.

    Parameters
    ----------
    values : Tensor of shape (n_images,)
    weight : Tensor of shape (n_images,), or None

    Returns
    -------
    Tensor of shape ()
    """
    return values.mean() if weight is None else (values * weight).mean()


def masked_mean(
    values: Tensor, mask: Tensor | None, weight: Tensor | None = None
) -> Tensor:
    """Mean over each image's own pixels and channels, then over the images.

    Parameters
    ----------
    values : Tensor of shape (n_images, n_channels, n_rows, n_columns)
    mask : Tensor of shape (n_images, 1, height, width), or None
    weight : Tensor of shape (n_images,), default=None

    Returns
    -------
    Tensor of shape ()
    """
    if mask is None and weight is None:
        return values.mean()
    if mask is None:
        per_image = values.mean(dim=(1, 2, 3))
    else:
        inside = _shrink(mask, values)
        n_inside = inside.sum(dim=(1, 2, 3)) * values.shape[1]
        per_image = (values * inside).sum(dim=(1, 2, 3)) / n_inside
    return weighted_mean(per_image, weight)


def _shrink(mask: Tensor, like: Tensor) -> Tensor:
    """The mask at the resolution of feature maps: the share inside the image."""
    if mask.shape[-2:] == like.shape[-2:]:
        return mask
    return functional.adaptive_avg_pool2d(mask, (like.shape[-2], like.shape[-1]))
