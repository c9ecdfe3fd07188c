r"""Scores: how well a query matches a key, and attention with any of them.

A score prepares the keys once (``prepare_keys``) and then compares queries with the prepared keys (calling it).
Whoever asks the same keys many times, as a decoder does, prepares them once and passes ``keys_prepared=True``.

Shapes: ``q`` queries, ``k`` keys, ``d`` features of a query or key, ``v`` features of a value, ``...`` batch
dimensions, which broadcast.
"""

import inspect
import math

import torch
from torch import Tensor, nn

from attn_utils._checks import check_batches, check_dropout, check_features, check_points, check_size
from attn_utils.attention import Score, answer
from attn_utils.dot_form import DotForm

__all__ = ["AdditiveScore", "Attention", "DotScore", "GeneralScore", "ScaledDotScore", "Score"]


class DotScore(nn.Module):
    r"""Score pairs by their dot product. It has no parameters.

    .. math:: s_{ij} = q_i \cdot k_j

    Source:
        Luong et al. (2015), equation 8, "dot".
    """

    def prepare_keys(self, keys: Tensor) -> Tensor:
        """Return the keys, shape ``(..., k, d)``, as they are."""
        return keys

    def scale(self, d: int) -> float | Tensor:
        """Return the factor of the dot product of vectors with ``d`` features, a number or a tensor."""
        return 1.0

    def dot_form(self, queries: Tensor, prepared_keys: Tensor) -> DotForm:
        """Return queries, keys and the scale of their dot products.

        Raises:
            ValueError: If queries and prepared keys do not have as many features as each other.
        """
        check_points(queries, prepared_keys)
        return DotForm(queries, prepared_keys, self.scale(queries.shape[-1]))

    def forward(self, queries: Tensor, prepared_keys: Tensor) -> Tensor:
        """Score all pairs.

        Args:
            queries: Floating point, shape ``(..., q, d)``.
            prepared_keys: What :meth:`prepare_keys` returned, shape ``(..., k, d)``.

        Returns:
            Scores, shape ``(..., q, k)``.

        Raises:
            ValueError: If queries and prepared keys do not fit together.
        """
        return self.dot_form(queries, prepared_keys).scores()


class ScaledDotScore(DotScore):
    r"""Score pairs by their dot product over the root of their size. It has no parameters.

    .. math:: s_{ij} = \frac{q_i \cdot k_j}{\sqrt{d}}

    If the features of queries and keys are independent, with mean 0 and variance 1, the dot product has variance
    :math:`d` and this score has variance 1, whatever :math:`d`.

    Source:
        Vaswani et al. (2017), equation 1.
    """

    def scale(self, d: int) -> float | Tensor:
        """Return the factor of the dot product of vectors with ``d`` features."""
        return 1 / math.sqrt(d)


class GeneralScore(DotScore):
    r"""Score pairs by a bilinear form, so that queries and keys may differ in size.

    .. math:: s_{ij} = q_i^\top W k_j

    The keys are projected, :math:`W k_j`, and the rest is a dot product.

    Args:
        query_size: Features of a query.
        key_size: Features of a key.

    Raises:
        ValueError: If a size is not a positive integer.

    Source:
        Luong et al. (2015), equation 8, "general".
    """

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        check_size("query_size", query_size)
        check_size("key_size", key_size)
        self.key_size = key_size
        self.W = nn.Linear(key_size, query_size, bias=False)

    def prepare_keys(self, keys: Tensor) -> Tensor:
        """Project keys of shape ``(..., k, key_size)`` to ``(..., k, query_size)``."""
        check_features("keys", keys, self.key_size)
        return self.W(keys)


class AdditiveScore(nn.Module):
    r"""Score pairs by a network with one hidden layer, so that queries and keys may differ in size.

    .. math:: s_{ij} = v \cdot \tanh(W_q q_i + W_k k_j)

    There is no bias, as the paper writes it (which omits biases "to increase readability"). The hidden layer exists
    for all pairs at once: ``q * k * hidden_size`` numbers for each element of the batch.

    Args:
        query_size: Features of a query.
        key_size: Features of a key.
        hidden_size: Hidden units.

    Raises:
        ValueError: If a size is not a positive integer.

    Source:
        Bahdanau et al. (2015), equation 6 and appendix A.1.2, where :math:`W_q` is called :math:`W_a` and
        :math:`W_k` is called :math:`U_a`.
    """

    def __init__(self, query_size: int, key_size: int, hidden_size: int) -> None:
        super().__init__()
        check_size("query_size", query_size)
        check_size("key_size", key_size)
        check_size("hidden_size", hidden_size)
        self.query_size, self.key_size, self.hidden_size = query_size, key_size, hidden_size
        self.W_q = nn.Linear(query_size, hidden_size, bias=False)
        self.W_k = nn.Linear(key_size, hidden_size, bias=False)
        bound = 1 / math.sqrt(hidden_size)  # as nn.Linear does
        self.v = nn.Parameter(torch.empty(hidden_size).uniform_(-bound, bound))

    def prepare_keys(self, keys: Tensor) -> Tensor:
        """Project keys of shape ``(..., k, key_size)`` to ``(..., k, hidden_size)``."""
        check_features("keys", keys, self.key_size)
        return self.W_k(keys)

    def forward(self, queries: Tensor, prepared_keys: Tensor) -> Tensor:
        """Score all pairs.

        Args:
            queries: Floating point, shape ``(..., q, query_size)``.
            prepared_keys: What :meth:`prepare_keys` returned, shape ``(..., k, hidden_size)``.

        Returns:
            Scores, shape ``(..., q, k)``.

        Raises:
            ValueError: If queries and prepared keys do not fit together.
        """
        check_features("queries", queries, self.query_size)
        check_features("prepared_keys", prepared_keys, self.hidden_size)
        check_batches(queries, prepared_keys)
        q, k = self.W_q(queries), prepared_keys
        # On a CPU the tanh takes longest, and PyTorch's sigmoid less than half of its time: tanh x = 2 σ(2x) − 1. In
        # half precision the difference would cost digits.
        by_sigmoid = q.device.type == "cpu" and q.dtype in {torch.float32, torch.float64}
        if by_sigmoid:
            q, k = 2 * q, 2 * k
        hidden = q[..., :, None, :] + k[..., None, :, :]  # (..., q, k, hidden)
        if by_sigmoid:
            return torch.sigmoid(hidden) @ (2 * self.v) - self.v.sum()
        return torch.tanh(hidden) @ self.v


