"""The Transformer beside the same weights in ``nn.Transformer``: a training step, and writing with and without a cache.

PyTorch's module has no cache: to write a word it reads all words before it again.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from attn_utils.data.vocabulary import PADDING, START
from attn_utils.transformer import DecoderStack, EncoderStack, Transformer
from benchmarks.measure import paired_times

BATCH, WORDS, SOURCE = 64, 600, 10
SIZES = {"d_model": 64, "num_heads": 4, "num_layers": 2, "d_ff": 128}  # those of chapter 9


class Theirs(nn.Module):
    """The embeddings of our model around PyTorch's layers, with equal weights."""

    def __init__(self, d_model: int, num_heads: int, num_layers: int, d_ff: int, *, norm_first: bool = True) -> None:
        super().__init__()
        self.layers = nn.Transformer(
            d_model, num_heads, num_layers, num_layers, d_ff, 0.0, batch_first=True, norm_first=norm_first
        )
        self.layers.encoder.enable_nested_tensor = False
        self.ours = Transformer(WORDS, WORDS, d_model, num_heads, num_layers, d_ff, norm_first=norm_first)
        self.ours.encoder = EncoderStack.from_torch(self.layers.encoder)
        self.ours.decoder = DecoderStack.from_torch(self.layers.decoder)

    def forward(self, source: Tensor, target_in: Tensor) -> Tensor:
        """Score every next word, shape (b, t) to (b, t, V)."""
        hidden = source == PADDING
        later = torch.ones(2 * [target_in.shape[1]], dtype=torch.bool).triu(1)
        x = self.layers(
            self.ours.source_embedding(source),
            self.ours.target_embedding(target_in),
            tgt_mask=later,
            src_key_padding_mask=hidden,
            memory_key_padding_mask=hidden,
            tgt_is_causal=True,
        )
        return self.ours.target_embedding.logits(x)


def inputs(length: int, batch: int = BATCH) -> tuple[Tensor, Tensor]:
    """Make sources, the shorter half with two words less than the longer one, and targets."""
    torch.manual_seed(0)
    source, target = (torch.randint(4, WORDS, (batch, n)) for n in (length, length + 2))
    source[batch // 2 :, length - 2 :] = PADDING
    return source, target


def training_step(model: nn.Module, source: Tensor, target: Tensor) -> None:
    model.zero_grad()
    cross_entropy(model(source, target).flatten(0, 1), target.flatten()).backward()


def training(lengths: list[int], pairs: int) -> list[dict[str, Any]]:
    """Return CPU time of a forward and backward pass, and the median of its paired ratios to PyTorch's."""
    torch.manual_seed(0)
    theirs = Theirs(**SIZES)  # type: ignore[arg-type]
    rows = []
    for length in lengths:
        batch = inputs(length)
        variants: dict[str, Callable[[], object]] = {
            "nn.Transformer": partial(training_step, theirs, *batch),
            "nn.Transformer again": partial(training_step, theirs, *batch),
            "library": partial(training_step, theirs.ours, *batch),
        }
        for name, (seconds, ratio) in paired_times(variants, pairs).items():
            rows.append({"length": length, "variant": name, "ms": round(1e3 * seconds, 2), "ratio": round(ratio, 3)})
    return rows


@torch.inference_mode()
def with_cache(model: Transformer, source: Tensor, length: int) -> None:
    """Write that many words, whatever they are."""
    memory, cache = model.start(source)
    word = torch.full((len(source), 1), START)
    for _ in range(length):
        logits, cache, _ = model.step(word, memory, cache)
        word = logits.argmax(-1)


@torch.inference_mode()
def without_cache(model: Theirs, source: Tensor, length: int) -> None:
    """Write as many, reading all words before again for each; the source is read once."""
    hidden = source == PADDING
    states = model.layers.encoder(model.ours.source_embedding(source), src_key_padding_mask=hidden)
    words = torch.full((len(source), 1), START)
    for n in range(1, length + 1):
        later = torch.ones(n, n, dtype=torch.bool).triu(1)
        x = model.ours.target_embedding(words)
        x = model.layers.decoder(x, states, later, memory_key_padding_mask=hidden, tgt_is_causal=True)
        word = model.ours.target_embedding.logits(x[:, -1:]).argmax(-1)
        words = torch.cat([words, word], dim=1)


def writing(lengths: list[int], pairs: int) -> list[dict[str, Any]]:
    """Return CPU time of writing so many words with a cache and without, and the median of the paired ratios."""
    torch.manual_seed(0)
    theirs = Theirs(**SIZES).eval()  # type: ignore[arg-type]
    source, _ = inputs(SOURCE, batch=8)
    rows = []
    for length in lengths:
        variants: dict[str, Callable[[], object]] = {
            "library, with its cache": partial(with_cache, theirs.ours, source, length),
            "nn.Transformer": partial(without_cache, theirs, source, length),
        }
        for name, (seconds, ratio) in paired_times(variants, pairs).items():
            rows.append({"words": length, "variant": name, "ms": round(1e3 * seconds, 1), "ratio": round(ratio, 2)})
    return rows


@torch.inference_mode()
def later_words(places: list[int], repeats: int) -> list[dict[str, Any]]:
    """Return the median time of a step of the published base model's decoder at each place, one sentence."""
    torch.manual_seed(0)
    model = Transformer.base(WORDS).eval()
    source, _ = inputs(SOURCE, batch=2)
    times: dict[int, list[float]] = {place: [] for place in places}
    for _ in range(repeats):
        memory, cache = model.start(source[:1])
        word = torch.full((1, 1), START)
        for place in range(1, max(places) + 6):
            began = time.process_time()
            logits, cache, _ = model.step(word, memory, cache)
            seconds = time.process_time() - began
            word = logits.argmax(-1)
            for wanted in places:
                if abs(place - wanted) <= 5:
                    times[wanted].append(seconds)
    first = statistics.median(times[places[0]])
    return [
        {"word": place, "ms": round(1e3 * statistics.median(t), 2), "ratio": round(statistics.median(t) / first, 2)}
        for place, t in times.items()
    ]
