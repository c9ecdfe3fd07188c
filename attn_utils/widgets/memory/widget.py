"""Memory: how many bytes the keys and values of a conversation take, beside the weights of the model."""

from __future__ import annotations

from typing import Any

import torch
import traitlets

from attn_utils.widgets.frame.demo import Demo, front_end, number_result, style, tensor_result
from attn_utils.widgets.memory.models import FIELDS, MODELS

__all__ = ["Memory"]

LONGEST = 2**20
GROUPS = 8  # at most so many


def groups(heads: int) -> int:
    """Give the number of key-value heads in groups: the largest part of the heads that is at most 8 and not all."""
    return max(part for part in range(1, min(GROUPS, max(heads - 1, 1)) + 1) if heads % part == 0)


class Memory(Demo):
    r"""Choose a model, a length and what is kept of each token, and compare the cache with the weights.

    A token costs :math:`2 \cdot \text{layers} \cdot \text{key-value heads} \cdot \text{head size}` numbers, one key and
    one value for each head kept; where keys and values are made from a latent vector, ``layers`` times its size.

    Inputs:
        model_name: One of the names in ``models``.
        tokens: Length of a conversation, from 1 to 1,048,576. The slider has the powers of two.
        conversations: How many of this length there are, from 1 to 64. The slider has the powers of two.
        number_bytes: Bytes of a number, in the cache and in the weights: 4, 2 or 1.
        kept: Keys and values are kept for ``"published"`` (what the model does), ``"heads"`` (each head has its own),
            ``"groups"`` (up to 8 groups of heads) or ``"one"`` (all heads share one).
        window: Tokens that are kept: ``"published"``, ``"none"`` (no window: all) or ``"4096"`` (the last 4,096).

    Data:
        models: A dictionary for each model, with the fields that :mod:`attn_utils.widgets.memory.models` explains.

    Results, in bytes where nothing else is said:
        per_token: What one token of one conversation adds to the cache.
        cache: The caches of all conversations.
        weights: The weights of the model.
        ratio: ``cache / weights``.
        alternatives: Shape ``(4,)``, ``per_token`` if keys and values are kept for all heads, for groups, for one head
            and as published.

    Raises:
        traitlets.TraitError: If an input is out of its range.
        ValueError: If there is no model of that name, or a field of a model is missing.

    Source:
        Shazeer (2019) for one head, Ainslie et al. (2023) for groups; each model's own source is in the data.
    """

    _esm = front_end(__file__)
    _css = style(__file__)
    title = "Memory"
    heights = (1513, 1369, 1257, 1234, 754, 785, 796)
    inputs = ("model_name", "tokens", "conversations", "number_bytes", "kept", "window")
    data = ("models",)

    description = traitlets.Unicode(
        "Bytes against tokens, both in powers of ten. Three thin parallel lines rise: keys and values for all heads, "
        "for groups and for one head. A thick line is what is chosen, with a point at the length; a window makes it "
        "level. Dashed levels mark GPUs of 24 and 80 GB and the weights of the model."
    ).tag(sync=True)
    model_name = traitlets.Unicode("Llama 2 7B", help="Name of the model.").tag(sync=True)
    tokens = traitlets.Int(32_768, min=1, max=LONGEST, help="Length of a conversation.").tag(sync=True)
    conversations = traitlets.Int(2, min=1, max=64, help="How many conversations.").tag(sync=True)
    number_bytes = traitlets.Enum((4, 2, 1), 2, help="Bytes of a number.").tag(sync=True)
    kept = traitlets.Enum(("published", "heads", "groups", "one"), "published", help="What has keys and values.").tag(
        sync=True
    )
    window = traitlets.Enum(("published", "none", "4096"), "published", help="How many tokens are kept.").tag(sync=True)
    models = traitlets.List(traitlets.Dict(), MODELS, minlen=1, help="What is known of the models.").tag(sync=True)
    per_token = number_result("Bytes that a token of one conversation adds.")
    cache = number_result("Bytes of the caches of all conversations.")
    weights = number_result("Bytes of the weights of the model.")
    ratio = number_result("The caches in units of the weights.")
    alternatives = tensor_result("Bytes of a token for all heads, groups, one head, as published, shape (4,).")

    def compute(self) -> dict[str, Any]:
        """Count bytes."""
        for model in self.models:
            missing = [field for field in FIELDS if field not in model]
            if missing:
                raise ValueError(
                    f"models must have {', '.join(FIELDS)}; {model.get('name', model)} has no {missing[0]}"
                )
        known = {model["name"]: model for model in self.models}
        if self.model_name not in known:
            raise ValueError(f"model_name must be one of {', '.join(known)}, got {self.model_name!r}")
        model = known[self.model_name]
        heads = model["heads"]
        numbers = [2 * kept * model["head_size"] for kept in (heads, groups(heads), 1, model["kv_heads"])]
        if model["latent"]:
            numbers[3] = model["latent"]
        alternatives = [model["layers"] * number * self.number_bytes for number in numbers]
        per_token = alternatives[("heads", "groups", "one", "published").index(self.kept)]
        window = {"published": model["window"], "none": 0, "4096": 4096}[self.window]
        cache = per_token * (min(self.tokens, window) if window else self.tokens) * self.conversations
        weights = model["parameters"] * self.number_bytes
        return {
            "per_token": float(per_token),
            "cache": float(cache),
            "weights": float(weights),
            "ratio": cache / weights,
            "alternatives": torch.tensor(alternatives, dtype=torch.float64),
        }
