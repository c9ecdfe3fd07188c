"""Look from a pixel: a query moved over a picture, and the map of where it looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import traitlets

from attn_utils.attention import masked_softmax
from attn_utils.widgets.frame.demo import Demo, Numbers, front_end, style, tensor_result
from attn_utils.widgets.look_from_a_pixel import by_hand
from attn_utils.widgets.look_from_a_pixel.scene import PixelScene
from attn_utils.widgets.look_from_a_pixel.twins import looks_of, scene_of

if TYPE_CHECKING:
    from torch import nn

    from attn_utils.data.twin_digits import TwinScenes

__all__ = ["LookFromAPixel"]


class PixelScenes(traitlets.TraitType):
    """A trait that holds at least one :class:`PixelScene`, all with the same nets."""

    info_text = "a list of at least one PixelScene, all with the same nets"

    def validate(self, obj: Any, value: Any) -> list[PixelScene]:
        """Turn the value into a list, or say what is wanted."""
        if not isinstance(value, list | tuple) or not value or not all(isinstance(one, PixelScene) for one in value):
            self.error(obj, value)
        if len({tuple(one.queries) for one in value}) > 1:
            self.error(obj, value)
        return list(value)


def _to_page(scenes: list[PixelScene], _widget: object) -> list[dict[str, Any]]:
    return [scene.to_page() for scene in scenes]


class LookFromAPixel(Demo):
    r"""Move a query over a picture and watch where it looks.

    The score of pixel :math:`j` is :math:`\theta(x_i) \cdot \phi(x_j)`, the dot product of the query of the pixel
    :math:`i` chosen and the key of :math:`j`; the weights are the softmax of the scores. Without data the demo shows
    three scenes with queries and keys made by hand. :meth:`of` shows those of trained nets.

    Inputs:
        scene: Which scene, from 0.
        net: Whose queries and keys, by name.
        pixel: Row and column of the query in the feature map, from 0.

    Data:
        scenes: At least one :class:`PixelScene`, all with the same nets.

    Results, of the scene, the net and the pixel shown:
        weights: Shape ``(h', w')``, of the keys.
        masses: Shape ``(things,)``: the weight in the box of each thing in the picture.

    Raises:
        traitlets.TraitError: If an input is out of its range or a scene is not a :class:`PixelScene`.
        ValueError: If there is no such scene, net or pixel.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Look from a pixel"
    heights = (1468, 1396, 1378, 1334, 890, 885, 897)
    inputs = ("scene", "net", "pixel")
    data = ("scenes",)

    description = traitlets.Unicode(
        "Two pictures of one scene of four handwritten digits, three colored and one grey. In the left one, in color, "
        "a ring is the query. In the right one, faint, a cell is the more violet the larger the weight of its key. "
        "A dashed frame is around the twin of the grey digit, another image of the same number."
    ).tag(sync=True)
    scene = traitlets.Int(0, min=0, help="Which scene.").tag(sync=True)
    net = traitlets.Unicode(help="Whose queries and keys.").tag(sync=True)
    pixel = Numbers((2,), low=0, integer=True, help="Row and column of the query.").tag(sync=True)
    scenes = PixelScenes(help="Scenes, with the queries and keys of each net.").tag(sync=True, to_json=_to_page)
    weights = tensor_result("Weights of the keys, shape (h', w').")
    masses = tensor_result("Weight in the box of each thing, shape (things,).")

    @traitlets.default("scenes")
    def _made_by_hand(self) -> list[PixelScene]:
        return by_hand.scenes()

    @traitlets.default("net")
    def _first_net(self) -> str:
        return next(iter(self.scenes[0].queries))

    @traitlets.default("pixel")
    def _where_the_scene_begins(self) -> list[int]:
        return self.scenes[min(self.scene, len(self.scenes) - 1)].start

    @classmethod
    def of(cls, nets: Mapping[str, nn.Module], twins: TwinScenes, **inputs: Any) -> LookFromAPixel:
        """Let nets look at scenes of painted twins and show where each of their pixels looks.

        Args:
            nets: For each name a net that takes pictures, shape ``(n, 3, 28, 28)``, and has one
                :class:`~attn_utils.vision.SelfAttention2d` in it. It is in evaluation mode while it works.
            twins: The scenes, of :func:`attn_utils.data.twin_digits.make_twins`. A page carries about
                5 kB a scene and net for each 8 features of pooled keys, 8 kB for full ones.
            inputs: Inputs to start with.

        Returns:
            The demo.

        Raises:
            ValueError: If there is no net, or one has not exactly one such block.
        """
        if not nets:
            raise ValueError("nets must hold at least one net, got none")
        looks = {name: looks_of(f"nets[{name!r}]", net, twins.images) for name, net in nets.items()}
        scenes = [
            scene_of(
                twins,
                number,
                {name: queries[number] for name, (queries, _) in looks.items()},
                {name: keys[number] for name, (_, keys) in looks.items()},
            )
            for number in range(len(twins))
        ]
        return cls(scenes=scenes, **inputs)

    def compute(self) -> dict[str, Any]:
        """Compute the weights of the keys for the query chosen, and how much of them lies on each thing."""
        if self.scene >= len(self.scenes):
            raise ValueError(f"scene must be from 0 to {len(self.scenes) - 1}, got {self.scene}")
        shown = self.scenes[self.scene]
        if self.net not in shown.queries:
            raise ValueError(f"net must be one of {list(shown.queries)}, got {self.net!r}")
        (row, column), (height, width) = self.pixel, shown.grid
        if row >= height or column >= width:
            raise ValueError(f"pixel must lie in a map of {height} x {width}, got {self.pixel}")
        query, keys = shown.queries[self.net][row, column], shown.keys[self.net]
        weights = masked_softmax((query * keys).sum(-1).flatten()).view(keys.shape[:2])
        masses = (shown.shares(*keys.shape[:2]) * weights).sum((1, 2))
        return {"weights": weights, "masses": masses}
