"""Position dials: each pair of features as the hand of a clock, and what two positions have in common."""

from __future__ import annotations

from typing import Any

import torch
import traitlets

from attn_utils.positions import frequencies
from attn_utils.widgets.frame.demo import Demo, front_end, style, tensor_result

__all__ = ["PositionDials"]

FEATURES = 16
FARTHEST = 127


class PositionDials(Demo):
    r"""Move a query and a key along a sequence: eight dials turn, from fast to slow.

    The dials are the pairs of the sinusoidal encoding of 16 features, and the angles by which rotary positions turn
    the pairs of a query and a key.

    Inputs:
        position: Where the query stands, :math:`p`, from 0 to 127.
        offset: How many places after it the key stands, :math:`k`, from 0 to 127.
        trained: Length of the sequences of a training, from 2 to 128.
        base: Of the frequencies, :math:`\omega_i = \text{base}^{-2i/16}`: 100 or 10,000.

    Results:
        query_angles: Shape ``(8,)``, radians: :math:`p\,\omega_i`.
        key_angles: Shape ``(8,)``, radians: :math:`(p + k)\,\omega_i`.
        similarity: :math:`\frac18 \sum_i \cos(k\,\omega_i)`.
        similarities: Shape ``(128,)``, the same for every offset from 0.
        turns: Shape ``(8,)``, how often each dial goes round within the trained length.

    Raises:
        traitlets.TraitError: If an input is out of its range.

    Source:
        Vaswani et al. (2017), section 3.5; Su et al. (2024), section 3.2.2.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Position dials"
    heights = (1099, 1096, 1145, 1085, 630, 620, 582)
    inputs = ("position", "offset", "trained", "base")

    description = traitlets.Unicode(
        "Eight dials, each with a blue hand for the query and an orange one for the key. From the first to the last "
        "they turn more and more slowly as the position grows; between two hands the angle depends on the offset. "
        "Below, the similarity against the offset: it starts at 1, falls and swings, with the trained length marked."
    ).tag(sync=True)
    position = traitlets.Int(12, min=0, max=FARTHEST, help="Where the query stands.").tag(sync=True)
    offset = traitlets.Int(5, min=0, max=FARTHEST, help="How many places after it the key stands.").tag(sync=True)
    trained = traitlets.Int(32, min=2, max=FARTHEST + 1, help="Length of the training's sequences.").tag(sync=True)
    base = traitlets.Enum((100, 10000), 10000, help="Base of the frequencies.").tag(sync=True)
    query_angles = tensor_result("Angles of the query's hands in radians, shape (8,).")
    key_angles = tensor_result("Angles of the key's hands in radians, shape (8,).")
    similarity = tensor_result("Mean cosine between the hands.")
    similarities = tensor_result("The same for every offset, shape (128,).")
    turns = tensor_result("How often each dial goes round within the trained length, shape (8,).")

    def compute(self) -> dict[str, Any]:
        """Compute angles, similarities and turns."""
        omega = frequencies(FEATURES, float(self.base))
        offsets = torch.arange(FARTHEST + 1, dtype=torch.float64)
        similarities = (offsets[:, None] * omega).cos().mean(dim=-1)
        return {
            "query_angles": self.position * omega,
            "key_angles": (self.position + self.offset) * omega,
            "similarity": similarities[self.offset],
            "similarities": similarities,
            "turns": self.trained * omega / (2 * torch.pi),
        }
