"""Pictures of results. matplotlib, an optional extra, is imported when one is drawn."""

from skdeblurbin.plotting.binarization import BinarizationDisplay
from skdeblurbin.plotting.reading import ReadingDisplay
from skdeblurbin.plotting.search import SearchDisplay
from skdeblurbin.plotting.training import TrainingCurveDisplay

__all__ = [
    "BinarizationDisplay",
    "ReadingDisplay",
    "SearchDisplay",
    "TrainingCurveDisplay",
]
