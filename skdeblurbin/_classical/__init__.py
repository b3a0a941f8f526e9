"""Binarizers without networks: the rivals of every comparison."""

from skdeblurbin._classical.otsu import OtsuBinarizer

__all__ = ["OtsuBinarizer"]
