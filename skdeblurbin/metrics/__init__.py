"""How well binary images agree with the truth, and scorers for model selection."""

from skdeblurbin.metrics.documents import drd, pseudo_f_measure
from skdeblurbin.metrics.images import f_measure, psnr, root_mean_squared_error
from skdeblurbin.metrics.readers import RapidOCRReader, TesseractReader
from skdeblurbin.metrics.reading import (
    character_error_rate,
    make_reading_scorer,
    plate_accuracy,
)
from skdeblurbin.metrics.scorers import (
    drd_scorer,
    f_measure_scorer,
    pseudo_f_measure_scorer,
    rmse_scorer,
)

__all__ = [
    "RapidOCRReader",
    "TesseractReader",
    "character_error_rate",
    "drd",
    "drd_scorer",
    "f_measure",
    "f_measure_scorer",
    "make_reading_scorer",
    "plate_accuracy",
    "pseudo_f_measure",
    "pseudo_f_measure_scorer",
    "psnr",
    "rmse_scorer",
    "root_mean_squared_error",
]
