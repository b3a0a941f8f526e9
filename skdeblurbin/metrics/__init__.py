"""How well binary images agree with the truth, and scorers for model selection."""

from skdeblurbin.metrics.images import f_measure, psnr, root_mean_squared_error
from skdeblurbin.metrics.scorers import f_measure_scorer, rmse_scorer

__all__ = [
    "f_measure",
    "f_measure_scorer",
    "psnr",
    "rmse_scorer",
    "root_mean_squared_error",
]
