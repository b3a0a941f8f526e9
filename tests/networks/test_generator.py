"""The generator is the paper's figures 1 and 2, and nothing else."""

import pytest
import torch
from torch import nn

from skdeblurbin.networks import DenseBlock, DenseGenerator


def record_calls(network, image):
    """Run; return (module, input, output) of each leaf and block, in order."""
    calls = []
    hooks = [
        module.register_forward_hook(
            lambda m, inputs, output: calls.append((m, inputs[0], output))
        )
        for module in network.modules()
        if not list(module.children()) or isinstance(module, DenseBlock)
    ]
    network(image)
    for hook in hooks:
        hook.remove()
    return calls


@pytest.fixture
def generator():
    torch.manual_seed(0)
    return DenseGenerator(n_blocks=3, growth_rate=5, base_channels=7).eval()


def test_layers_inside_a_block_are_those_of_figure_2():
    block = DenseBlock(in_channels=7, growth_rate=5)
    assert [type(layer) for layer in block] == [
        nn.LeakyReLU,
        nn.Conv2d,
        nn.BatchNorm2d,
        nn.LeakyReLU,
        nn.Conv2d,
        nn.BatchNorm2d,
    ]
    narrow, wide = block[1], block[4]
    assert (narrow.kernel_size, narrow.in_channels, narrow.out_channels) == (
        (1, 1),
        7,
        20,  # 4 x growth_rate
    )
    assert (wide.kernel_size, wide.in_channels, wide.out_channels) == ((3, 3), 20, 5)
    assert narrow.bias is None
    assert wide.bias is None
    assert block[0].negative_slope == block[3].negative_slope == 0.01


def test_each_block_sees_everything_that_came_before_it(generator):
    calls = record_calls(generator, torch.randn(1, 1, 9, 11))
    head = calls[0][2]
    seen = head
    blocks = [
        (inp, out) for module, inp, out in calls if isinstance(module, DenseBlock)
    ]
    assert len(blocks) == 3
    for block_input, block_output in blocks:
        torch.testing.assert_close(block_input, seen, rtol=0, atol=0)
        seen = torch.cat([seen, block_output], dim=1)
    tail_input = next(inp for m, inp, _ in calls if m is generator.tail[0])
    torch.testing.assert_close(tail_input, seen, rtol=0, atol=0)


def test_order_of_the_whole_network(generator):
    order = [
        type(m).__name__ for m, _, _ in record_calls(generator, torch.randn(1, 1, 8, 8))
    ]
    block = ["LeakyReLU", "Conv2d", "BatchNorm2d"] * 2 + ["DenseBlock"]
    tail = ["LeakyReLU", "Conv2d", "BatchNorm2d"]
    assert order == ["Conv2d", *block * 3, *tail, "Conv2d"]
    assert generator.head.kernel_size == (3, 3)
    assert generator.tail[1].kernel_size == (1, 1)
    assert generator.output.kernel_size == (3, 3)
    assert generator.output.out_channels == 1


def test_global_skip_joins_head_and_tail_before_the_output(generator):
    image = torch.randn(1, 1, 8, 9)
    calls = record_calls(generator, image)
    head_output = calls[0][2]
    tail_output = next(out for m, _, out in calls if m is generator.tail[2])
    last, output_input, output_output = calls[-1]
    assert last is generator.output
    expected = torch.cat([head_output, tail_output], dim=1)
    torch.testing.assert_close(output_input, expected, rtol=0, atol=0)
    torch.testing.assert_close(generator(image), torch.tanh(output_output))


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameter_count_of_the_paper():
    # head 3*3*1*64 + 64; block i of input c = 64 + 32 i: 1x1 to 128, BatchNorm 2*128,
    # 3x3 from 128 to 32, BatchNorm 2*32; tail 1x1 from 64 + 320 to 64, BatchNorm 2*64;
    # output 3*3*128*1 + 1.
    head = 9 * 1 * 64 + 64
    blocks = sum(
        (64 + 32 * i) * 128 + 2 * 128 + 9 * 128 * 32 + 2 * 32 for i in range(10)
    )
    tail = 384 * 64 + 2 * 64
    output = 9 * 128 * 1 + 1
    assert head + blocks + tail + output == 664577
    assert count(DenseGenerator()) == 664577


@pytest.mark.parametrize("downsampling", [2, 4])
def test_downsampling_changes_head_and_output_only(downsampling):
    side = downsampling**2
    folded = DenseGenerator(downsampling=downsampling)
    paper = DenseGenerator()
    more = 9 * (side - 1) * 64 + (9 * 128 + 1) * (side - 1)
    assert count(folded) == count(paper) + more
    assert [str(b) for b in folded.blocks] == [str(b) for b in paper.blocks]
    assert str(folded.tail) == str(paper.tail)


