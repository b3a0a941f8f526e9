"""One step, one epoch and a run, on networks small enough to compute by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from skdeblurbin.training import (
    Batch,
    GeneratorLoss,
    PerceptualLoss,
    Trainer,
    TrainingRun,
    WeightAverage,
)


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


class Scale(nn.Module):
    """y = w x: the least generator there is."""

    def __init__(self, weight=0.5):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.calls = 0

    def forward(self, blurred):
        self.calls += 1
        return self.weight * blurred


class Judge(nn.Module):
    """One patch, whose logit is a times the image's mean."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(1.0))
        self.seen = []

    def forward(self, binary, blurred=None):
        self.seen.append(binary.requires_grad)
        return self.slope * binary.mean(dim=(1, 2, 3), keepdim=True)


def make_batch(value=1.0):
    return Batch(torch.full((1, 1, 2, 2), value), torch.ones(1, 1, 2, 2))


def make_trainer(**options):
    return Trainer(
        Scale(), Judge(), GeneratorLoss(K2=2.0), learning_rate=0.1, **options
    )


def test_one_generator_forward_serves_both_updates():
    trainer = make_trainer()
    trainer.train_step(make_batch())
    assert trainer.generator.calls == 1
    # Real; output without gradient (update of D); output with gradient (update of G).
    assert trainer.discriminator.seen == [False, False, True]


def test_losses_of_one_step():
    found = make_trainer().train_step(make_batch())
    # G(x) = 0.5, y = 1; logits 1 (real) and 0.5 (fake).
    expected = -math.log(sigmoid(1)) - math.log(1 - sigmoid(0.5))
    assert found["discriminator_loss"].item() == pytest.approx(expected)
    # Adam's first step moves by the learning rate against the gradient's sign; the
    # slope's gradient is sigma(1) - 1 + 0.5 sigma(0.5) = 0.042 > 0: 1 becomes 0.9. The
    # generator meets the updated discriminator: its logit is 0.9 * 0.5.
    adversarial = -math.log(sigmoid(0.45))
    assert found["adversarial_loss"].item() == pytest.approx(adversarial)
    assert found["content_loss"].item() == pytest.approx(0.5)
    total = adversarial + 2 * 0.5
    assert found["generator_loss"].item() == pytest.approx(total)
    assert found["rmse"].item() == 0  # 0.5 and 1 lie on the same side of 0


def test_adam_moves_each_network_by_its_own_gradient():
    trainer = make_trainer()
    trainer.train_step(make_batch())
    assert trainer.discriminator.slope.item() == pytest.approx(0.9)
    assert trainer.generator.weight.item() == pytest.approx(0.6)


def test_the_generators_update_leaves_no_gradient_elsewhere():
    trainer = make_trainer()
    trainer.train_step(make_batch())
    # The gradient of the discriminator's own update, and nothing added to it.
    expected = sigmoid(1) - 1 + 0.5 * sigmoid(0.5)
    assert trainer.discriminator.slope.grad.item() == pytest.approx(expected)
    features = nn.Conv2d(1, 1, 1)
    loss = GeneratorLoss(perceptual=PerceptualLoss(lambda images: features(images)))
    Trainer(Scale(), None, loss, learning_rate=0.1).train_step(make_batch())
    assert features.weight.grad is None


def test_rmse_of_a_step_is_the_root_of_the_share_of_wrong_pixels():
    blurred = torch.tensor([[[[1.0, -1.0], [1.0, -1.0]]]])
    target = torch.tensor([[[[1.0, 1.0], [1.0, -1.0]]]])
    found = make_trainer().train_step(Batch(blurred, target))
    assert found["rmse"].item() == 0.5  # one of four is wrong
    mask = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    found = make_trainer().train_step(Batch(blurred, target, mask))
    assert found["rmse"].item() == pytest.approx(math.sqrt(1 / 2))


def test_no_discriminator_at_all():
    trainer = Trainer(Scale(), None, GeneratorLoss(), learning_rate=0.1)
    found = trainer.train_step(make_batch())
    assert set(found) == {"content_loss", "generator_loss", "rmse"}


def test_epoch_means_and_cosine_decay():
    trainer = make_trainer()
    batches = [make_batch(), make_batch()]
    rates = []
    step = trainer.train_step

    def spy(batch):
        rates.append(trainer.generator_optimizer.param_groups[0]["lr"])
        return {"number": torch.tensor(float(len(rates)))} | {
            k: v for k, v in step(batch).items() if k == "rmse"
        }

    trainer.train_step = spy
    assert trainer.train_epoch(batches, (0.0, 0.5))["number"] == 1.5
    assert trainer.train_epoch(batches, (0.5, 1.0))["number"] == 3.5
    # Half cosine from 0.1 to 0 at 0, 1/4, 1/2 and 3/4 of the training.
    assert rates == pytest.approx([0.1, 0.0853553, 0.05, 0.0146447], abs=1e-6)
    trainer.train_epoch(batches)  # constant: as the last epoch left it
    assert rates[-1] == rates[-2]


def test_state_goes_on_exactly():
    one, other = make_trainer(average_decay=0.9), make_trainer(average_decay=0.9)
    for _ in range(3):
        one.train_step(make_batch())
    other.load_state_dict(one.state_dict())
    for trainer in (one, other):
        trainer.train_step(make_batch(-0.3))
    assert one.generator.weight.item() == other.generator.weight.item()
    assert one.discriminator.slope.item() == other.discriminator.slope.item()
    assert one.trained_generator.weight.item() == other.trained_generator.weight.item()


