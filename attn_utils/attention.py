"""The one idea of the course: turn scores into weights, then average the values.

Every model in the course ends in :func:`attend`, and what changes from chapter to chapter is the score.
:func:`answer` takes a score and says what it makes of queries, keys and values: by :func:`attend` where the weights
are wanted or nothing else will do, and by PyTorch's fused function where the score is a dot product of something.

Shapes use one set of letters: ``q`` queries, ``k`` keys (and as many values), ``v`` features of a value,
and ``...`` for any number of batch dimensions. Masks are boolean, True where a query may attend.
"""

from typing import Protocol

import torch
from torch import Tensor, nn

from attn_utils._checks import (
    check_batches,
    check_dropout,
    check_groups,
    check_mask,
    check_rows,
    check_scores,
    check_values,
    holds,
)
from attn_utils.dot_form import DotForm, fused, has_dot_form, multiplied_type
from attn_utils.masks import causal_mask, length_mask, padding_mask, zero_hidden

__all__ = [
    "DotForm",
    "Score",
    "answer",
    "attend",
    "causal_mask",
    "length_mask",
    "log_sum_exp",
    "masked_softmax",
    "padding_mask",
]

HALF = {torch.float16, torch.bfloat16}


def masked_softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Turn scores into weights over the keys that each query may attend to.

    .. math:: w_{ij} = \frac{m_{ij}\, e^{s_{ij}}}{\sum_l m_{il}\, e^{s_{il}}}

    A row with nothing to attend to (every key masked, or every score :math:`-\infty`) gets weights 0, not NaN
    and not a uniform distribution. Its gradient is 0.

    Args:
        scores: Floating-point scores, shape ``(..., q, k)``. Not modified.
        mask: Boolean, True = may attend, broadcastable to ``scores``. ``None`` lets every query see every key.

    Returns:
        Weights, shape ``(..., q, k)``, in the type of ``scores``. Each row sums to 1, or to 0 if it is empty.

    Raises:
        ValueError: If ``scores`` is not floating point or has no key axis, or if ``mask`` is not boolean or cannot
            be broadcast to ``scores``.

    Source:
        Vaswani et al. (2017), section 3.2.3: illegal connections are set to :math:`-\infty` before the softmax.
    """
    check_scores(scores)
    if mask is not None:
        check_mask(mask, scores.shape)
        scores = scores.masked_fill(~mask, float("-inf"))
    if scores.is_cpu:
        # The softmax of a row of −∞ is NaN at every key, so a look at the first tells whether there may be one. Other
        # devices would have to wait for the answer.
        weights = torch.softmax(scores, dim=-1)
        if not holds(weights[..., :1].isnan().any(), unknown=True):
            return weights
    # The gradient of such a row is NaN too, even if the NaN is replaced afterwards. It is therefore filled with zeros
    # before the softmax and emptied after it.
    empty = (scores == float("-inf")).all(dim=-1, keepdim=True)
    return torch.softmax(scores.masked_fill(empty, 0.0), dim=-1).masked_fill(empty, 0.0)


def log_sum_exp(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return the logarithm of what the softmax divides by: all that it takes to merge answers of blocks of keys.

    .. math:: \ell_i = \log \sum_l m_{il}\, e^{s_{il}}, \qquad
        o_i = \sum_b e^{\ell_i^{(b)} - \ell_i}\, o_i^{(b)}, \qquad \ell_i = \log \sum_b e^{\ell_i^{(b)}}

    Args:
        scores: Floating-point scores, shape ``(..., q, k)``.
        mask: Boolean, True = may attend, broadcastable to ``scores``. ``None`` lets every query see every key.

    Returns:
        Shape ``(..., q)``, :math:`-\infty` for a row with nothing to attend to, with gradient 0.

    Raises:
        ValueError: As :func:`masked_softmax`.

    Source:
        Milakov and Gimelshein (2018), section 3; Dao et al. (2022), section 3.1.
    """
    check_scores(scores)
    if mask is not None:
        check_mask(mask, scores.shape)
        scores = scores.masked_fill(~mask, float("-inf"))
    empty = (scores == float("-inf")).all(dim=-1, keepdim=True)
    return torch.logsumexp(scores.masked_fill(empty, 0.0), dim=-1).masked_fill(empty[..., 0], float("-inf"))


