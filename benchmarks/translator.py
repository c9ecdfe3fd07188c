"""A training step of the Bahdanau decoder: the library, straight PyTorch, and a decoder that hoists nothing.

The second computes the same on bare tensors, with all that does not depend on the decoder's state done before the
loop: the yardstick of the library's modules. The third does in each step what the step needs, as many tutorials do.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from attn_utils.data.vocabulary import PADDING
from attn_utils.recurrent import BahdanauDecoder, Encoder, Seq2Seq
from benchmarks.measure import median_times

BATCH, WORDS = 64, 600
CONTEXT = 256


def library(model: Seq2Seq, source: Tensor, target: Tensor) -> Tensor:
    return model(source, target)


def straight(model: Seq2Seq, source: Tensor, target: Tensor) -> Tensor:
    """Write the same on bare tensors: no modules, no checks, everything hoisted that can be."""
    states, summary = model.encoder(source)
    decoder = model.decoder
    score = decoder.attention.score
    W_input, W_state, b_input, b_state = decoder.gru.all_weights[0]
    # tanh by sigmoid, as the library does. The constant −Σv is left out: the softmax takes no notice of it.
    W_q, v = 2 * score.W_q.weight, 2 * score.v
    keys = 2 * score.W_k(states)  # not a bare tensor, so that the call is counted
    closed = (source == PADDING).float().masked_fill(source == PADDING, float("-inf"))  # (b, s): 0 or −∞
    e = decoder.embedding(target)
    W_e, W_c = W_input[:, : e.shape[-1]], W_input[:, e.shape[-1] :]
    from_words = linear(e, W_e, b_input).unbind(1)
    s = torch.tanh(linear(summary, decoder.first.weight, decoder.first.bias))
    hidden, contexts = [], []
    for from_word in from_words:
        scores = torch.sigmoid(linear(s, W_q)[:, None] + keys) @ v + closed  # (b, s)
        c = torch.bmm(scores.softmax(-1)[:, None], states)[:, 0]
        r_i, z_i, n_i = (from_word + linear(c, W_c)).chunk(3, -1)
        r_s, z_s, n_s = linear(s, W_state, b_state).chunk(3, -1)
        n = torch.tanh(n_i + torch.sigmoid(r_i + r_s) * n_s)
        s = n + torch.sigmoid(z_i + z_s) * (s - n)
        hidden.append(s)
        contexts.append(c)
    return decoder.readout(torch.cat([torch.stack(hidden, 1), torch.stack(contexts, 1), e], -1))


def nothing_hoisted(model: Seq2Seq, source: Tensor, target: Tensor) -> Tensor:
    """Project all keys again at each step, and read out there too."""
    states, summary = model.encoder(source)
    decoder = model.decoder
    attention = decoder.attention
    W_input, W_state, b_input, b_state = decoder.gru.all_weights[0]
    mask = (source != PADDING)[:, None]
    s = torch.tanh(decoder.first(summary))
    logits = []
    for word in target.unbind(1):
        e = decoder.embedding(word)
        c = attention(s[:, None], states, states, mask)[0][:, 0]
        s = torch.gru_cell(torch.cat([e, c], -1), s, W_input, W_state, b_input, b_state)
        logits.append(decoder.readout(torch.cat([s, c, e], -1)))
    return torch.stack(logits, 1)


VARIANTS: dict[str, Callable[[Seq2Seq, Tensor, Tensor], Tensor]] = {
    "library": library,
    "straight PyTorch": straight,
    "nothing hoisted": nothing_hoisted,
}


def inputs(length: int) -> tuple[Seq2Seq, Tensor, Tensor]:
    """Make a model, and a batch whose shorter half has two words less than the longer one."""
    torch.manual_seed(0)
    model = Seq2Seq(Encoder(WORDS), BahdanauDecoder(WORDS, CONTEXT))
    source, target = (torch.randint(4, WORDS, (BATCH, n)) for n in (length, length + 2))
    source[BATCH // 2 :, length - 2 :] = PADDING
    return model, source, target


def projections(variant: str, length: int = 10) -> int:
    """Count how often a variant projects the keys in one pass over a batch."""
    model, source, target = inputs(length)
    attention, calls = model.decoder.attention, []
    W_k = attention.score.W_k
    count = W_k.register_forward_hook(lambda *_: calls.append(1))
    VARIANTS[variant](model, source, target)
    count.remove()
    return len(calls)


def training_step(variant: str, model: Seq2Seq, source: Tensor, target: Tensor) -> None:
    model.zero_grad()
    logits = VARIANTS[variant](model, source, target)
    cross_entropy(logits.flatten(0, 1), target.flatten()).backward()


def benchmark(lengths: list[int], repeats: int) -> list[dict[str, Any]]:
    """Return the time of forward and backward pass over one batch.

    Times depend on the machine and its other work. That the library projects the keys once does not: it is asserted.
    """
    assert projections("library") == 1, "the keys are projected again at each step"
    rows = []
    for length in lengths:
        batch = inputs(length)
        runs = {name: partial(training_step, name, *batch) for name in VARIANTS}
        rows += [{"length": length, "variant": name, "ms": ms} for name, ms in median_times(runs, repeats).items()]
    return rows
