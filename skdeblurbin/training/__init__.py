"""How the networks are trained: losses, batches, augmentation and the trainer."""

from skdeblurbin.training.augmentation import augment_pair
from skdeblurbin.training.averaging import WeightAverage
from skdeblurbin.training.batches import PairBatches, Pairs
from skdeblurbin.training.checkpoint import Checkpoint
from skdeblurbin.training.divergence import DivergenceError
from skdeblurbin.training.losses import (
    CONTENT_LOSSES,
    AbsoluteLoss,
    AdversarialLoss,
    CrossEntropyLoss,
    GeneratorLoss,
    PerceptualLoss,
)
from skdeblurbin.training.optimizers import OPTIMIZERS, state_shapes
from skdeblurbin.training.run import TrainingRun
from skdeblurbin.training.trainer import Batch, Trainer

__all__ = [
    "CONTENT_LOSSES",
    "OPTIMIZERS",
    "AbsoluteLoss",
    "AdversarialLoss",
    "Batch",
    "Checkpoint",
    "CrossEntropyLoss",
    "DivergenceError",
    "GeneratorLoss",
    "PairBatches",
    "Pairs",
    "PerceptualLoss",
    "Trainer",
    "TrainingRun",
    "WeightAverage",
    "augment_pair",
    "state_shapes",
]
