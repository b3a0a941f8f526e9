"""One step, one epoch and a run, on networks small enough to compute by hand."""

import copy
import math

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
    assert set(found) == {
        "content_loss",
        "generator_loss",
        "generator_gradient_norm",
        "rmse",
    }
    found = trainer.train_epoch([make_batch()])
    assert [name for name in found if "discriminator" in name] == []


def test_epoch_means_and_cosine_decay():
    trainer = make_trainer()
    batches = [make_batch(), make_batch()]
    rates = []
    step = trainer.train_step

    def spy(batch):
        rates.append(trainer.generator_optimizers[0].param_groups[0]["lr"])
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
        return {"rmse": next(errors), "f_measure": 0.9}

    run = TrainingRun(
        make_trainer(),
        max_epochs=5,
        decay=False,
        validate=validate,
        n_iter_no_change=2,
        verbose=2,
    )
    generator = run.train([make_batch()])
    assert [e["validation_rmse"] for e in run.history] == [0.5, 0.3, 0.4, 0.4]
    assert generator.weight.item() == weights[1] != weights[3]
    assert not generator.training
    assert not any(p.requires_grad for p in generator.parameters())
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "[GANBinarizer] 5 epochs of 1 steps"
    assert lines[5:] == [
        "[GANBinarizer] no better validation RMSE for 2 epochs",
        "[GANBinarizer] kept epoch 2, the best on validation pairs",
    ]
    for word in ("epoch 4/5", "discriminator", "adversarial", "content", "left 0:0"):
        assert word in lines[4]
    assert "validation_rmse 0.4000  validation_f_measure 0.9000" in lines[4]
    for word in ("norm", "accuracy", "learning_rate"):
        assert word not in lines[4]
    assert [e["validation_f_measure"] for e in run.history] == [0.9] * 4


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


def plain_trainer(**options):
    return Trainer(Scale(), None, GeneratorLoss(), learning_rate=0.1, **options)


def test_gradient_norms_by_hand():
    found = make_trainer().train_step(make_batch())
    # The slope's gradient is sigma(1) - 1 + 0.5 sigma(0.5). The generator's output is w
    # everywhere: the gradient of -log sigma(0.9 w) - 2 w at 0.5.
    discriminator = abs(sigmoid(1) - 1 + 0.5 * sigmoid(0.5))
    assert found["discriminator_gradient_norm"].item() == pytest.approx(discriminator)
    generator = 0.9 * (1 - sigmoid(0.45)) + 2
    assert found["generator_gradient_norm"].item() == pytest.approx(generator)


def test_gradient_norm_is_over_all_parameters():
    class Line(nn.Module):
        def __init__(self):
            super().__init__()
            self.slope = nn.Parameter(torch.tensor(3.0))
            self.offset = nn.Parameter(torch.tensor(-1.0))

        def forward(self, blurred):
            return self.slope * blurred + self.offset

    trainer = Trainer(Line(), None, GeneratorLoss(K2=1.0), learning_rate=0.1)
    found = trainer.train_step(make_batch(0.75))
    # |3 x - 1 - 1| at x = 0.75 is 0.25: the gradient is (x, 1), of norm 5/4.
    assert found["generator_gradient_norm"].item() == pytest.approx(1.25)


def test_discriminator_accuracies_by_hand():
    # Logits are the images' means: D > 1/2 where they are above 0, D = 1/2 at 0.
    targets = torch.tensor([1.0, -1.0, 1.0, 1.0]).view(4, 1, 1, 1)
    photos = torch.tensor([1.0, -1.0, -1.0, 0.0]).view(4, 1, 1, 1)
    found = make_trainer().train_step(Batch(photos, targets))
    assert found["discriminator_accuracy_real"].item() == 0.75
    assert found["discriminator_accuracy_fake"].item() == 0.5


def test_discriminator_is_judged_before_its_update():
    trainer = make_trainer()
    with torch.no_grad():
        trainer.discriminator.slope.fill_(0.05)
    batch = Batch(torch.full((1, 1, 2, 2), 2.0), torch.full((1, 1, 2, 2), 0.1))
    found = trainer.train_step(batch)
    # One step of 0.1 against a gradient of sign + turns the slope's sign.
    assert trainer.discriminator.slope.item() == pytest.approx(-0.05)
    assert found["discriminator_accuracy_real"].item() == 1.0
    assert found["discriminator_accuracy_fake"].item() == 0.0


def test_history_holds_everything():
    validate = {"rmse": 0.5, "f_measure": 0.25}
    run = TrainingRun(
        make_trainer(), max_epochs=2, decay=True, validate=lambda _: validate
    )
    run.train([make_batch(), make_batch()])
    for entry in run.history:
        assert list(entry) == [
            "epoch",
            "discriminator_loss",
            "discriminator_gradient_norm",
            "discriminator_accuracy_real",
            "discriminator_accuracy_fake",
            "adversarial_loss",
            "content_loss",
            "generator_loss",
            "generator_gradient_norm",
            "rmse",
            "generator_learning_rate",
            "discriminator_learning_rate",
            "skipped_steps",
            "validation_rmse",
            "validation_f_measure",
            "seconds",
        ]
        assert all(type(value) in (int, float) for value in entry.values())
    # Four steps along a half cosine: the rates of steps 2 and 4, at 1/4 and 3/4.
    for network in ("generator", "discriminator"):
        rates = [entry[f"{network}_learning_rate"] for entry in run.history]
        assert rates == pytest.approx([0.0853553, 0.0146447], abs=1e-6)


