"""Small models, data and losses that the tests of training share."""

from types import SimpleNamespace

import torch
from torch import nn

from attn_utils.data.vocabulary import END, PADDING, START, Batch, Batches, Vocabulary
from attn_utils.training import fit
from attn_utils.training.losses import token_loss

LETTERS = "abcdef"


class Translator(nn.Module):
    """Small, with dropout: what it draws from the global seed shows in its weights."""

    def __init__(self, size=10, dropout=0.3):
        super().__init__()
        self.embedding = nn.Embedding(size, 8)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(16, size)

    def forward(self, source, target_in):
        summary = self.embedding(source).mean(dim=1, keepdim=True)
        words = self.dropout(self.embedding(target_in))
        return self.out(torch.cat([words, summary.expand_as(words)], dim=-1))


def corpus(n=60, seed=0):
    generator = torch.Generator().manual_seed(seed)
    sentences = []
    for _ in range(n):
        length = int(torch.randint(1, 8, (), generator=generator))
        sentences.append(tuple(LETTERS[i] for i in torch.randint(6, (length,), generator=generator)))
    return [SimpleNamespace(source=sentence, target=tuple(sorted(sentence))) for sentence in sentences]


def some_batches(n=60, **options):
    vocabulary = Vocabulary([tuple(LETTERS)])
    return Batches(corpus(n), vocabulary, vocabulary, **{"batch_size": 8, "pool": 2} | options)


EXAMPLES = list(some_batches(60, batch_size=1))


def translator(seed=3, **options):
    torch.manual_seed(seed)
    return Translator(**options)


def squares(model, batch):
    """A loss that has nothing to do with words."""
    x, y = batch
    return ((model(x) - y) ** 2).sum(), y.numel()


def line(n=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, generator=generator)
    return x, x @ torch.tensor([[2.0], [-1.0]]) + 0.5


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def batch_with_padding():
    target_out = torch.tensor([[4, 5, END, PADDING, PADDING], [6, 4, 7, 5, END]])
    target_in = torch.tensor([[START, 4, 5, PADDING, PADDING], [START, 6, 4, 7, 5]])
    return Batch(torch.tensor([[4, PADDING], [5, 6]]), target_in, target_out)


def falling_then_rising(number_best):
    """A loss whose held-out value falls until evaluation ``number_best`` and rises after it."""
    evaluations = 0

    def loss(model, batch):
        nonlocal evaluations
        if model.training:
            return squares(model, batch)
        evaluations += 1
        return torch.tensor(1.0 + abs(evaluations - number_best)), 1

    return loss


class StoppedError(Exception):
    """What ends a training from outside."""


def stopping(at, error=StoppedError):
    """The loss of tokens that raises at its ``at``-th call in training."""
    calls = 0

    def loss(model, batch):
        nonlocal calls
        calls += model.training
        if calls == at:
            raise error
        return token_loss(model, batch)

    loss.__qualname__ = token_loss.__qualname__  # to fit it is the same loss
    return loss


def resumable(path, loss=token_loss, model=None, batches=None, **options):
    model = translator() if model is None else model
    options = {"steps": 40, "every": 6, "held_out": some_batches(30, shuffle=False), "checkpoint": path} | options
    return model, fit(model, some_batches() if batches is None else batches, loss=loss, **options)
