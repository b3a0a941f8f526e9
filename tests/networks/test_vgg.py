"""VGG16's features, and where their weights may lie."""

import hashlib

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from skdeblurbin.networks import VGG16Features


def test_seven_convolutions_in_torchvisions_layout():
    # torchvision.models.vgg16().features[:16]: positions and channels of configuration
    # D of the paper, up to the ReLU of the third convolution before the third pooling.
    names = {
        name: tuple(p.shape)
        for name, p in VGG16Features().named_parameters()
        if name.endswith("weight")
    }
    assert names == {
        "features.0.weight": (64, 3, 3, 3),
        "features.2.weight": (64, 64, 3, 3),
        "features.5.weight": (128, 64, 3, 3),
        "features.7.weight": (128, 128, 3, 3),
        "features.10.weight": (256, 128, 3, 3),
        "features.12.weight": (256, 256, 3, 3),
        "features.14.weight": (256, 256, 3, 3),
    }
    assert isinstance(VGG16Features().features[-1], nn.ReLU)


def test_input_is_normalised_as_torchvision_does():
    network = VGG16Features()
    network.features = nn.Identity()
    rgb = network(torch.full((1, 1, 2, 2), 0.5))
    # (0.5 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0.5 - 0.406) / 0.225
    expected = torch.tensor([0.0655022, 0.1964286, 0.4177778])
    torch.testing.assert_close(rgb[0, :, 0, 0], expected)


def test_missing_weights_say_where_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        VGG16Features.from_file()
    text = str(error.value)
    assert str(tmp_path / "hub" / "checkpoints" / "vgg16-397923af.pth") in text
    assert "https://download.pytorch.org/models/vgg16-397923af.pth" in text
    assert "SKDEBLURBIN_VGG16" in text
    assert "perceptual_weights" in text


def test_found_by_path_then_variable_then_hub_cache(monkeypatch, tmp_path, weights):
    other = {name: value + 1 for name, value in weights.items()}
    by_path, by_variable = tmp_path / "path.pth", tmp_path / "variable.safetensors"
    torch.save(other, by_path)
    save_file(weights, by_variable)
    monkeypatch.setenv("SKDEBLURBIN_VGG16", str(by_variable))
    found = VGG16Features.from_file().state_dict()["features.0.weight"]
    assert torch.equal(found, weights["features.0.weight"])
    found = VGG16Features.from_file(by_path).state_dict()["features.0.weight"]
    assert torch.equal(found, other["features.0.weight"])
    monkeypatch.delenv("SKDEBLURBIN_VGG16")
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.save(weights, cache / "vgg16.pth")
    digest = hashlib.sha256((cache / "vgg16.pth").read_bytes()).hexdigest()
    monkeypatch.setattr(
        "skdeblurbin.networks.vgg._TORCHVISION_NAME", f"vgg16-{digest[:8]}.pth"
    )
    (cache / "vgg16.pth").rename(cache / f"vgg16-{digest[:8]}.pth")
    found = VGG16Features.from_file().state_dict()["features.0.weight"]
    assert torch.equal(found, weights["features.0.weight"])


def test_wrong_digest_is_refused(tmp_path, weights):
    torch.save(weights, tmp_path / "vgg16-397923af.pth")
    with pytest.raises(
        ValueError, match=r"SHA-256 begins with .* its name says 397923af"
    ):
        VGG16Features.from_file(tmp_path / "vgg16-397923af.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x02cposix\nsystem\n"])
def test_no_weights_at_all(tmp_path, suffix, content):
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as weights"):
        VGG16Features.from_file(file)


def test_a_list_is_no_state_dict(tmp_path):
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="does not hold a state dict"):
        VGG16Features.from_file(tmp_path / "list.pth")


def test_missing_misshapen_and_nonfinite_weights(tmp_path, weights):
    file = tmp_path / "weights.pth"
    for change, message in (
        (None, "no 'features.14.bias'"),
        (torch.zeros(3), r"must be of shape \(256,\), got \(3,\)"),
        (torch.full((256,), torch.nan), "'features.14.bias' is not finite"),
    ):
        state = {k: v for k, v in weights.items() if k != "features.14.bias"}
        if change is not None:
            state["features.14.bias"] = change
        torch.save(state, file)
        with pytest.raises(ValueError, match=message):
            VGG16Features.from_file(file)


@pytest.mark.parametrize("legacy", [False, True])
def test_files_of_old_and_new_torch(tmp_path, weights, legacy):
    file = tmp_path / "weights.pth"
    torch.save(weights, file, _use_new_zipfile_serialization=not legacy)
    found = VGG16Features.from_file(file).state_dict()["features.0.weight"]
    assert torch.equal(found, weights["features.0.weight"])


def test_loading_leaves_the_global_generator_alone(tmp_path, weights):
    file = tmp_path / "weights.pth"
    torch.save(weights, file)
    before = torch.get_rng_state()
    VGG16Features.from_file(file)
    assert torch.equal(torch.get_rng_state(), before)


def test_path_of_a_wrong_type():
    with pytest.raises(TypeError, match="perceptual_weights must be a path or None"):
        VGG16Features.from_file(3)