def test_hooks_see_each_epoch_and_stop():
    calls = []

    def end():
        calls.append(("end", len(run.history), run.kept_state()["generator"]))
        return len(run.history) == 2

    run = TrainingRun(
        make_trainer(),
        max_epochs=5,
        decay=False,
        on_epoch_begin=lambda: calls.append(("begin", len(run.history))),
        on_epoch_end=end,
    )
    run.train([make_batch()])
    assert [call[:2] for call in calls] == [
        ("begin", 0),
        ("end", 1),
        ("begin", 1),
        ("end", 2),
    ]
    assert len(run.history) == 2


def test_an_epoch_that_is_cut_short_is_ended():
    calls = []

    def end():
        state = run.kept_state()["generator"]
        calls.append(("end", len(run.history), state["weight"].item()))
        return False

    run = TrainingRun(
        plain_trainer(),
        max_epochs=5,
        decay=False,
        on_epoch_begin=lambda: calls.append(("begin", len(run.history))),
        on_epoch_end=end,
    )
    with pytest.warns(UserWarning, match="after 2 of 5 epochs"):
        generator = run.train(Interrupted(epoch=3))
    assert [call[:2] for call in calls] == [
        ("begin", 0),
        ("end", 1),
        ("begin", 1),
        ("end", 2),
        ("begin", 2),
        ("end", 2),  # with nothing new in the history
    ]
    # It is told what training returns: the generator moves by 0.1 a step, from 0.5.
    assert calls[-1][2] == generator.weight.item() == pytest.approx(0.8, abs=0.01)


def test_ctrl_c_in_a_hook_keeps_the_epoch():
    def end():
        raise KeyboardInterrupt

    run = TrainingRun(make_trainer(), max_epochs=3, decay=False, on_epoch_end=end)
    with pytest.warns(UserWarning, match="interrupted by user after 1 of 3 epochs"):
        run.train([make_batch()])
    assert len(run.history) == 1


def test_networks_are_copies_in_the_given_state():
    trainer = make_trainer(average_decay=0.9)
    trainer.train_step(make_batch())
    before = copy.deepcopy(trainer.state_dict())
    trainer.train_step(make_batch())
    generator, discriminator = trainer.networks(before)
    assert generator.weight.item() == before["average"]["module"]["weight"].item()
    assert discriminator.slope.item() == pytest.approx(0.9)
    assert not generator.training
    assert not generator.weight.requires_grad
    trainer.train_step(make_batch())
    with torch.no_grad():
        generator.weight.fill_(9)
    assert trainer.trained_generator.weight.item() < 1
    assert discriminator.slope.item() == pytest.approx(0.9)


def test_training_goes_on_from_the_best_epoch():
    errors = iter([0.3, 0.5, 0.4])
    trainer = make_trainer(average_decay=0.9)
    run = TrainingRun(
        trainer, max_epochs=3, decay=False, validate=lambda _: {"rmse": next(errors)}
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
        validate=lambda _: {"rmse": next(errors)},
        history=[{"epoch": 1}],
    )
    assert run.train([make_batch()]).weight.item() == 0.5  # as it came
    assert [e["epoch"] for e in run.history] == [1, 2, 3]


def test_a_step_weighs_the_images():
    # Outputs 0.5 and -0.5 of targets 1 and 1: L1 of 0.5 and 1.5, split errors 0 and 1.
    blurred = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1).expand(2, 1, 2, 2)
    batch = Batch(blurred, torch.ones(2, 1, 2, 2), weight=torch.tensor([1.8, 0.2]))
    trainer = Trainer(Scale(), None, GeneratorLoss(K2=2.0), learning_rate=0.1)
    found = trainer.train_step(batch)
    assert found["content_loss"].item() == pytest.approx((1.8 * 0.5 + 0.2 * 1.5) / 2)
    assert found["rmse"].item() == pytest.approx(0.2 * 1 / 2)
    # The gradient of 1.8 (1 - w) + 0.2 (1 + w), by w, is -1.6: w rises.
    assert trainer.generator.weight.item() == pytest.approx(0.6)


def test_the_discriminator_weighs_the_images():
    blurred = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1).expand(2, 1, 2, 2)
    weight = torch.tensor([1.8, 0.2])
    found = make_trainer().train_step(
        Batch(blurred, torch.ones(2, 1, 2, 2), weight=weight)
    )
    # Logits of 1 for what is true, and of 0.5 and -0.5 for what is not.
    terms = [-math.log(sigmoid(1)) - math.log(1 - sigmoid(x)) for x in (0.5, -0.5)]
    expected = (1.8 * terms[0] + 0.2 * terms[1]) / 2
    assert found["discriminator_loss"].item() == pytest.approx(expected)
