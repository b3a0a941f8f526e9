"""Weights of VGG16's form, and no others."""

import pytest
import torch

from skdeblurbin.networks import VGG16Features


@pytest.fixture(autouse=True)
def no_weights_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.delenv("SKDEBLURBIN_VGG16", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))


@pytest.fixture(scope="module")
def weights():
    torch.manual_seed(0)
    state = VGG16Features().state_dict()
    # torchvision's file holds more layers than are read.
    return {**state, "classifier.0.bias": torch.zeros(3)}
