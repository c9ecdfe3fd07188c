"""The shared library of the course *Attention: from kernel regression to the Transformer*."""

from attn_utils.attention import attend, causal_mask, length_mask, masked_softmax, padding_mask

__all__ = ["attend", "causal_mask", "length_mask", "masked_softmax", "padding_mask"]
__version__ = "0.1.0"
