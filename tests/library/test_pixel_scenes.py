"""Look from a pixel as a Python object: the maps of trained nets, in a record small enough for a page."""

import base64
import copy
import dataclasses
import json

import numpy as np
import pytest
import torch
import traitlets
from torch import nn
from torch.testing import assert_close

from attn_utils.data.twin_digits import COLOR_NAMES, PALETTE, make_twins
from attn_utils.vision import SelfAttention2d
from attn_utils.widgets import LookFromAPixel, PixelScene

SCENES = make_twins(2, split="test", seed=4)


class Net(nn.Module):
    """Not trained, with weights far from even. ``rounds`` is how often a picture goes through the block."""

    def __init__(self, *, pooled: bool = True, scale: bool = False, blocks: int = 1, rounds: int = 1) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.Dropout(0.5))
        self.attention = nn.ModuleList(SelfAttention2d(16, pooled=pooled, scale=scale) for _ in range(blocks))
        self.rounds = rounds
        with torch.no_grad():
            self.features[0].weight.mul_(30)

    def forward(self, images):
        x = self.features(images)
        for _ in range(self.rounds):
            x = self.attention[0](x)[0]
        return x


@pytest.mark.parametrize("scale", [False, True])
def test_the_maps_are_those_of_the_nets(scale):
    nets = {"pooled": Net(scale=scale), "full": Net(pooled=False, scale=scale).eval()}
    before = {name: copy.deepcopy(net.state_dict()) for name, net in nets.items()}
    random = torch.get_rng_state()
    demo = LookFromAPixel.of(nets, SCENES, scene=1, net="full")
    assert torch.equal(torch.get_rng_state(), random)
    for name, net in nets.items():
        assert all(torch.equal(x, before[name][key]) for key, x in net.state_dict().items())
        assert not net.attention[0]._forward_pre_hooks
    assert [net.training for net in nets.values()] == [True, False]
    assert (demo.scene, demo.net) == (1, "full")
    regions = {7: SCENES.regions(7, 7), 14: SCENES.regions(14, 14)}
    for name, net in nets.items():
        net.eval()
        for number in range(2):
            points = torch.tensor([[0, 0], [13, 13], demo.scenes[number].start, [5, 9]])
            with torch.no_grad():
                maps = net.attention[0].maps_at(net.features(SCENES.images), points)[number]
            for point, wanted in zip(points.tolist(), maps.double(), strict=True):
                with demo.hold_trait_notifications():
                    demo.net, demo.scene, demo.pixel = name, number, point
                assert_close(demo.weights, wanted, rtol=0, atol=2e-3)
                region = regions[len(wanted)][number].double()
                assert_close(demo.masses, (region * demo.weights).sum((1, 2)))
    assert maps.max() > 3 * maps.mean(), "all weights are alike: nothing is compared"


def test_what_a_scene_says_is_in_the_picture():
    shown = LookFromAPixel.of({"pooled": Net()}, SCENES).scenes
    for number, scene in enumerate(shown):
        digits = SCENES.digits[number].tolist()
        assert scene.names[:3] == tuple(
            f"{COLOR_NAMES[color]} {digit}" for color, digit in zip(SCENES.colors[number], digits, strict=False)
        )
        assert scene.names[3] == f"grey {digits[3]}"
        assert scene.label == f"{number + 1}: a grey {digits[3]}"
        assert (scene.asks, scene.twin) == (3, int(SCENES.twin[number]))
        assert_close(scene.colors[:3].float(), PALETTE[SCENES.colors[number]], rtol=0, atol=0.003)
        assert_close(scene.image.float(), SCENES.images[number], rtol=0, atol=0.003)
        for grid in (7, 14, 28):
            assert_close(scene.shares(grid, grid).float(), SCENES.regions(grid, grid)[number])
        row, column = (2 * i for i in scene.start)
        assert SCENES.grey[number, row : row + 2, column : column + 2].any()


def test_the_scenes_made_by_hand_find_their_twins():
    for number in range(3):
        for net in ("pooled", "full"):
            demo = LookFromAPixel(scene=number, net=net)
            assert demo.masses[demo.scenes[number].twin] > 0.9


def unpacked(packed):
    """What the front end makes of an array, in another way: all at once."""
    numbers = np.frombuffer(base64.b64decode(packed["numbers"]), dtype="<i2")
    return packed["unit"] * numbers.reshape(packed["shape"]).astype(float)


def test_the_page_gets_what_the_library_computes_from():
    demo = LookFromAPixel.of({"pooled": Net(), "full": Net(pooled=False)}, SCENES)
    for scene, page in zip(demo.scenes, demo.get_state()["scenes"], strict=True):
        for name in ("queries", "keys"):
            for net, x in getattr(scene, name).items():
                assert (unpacked(page[name][net]) == x.numpy()).all()
                assert x.abs().max() > 0.1
        pixels = np.frombuffer(base64.b64decode(page["image"]["numbers"]), dtype=np.uint8).reshape(28, 28, 3)
        assert_close(torch.tensor(pixels / 255), scene.image.permute(1, 2, 0))
        assert page["start"] == scene.start


def test_a_page_carries_as_much_as_the_docstring_says():
    """With 8 features: 5 kB for each scene with pooled keys, 8 kB with full ones, 4 kB for the scene itself."""

    class Wide(Net):
        def __init__(self, **options):
            super().__init__(**options)
            self.attention = nn.ModuleList([SelfAttention2d(16, 2, **options)])

    for pooled, wanted in ((True, 5.3), (False, 8.5)):
        demo = LookFromAPixel.of({"it": Wide(pooled=pooled)}, SCENES)
        (one, two) = demo.get_state()["scenes"]
        assert len(json.dumps(one["queries"]) + json.dumps(one["keys"])) / 1000 == pytest.approx(wanted, abs=0.3)
        assert len(json.dumps(two)) / 1000 < wanted + 4


