r"""The Transformer: encoder–decoder, encoder alone, decoder alone, from the same layers.

- ``layers``: a layer of an encoder, a layer of a decoder; both load the weights of PyTorch's.
- ``stacks``: several layers on top of each other, whole or a few tokens at a time with a cache.
- ``embedding``: a vector for each token, of the size of its position's vector.
- ``transformer``: encoder and decoder together, as in the paper.
- ``one_stack``: encoder alone, decoder alone.

A model for decoding has two ways in. Called with known targets it gives the logits of all steps at once, for training.
Its ``start`` and ``step`` take one token at a time, for :mod:`attn_utils.decoding`: *memory* belongs to a source
(cross-attention's keys and values, projected once), *cache* to one of the ``n`` beginnings that are followed side by
side (self-attention's keys and values so far, so that no prefix is ever computed again).

Shapes: ``b`` sentences, ``s`` source tokens, ``t`` target tokens, ``n`` hypotheses, ``h`` heads, ``d`` features.
"""

from attn_utils.transformer.layers import DecoderLayer, EncoderLayer, FeedForward
from attn_utils.transformer.one_stack import DecoderOnly, EncoderOnly
from attn_utils.transformer.stacks import DecoderStack, EncoderStack
from attn_utils.transformer.transformer import Transformer

__all__ = [
    "DecoderLayer",
    "DecoderOnly",
    "DecoderStack",
    "EncoderLayer",
    "EncoderOnly",
    "EncoderStack",
    "FeedForward",
    "Transformer",
]
