"""The torch modules: generator, discriminator and perceptual features.

Nothing here knows of estimators, training or data.
"""

from skdeblurbin.networks.discriminator import PatchDiscriminator
from skdeblurbin.networks.generator import DenseBlock, DenseGenerator
from skdeblurbin.networks.glyph import GlyphClassifier, GlyphFeatures
from skdeblurbin.networks.vgg import VGG16Features

__all__ = [
    "DenseBlock",
    "DenseGenerator",
    "GlyphClassifier",
    "GlyphFeatures",
    "PatchDiscriminator",
    "VGG16Features",
]
