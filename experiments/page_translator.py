"""Train the translator that chapter 9's page runs by itself, round its matrices to eight bits, and break it.

It is the kind "whole" of ``experiments.transformer`` with twice the steps and the first seed. Scored are the model as
trained and as rounded; the rounded one is written to ``assets/demos/translator.js``, with sentences of the test part.
Then each famous bug is put in, and the rounded model translates those sentences again. What is stored already is not
done again.
"""

import argparse
import gzip
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from time import process_time
from typing import Any, NamedTuple

import torch

from attn_utils.data.grammar.words import VERBS
from attn_utils.data.vocabulary import Batches
from attn_utils.results import load, machine
from attn_utils.training import fit, token_loss
from attn_utils.transformer import Transformer
from attn_utils.widgets.translator import packed
from attn_utils.widgets.translator.bugs import BUGS, OTHERS, broken
from attn_utils.widgets.translator.measure import measure
from experiments import transformer
from experiments.runner import Row, complete, store
from experiments.translation import parts
from experiments.translation_scores import quality, score_links, translate

STEPS, SEED, SENTENCES = 2 * transformer.STEPS, 0, 40
AUXILIARIES = "am are can cannot did do does had has have is must was were will"
SETTINGS = {"steps": STEPS, "seed": SEED, "sentences": SENTENCES}


class Job(NamedTuple):
    """The training, or a bug to be put into what it gave."""

    what: str


TRAINING = Job("training")


def rate() -> float:
    """Return the rate that was chosen for the kind on the development part."""
    return float(next(row["rate"] for row in load("transformer")["runs"] if row["kind"] == "whole"))


def finite() -> list[str]:
    """Return the English verb forms with tense that the training part has. A base is also a present tense."""
    words = parts("random")[3]
    forms = {form for verb in VERBS for form in (verb.english.base, verb.english.third, verb.english.past)}
    return sorted(word for word in forms | set(AUXILIARIES.split()) if word in words)


def train(steps: int = STEPS) -> tuple[Transformer, float]:
    """Train the model; give it and the seconds of a processor that it took."""
    torch.set_num_threads(1)
    train, dev, _, source_words, target_words = parts("random")
    torch.manual_seed(SEED)
    model = transformer.make("whole", len(source_words), len(target_words))
    began = process_time()
    history = fit(
        model,
        Batches(train, source_words, target_words, transformer.BATCH, seed=SEED),
        steps=steps,
        loss=partial(token_loss, smoothing=transformer.SMOOTHING),
        lr=rate(),
        warmup=transformer.WARMUP,
        held_out=list(Batches(dev, source_words, target_words, 250, shuffle=False)),
        every=steps,
        progress=False,
    )
    if history.interrupted:
        raise KeyboardInterrupt  # half a training is no result
    return model, round(process_time() - began, 1)


def scores(model: Transformer) -> dict[str, Any]:
    """Score translations, and alignments by the mean of all heads, on the development and the test part."""
    _, dev, test, *words = parts("random")
    found = {}
    for name, part in (("dev", dev), ("test", test)):
        written = translate(model, part, *words)  # type: ignore[arg-type]
        links = transformer.aligned(model, part, *words)["all"]
        found[name] = quality(part, written) | {"AER": score_links(part, links)}
    return found


def run_training() -> Row:
    """Train, round, score, and write the asset."""
    _, _, test, source_words, target_words = parts("random")
    model, seconds = train()
    pairs = Random(SEED).sample(test, SENTENCES)
    content = packed.pack(model, source_words.words, target_words.words, finite(), pairs)
    packed.write(content)
    rounded = packed.unpack(content).model
    written = [translate(m, test, source_words, target_words) for m in (model, rounded)]  # type: ignore[arg-type]
    text = packed.FILE.read_bytes()
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "rate": rate(),
        "device": machine()["cpu"],
        "torch": torch.__version__,
        "processor seconds": seconds,
        "kB": round(len(text) / 1000),
        "kB compressed": round(len(gzip.compress(text, 9)) / 1000),
        "as trained": scores(model),
        "rounded": scores(rounded),
        "same translation": round(sum(a == b for a, b in zip(*written, strict=True)) / len(test), 4),
    }


def run(job: Job) -> Row:
    """Make one run."""
    if job == TRAINING:
        return {**job._asdict(), **run_training()}
    translator = packed.stored()
    return {**job._asdict(), **measure(broken(translator.model, job.what), translator, off_by=job.what)}


def plan(rows: Sequence[Row]) -> list[Job]:
    """Name the training, and once it is there the bugs."""
    trained = any(row["what"] == TRAINING.what for row in rows)
    return [TRAINING, *(Job(bug) for bug in ("none", *BUGS, *OTHERS) if trained)]


def main() -> None:
    argparse.ArgumentParser(prog="python -m experiments.page_translator", description=__doc__).parse_args()
    lists = {"runs": lambda row: row["what"] == TRAINING.what, "bugs": lambda row: row["what"] != TRAINING.what}
    keep = partial(store, "translator", "experiments.page_translator", {"settings": SETTINGS}, plan=plan, lists=lists)
    done = keep([])
    with ThreadPoolExecutor(1) as pool:
        for row in complete(pool, 1, run, plan, done):
            keep([row])
            print(row, flush=True)
    print("All is stored for results.load('translator').")


if __name__ == "__main__":
    main()