def test_nets_that_cannot_be_shown_are_refused():
    with pytest.raises(ValueError, match="nets must hold at least one net, got none"):
        LookFromAPixel.of({}, SCENES)
    with pytest.raises(ValueError, match=r"nets\['a'\] must have one SelfAttention2d in it, got 0"):
        LookFromAPixel.of({"a": nn.Conv2d(3, 8, 3)}, SCENES)
    with pytest.raises(ValueError, match=r"nets\['two'\] must have one SelfAttention2d in it, got 2"):
        LookFromAPixel.of({"two": Net(blocks=2)}, SCENES)
    again = Net(rounds=2)
    with pytest.raises(ValueError, match=r"nets\['again'\] must go through its .* once, it does so 2 times"):
        LookFromAPixel.of({"again": again}, SCENES)
    assert not again.attention[0]._forward_pre_hooks


GIVEN = {
    "label": "it",
    "image": torch.rand(3, 8, 12),
    "names": ["a", "b", "c"],
    "boxes": [(0, 0, 4, 4), (4, 4, 4, 4), (0, 8, 2, 3)],
    "colors": torch.rand(3, 3),
    "asks": 2,
    "twin": 0,
    "queries": {"it": torch.randn(4, 6, 5)},
    "keys": {"it": torch.randn(2, 3, 5)},
}


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("label", "", "label must be a name, got ''"),
        ("image", torch.rand(1, 8, 12), r"image must hold finite numbers of shape \(3, any, any\), got .*\(1, 8, 12\)"),
        ("image", 2 * torch.ones(3, 8, 12), "image must be from 0 to 1, got 2 to 2"),
        ("image", torch.full((3, 8, 12), torch.nan), "image must hold finite .* got some that are not"),
        ("image", "a picture", "image must hold finite numbers .* got 'a picture'"),
        ("names", ["a", "b", "a"], "names must be at least two different texts"),
        ("names", ["a", "b"], r"colors must hold finite numbers of shape \(2, 3\), got shape \(3, 3\)"),
        ("colors", -torch.ones(3, 3), "colors must be from 0 to 1, got -1 to -1"),
        ("boxes", [(0, 0, 4, 4)], r"boxes must hold finite numbers of shape \(3, 4\), got shape \(1, 4\)"),
        ("boxes", [(0, 0, 4, 4)] * 2 + [(5, 0, 4, 4)], r"boxes must lie in a picture of 8 x 12, got \(5, 0, 4, 4\)"),
        ("boxes", [(0, 0, 4, 4)] * 2 + [(0, 0, 0, 4)], r"boxes must lie .* got \(0, 0, 0, 4\)"),
        ("asks", 3, "asks must be the number of one of 3 things, got 3"),
        ("twin", -1, "twin must be the number of one of 3 things, got -1"),
        ("twin", 2, "twin must be another thing than asks, got 2 for both"),
        ("queries", {}, r"keys must be of the nets of queries, \[\], got \['it'\]"),
        ("keys", {"other": torch.randn(2, 3, 5)}, r"keys must be of the nets of queries, \['it'\], got \['other'\]"),
        ("keys", {"it": torch.randn(2, 3, 4)}, r"keys\['it'\] must have as many features as its queries, 5, got 4"),
        ("keys", {"it": torch.randn(6, 5)}, r"keys\['it'\] must hold finite .* \(any, any, any\), got shape \(6, 5\)"),
    ],
)  # fmt: skip
def test_a_scene_checks_itself(field, value, wanted):
    made = PixelScene(**GIVEN)
    with pytest.raises(ValueError, match=wanted):
        dataclasses.replace(made, **{field: value})


def test_nets_of_one_demo_fit_together():
    two = {"queries": {"a": torch.randn(4, 6, 5), "b": torch.randn(2, 3, 5)}, "keys": {"a": torch.randn(2, 3, 5)}}
    two["keys"]["b"] = two["keys"]["a"]
    with pytest.raises(ValueError, match="queries must have the same height and width in every net"):
        PixelScene(**GIVEN | two)
    one = PixelScene(**GIVEN)
    other = dataclasses.replace(one, queries={"b": one.queries["it"]}, keys={"b": one.keys["it"]})
    with pytest.raises(traitlets.TraitError, match="all with the same nets"):
        LookFromAPixel(scenes=[one, other])


def test_any_picture_can_be_shown():
    scene = PixelScene(**GIVEN)
    demo = LookFromAPixel(scenes=[scene], pixel=[3, 5])
    scores = (scene.queries["it"][3, 5] * scene.keys["it"]).sum(-1)
    assert_close(demo.weights, torch.softmax(scores.flatten(), 0).view(2, 3))
    assert_close(demo.masses[0], demo.weights[0, 0])  # the box of "a" is the first cell
    assert_close(demo.masses[2], demo.weights[0, 2] * (2 * 3) / 16)
    assert_close(scene.queries["it"].float(), GIVEN["queries"]["it"], rtol=0, atol=1e-4)
    zero = dataclasses.replace(scene, keys={"it": torch.zeros(2, 3, 5)})
    assert_close(LookFromAPixel(scenes=[zero]).weights, torch.full((2, 3), 1 / 6, dtype=torch.float64))
