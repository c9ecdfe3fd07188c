"""Train Transformers on chapter 4's corpus: whole, and with a part left out, at several budgets and seeds.

Each kind gets the learning rate of ``RATES``, or of ``OTHER_RATES``, that has the best BLEU on the development part
after ``STEPS`` steps, from a seed that is not used again. Then it is trained, at each budget with that rate, and scored
on the test part. Where one thing about the training is changed (``RATE_OF``), the rate is not tuned anew. Corpus,
batches and scores are those of ``experiments.translation``, so that the rows stand beside its rows. Sizes were chosen
before, on the development part.

Runs go side by side, each with one thread. What is stored already is not run again, if settings and numbers of
parameters are the same.
"""

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from attn_utils.data.pairs import Pair
from attn_utils.data.vocabulary import Batches, Vocabulary
from attn_utils.metrics import links
from attn_utils.results import machine
from attn_utils.training import fit, token_loss
from attn_utils.transformer import EncoderLayer, Transformer
from experiments.runner import Row, complete, store
from experiments.translation import TUNING_SEED, parts
from experiments.translation_scores import by_length, in_batches, quality, score_links, tensors, translate

BATCH, SMOOTHING, WARMUP = 64, 0.1, 0.1
STEPS = 1800
RATES = [4e-3, 8e-3, 1.6e-2]
STRIPPED = ("no residual", "no norm", "no feed-forward", "attention alone")
OTHER_RATES = {kind: [1e-3, *RATES[:2]] for kind in STRIPPED}
# One thing is changed, and the rate is that of the kind which has it.
RATE_OF = {"no smoothing": "whole", "no warm-up": "whole", "post-norm, no warm-up": "post-norm"}
KINDS = {  # norms first?, what is left out of each layer, share of steps to warm up in, smoothing
    "whole": (True, (), WARMUP, SMOOTHING),
    "post-norm": (False, (), WARMUP, SMOOTHING),
    "no residual": (True, ("residual",), WARMUP, SMOOTHING),
    "no norm": (True, ("norm",), WARMUP, SMOOTHING),
    "no feed-forward": (True, ("feed-forward",), WARMUP, SMOOTHING),
    "attention alone": (True, ("residual", "norm", "feed-forward"), WARMUP, SMOOTHING),
    "no smoothing": (True, (), WARMUP, 0.0),
    "no warm-up": (True, (), 0.0, SMOOTHING),
    "post-norm, no warm-up": (False, (), 0.0, SMOOTHING),
}
RUNS = [  # kind, steps, seeds; what matters most is made first
    ("whole", STEPS, 3),
    ("whole", 2 * STEPS, 3),
    ("attention alone", STEPS, 1),
    ("no residual", STEPS, 1),
    ("no norm", STEPS, 1),
    ("no feed-forward", STEPS, 1),
    ("whole", 4 * STEPS, 1),
    ("attention alone", 2 * STEPS, 1),
    ("no residual", 2 * STEPS, 1),
    ("no norm", 2 * STEPS, 1),
    ("no feed-forward", 2 * STEPS, 1),
    ("post-norm", STEPS, 1),
    ("no smoothing", STEPS, 1),
    ("no warm-up", STEPS, 1),
    ("post-norm, no warm-up", STEPS, 1),
]
SETTINGS = {
    "batch": BATCH,
    "smoothing": SMOOTHING,
    "warmup": WARMUP,
    "rates": RATES,
    "other rates": OTHER_RATES,
    "rate of": RATE_OF,
}


class Job(NamedTuple):
    """One training: with the tuning seed to choose a rate, with another to be scored on the test part."""

    kind: str
    steps: int
    seed: int
    rate: float