@pytest.mark.parametrize(
    ("n_blocks", "downsampling", "side"),
    # 3x3 convolutions: the head, one in each block, the output; each adds 2 to 1.
    [(1, 1, 7), (10, 1, 25), (2, 2, 18), (1, 4, 28), (10, 4, 100)],
)
def test_receptive_field_by_gradient(n_blocks, downsampling, side):
    torch.manual_seed(0)
    generator = DenseGenerator(n_blocks, 4, 4, downsampling).double().eval()
    assert generator.receptive_field == side
    size = 2 * side + 4 * downsampling
    image = torch.randn(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    centre = size // 2 // downsampling * downsampling
    generator(image)[0, 0, centre, centre].backward()
    touched = (image.grad[0, 0] != 0).any(dim=0).nonzero()
    assert int(touched.max() - touched.min()) + 1 == side


@pytest.mark.parametrize(
    ("n_blocks", "downsampling", "n_levels"), [(1, 1, 1), (2, 1, 2), (1, 2, 2)]
)
def test_receptive_field_below_levels(n_blocks, downsampling, n_levels):
    """Over many images, since a maximum passes one of four gradients on."""
    torch.manual_seed(0)
    generator = DenseGenerator(n_blocks, 4, 4, downsampling, n_levels).double().eval()
    side = generator.receptive_field
    size = -(-2 * side // generator.unit) * generator.unit
    middle = size // 2 // generator.unit * generator.unit
    widest = 0
    for offset in range(0, generator.unit, downsampling):
        image = torch.randn(30, 1, size, size, dtype=torch.float64, requires_grad=True)
        generator(image)[:, 0, middle + offset, middle].sum().backward()
        touched = (image.grad[:, 0] != 0).any(dim=(0, 2)).nonzero()
        widest = max(widest, int(touched.max() - touched.min()) + 1)
    assert widest == side


def test_receptive_field_of_one_level_by_hand():
    # Position 0 sees -1 .. 1 by the output's convolution, -3 .. 3 by the level's two on
    # the way up, -2 .. 1 at half the resolution, -4 .. 3 by head and one block; that is
    # -8 .. 7, and -10 .. 9 by the level's two on the way down.
    assert DenseGenerator(n_blocks=1, n_levels=1).receptive_field == 20


def test_levels_halve_their_channels_upwards():
    generator = DenseGenerator(n_blocks=1, base_channels=64, n_levels=5)
    widths = [level[0].out_channels for level in generator.down]
    assert widths == [8, 8, 16, 32, 64]
    assert [level[0].out_channels for level in generator.joined] == widths[::-1]
    assert [level[0].in_channels for level in generator.joined] == [
        2 * width for width in reversed(widths)
    ]
    assert generator.unit == 32


def test_the_way_up_joins_what_the_way_down_gave():
    """In order: each level's own, the lowest first, before what comes from below."""
    torch.manual_seed(0)
    generator = DenseGenerator(1, 2, base_channels=16, n_levels=2).eval()
    calls = record_calls(generator, torch.randn(1, 1, 16, 16))
    made = {module: output for module, _, output in calls}
    joined = [
        (module, seen)
        for module, seen, _ in calls
        if any(module is level[0] for level in generator.joined)
    ]
    assert len(joined) == 2
    for (_, seen), down, up in zip(
        joined, reversed(generator.down), generator.up, strict=True
    ):
        expected = torch.cat([made[down[-1]], made[up]], dim=1)
        torch.testing.assert_close(seen, expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("downsampling", "n_levels"), [(1, 0), (2, 0), (4, 0), (1, 3), (2, 2), (4, 1)]
)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (16, 16), (33, 18)])
def test_any_size_keeps_its_size(size, downsampling, n_levels):
    generator = DenseGenerator(1, 2, 4, downsampling, n_levels).eval()
    output = generator(torch.randn(2, 1, *size))
    assert output.shape == (2, 1, *size)
    assert output.abs().max() <= 1


def test_folding_keeps_the_place_of_pixels():
    """A network whose convolutions pass the input on gives back the image."""
    generator = DenseGenerator(1, 2, base_channels=4, downsampling=2).eval()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.zero_()
        for i in range(4):
            generator.head.weight[i, i, 1, 1] = 1
            generator.output.weight[i, i, 1, 1] = 1
    image = torch.rand(1, 1, 6, 10)
    torch.testing.assert_close(generator(image), torch.tanh(image))


def test_options_rebuild_an_equal_network():
    options = {"n_blocks": 2, "growth_rate": 3, "base_channels": 4}
    options |= {"downsampling": 2, "n_levels": 1}
    generator = DenseGenerator(**options)
    assert generator.options == options
    twin = DenseGenerator(**generator.options)
    twin.load_state_dict(generator.state_dict())