def attend(
    scores: Tensor, values: Tensor, mask: Tensor | None = None, *, dropout: float = 0.0
) -> tuple[Tensor, Tensor]:
    r"""Average the values with the weights that the scores give.

    .. math:: o_i = \sum_j w_{ij}\, v_j, \qquad w = \operatorname{masked\_softmax}(s, m)

    A value that the mask hides from every query has no say, whatever it holds. Elsewhere 0 times NaN stays NaN: a NaN
    or infinity in a value that one query may attend to reaches the outputs of all.

    Args:
        scores: How well each query matches each key, shape ``(..., q, k)``.
        values: What the keys stand for, shape ``(..., k, v)``, in the type of ``scores``. Scores in float32 may meet
            values in half precision.
        mask: Boolean, True = may attend, broadcastable to ``scores``. ``None`` lets every query see every key.
        dropout: Share of the weights set to 0, at least 0 and less than 1. The others grow by ``1 / (1 - dropout)``.

    Returns:
        The output, shape ``(..., q, v)``, and the weights that made it, shape ``(..., q, k)``, both in the type of
        ``values`` (under ``torch.autocast``, in that of its products and softmaxes). A query with nothing to attend
        to gets weights 0 and output 0.

    Raises:
        ValueError: If the shapes or types do not fit together.

    Source:
        Vaswani et al. (2017), equation 1, with the score left open; Nadaraya (1964) and Watson (1964) for
        log-kernel scores.
    """
    if scores.ndim < 2:
        raise ValueError(f"scores must have shape (..., q, k), got {tuple(scores.shape)}")
    check_scores(scores)
    check_values(values, scores, scores.shape)
    check_dropout(dropout)
    weights = masked_softmax(scores, mask)
    if mask is not None:
        values = zero_hidden(values, mask.expand(torch.broadcast_shapes(mask.shape, (1, scores.shape[-1]))))
    if weights.dtype == torch.float32 and values.dtype in HALF:
        weights = weights.to(values.dtype)
    if dropout > 0:
        weights = nn.functional.dropout(weights, dropout)
    return weights @ values, weights


class Score(Protocol):
    """What :func:`~attn_utils.attention.answer` asks of a score. Any module with these two methods will do.

    Keys that the mask hides from every query are 0 when they come here, and must give something finite.

    A score that looks at positions has a further argument ``positions`` in each: ``prepare_keys(keys, positions)``
    gets those of the keys, ``(queries, prepared_keys, positions)`` those of the queries. What a position does to a
    key is done when it is prepared, once: a rotated key stays rotated in a cache.

    A score that is a dot product of something says so by a third method, ``dot_form``, which takes what a call takes
    and returns a :class:`~attn_utils.dot_form.DotForm` equal to its scores up to a constant for each query and up to
    rounding.
    """

    def prepare_keys(self, keys: Tensor) -> Tensor:
        """Do the part of the work that needs the keys alone: shape ``(..., k, d)`` to ``(..., k, any)``."""

    def __call__(self, queries: Tensor, prepared_keys: Tensor) -> Tensor:
        """Score all pairs, shape ``(..., q, k)``. In half precision the scores may be float32."""