class Nothing(nn.Module):
    """A feed-forward network that finds nothing."""

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros like ``x``."""
        return torch.zeros_like(x)


def make(kind: str, source_size: int, target_size: int) -> Transformer:
    """Make the model of a kind: d = 64, 4 heads, 2 + 2 layers, 128 hidden units."""
    norm_first, left_out, _, _ = KINDS[kind]
    model = Transformer(source_size, target_size, 64, 4, 2, 128, norm_first=norm_first)
    for layer in model.modules():
        if isinstance(layer, EncoderLayer):
            if "feed-forward" in left_out:
                # What finds nothing leaves the token as it is, with a residual or without.
                layer.feed_forward = nn.Identity() if "residual" in left_out else Nothing()  # type: ignore[assignment]
            if "norm" in left_out:
                for name in [name for name, part in layer.named_children() if isinstance(part, nn.LayerNorm)]:
                    setattr(layer, name, nn.Identity())
            if "residual" in left_out:
                layer.add = without_residual  # type: ignore[method-assign]
    if "norm" in left_out:
        model.encoder.norm = model.decoder.norm = nn.Identity()
    return model


def without_residual(x: Tensor, found: Tensor, norm: nn.Module) -> Tensor:
    """Return what was found in place of the token."""
    return found


@torch.no_grad()
def aligned(
    model: Transformer, pairs: Sequence[Pair], source_words: Vocabulary, target_words: Vocabulary
) -> dict[str, list[Any]]:
    """Give the link of each word of the reference, by single heads, by the mean of each layer and by that of all."""
    found: dict[str, list[Any]] = {}
    for group in in_batches(pairs):
        _, weights = model(*tensors([pairs[i] for i in group], source_words, target_words), need_weights=True)
        cross = torch.stack([weights[i, "cross"] for i in range(len(model.decoder.layers))])  # (l, b, h, t, s)
        maps = {"all": cross.mean((0, 2))}
        for i, layer in enumerate(cross, start=1):
            maps[f"layer {i}"] = layer.mean(1)
            maps |= {f"layer {i}, head {h}": layer[:, h - 1] for h in range(1, layer.shape[1] + 1)}
        for name, w in maps.items():
            rows = found.setdefault(name, [None] * len(pairs))
            for row, i in zip(w, group, strict=True):
                rows[i] = links(row[: len(pairs[i].target)])
    return found


def scores(model: Transformer, part: list[Pair], source_words: Vocabulary, target_words: Vocabulary) -> Row:
    """Score translations, their quality by length, and alignments."""
    began = time.perf_counter()
    written = translate(model, part, source_words, target_words)  # type: ignore[arg-type]
    seconds = time.perf_counter() - began
    found = aligned(model, part, source_words, target_words)
    return {
        **quality(part, written),
        "AER": {name: score_links(part, of_pairs) for name, of_pairs in found.items()},
        "by length": by_length(part, written),
        "seconds to write": round(seconds, 1),
    }


def run(job: Job) -> Row:
    """Make one run. With the tuning seed the test part is not looked at."""
    torch.set_num_threads(1)
    train, dev, test, source_words, target_words = parts("random")
    _, _, warmup, smoothing = KINDS[job.kind]
    torch.manual_seed(job.seed)
    model = make(job.kind, len(source_words), len(target_words))
    began = time.process_time()
    try:
        history = fit(
            model,
            Batches(train, source_words, target_words, BATCH, seed=job.seed),
            steps=job.steps,
            loss=partial(token_loss, smoothing=smoothing),
            lr=job.rate,
            warmup=warmup,
            held_out=list(Batches(dev, source_words, target_words, 250, shuffle=False)),
            every=job.steps // 6,
            progress=False,
        )
    except FloatingPointError as error:  # a rate at which the training blows up has been tried as well
        return {**job._asdict(), "diverged": str(error).split(":")[0], "dev": {"BLEU": 0.0}}
    if history.interrupted:
        raise KeyboardInterrupt  # half a training is no result
    row: Row = {
        **job._asdict(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "device": machine()["cpu"],
        "torch": torch.__version__,
        "processor seconds": round(time.process_time() - began, 1),
        "held-out loss": [round(x, 4) for x in history.held_out_loss],
        "dev": scores(model, dev, source_words, target_words),
    }
    if job.seed != TUNING_SEED:
        row["test"] = scores(model, test, source_words, target_words)
    return row


def plan(rows: Sequence[Row]) -> list[Job]:
    """Name the jobs: those that tune, and then those whose rate is known."""
    jobs: list[Job] = []
    for kind, steps, seeds in RUNS:
        tuned = RATE_OF.get(kind, kind)
        tuning = [Job(tuned, STEPS, TUNING_SEED, rate) for rate in OTHER_RATES.get(tuned, RATES)]
        jobs += [job for job in tuning if job not in jobs]
        tried = {row["rate"]: row["dev"]["BLEU"] for row in rows if Job(*[row[key] for key in Job._fields]) in tuning}
        if len(tried) == len(tuning):
            best = min(tried, key=lambda rate: (-tried[rate], rate))
            jobs += [Job(kind, steps, seed, best) for seed in range(seeds)]
    return jobs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.transformer", description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="runs side by side")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {
        "settings": SETTINGS,
        "parameters": {kind: sum(p.numel() for p in make(kind, 500, 1000).parameters()) for kind in KINDS},
    }
    lists = {"tuning": lambda row: row["seed"] == TUNING_SEED, "runs": lambda row: row["seed"] != TUNING_SEED}
    keep = partial(store, "transformer", "experiments.transformer", figures, plan=plan, lists=lists)
    done = keep([])
    with ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool:
        for row in complete(pool, arguments.processes, run, plan, done):
            stored = keep([row])  # after each run: an hour's work is not lost
            scored = row.get("test") or row["dev"]
            shown = [row["diverged"]] if "diverged" in row else [scored["BLEU"], scored["exact"], scored["AER"]["all"]]
            print(len(stored), *(row[key] for key in Job._fields), *shown, sep="  ", flush=True)
    print("All is stored for results.load('transformer').")


if __name__ == "__main__":
    main()
