"""The shared library of the course *Attention: from kernel regression to the Transformer*.

Each module may import those above it, and none below. The first seven are the one idea and what it is made of:

- :mod:`~attn_utils.masks`: who may attend to whom.
- :mod:`~attn_utils.dot_form`: a score as dot products of something, through PyTorch's fused function.
- :mod:`~attn_utils.attention`: turn scores into weights and average the values; the one place that answers a query.
- :mod:`~attn_utils.log_kernels`: logarithms of the kernels of kernel regression, as plain functions.
- :mod:`~attn_utils.kernels`: the same as scores that hold their width, and the estimator of Nadaraya and Watson.
- :mod:`~attn_utils.scoring`: dot, scaled dot, general and additive scores, and attention with any score.
- :mod:`~attn_utils.multi_head`: several attentions side by side, for one sequence, two, or a cache.
- :mod:`~attn_utils.positions`: where a token stands, as sines and cosines or as a learned vector added to it.
- :mod:`~attn_utils.rotary`: a score of queries and keys that are turned by their positions.
- :mod:`~attn_utils.alibi`: a score that falls with the distance.
- :mod:`~attn_utils.modes`: evaluate a model and give each part its own mode back.

The models and what is done with them:

- :mod:`~attn_utils.recurrent`: an encoder, and decoders without and with attention.
- :mod:`~attn_utils.vision`: attention over the pixels of a feature map.
- :mod:`~attn_utils.transformer`: encoder and decoder, or one of them alone, of nothing but attention and small nets.
- :mod:`~attn_utils.decoding`: through time step by step, greedily, with a beam, or by another choice.
- :mod:`~attn_utils.training`: one loop for every model, its losses, schedules and checkpoints.
- :mod:`~attn_utils.metrics`: BLEU, exact match, alignment error rate.

What they are fed, and what is shown of them:

- :mod:`~attn_utils.data`: regression tables, vocabularies and batches, a corpus from a grammar, and one from a file,
  scenes of digits.
- :mod:`~attn_utils.plots`: figures in the course's colors that carry their own alt text.
- :mod:`~attn_utils.widgets`: demos that are alive without a kernel.
- :mod:`~attn_utils.results`: stored measurements.
"""

from attn_utils.attention import answer, attend, causal_mask, length_mask, masked_softmax, padding_mask

__all__ = ["answer", "attend", "causal_mask", "length_mask", "masked_softmax", "padding_mask"]
__version__ = "0.1.0"
