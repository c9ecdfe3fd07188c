"""From scenes of painted twins, and from nets that were trained on them, to what the demo shows."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from attn_utils.data.twin_digits import COLOR_NAMES, GREY, PALETTE, TwinScenes
from attn_utils.modes import evaluating
from attn_utils.vision import SelfAttention2d
from attn_utils.widgets.look_from_a_pixel.scene import PixelScene

__all__ = ["looks_of", "scene_of"]

_DIGIT = 8  # height and width of a digit in a scene


def scene_of(twins: TwinScenes, number: int, queries: Mapping[str, Tensor], keys: Mapping[str, Tensor]) -> PixelScene:
    """Describe one of the scenes."""
    digits, colors = twins.digits[number].tolist(), twins.colors[number].tolist()
    return PixelScene(
        label=f"{number + 1}: a grey {digits[3]}",
        image=twins.images[number],
        names=[f"{COLOR_NAMES[color]} {digit}" for color, digit in zip(colors, digits, strict=False)]
        + [f"grey {digits[3]}"],
        boxes=[(row, column, _DIGIT, _DIGIT) for row, column in twins.corners[number].tolist()],
        colors=torch.stack([*PALETTE[colors], GREY]),
        asks=3,
        twin=int(twins.twin[number]),
        queries=queries,
        keys=keys,
    )


def looks_of(name: str, net: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Let a net see pictures, and return the queries and keys of its block of attention.

    Args:
        name: What to call it if it has no such block.
        net: Takes pictures and has one :class:`~attn_utils.vision.SelfAttention2d` in it.
        images: Shape ``(n, 3, H, W)``.

    Returns:
        Queries, shape ``(n, h, w, d)``, times the scale of the score, and keys, shape ``(n, h', w', d)``: the scores
        are their dot products.

    Raises:
        ValueError: If there is not one block in the net, or the net does not go through it once.
    """
    blocks = [module for module in net.modules() if isinstance(module, SelfAttention2d)]
    if len(blocks) != 1:
        raise ValueError(f"{name} must have one SelfAttention2d in it, got {len(blocks)}")
    (block,) = blocks
    seen: list[Tensor] = []
    hook = block.register_forward_pre_hook(lambda _block, given: seen.append(given[0]))
    device = next(net.parameters()).device
    try:
        with evaluating(net), torch.no_grad():
            net(images.to(device))
            if len(seen) != 1:
                raise ValueError(f"{name} must go through its SelfAttention2d once, it does so {len(seen)} times")
            queries, keys, _ = block.project(seen[0])
    finally:
        hook.remove()
    height, width = seen[0].shape[2:]
    queries = queries * block.score.scale(queries.shape[-1])
    key_grid = (height // 2, width // 2) if block.pooled else (height, width)
    return queries.unflatten(1, (height, width)), keys.unflatten(1, key_grid)
