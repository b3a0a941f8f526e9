"""Features by name: bad names are found early, and loading leaves the process alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from skdeblurbin import GANBinarizer
from skdeblurbin._gan_parameters import check_gan_parameters
from skdeblurbin.networks import VGG16Features


@pytest.mark.parametrize("K1", [0, 145])
def test_names_are_checked_where_no_features_are_needed_too(K1):
    parameters = {**GANBinarizer().get_params(), "K1": K1}
    with pytest.raises(ValueError, match=r"perceptual must be .*'nonsense'"):
        check_gan_parameters({**parameters, "perceptual": "nonsense"})
    for allowed in ("glyph", "vgg16", "discriminator", None, torch.sin):
        check_gan_parameters({**parameters, "perceptual": allowed})


def test_vgg16_is_of_single_precision_whatever_the_default(tmp_path, weights):
    file = tmp_path / "weights.pth"
    torch.save(weights, file)
    torch.set_default_dtype(torch.float64)
    try:
        network = VGG16Features.from_file(file)
        features = network(torch.zeros(1, 1, 8, 8, dtype=torch.float32))
    finally:
        torch.set_default_dtype(torch.float32)
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}
    assert features.dtype == torch.float32


def test_loading_does_not_rewind_the_generator_of_other_threads(
    tmp_path, weights, monkeypatch
):
    torch.save(weights, tmp_path / "weights.pth")
    build = VGG16Features.__init__

    def build_beside_another_thread(self):
        build(self)
        with ThreadPoolExecutor(1) as thread:
            drawn.append(thread.submit(torch.rand, 3).result())

    monkeypatch.setattr(VGG16Features, "__init__", build_beside_another_thread)
    drawn = []
    with torch.random.fork_rng(devices=[]):
        expected = torch.rand(6, generator=torch.Generator().manual_seed(0))
        torch.manual_seed(0)
        VGG16Features.from_file(tmp_path / "weights.pth")
        drawn.append(torch.rand(3))
    assert torch.equal(torch.cat(drawn), expected)
