"""What is measured on a translator of chapter 4 once it is trained: scores, alignments, mistakes, gradients."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from attn_utils.data.pairs import Pair
from attn_utils.data.vocabulary import PADDING, START, Vocabulary, pad
from attn_utils.decoding import beam_search, greedy
from attn_utils.metrics import alignment_error_rate, bleu, exact_match, links
from attn_utils.recurrent import BahdanauDecoder, Seq2Seq

LENGTHS = [3, 5, 7, 9, 11, 13, 15, 17, 20, 25]  # a group of sentences begins at each, and ends before the next


def in_batches(pairs: Sequence[Pair], size: int = 250) -> list[list[int]]:
    """Cut the indices of the pairs into groups of similar length."""
    order = sorted(range(len(pairs)), key=lambda i: len(pairs[i].source))
    return [order[i : i + size] for i in range(0, len(order), size)]


def translate(
    model: Seq2Seq, pairs: Sequence[Pair], source_words: Vocabulary, target_words: Vocabulary, beam: int = 1
) -> list[list[str]]:
    written: list[list[str]] = [[] for _ in pairs]
    for group in in_batches(pairs):
        source = pad([source_words.encode(pairs[i].source) for i in group])
        decoded = greedy(model, source) if beam == 1 else beam_search(model, source, beam=beam)
        for i, tokens in zip(group, decoded.tokens, strict=True):
            written[i] = target_words.decode(tokens)
    return written


@torch.no_grad()
def aligned(model: Seq2Seq, pairs: Sequence[Pair], source_words: Vocabulary, target_words: Vocabulary) -> list[Any]:
    """Give the link of each word of the reference: the source word that got most weight when it was to be written."""
    found: list[Any] = [set() for _ in pairs]
    for group in in_batches(pairs):
        _, weights = model(*tensors([pairs[i] for i in group], source_words, target_words), need_weights=True)
        for i, w in zip(group, weights, strict=True):
            found[i] = links(w[: len(pairs[i].target)])
    return found


class GivenWeights(nn.Module):
    """Attention whose weights somebody else has chosen: it hands them out step by step."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights, self.steps = weights, 0

    def prepare_keys(self, keys: Tensor) -> Tensor:
        """Return the keys: nothing is compared."""
        return keys

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor, *, need_weights: bool, keys_prepared: bool
    ) -> tuple[Tensor, Tensor]:
        """Average the values with the next weights."""
        alpha = self.weights[:, self.steps : self.steps + queries.shape[1]]
        self.steps += queries.shape[1]
        return alpha @ values, alpha


@torch.no_grad()
def forced_to_look(
    model: Seq2Seq, pairs: Sequence[Pair], source_words: Vocabulary, target_words: Vocabulary
) -> dict[str, Any]:
    """Share of next words that are right if the weights are the model's own, those of the gold links, or uniform.

    The words before are those of the reference. Words on whose gold link most weight falls, and words where it falls
    elsewhere, are counted apart.
    """
    counts: dict[str, Counter[str]] = {"own": Counter(), "gold": Counter(), "uniform": Counter()}
    attention = model.decoder.attention
    for group in in_batches(pairs):
        source, target_in = tensors([pairs[i] for i in group], source_words, target_words)
        target_out = target_in.roll(-1, dims=1)
        own = model(source, target_in, need_weights=True)[1]
        gold, real = own.clone(), torch.zeros_like(target_in, dtype=torch.bool)
        for row, pair in enumerate(pairs[i] for i in group):
            real[row, : len(pair.target)] = True
            for j in range(len(pair.target)):
                gold[row, j] = 0
                linked = [i for i, k in pair.possible if k == j]
                gold[row, j, linked] = 1 / len(linked)
        on_gold = gold.gather(-1, own.argmax(-1, keepdim=True))[..., 0] > 0
        uniform = (source != PADDING)[:, None].float().expand_as(own)
        for name, weights in [("own", own), ("gold", gold), ("uniform", uniform / uniform.sum(-1, keepdim=True))]:
            model.decoder.attention = GivenWeights(weights)
            right = model(source, target_in).argmax(-1) == target_out
            counts[name]["on the link"] += int(right[real & on_gold].sum())
            counts[name]["elsewhere"] += int(right[real & ~on_gold].sum())
            counts[name]["words on the link"] += int((real & on_gold).sum())
            counts[name]["words elsewhere"] += int((real & ~on_gold).sum())
        model.decoder.attention = attention
    return {
        name: {where: round(count[where] / count[f"words {where}"], 4) for where in ["on the link", "elsewhere"]}
        for name, count in counts.items()
    }


