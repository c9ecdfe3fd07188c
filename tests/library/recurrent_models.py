"""Small translators of every kind, and sentences for them: for the tests of what they compute and what they take."""

import torch
from torch import nn

from attn_utils.data.vocabulary import PADDING, START
from attn_utils.recurrent import BahdanauDecoder, Encoder, PlainDecoder, Seq2Seq
from attn_utils.scoring import DotScore, GeneralScore

WORDS, CONTEXT, EMBEDDING, HIDDEN = 30, 12, 5, 12


def bahdanau(**options) -> BahdanauDecoder:
    return BahdanauDecoder(WORDS, CONTEXT, EMBEDDING, HIDDEN, **options)


DECODERS = {
    "plain": lambda: PlainDecoder(WORDS, CONTEXT, EMBEDDING, HIDDEN),
    "additive": bahdanau,
    "additive, step first": lambda: bahdanau(order="step first"),
    "general": lambda: bahdanau(score=GeneralScore(HIDDEN, CONTEXT)),
    "dot, step first": lambda: bahdanau(score=DotScore(), order="step first"),
}
ATTENDING = [name for name in DECODERS if name != "plain"]


def model_of(name: str) -> Seq2Seq:
    return Seq2Seq(Encoder(WORDS, EMBEDDING, CONTEXT // 2), DECODERS[name]()).double().eval()


def sentences(lengths: list[int]) -> torch.Tensor:
    rows = [torch.randint(4, WORDS, (length,)) for length in lengths]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)


def some_sentences() -> tuple[torch.Tensor, torch.Tensor]:
    """Make sources of 7, 4 and 1 words, and what a decoder reads to write 6 words of each."""
    target_in = sentences([6, 6, 6])
    target_in[:, 0] = START
    return sentences([7, 4, 1]), target_in
