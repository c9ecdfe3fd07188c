"""Models whose next token depends on the whole past, or is what a test says: for the tests of decoding."""

import math

import torch
from torch import nn

from attn_utils.data.vocabulary import END, PADDING, START


class Oracle(nn.Module):
    """Logits that depend, without any pattern, on the source and on all tokens so far. No two are alike.

    It keeps what it has read in a cache, which grows by a position at each step (``room=None``), or has room for
    ``room`` positions and is written in place. It has two layers of weights that depend on the past as well: one looks
    at the source, and one, with two heads, at what has been read.
    """

    def __init__(self, V=7, spread=3.0, seed=0, room=None):
        super().__init__()
        self.V, self.spread, self.seed, self.room = V, spread, seed, room
        self.steps = 0

    def start(self, source):
        self.modes = (self.training, torch.is_grad_enabled())
        read = torch.full((len(source), 1, self.room or 0), -1)
        return {"source": source}, {"read": read, "count": torch.zeros(len(source), 1, 1, dtype=torch.long)}

    def step(self, tokens, memory, cache, *, need_weights=False):
        self.steps += 1
        source, read, count = memory["source"], cache["read"], cache["count"]
        if self.room:
            read.scatter_(2, count, tokens[..., None])
        else:
            read = torch.cat([read, tokens[..., None]], dim=2)
        past = self.mix(read[..., : int(count.max()) + 1]) + self.mix(source, is_source=True)[:, None] + self.seed
        logits = self.spread * torch.sin(past[..., None] * (1 + torch.arange(self.V)) ** 1.5)
        weights = None
        if need_weights:
            cross = torch.sin(past[..., None] + source[:, None]).masked_fill((source == PADDING)[:, None], -math.inf)
            own = torch.stack(
                [torch.sin(past[..., None] * (1 + read[..., : int(count.max()) + 1])) for _ in range(2)], 1
            )
            weights = {
                (0, "cross"): cross.softmax(-1)[:, None],
                (1, "self"): own * torch.tensor([1.0, 2.0])[:, None, None],
            }
        return logits, {"read": read, "count": count + 1}, weights

    @staticmethod
    def mix(numbers, is_source=False):
        """Sum that depends on the order; padding of a source adds 0."""
        place = torch.arange(numbers.shape[-1], dtype=torch.float64)
        offset = 0 if is_source else 1
        return ((numbers + offset) * torch.cos(1.7 * place + 0.3) * 2.1).sum(-1)


class Script:
    """Emits the words that it is told to, with probability almost 1. No module, no attention."""

    def __init__(self, *sentences, V=9):
        self.sentences, self.V = sentences, V

    def start(self, source):
        return {"sentence": source[:, 0] - 1}, {"position": torch.zeros(len(source), 1, dtype=torch.long)}

    def step(self, tokens, memory, cache, *, need_weights=False):
        said = [self.sentences[i] for i in memory["sentence"].tolist()]
        words = [
            [words[min(p, len(words) - 1)] for p in row]
            for words, row in zip(said, cache["position"].tolist(), strict=True)
        ]
        logits = 20.0 * nn.functional.one_hot(torch.tensor(words), self.V)
        return logits, {"position": cache["position"] + 1}, None


class Copy:
    """Emits the source and then END. The weights are on the word that is being emitted."""

    def start(self, source):
        ended = torch.cat([source, torch.zeros_like(source[:, :1])], dim=1)
        return {"source": torch.where(ended == PADDING, END, ended)}, {
            "t": torch.zeros(len(source), 1, dtype=torch.long)
        }

    def step(self, tokens, memory, cache, *, need_weights=False):
        s, t = memory["source"].shape[1] - 1, cache["t"]
        weights = {(0, "cross"): nn.functional.one_hot(t, s + 1)[:, None, :, :s]}
        return 9.0 * nn.functional.one_hot(memory["source"].gather(1, t), 20), {"t": t + 1}, weights


def some_sources(lengths, seed=0):
    rows = torch.randint(4, 9, (len(lengths), max(lengths)), generator=torch.Generator().manual_seed(seed))
    return rows.masked_fill(torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None], PADDING)


def emitted(tokens):
    """Without the padding after the end, as lists."""
    return [[x for x in row if x != PADDING] for row in tokens.tolist()]


def log_p(model, source, prefix):
    """Log-probabilities after a prefix of one sentence, each time from the beginning, and the weights of the step."""
    memory, cache = model.start(source)
    for token in [START, *prefix]:
        logits, cache, weights = model.step(torch.tensor([[token]]), memory, cache, need_weights=True)
    return logits.float().log_softmax(-1)[0, 0], {name: w[0, :, 0] for name, w in weights.items()}