def looked_elsewhere(pairs: Sequence[Pair], found: Sequence[set[tuple[int, int]]]) -> dict[str, list[int]]:
    """Count for each target word how often it occurs, and how often most weight fell beside all of its links."""
    counts: dict[str, list[int]] = {}
    for pair, pair_links in zip(pairs, found, strict=True):
        for link in pair_links:
            count = counts.setdefault(pair.target[link[1]], [0, 0])
            count[0] += 1
            count[1] += link not in pair.possible
    wrong = sorted(counts, key=lambda word: (-counts[word][1], word))
    return {word: counts[word] for word in wrong[:12]}


def tensors(pairs: Sequence[Pair], source_words: Vocabulary, target_words: Vocabulary) -> tuple[Tensor, Tensor]:
    """Give the sources, and the targets with the start symbol before them."""
    source = pad([source_words.encode(pair.source) for pair in pairs])
    return source, pad([[START, *target_words.encode(pair.target)] for pair in pairs])


def quality(pairs: Sequence[Pair], written: Sequence[Sequence[str]]) -> dict[str, float]:
    references = [pair.target for pair in pairs]
    return {"BLEU": round(bleu(written, references), 2), "exact": round(exact_match(written, references), 4)}


def scores(
    model: Seq2Seq, pairs: Sequence[Pair], source_words: Vocabulary, target_words: Vocabulary
) -> tuple[dict[str, float], list[list[str]]]:
    written = translate(model, pairs, source_words, target_words)
    result = quality(pairs, written)
    if isinstance(model.decoder, BahdanauDecoder):
        result["AER"] = score_links(pairs, aligned(model, pairs, source_words, target_words))
    return result, written


def score_links(pairs: Sequence[Pair], found: Sequence[set[tuple[int, int]]]) -> float:
    return round(alignment_error_rate(found, [p.sure for p in pairs], [p.possible for p in pairs]), 4)


def by_length(pairs: Sequence[Pair], written: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    rows = []
    for low, high in pairwise(LENGTHS):
        chosen = [i for i, pair in enumerate(pairs) if low <= len(pair.source) < high]
        if chosen:
            figures = quality([pairs[i] for i in chosen], [written[i] for i in chosen])
            rows.append({"from": low, "to": high - 1, "sentences": len(chosen), **figures})
    return rows


def by_phenomenon(pairs: Sequence[Pair], written: Sequence[Sequence[str]]) -> dict[str, Any]:
    rows = {}
    for name in sorted(set().union(*(pair.phenomena for pair in pairs))):
        chosen = [i for i, pair in enumerate(pairs) if name in pair.phenomena]
        right = sum(tuple(written[i]) == pairs[i].target for i in chosen)
        rows[name] = {"sentences": len(chosen), "right": right}
    return rows


def mistakes(pairs: Sequence[Pair], written: Sequence[Sequence[str]]) -> list[dict[str, str]]:
    wrong = [(p, w) for p, w in zip(pairs, written, strict=True) if tuple(w) != p.target]
    return [{"source": " ".join(p.source), "reference": " ".join(p.target), "written": " ".join(w)} for p, w in wrong]


def gradient_reach(
    model: Seq2Seq, pairs: Sequence[Pair], source_words: Vocabulary, target_words: Vocabulary
) -> list[float]:
    """Give the gradient of the last word's log probability at each tenth of the source.

    Over the embeddings of sentences with at least 15 words; each sentence counts alike. 1 is what the tenth would get
    if all words of a sentence counted alike.
    """
    shares, alike = torch.zeros(10), torch.zeros(10)
    for pair in pairs:
        if len(pair.source) >= 15:
            source, target = tensors([pair], source_words, target_words)
            norms = embedding_gradient(model, source, target)
            tenth = torch.arange(len(norms)) * 10 // len(norms)
            shares.index_add_(0, tenth, norms / norms.sum())
            alike.index_add_(0, tenth, torch.full_like(norms, 1 / len(norms)))
    return [round(x, 4) for x in (shares / alike).tolist()]


def embedding_gradient(model: Seq2Seq, source: Tensor, target: Tensor) -> Tensor:
    """Norms of the gradients of log p(last word) with respect to the source's embedded words."""
    kept: list[Tensor] = []

    def keep(_module: object, _inputs: object, output: Tensor) -> None:
        output.retain_grad()
        kept.append(output)

    hook = model.encoder.embedding.register_forward_hook(keep)
    try:
        logits = model(source, target[:, :-1])
        logits.log_softmax(-1)[0, -1, target[0, -1]].backward()
    finally:
        hook.remove()
        model.zero_grad()
    gradient = kept[0].grad
    assert gradient is not None
    return gradient[0].norm(dim=-1)
