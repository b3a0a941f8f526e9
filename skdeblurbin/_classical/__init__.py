"""Binarizers without networks: the rivals of every comparison."""

from skdeblurbin._classical.otsu import OtsuBinarizer
from skdeblurbin._classical.sauvola import SauvolaBinarizer
from skdeblurbin._classical.wiener import WienerBinarizer

__all__ = ["OtsuBinarizer", "SauvolaBinarizer", "WienerBinarizer"]
