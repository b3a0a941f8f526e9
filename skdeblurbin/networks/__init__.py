"""The torch modules: generator, discriminator and perceptual features.

Nothing here knows of estimators, training or data.
"""

from skdeblurbin.networks.discriminator import PatchDiscriminator
from skdeblurbin.networks.generator import DenseBlock, DenseGenerator
from skdeblurbin.networks.perceptual import VGG16Features

__all__ = ["DenseBlock", "DenseGenerator", "PatchDiscriminator", "VGG16Features"]
