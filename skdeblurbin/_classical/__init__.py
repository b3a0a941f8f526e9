"""Binarizers without networks: the rivals of every comparison."""

from skdeblurbin._classical.otsu import OtsuBinarizer
from skdeblurbin._classical.sauvola import SauvolaBinarizer

__all__ = ["OtsuBinarizer", "SauvolaBinarizer"]
