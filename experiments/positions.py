"""Who bit whom: one layer of self-attention, with each way to tell it where a token stands.

A sentence of ``SHORTEST`` to ``LONGEST`` words has two names with the verb somewhere between them, and fillers. At the
verb the model says who bit. Every kind gets the rate of ``RATES`` that did best from a seed that is not used again,
and two budgets. Longer sentences than in training are tried too; sentences that begin at a later place; and rotary
positions with their angles made smaller. Runs go side by side, each with one thread. What is stored already is not run
again.
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
from torch.nn.functional import cross_entropy

from attn_utils.alibi import AlibiScore
from attn_utils.multi_head import MultiHeadAttention
from attn_utils.positions import LearnedPositions, SinusoidalPositions
from attn_utils.rotary import RotaryScore
from experiments.runner import Row, complete, store

NAMES, FILLERS, D, HEADS, BATCH = 16, 12, 64, 4, 64
VERB, WORDS = NAMES + FILLERS, NAMES + FILLERS + 1
SHORTEST, LONGEST, TESTED = 6, 16, [16, 20, 24, 32, 48, 64]
MOVED = [0, 4, 8, 16, 32, 48]  # at which place a sentence of LONGEST words begins
SLOWED = {"second": [1], "third": [2], "second_and_third": [1, 2], "last_five": [3, 4, 5, 6, 7]}  # from fast to slow
RATES = [0.001, 0.003, 0.01]
TUNING_SEED, TUNING_STEPS, BUDGETS, SEEDS = 100, 1000, [1000, 4000], 3
# How long an entry of the embedding and how large a position is, after the factor √d where there is one.
LOUDNESS = {
    "sinusoidal, no root": (D**-0.5, 1.0),  # an embedding of length 1
    "sinusoidal, loud": (D**0.5, 1.0),  # of length d
    "sinusoidal, quiet positions": (1.0, D**-0.5),  # the same ratio, but no long vectors
    "sinusoidal, both loud": (D**0.5, D**0.5),  # the same vectors, but not the ratio
}
KINDS = ["none", "learned", "sinusoidal", "rotary", "ALiBi", *LOUDNESS]
SETTINGS = {
    "names": NAMES, "fillers": FILLERS, "features": D, "heads": HEADS, "batch": BATCH, "shortest": SHORTEST,
    "longest": LONGEST, "tested": TESTED, "moved": MOVED,
}  # fmt: skip


class Job(NamedTuple):
    """One training."""

    kind: str
    steps: int
    seed: int
    rate: float


def sentences(batch: int, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw sentences (b, n), where their verb stands (b,), and who bit, the name before it (b,)."""
    x = NAMES + torch.randint(FILLERS, (batch, n), generator=generator)
    places = torch.rand(batch, n, generator=generator).argsort(dim=1)[:, :3].sort(dim=1).values
    names = torch.rand(batch, NAMES, generator=generator).argsort(dim=1)[:, :2]
    verb = torch.full((batch, 1), VERB)
    x = x.scatter(1, places, torch.cat([names[:, :1], verb, names[:, 1:]], dim=1))
    return x, places[:, 1], names[:, 0]


