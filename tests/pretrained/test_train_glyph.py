"""Where the shipped feature network comes from, and how well it reads."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from skdeblurbin.datasets._drawing import FONTS
from skdeblurbin.networks import GlyphClassifier, GlyphFeatures
from skdeblurbin.networks.glyph import CHARACTERS, calibration_images
from skdeblurbin.pretrained.glyphs import draw_characters
from skdeblurbin.pretrained.train_glyph import (
    accuracy,
    calibration_set,
    fold_normalization,
)

MODERATE = 0.5  # the severity of a typical blurred plate, see make_blurred_plates


def test_the_shipped_network_reads_fonts_it_has_never_seen():
    # The bar; the model card has the full figures.
    right, folded = accuracy(GlyphClassifier.bundled(), MODERATE, n_samples=720)
    assert right >= 0.95
    assert folded >= right


def test_reading_is_measured_not_granted():
    torch.manual_seed(0)
    right, _ = accuracy(GlyphClassifier().eval(), MODERATE, n_samples=360)
    assert right < 0.2  # chance is 1/36


def test_characters_depend_on_seed_and_number_alone():
    few, _ = draw_characters(3, FONTS, severity=(0, 1), seed=4)
    more, labels = draw_characters(5, FONTS, severity=(0, 1), seed=4)
    other, _ = draw_characters(3, FONTS, severity=(0, 1), seed=5)
    np.testing.assert_array_equal(few, more[:3])
    assert not np.array_equal(few, other)
    assert labels.tolist() == [0, 1, 2, 3, 4]
    assert more.shape == (5, 32, 32)


def test_binary_characters_are_the_sharp_truth():
    pictures, _ = draw_characters(36, FONTS, severity=(1, 1), share_binary=1.0)
    assert set(np.unique(pictures)) == {0, 255}
    # The character is in the middle: there is ink in every picture's inner half.
    assert (pictures[:, 8:24, 8:24] == 0).any(axis=(1, 2)).all()


def test_fonts_may_be_files(tmp_path):
    import skdeblurbin.datasets

    name = FONTS[0]
    folder = next(iter(skdeblurbin.datasets.__path__))
    file = tmp_path / "copy.ttf"
    with open(f"{folder}/fonts/{name}.ttf", "rb") as font:
        file.write_bytes(font.read())
    bundled, _ = draw_characters(4, [name], severity=(0, 0))
    of_file, _ = draw_characters(4, [str(file)], severity=(0, 0))
    np.testing.assert_array_equal(bundled, of_file)


def test_folded_network_equals_the_trained_one_up_to_a_factor():
    torch.manual_seed(0)
    trained = GlyphClassifier(normalize=True)
    with torch.no_grad():
        for _ in range(20):  # running statistics that are not those of a new network
            trained(torch.rand(8, 1, 32, 32))
    trained.eval()
    folded = fold_normalization(trained)
    images = torch.rand(4, 1, 32, 32)
    expected = trained(images).detach()
    torch.testing.assert_close(folded(images), expected, rtol=1e-4, atol=1e-4)
    mean_square = float(folded.features(calibration_set()).square().mean())
    assert mean_square == pytest.approx(1, rel=1e-4)


def test_the_fixed_set_is_that_of_the_script():
    # Another version of Pillow or FreeType may draw an edge otherwise.
    different = calibration_images() != calibration_set()
    assert different.float().mean() < 0.01


def test_the_file_is_under_two_megabytes_and_float16():
    from safetensors import safe_open

    import skdeblurbin.networks

    folder = next(iter(skdeblurbin.networks.__path__))
    file = f"{folder}/weights/glyph.safetensors"
    with open(file, "rb") as stream:
        assert len(stream.read()) < 2e6
    with safe_open(file, "pt") as tensors:
        names = set(tensors.keys()) - {"calibration"}
        assert {tensors.get_tensor(name).dtype for name in names} == {torch.float16}
    assert names == set(GlyphClassifier().state_dict())


def test_folders_without_fonts_are_an_error(tmp_path):
    command = [sys.executable, "-m", "skdeblurbin.pretrained.train_glyph", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no font file" in done.stderr


def test_an_interrupted_training_goes_on(tmp_path, monkeypatch):
    """Two epochs in one go, and with an end after the first, give the same weights."""
    from skdeblurbin.pretrained import train_glyph

    monkeypatch.setattr(train_glyph, "N_EPOCHS", 2)
    monkeypatch.setattr(train_glyph, "BATCH_SIZE", 36)
    pictures, labels = draw_characters(72, FONTS[:1], severity=(0, 0.2))
    whole = train_glyph.train(pictures, labels, tmp_path / "whole.pt")

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        real = np.random.default_rng
        patch.setattr(
            train_glyph.np.random,
            "default_rng",
            lambda seed: die() if seed == 1 else real(seed),
        )
        with pytest.raises(KeyboardInterrupt):
            train_glyph.train(pictures, labels, tmp_path / "parts.pt")
    resumed = train_glyph.train(pictures, labels, tmp_path / "parts.pt")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert isinstance(resumed.features, GlyphFeatures)
    assert len(CHARACTERS) == 36
