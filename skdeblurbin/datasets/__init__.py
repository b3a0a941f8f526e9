"""Pairs of blurred and binary plates: drawn ones, and folders of your own."""

from skdeblurbin.datasets.pairs import load_image_pairs
from skdeblurbin.datasets.plates import make_blurred_plates

__all__ = ["load_image_pairs", "make_blurred_plates"]