class Reader(nn.Module):
    """Words and their positions, one layer of self-attention, and a guess at every word."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.embedding = nn.Embedding(WORDS, D)
        # As in the Transformer: variance 1/d, times √d. "no root" leaves the factor out, "loud" starts at variance 1.
        std, self.volume = LOUDNESS.get(kind, (1.0, 1.0))
        self.factor = 1.0 if kind == "sinusoidal, no root" else D**0.5
        nn.init.normal_(self.embedding.weight, std=std / self.factor)
        self.positions: nn.Module | None = None
        if kind == "learned":
            self.positions = LearnedPositions(max(TESTED), D)
        elif kind.startswith("sinusoidal"):
            self.positions = SinusoidalPositions(D)
        scores = {"rotary": RotaryScore(D // HEADS), "ALiBi": AlibiScore(HEADS, causal=False)}
        self.attention = MultiHeadAttention(D, HEADS, score=scores.get(kind))
        self.guess = nn.Linear(D, NAMES)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """Words (b, n), the first at place ``start``, to logits of names (b, n, names)."""
        h = self.embedding(x) * self.factor
        if self.positions is not None:
            h = self.volume * self.positions(h / self.volume, offset=start)
        at = start + torch.arange(x.shape[1]).expand(x.shape)
        placed = {"query_positions": at, "key_positions": at} if self.kind in ("rotary", "ALiBi") else {}
        output: Tensor = self.guess(h + self.attention(h, **placed)[0])
        return output


@torch.no_grad()
def right(model: Reader, n: int, start: int = 0) -> float:
    """Return the share of sentences of this length in which the model names the one who bit."""
    x, verb, who = sentences(2000, n, torch.Generator().manual_seed(10_000 + n))
    guess = model(x, start)[torch.arange(len(x)), verb].argmax(dim=-1)
    return round((guess == who).float().mean().item(), 4)


@torch.no_grad()
def bitten(model: Reader, n: int) -> float:
    """Return the share of the same sentences in which it names the other one."""
    x, verb, who = sentences(2000, n, torch.Generator().manual_seed(10_000 + n))
    guess = model(x)[torch.arange(len(x)), verb].argmax(dim=-1)
    named = (x == guess[:, None]).any(dim=1)  # a name of this sentence
    return round((named & (guess != who)).float().mean().item(), 4)


def run(job: Job) -> Row:
    """Train one model and try it at every length."""
    torch.set_num_threads(1)
    torch.manual_seed(job.seed)
    model, generator = Reader(job.kind), torch.Generator().manual_seed(1000 + job.seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=job.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, job.rate, total_steps=job.steps)
    start = time.process_time()
    for _ in range(job.steps):
        n = int(torch.randint(SHORTEST, LONGEST + 1, (), generator=generator))
        x, verb, who = sentences(BATCH, n, generator)
        loss = cross_entropy(model(x)[torch.arange(BATCH), verb], who)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    row: Row = {
        **job._asdict(),
        "cpu_s": round(time.process_time() - start),
        "right": [right(model, n) for n in TESTED],
    }
    if job.kind == "sinusoidal":
        row["bitten"] = [bitten(model, n) for n in TESTED]
        row["moved"] = [right(model, LONGEST, start) for start in MOVED]
    if job.kind == "rotary":
        row["moved"] = [right(model, LONGEST, start) for start in MOVED]
        for name in ("interpolation", "ntk", *SLOWED):  # angles made smaller: of all pairs, or of some alone
            row[name] = []
            for n in TESTED:
                factor = n / LONGEST
                if name in SLOWED:
                    score = RotaryScore(D // HEADS)
                    score.omega[SLOWED[name]] /= factor
                else:
                    score = RotaryScore(D // HEADS, scaling=name, factor=factor)  # type: ignore[arg-type]
                model.attention.attention.score = score
                row[name].append(right(model, n))
    return row


def plan(rows: Sequence[Row]) -> list[Job]:
    """Name the jobs: those that tune, and then those whose rate is known."""
    jobs: list[Job] = []
    for kind in KINDS:
        tuning = [Job(kind, TUNING_STEPS, TUNING_SEED, rate) for rate in RATES]
        jobs += tuning
        tried = {row["rate"]: row["right"][0] for row in rows if Job(*[row[key] for key in Job._fields]) in tuning}
        if len(tried) == len(tuning):
            rate = max(tried, key=tried.__getitem__)
            jobs += [Job(kind, steps, seed, rate) for steps in BUDGETS for seed in range(SEEDS)]
    return jobs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.positions", description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="runs side by side")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"settings": SETTINGS}
    lists = {"tuning": lambda row: row["seed"] == TUNING_SEED, "runs": lambda row: row["seed"] != TUNING_SEED}
    keep = partial(store, "positions", "experiments.positions", figures, plan=plan, lists=lists)
    done = keep([])
    with ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool:
        for row in complete(pool, arguments.processes, run, plan, done):
            keep([row])  # after each run: nothing done is lost
            print(*row.values(), sep="  ", flush=True)
    print("All is stored for results.load('positions').")


if __name__ == "__main__":
    main()
