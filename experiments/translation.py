"""Train translators with and without attention, at several budgets and seeds, and store what chapter 4 shows of them.

Each model gets its learning rate for each budget: the one of ``RATES`` with the best BLEU on the development part of
the random split, from a seed that is not used again. Then the runs of ``RUNS`` are trained and scored on the test part.
Sizes, batch, smoothing and dropout were chosen with the additive model at 1,800 steps on the development part of the
random split, not with its rivals. The narrower rival without attention was added after the wider one's test figures had
been seen, in an earlier round with other settings.

Runs go side by side, each with one thread. What is stored already is not run again, if settings, numbers of parameters
and corpus are the same. After another change of the models or the training, delete the file first.
"""

import argparse
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from typing import Any, NamedTuple

import torch

from attn_utils.data.pairs import Pair, Split, split_compositional, split_length, split_random
from attn_utils.data.parallel import generate
from attn_utils.data.vocabulary import Batches, Vocabulary
from attn_utils.metrics import diagonal_links, uniform_error_rate
from attn_utils.recurrent import BahdanauDecoder, Encoder, Order, PlainDecoder, Seq2Seq
from attn_utils.results import machine
from attn_utils.scoring import AdditiveScore, ScaledDotScore, Score
from attn_utils.training import fit, token_loss
from experiments.runner import Row, complete, store
from experiments.translation_scores import (
    aligned,
    by_length,
    by_phenomenon,
    forced_to_look,
    gradient_reach,
    looked_elsewhere,
    mistakes,
    quality,
    score_links,
    scores,
    translate,
)

SMOOTHING, DROPOUT, BATCH = 0.1, 0.0, 64
STEPS = 1800
LONGEST = 8  # words, in the training part of the split by length
SETTINGS = {"smoothing": SMOOTHING, "dropout": DROPOUT, "batch": BATCH, "longest": LONGEST}
TUNING_SEED = 100
RATES = {
    1800: [3.5e-3, 5e-3, 7e-3, 1e-2, 1.4e-2],
    3600: [2.5e-3, 3.5e-3, 5e-3, 7e-3],
    7200: [2.5e-3, 3.5e-3, 5e-3, 7e-3],
    14400: [2.5e-3, 3.5e-3, 5e-3, 7e-3],
}


@cache
def corpus() -> list[Pair]:
    return generate(40_000, seed=0)


def attending(score: Callable[[], Score], order: Order) -> Callable[[int, int], Seq2Seq]:
    """Give a maker of translators whose encoder states and decoder states have 128 features."""
    return lambda n, m: Seq2Seq(
        Encoder(n, hidden_size=64, dropout=DROPOUT),
        BahdanauDecoder(m, 128, score=score(), dropout=DROPOUT, order=order),
    )