def answer(
    score: Score,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None = None,
    *,
    causal: bool = False,
    need_weights: bool = False,
    dropout: float = 0.0,
    keys_prepared: bool = False,
    grouped_heads: bool = False,
    query_positions: Tensor | None = None,
    key_positions: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    r"""Answer queries: compare them with keys, turn the scores into weights, average the values.

    .. math:: o_i = \sum_j w_{ij}\, v_j, \qquad w_i = \operatorname{softmax}_j\, s(q_i, k_j)

    There are two ways. The *explicit* one computes all scores and goes through :func:`attend`. The *fused* one goes
    through PyTorch's ``scaled_dot_product_attention``, whose memory grows with the length and not with its square. It
    is taken where no weights are wanted and the score has a dot form, except for wide forms in half precision. Both
    give the same but for rounding, with these differences:

    - Derivatives: the fused way has the first, by the backward pass. For a gradient of a gradient, a Hessian or
      forward-mode differentiation ask for the weights: the explicit way has all.
    - Memory: with ``dropout`` PyTorch holds all weights in the fused way too.
    - A key or value that the mask hides from every query has no say in either way, nor in gradients, even if it is
      NaN. Elsewhere 0 times NaN stays NaN; how far such a NaN spreads may differ.
    - Under ``torch.vmap`` PyTorch warns that the fused function has no batching rule: a batch dimension is faster.

    Args:
        score: How to compare.
        queries: Floating point, shape ``(..., q, d)``, with the ``d`` that the score expects.
        keys: Shape ``(..., k, d)``, with the ``d`` that the score expects, or prepared keys.
        values: Shape ``(..., k, v)``.
        mask: Boolean, True = may attend, broadcastable to ``(..., q, k)``. It is not expanded: a mask of shape
            ``(batch, 1, 1, k)`` takes no more memory than it has.
        causal: Whether a query sees no later key. With more keys than queries the last query sees the last key, as in
            :func:`~attn_utils.masks.causal_mask`, but no such mask is made for as many queries as keys. Together with
            ``mask``, both must allow a pair.
        need_weights: Whether to return the weights.
        dropout: Share of the weights set to 0 now, at least 0 and less than 1.
        keys_prepared: Whether ``keys`` came from ``score.prepare_keys``.
        grouped_heads: Whether keys and values have fewer heads (dimension -3) than the queries, each shared by
            ``heads of queries / heads of keys`` of them in a row. The fused way does not repeat them.
        query_positions: Given to a score that looks at positions, in the shape that it wants.
        key_positions: The same, when the keys are prepared here.

    Returns:
        The output, shape ``(..., q, v)``, and the weights that made it, shape ``(..., q, k)``, or ``None``. A query
        with nothing to attend to gets weights 0 and output 0.

    Raises:
        ValueError: If the arguments do not fit together.

    Source:
        Vaswani et al. (2017), equation 1, with the score left open; Ainslie et al. (2023) for grouped heads.
    """
    check_rows("queries", queries)
    check_rows("keys", keys)
    q, k = queries.shape[-2], keys.shape[-2]
    if grouped_heads:
        check_groups(queries, keys, values)
        batch = (*torch.broadcast_shapes(queries.shape[:-3], keys.shape[:-3]), queries.shape[-3])
        check_values(values, queries, (*keys.shape[:-2], q, k))
    else:
        check_batches(queries, keys)
        batch = torch.broadcast_shapes(queries.shape[:-2], keys.shape[:-2])
        check_values(values, queries, (*batch, q, k))
    if causal and q > k:
        raise ValueError(f"causal must be False for more queries than keys, got {q} queries and {k} keys")
    causal = causal and q > 1  # the last query sees every key
    if mask is not None:
        check_mask(mask, (*batch, q, k))
        mask = mask.expand(torch.broadcast_shapes(mask.shape, (1, k)))
        shared = mask.shape[-2] == 1 and (not grouped_heads or mask.ndim < 3 or mask.shape[-3] == 1)
        if causal and not shared:
            mask, causal = mask & causal_mask(q, k, mask.device), False
        keys = zero_hidden(keys, mask)
    if not keys_prepared:
        keys = score.prepare_keys(keys, **_given(key_positions))
    positions = _given(query_positions)

    if not need_weights and has_dot_form(score):
        form: DotForm = score.dot_form(queries, keys, **positions)  # type: ignore[attr-defined]
        if not (form.wide and multiplied_type(form.queries) in HALF):
            # ``fused`` copies what it is given. Handed over like this, it can free what was copied.
            forms = [form]
            del form, keys
            output = fused(forms.pop(), values, mask, causal=causal, dropout=dropout, grouped_heads=grouped_heads)
            return output, None
    if causal:
        mask = causal_mask(q, k, queries.device) if mask is None else mask & causal_mask(q, k, queries.device)
    if grouped_heads:
        keys, values = (x.repeat_interleave(queries.shape[-3] // x.shape[-3], dim=-3) for x in (keys, values))
    output, weights = attend(score(queries, keys, **positions), values, mask, dropout=dropout)
    return output, weights if need_weights else None


def _given(positions: Tensor | None) -> dict[str, Tensor]:
    """Return the argument for a score that looks at positions, and none for one that does not."""
    return {} if positions is None else {"positions": positions}