class Attention(nn.Module):
    r"""Attention with any score: compare queries with keys, turn scores into weights, average the values.

    .. math:: o_i = \sum_j w_{ij} v_j, \qquad w_i = \operatorname{softmax}_j\, s(q_i, k_j)

    Args:
        score: How to compare: :class:`DotScore`, :class:`ScaledDotScore`, :class:`GeneralScore`,
            :class:`AdditiveScore`, a kernel of :mod:`attn_utils.kernels`, or a module of your own with the methods of
            :class:`~attn_utils.attention.Score`.
        dropout: Share of the weights set to 0 in training, at least 0 and less than 1. The others grow by
            ``1 / (1 - dropout)``.

    Raises:
        ValueError: If ``score`` is not a score or ``dropout`` is out of range.

    Source:
        Bahdanau et al. (2015), equations 5 and 6; Vaswani et al. (2017), equation 1.
    """

    def __init__(self, score: Score, dropout: float = 0.0) -> None:
        super().__init__()
        if not isinstance(score, nn.Module) or not hasattr(score, "prepare_keys"):
            raise ValueError(f"score must be a module with a method prepare_keys, got {score!r}")
        check_dropout(dropout)
        self.score: Score = score
        self.dropout = dropout
        self.takes_positions = "positions" in inspect.signature(score.prepare_keys).parameters

    def prepare_keys(self, keys: Tensor, positions: Tensor | None = None) -> Tensor:
        """Do the part of the work that needs the keys alone. Its result goes in with ``keys_prepared=True``.

        No mask is known here: set padding to 0 before, if it may hold NaN and the preparation has parameters to learn.

        Args:
            keys: Keys as the score expects them, shape ``(..., k, d)``.
            positions: Where the keys stand, for a score that looks at positions.

        Returns:
            The prepared keys, with as many rows.

        Raises:
            ValueError: If the keys do not fit the score, or ``positions`` are given to a score without.
        """
        if positions is None:
            return self.score.prepare_keys(keys)
        self._check_positions(positions=positions)
        return self.score.prepare_keys(keys, positions=positions)  # type: ignore[call-arg]

    def forward(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        need_weights: bool = False,
        keys_prepared: bool = False,
        grouped_heads: bool = False,
        query_positions: Tensor | None = None,
        key_positions: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Answer the queries by :func:`attn_utils.attention.answer`, which describes the two ways and their limits.

        Without weights, a score with a dot form takes the fused way: first derivatives only, memory linear in the
        length (but not with dropout in training). ``need_weights=True`` takes the explicit one, which has all.

        Args:
            queries: Floating point, shape ``(..., q, d)``, with the ``d`` that the score expects.
            keys: Shape ``(..., k, d)``, with the ``d`` that the score expects, or prepared keys.
            values: Shape ``(..., k, v)``.
            mask: Boolean, True = may attend, broadcastable to ``(..., q, k)``.
            causal: Whether a query sees no later key, the last query aligned with the last key.
            need_weights: Whether to return the weights.
            keys_prepared: Whether ``keys`` came from :meth:`prepare_keys`.
            grouped_heads: Whether each head of keys and values, dimension -3, serves several heads of queries.
            query_positions: Where the queries stand, for a score that looks at positions.
            key_positions: Where the keys stand, if they are not prepared.

        Returns:
            The output, shape ``(..., q, v)``, and the weights that made it, shape ``(..., q, k)``, or ``None``. In
            training the weights are those that dropout has left. A query with nothing to attend to gets weights 0
            and output 0.

        Raises:
            ValueError: If the arguments do not fit together.
        """
        self._check_positions(query_positions=query_positions, key_positions=key_positions)
        return answer(
            self.score,
            queries,
            keys,
            values,
            mask,
            causal=causal,
            need_weights=need_weights,
            dropout=self.dropout if self.training else 0.0,
            keys_prepared=keys_prepared,
            grouped_heads=grouped_heads,
            query_positions=query_positions,
            key_positions=key_positions,
        )

    def _check_positions(self, **positions: Tensor | None) -> None:
        for name, given in positions.items():
            if given is not None and not self.takes_positions:
                raise ValueError(f"{name} must be None for {type(self.score).__name__}, which looks at no positions")

    def extra_repr(self) -> str:
        """Name the dropout when the module is printed."""
        return f"dropout={self.dropout}"