def without(features: int) -> Callable[[int, int], Seq2Seq]:
    """Give a maker of translators whose summary and decoder states have that many features."""
    return lambda n, m: Seq2Seq(
        Encoder(n, hidden_size=features // 2, dropout=DROPOUT),
        PlainDecoder(m, features, hidden_size=features, dropout=DROPOUT),
    )


MODELS: dict[str, Callable[[int, int], Seq2Seq]] = {
    "additive": attending(lambda: AdditiveScore(128, 128, 128), order="step first"),
    "additive, look first": attending(lambda: AdditiveScore(128, 128, 128), order="look first"),
    "scaled dot": attending(ScaledDotScore, order="step first"),
    "scaled dot, look first": attending(ScaledDotScore, order="look first"),
    # Generous rivals: larger states, 1.7 and 2.6 times the parameters.
    "no attention": without(192),
    "no attention, wider": without(256),
}

SPLITS: dict[str, Callable[[], Split]] = {
    "random": lambda: split_random(corpus(), dev=1000, test=2000),
    "compositional": lambda: split_compositional(corpus(), dev=1000, test=2000),
    "length": lambda: split_length(corpus(), longest=LONGEST, dev=1000, test=2000),
}
RUNS = [  # model, split, steps, seeds; what matters most is made first
    ("additive", "random", STEPS, 5),
    ("no attention", "random", STEPS, 5),
    ("no attention, wider", "random", STEPS, 3),
    ("additive, look first", "random", STEPS, 3),
    ("scaled dot", "random", STEPS, 3),
    ("scaled dot, look first", "random", STEPS, 3),
    ("additive", "length", STEPS, 3),
    ("no attention", "length", STEPS, 3),
    ("additive", "compositional", STEPS, 3),
    ("no attention", "compositional", STEPS, 3),
    ("additive", "random", 7200, 3),
    ("no attention", "random", 7200, 3),
    ("no attention, wider", "random", 7200, 3),
    ("additive", "random", 3600, 1),
    ("no attention", "random", 3600, 1),
    ("no attention, wider", "random", 3600, 1),
    # How far do the rivals get? With the tuning's seed alone, so on the development part.
    ("no attention", "random", 14400, 0),
    ("no attention, wider", "random", 14400, 0),
]


class Job(NamedTuple):
    """One training: with the tuning seed to choose a rate, with another to be scored on the test part."""

    model: str
    split: str
    steps: int
    seed: int
    rate: float


@cache
def parts(split: str) -> tuple[list[Pair], list[Pair], list[Pair], Vocabulary, Vocabulary]:
    cut = SPLITS[split]()
    return *cut, *cut.vocabularies()


def train(job: Job, device: str) -> tuple[Seq2Seq, Row]:
    """Train a translator, and describe the training and how well it does on the development part."""
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # the same arithmetic everywhere
    train, dev, _, source_words, target_words = parts(job.split)
    torch.manual_seed(job.seed)
    model = MODELS[job.model](len(source_words), len(target_words)).to(device)
    began = time.perf_counter()
    history = fit(
        model,
        Batches(train, source_words, target_words, BATCH, seed=job.seed),
        steps=job.steps,
        loss=partial(token_loss, smoothing=SMOOTHING),
        lr=job.rate,
        held_out=list(Batches(dev, source_words, target_words, 250, shuffle=False)),
        every=job.steps // 6,
        progress=False,
    )
    if history.interrupted:
        raise KeyboardInterrupt  # half a training is no result
    seconds = time.perf_counter() - began
    model.to("cpu")
    return model, {
        **job._asdict(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "device": torch.cuda.get_device_name() if device == "cuda" else machine()["cpu"],
        "torch": torch.__version__,
        "seconds": round(seconds, 1),
        "held-out loss": [round(x, 4) for x in history.held_out_loss],
        "dev": scores(model, dev, source_words, target_words)[0],
    }


def run(job: Job, device: str = "cpu") -> Row:
    """Make one run. With the tuning seed the test part is not looked at."""
    model, row = train(job, device)
    if job.seed == TUNING_SEED:
        return row
    _, _, test, source_words, target_words = parts(job.split)
    row["test"], written = scores(model, test, source_words, target_words)
    row["by length"] = by_length(test, written)
    row["by phenomenon"] = by_phenomenon(test, written)
    if job.split == "random" and job.steps == STEPS:
        beamed = translate(model, test, source_words, target_words, beam=4)
        row["beam 4"] = quality(test, beamed)
        row["gradient"] = gradient_reach(model, test, source_words, target_words)
        if isinstance(model.decoder, BahdanauDecoder):
            found = aligned(model, test, source_words, target_words)
            row["looked elsewhere"] = looked_elsewhere(test, found)
            row["AER if shifted by one"] = score_links(test, [{(i, j + 1) for i, j in links} for links in found])
            row["next word right"] = forced_to_look(model, test, source_words, target_words)
    if job[:4] == ("additive", "random", STEPS, 0):
        row["mistakes"] = mistakes(test, written)[:30]
    return row


def plan(rows: Sequence[Row]) -> list[Job]:
    """Name the jobs: those that tune, and then those whose rate is known."""
    jobs: list[Job] = []
    for model, split, steps, seeds in RUNS:
        tuning = [Job(model, "random", steps, TUNING_SEED, rate) for rate in RATES[steps]]
        jobs += [job for job in tuning if job not in jobs]
        tried = {row["rate"]: row["dev"]["BLEU"] for row in rows if Job(*[row[key] for key in Job._fields]) in tuning}
        if len(tried) == len(tuning):
            best = min(tried, key=lambda rate: (-tried[rate], rate))
            jobs += [Job(model, split, steps, seed, best) for seed in range(seeds)]
    return jobs


def word_for_word(train: Sequence[Pair], test: Sequence[Pair]) -> list[list[str]]:
    """Replace each source word by the target word that the gold links of the training part tie to it most often."""
    ties: dict[str, Counter[str]] = {}
    for pair in train:
        for i, j in sorted(pair.sure):
            ties.setdefault(pair.source[i], Counter())[pair.target[j]] += 1
    best = {word: counts.most_common(1)[0][0] for word, counts in ties.items()}
    return [[best[word] for word in pair.source if word in best] for pair in test]


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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.translation", description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="runs side by side")
    parser.add_argument("--device", default="cpu", help="where to train: cpu or cuda")
    parser.add_argument("--steps", type=int, nargs="+", default=list(RATES), help="make the runs of these budgets only")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, Any] = {
        "settings": SETTINGS,
        "parameters": {name: sum(p.numel() for p in make(500, 1000).parameters()) for name, make in MODELS.items()},
        "corpus": baselines(),
    }
    lists = {"tuning": lambda row: "test" not in row, "runs": lambda row: "test" in row}
    keep = partial(store, "translation", "experiments.translation", figures, plan=plan, lists=lists)
    done = keep([])
    work = partial(run, device=arguments.device)
    # A process of its own for each worker: CUDA cannot be used in one that was forked.
    with ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool:
        for row in complete(pool, arguments.processes, work, plan, done, lambda job: job.steps in arguments.steps):
            stored = keep([row])  # after each run: an hour's work is not lost
            print(len(stored), *(row[key] for key in Job._fields), row.get("test") or row["dev"], sep="  ", flush=True)
    print("All is stored for results.load('translation').")


if __name__ == "__main__":
    main()
