"""Train translators with and without attention, over several seeds, and store what chapter 4 shows of them.

Runs go side by side, each with one thread. First each model gets its learning rate: the one of ``RATES`` with the best
BLEU on the development part of the random split, from a seed that is not used again. Then the runs of ``RUNS`` are
trained and scored on the test part. Sizes, steps, batch, smoothing and dropout were chosen with the additive model on
the development part of the random split, not with its rivals. The narrower rival without attention was added after the
wider one's test figures had been seen, in an earlier round with other settings.

What is stored already is not run again, if settings, numbers of parameters and corpus are the same. After another
change of the models or the training, delete the file first.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from attn_utils import results
from attn_utils.data.pairs import Pair, Split, split_compositional, split_length, split_random
from attn_utils.data.parallel import generate
from attn_utils.data.vocabulary import PADDING, START, Batches, Vocabulary, pad
from attn_utils.decoding import beam_search, greedy
from attn_utils.metrics import alignment_error_rate, bleu, diagonal_links, exact_match, links, uniform_error_rate
from attn_utils.recurrent import BahdanauDecoder, Encoder, PlainDecoder, Seq2Seq
from attn_utils.results import load, save
from attn_utils.scoring import AdditiveScore, ScaledDotScore, Score
from attn_utils.training import fit, token_loss

STEPS, SMOOTHING, DROPOUT, BATCH = 1800, 0.1, 0.0, 64
RATES = [3.5e-3, 5e-3, 7e-3, 1e-2, 1.4e-2]
TUNING_SEED = 100
LENGTHS = [3, 5, 7, 9, 11, 13, 15, 17, 20, 25]  # a group of sentences begins at each, and ends before the next
LONGEST = 8  # words, in the training part of the split by length
SETTINGS = {"steps": STEPS, "smoothing": SMOOTHING, "dropout": DROPOUT, "batch": BATCH, "longest": LONGEST}


def attending(score: Callable[[], Score], input_feeding: bool) -> Callable[[int, int], Seq2Seq]:
    """Give a maker of translators whose encoder states and decoder states have 128 features."""
    return lambda n, m: Seq2Seq(
        Encoder(n, hidden_size=64, dropout=DROPOUT),
        BahdanauDecoder(m, 128, score=score(), dropout=DROPOUT, input_feeding=input_feeding),
    )


def without(features: int) -> Callable[[int, int], Seq2Seq]:
    """Give a maker of translators whose summary and decoder states have that many features."""
    return lambda n, m: Seq2Seq(
        Encoder(n, hidden_size=features // 2, dropout=DROPOUT),
        PlainDecoder(m, features, hidden_size=features, dropout=DROPOUT),
    )


MODELS: dict[str, Callable[[int, int], Seq2Seq]] = {
    "additive": attending(lambda: AdditiveScore(128, 128, 128), input_feeding=False),
    "additive, input feeding": attending(lambda: AdditiveScore(128, 128, 128), input_feeding=True),
    "scaled dot": attending(ScaledDotScore, input_feeding=False),
    "scaled dot, input feeding": attending(ScaledDotScore, input_feeding=True),
    # Generous rivals: larger states, 1.7 and 2.6 times the parameters.
    "no attention": without(192),
    "no attention, wider": without(256),
}
STORED = Path(results.__file__).with_name("translation.json")

SPLITS: dict[str, Callable[[], Split]] = {
    "random": lambda: split_random(corpus(), dev=1000, test=2000),
    "compositional": lambda: split_compositional(corpus(), dev=1000, test=2000),
    "length": lambda: split_length(corpus(), longest=LONGEST, dev=1000, test=2000),
}
RUNS = [  # model, split, seeds
    ("additive", "random", 5),
    ("no attention", "random", 5),
    ("additive, input feeding", "random", 3),
    ("scaled dot", "random", 3),
    ("scaled dot, input feeding", "random", 3),
    ("additive", "length", 3),
    ("no attention", "length", 3),
    ("additive", "compositional", 3),
    ("no attention", "compositional", 3),
    ("no attention, wider", "random", 3),
]


@cache
def corpus() -> list[Pair]:
    return generate(40_000, seed=0)


@cache
def parts(split: str) -> tuple[list[Pair], list[Pair], list[Pair], Vocabulary, Vocabulary]:
    cut = SPLITS[split]()
    return *cut, *cut.vocabularies()


def train(model_name: str, split: str, seed: int, rate: float) -> tuple[Seq2Seq, dict[str, Any]]:
    """Train a translator, and describe the training and how well it does on the development part."""
    torch.set_num_threads(1)
    train, dev, _, source_words, target_words = parts(split)
    torch.manual_seed(seed)
    model = MODELS[model_name](len(source_words), len(target_words))
    began = time.process_time()
    history = fit(
        model,
        Batches(train, source_words, target_words, BATCH, seed=seed),
        steps=STEPS,
        loss=partial(token_loss, smoothing=SMOOTHING),
        lr=rate,
        held_out=list(Batches(dev, source_words, target_words, 250, shuffle=False)),
        every=STEPS // 6,
        progress=False,
    )
    if history.interrupted:
        raise KeyboardInterrupt  # half a training is no result
    return model, {
        "model": model_name,
        "split": split,
        "seed": seed,
        "learning rate": rate,
        "parameters": sum(p.numel() for p in model.parameters()),
        "CPU seconds": round(time.process_time() - began, 1),
        "held-out loss": [round(x, 4) for x in history.held_out_loss],
        "dev": scores(model, dev, source_words, target_words)[0],
    }


def tune(model_name: str, split: str, seed: int, rate: float) -> dict[str, Any]:
    return train(model_name, split, seed, rate)[1]


def run(model_name: str, split: str, seed: int, rate: float) -> dict[str, Any]:
    model, row = train(model_name, split, seed, rate)
    _, _, test, source_words, target_words = parts(split)
    row["test"], written = scores(model, test, source_words, target_words)
    row["by length"] = by_length(test, written)
    row["by phenomenon"] = by_phenomenon(test, written)
    if split == "random":
        beamed = translate(model, test, source_words, target_words, beam=4)
        row["beam 4"] = quality(test, beamed)
        row["gradient"] = gradient_reach(model, test, source_words, target_words)
        if isinstance(model.decoder, BahdanauDecoder):
            found = aligned(model, test, source_words, target_words)
            row["looked elsewhere"] = looked_elsewhere(test, found)
            row["AER if shifted by one"] = score_links(test, [{(i, j + 1) for i, j in links} for links in found])
            row["next word right"] = forced_to_look(model, test, source_words, target_words)
    if (model_name, split, seed) == ("additive", "random", 0):
        row["mistakes"] = mistakes(test, written)[:30]
    return row


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


def word_for_word(train: Sequence[Pair], test: Sequence[Pair]) -> list[list[str]]:
    """Replace each source word by the target word that the gold links of the training part tie to it most often."""
    ties: dict[str, Counter[str]] = {}
    for pair in train:
        for i, j in sorted(pair.sure):
            ties.setdefault(pair.source[i], Counter())[pair.target[j]] += 1
    best = {word: counts.most_common(1)[0][0] for word, counts in ties.items()}
    return [[best[word] for word in pair.source if word in best] for pair in test]


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


def baselines() -> dict[str, Any]:
    """Describe the corpus, and score aligners that look at no word."""
    result: dict[str, Any] = {}
    for split in SPLITS:
        train, dev, test, source_words, target_words = parts(split)
        sure, possible = [p.sure for p in test], [p.possible for p in test]
        lengths = [(len(p.source), len(p.target)) for p in test]
        diagonal = [diagonal_links(s, t) for s, t in lengths]
        result[split] = {
            "word for word": quality(test, word_for_word(train, test)),
            "train": len(train),
            "dev": len(dev),
            "test": len(test),
            "source words": len(source_words),
            "target words": len(target_words),
            "AER diagonal": score_links(test, diagonal),
            "AER uniform": round(uniform_error_rate(sure, possible, lengths), 4),
        }
    return result


Job = tuple[str, str, int, float]


def job_of(row: dict[str, Any]) -> Job:
    return row["model"], row["split"], row["seed"], row["learning rate"]


def fill(
    pool: ProcessPoolExecutor, work: Callable[..., dict[str, Any]], jobs: Sequence[Job], done: Sequence[dict[str, Any]]
) -> Iterator[list[dict[str, Any]]]:
    """Do the jobs that are not done yet. Whenever one ends, give the rows of all that are done, in order."""
    rows = {job_of(row): row for row in done if job_of(row) in jobs}
    print(f"{len(jobs)} runs, {len(rows)} of them stored already")
    waiting = [pool.submit(work, *job) for job in jobs if job not in rows]
    try:
        for future in as_completed(waiting):
            row = future.result()
            rows[job_of(row)] = row
            print(*job_of(row), row.get("test") or row["dev"], sep="  ", flush=True)
            yield [rows[job] for job in jobs if job in rows]
    finally:
        for future in waiting:
            future.cancel()  # after an error or Ctrl-C: do not begin what nobody will store


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.translation", description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="runs side by side")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, Any] = {
        "settings": SETTINGS,
        "parameters": {name: sum(p.numel() for p in make(500, 1000).parameters()) for name, make in MODELS.items()},
        "corpus": baselines(),
    }
    figures |= stored_rows(figures)
    with ProcessPoolExecutor(arguments.processes) as pool:
        # Stored after each run: an hour's work is not lost.
        for rows in fill(pool, tune, tuning_jobs(), figures["tuning"]):
            figures["tuning"] = rows
            save("translation", "experiments.translation", figures)
        for rows in fill(pool, run, main_jobs(figures["tuning"]), figures["runs"]):
            figures["runs"] = rows
            save("translation", "experiments.translation", figures)
    print("All is stored for results.load('translation').")


def tuning_jobs() -> list[Job]:
    return [(name, "random", TUNING_SEED, rate) for name in MODELS for rate in RATES]


def main_jobs(tuning: Sequence[dict[str, Any]]) -> list[Job]:
    """Give the runs to make, each with the learning rate that served its model best."""
    best: dict[str, dict[str, Any]] = {}
    for row in sorted(tuning, key=lambda row: row["dev"]["BLEU"]):
        best[row["model"]] = row
    return [(name, split, seed, best[name]["learning rate"]) for name, split, n in RUNS for seed in range(n)]


def stored_rows(figures: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Give what an earlier call stored, if its settings, numbers of parameters and corpus were the same."""
    stored = load("translation") if STORED.exists() else {}
    if any(stored.get(key) != figures[key] for key in ["settings", "parameters", "corpus"]):
        return {"tuning": [], "runs": []}
    return {"tuning": stored["tuning"], "runs": stored["runs"]}


if __name__ == "__main__":
    main()