def test_taking_over_state_without_average_or_discriminator_starts_them_afresh():
    plain = Trainer(Scale(), None, GeneratorLoss(), learning_rate=0.1)
    plain.train_step(make_batch())
    full = make_trainer(average_decay=0.9)
    full.load_state_dict(plain.state_dict())
    weight = plain.generator.weight.item()
    assert full.trained_generator.weight.item() == weight
    assert full.discriminator.slope.item() == 1.0


def test_weight_average_by_hand():
    scale = Scale(0.0)
    average = WeightAverage(scale, decay=0.15)
    with torch.no_grad():
        scale.weight.fill_(1.0)
    average.update(scale)  # decay 1/10: 0.9
    assert average.module.weight.item() == pytest.approx(0.9)
    average.update(scale)  # decay 2/11 is above 0.15: 0.15 * 0.9 + 0.85
    assert average.module.weight.item() == pytest.approx(0.985)


def test_weight_average_copies_counters_and_averages_statistics():
    layer = nn.BatchNorm2d(1)
    average = WeightAverage(layer, decay=0.5)
    layer(torch.tensor([0.0, 2.0]).view(1, 1, 1, 2))
    average.update(layer)
    assert average.module.num_batches_tracked.item() == 1
    # Momentum 0.1 of the mean 1 gives 0.1; the average keeps a tenth of 0: 0.09.
    assert average.module.running_mean.item() == pytest.approx(0.09)


def test_best_epoch_is_kept_and_patience_ends_the_run(capsys):
    errors = iter([0.5, 0.3, 0.4, 0.4, 0.1])
    weights = []

    def validate(generator):
        assert not generator.training
        weights.append(generator.weight.item())
        return next(errors)

    run = TrainingRun(
        make_trainer(),
        max_epochs=5,
        decay=False,
        validate=validate,
        n_iter_no_change=2,
        verbose=1,
    )
    generator = run.train([make_batch()])
    assert [e["validation_rmse"] for e in run.history] == [0.5, 0.3, 0.4, 0.4]
    assert generator.weight.item() == weights[1] != weights[3]
    assert not generator.training
    assert not any(p.requires_grad for p in generator.parameters())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "[GANBinarizer] 5 epochs of 1 steps"
    assert len(lines) == 5
    for word in ("epoch 4/5", "discriminator", "adversarial", "content", "left 0:0"):
        assert word in lines[4]
    assert "validation_rmse 0.4000" in lines[4]


class Interrupted(list):
    """Batches of which Ctrl-C is pressed after the first, in the given epoch."""

    def __init__(self, epoch):
        super().__init__([make_batch()])
        self.left = epoch

    def __iter__(self):
        self.left -= 1
        yield make_batch()
        if self.left == 0:
            raise KeyboardInterrupt


def test_ctrl_c_keeps_what_was_learnt():
    run = TrainingRun(make_trainer(), max_epochs=3, decay=False)
    with pytest.warns(UserWarning, match="interrupted by user after 1 of 3 epochs"):
        generator = run.train(Interrupted(epoch=2))
    assert len(run.history) == 1
    # Two steps of the learning rate, against a gradient of one sign.
    assert generator.weight.item() == pytest.approx(0.7, abs=0.01)


def test_ctrl_c_before_anything_is_learnt_is_passed_on():
    earlier = [{"epoch": 1, "rmse": 0.5}]
    run = TrainingRun(make_trainer(), max_epochs=3, decay=False, history=earlier)
    with pytest.raises(KeyboardInterrupt):
        run.train(Interrupted(epoch=1))


def test_divergence_is_named():
    batch = Batch(torch.full((1, 1, 2, 2), np.inf), torch.ones(1, 1, 2, 2))
    trainer = Trainer(Scale(), None, GeneratorLoss(), learning_rate=0.1)
    run = TrainingRun(trainer, max_epochs=2, decay=False)
    with pytest.raises(FloatingPointError, match="content_loss became inf in epoch 1"):
        run.train([batch])


def test_a_last_step_that_diverges_is_named():
    trainer = Trainer(Scale(), None, GeneratorLoss(), learning_rate=0.1)
    weight = trainer.generator.weight
    trainer.generator_optimizer.step = lambda: weight.data.fill_(np.nan)
    run = TrainingRun(trainer, max_epochs=1, decay=False)
    with pytest.raises(FloatingPointError, match="weight is not finite after the last"):
        run.train([make_batch()])


def test_training_goes_on_from_the_best_epoch():
    errors = iter([0.3, 0.5, 0.4])
    trainer = make_trainer(average_decay=0.9)
    run = TrainingRun(
        trainer, max_epochs=3, decay=False, validate=lambda _: next(errors)
    )
    generator = run.train([make_batch()])
    assert trainer.trained_generator.weight.item() == generator.weight.item()
    assert trainer.generator.weight.item() == pytest.approx(0.6)  # one step


def test_a_run_that_goes_on_gives_up_nothing_better():
    errors = iter([0.1, 0.5, 0.4])
    trainer = make_trainer()
    run = TrainingRun(
        trainer,
        max_epochs=2,
        decay=False,
        validate=lambda _: next(errors),
        history=[{"epoch": 1}],
    )
    assert run.train([make_batch()]).weight.item() == 0.5  # as it came
    assert [e["epoch"] for e in run.history] == [1, 2, 3]
