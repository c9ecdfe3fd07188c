"""Read a sentence: a gated recurrent unit from either end."""

import torch
from torch import Tensor, nn

from attn_utils._checks import check_dropout, check_padding, check_sizes, check_tokens
from attn_utils.data.vocabulary import PADDING

__all__ = ["Encoder"]


class Encoder(nn.Module):
    r"""Read a sentence in both directions with two gated recurrent units.

    .. math:: h_i = [\overrightarrow{h}_i; \overleftarrow{h}_i], \qquad
        \text{summary} = [\overrightarrow{h}_s; \overleftarrow{h}_1]

    Padding has no say: a sentence gets the same states whatever stands beside it in the batch.

    Args:
        vocabulary_size: Number of source words.
        embedding_size: Features of an embedded word.
        hidden_size: Features of the state of each direction.
        dropout: Share of the embeddings' features set to 0 in training.

    Raises:
        ValueError: If a size is not a positive integer or ``dropout`` is out of range.

    Source:
        Schuster and Paliwal (1997); Bahdanau et al. (2015), section 3.2.
    """

    def __init__(
        self, vocabulary_size: int, embedding_size: int = 64, hidden_size: int = 128, dropout: float = 0.0
    ) -> None:
        super().__init__()
        check_dropout(dropout)
        check_sizes(vocabulary_size=vocabulary_size, embedding_size=embedding_size, hidden_size=hidden_size)
        self.embedding = nn.Embedding(vocabulary_size, embedding_size, padding_idx=PADDING)
        self.dropout = nn.Dropout(dropout)
        # Two modules, not one with bidirectional=True: that one would begin the way back at the padding.
        self.from_left = nn.GRU(embedding_size, hidden_size, batch_first=True)
        self.from_right = nn.GRU(embedding_size, hidden_size, batch_first=True)

    @property
    def output_size(self) -> int:
        """Features of a state: both directions together."""
        return 2 * self.from_left.hidden_size

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Read the sentences.

        Args:
            source: Token numbers, shape ``(b, s)``, padded at the end.

        Returns:
            The states, shape ``(b, s, 2 * hidden_size)``, 0 at the padding, and the summary, shape
            ``(b, 2 * hidden_size)``: the last state of each direction.

        Raises:
            ValueError: If ``source`` has another shape or type, a number that is not in the vocabulary, an empty
                sentence, or padding before a word.
        """
        source = check_tokens("source", source, self.embedding.num_embeddings)
        real = source != PADDING
        check_padding("source", real)
        lengths = real.sum(dim=1)
        places = torch.arange(source.shape[1], device=source.device)
        # Where each word stands if its sentence is turned around and the padding stays behind it.
        turned = torch.where(real, lengths[:, None] - 1 - places, places)  # (b, s)
        e = self.dropout(self.embedding(source))  # (b, s, embedding)
        left, _ = self.from_left(e)  # (b, s, hidden)
        right, _ = self.from_right(_reorder(e, turned))  # (b, s, hidden), the last word first
        last = (lengths - 1)[:, None]
        summary = _reorder(torch.cat([left, right], dim=-1), last)[:, 0]
        states = torch.cat([left, _reorder(right, turned)], dim=-1)
        return states.masked_fill(~real[..., None], 0.0), summary


def _reorder(x: Tensor, places: Tensor) -> Tensor:
    """Take from each sentence of ``x``, shape ``(b, s, d)``, the vectors at ``places``, shape ``(b, n)``."""
    return x.gather(1, places[..., None].expand(-1, -1, x.shape[-1]))
