"""Train the additive score without and with a bias on chapter 3's task *match*, at several sizes and budgets.

Without a bias the score is odd, which bounds its error from below. How near to that bound does training get, and is
it the number of units, of steps, or the noise of the batches that keeps it away? Each kind of run gets the rate of
``RATES`` with the smallest error after ``TUNING_STEPS`` steps, from a seed that is not used again. Runs go side by
side, each with one thread. What is stored already is not run again.
"""

import argparse
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from attn_utils.attention import masked_softmax
from attn_utils.scoring import AdditiveScore
from experiments.runner import Row, complete, store

KEYS, FEATURES, NOISE, TEST = 8, 8, 0.3, 20_000
SETTINGS = {"keys": KEYS, "features": FEATURES, "noise": NOISE, "test": TEST}
RATES = [0.003, 0.01, 0.03, 0.1]
TUNING_SEED, TUNING_STEPS = 100, 1000
SEEDS = 3
RUNS = [  # units, bias, batch, mirrored, steps; what is quick is made first
    (64, "none", 64, False, 250),
    (64, "none", 64, False, 1000),
    (64, "none", 64, False, 4000),
    (64, "zero", 64, False, 250),
    (64, "zero", 64, False, 1000),
    (64, "zero", 64, False, 4000),
    (64, "none", 64, True, 1000),
    (64, "none", 256, False, 1000),
    (64, "none", 256, False, 4000),
    (256, "none", 64, False, 250),
    (256, "none", 64, False, 1000),
    (256, "none", 64, False, 4000),
    (256, "none", 256, False, 1000),
    (256, "none", 256, False, 4000),
    (64, "none", 64, False, 16000),
    (1024, "none", 64, False, 250),
    (1024, "none", 64, False, 1000),
]


class Job(NamedTuple):
    """One training: with the tuning seed to choose a rate, with another to be shown."""

    units: int
    bias: str
    batch: int
    mirrored: bool  # half of each batch are the mirror images, -q and -k, of the other half
    steps: int
    seed: int
    rate: float


class AdditiveScoreWithBias(AdditiveScore):
    """The additive score with a bias in each hidden unit, 0 at the start."""

    def __init__(self, query_size: int, key_size: int, hidden_size: int) -> None:
        super().__init__(query_size, key_size, hidden_size)
        self.b = nn.Parameter(torch.zeros(hidden_size))

    def prepare_keys(self, keys: Tensor) -> Tensor:
        """Project the keys and add the bias, which then is in the sum for each pair."""
        return super().prepare_keys(keys) + self.b


def match(
    basis: Tensor, generator: torch.Generator, batch: int, mirrored: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw queries (b, 1, d) that are one of their keys in another basis, keys (b, k, d), and which key (b, 1, 1)."""
    if mirrored:
        queries, keys, wanted = match(basis, generator, batch // 2)
        return torch.cat([queries, -queries]), torch.cat([keys, -keys]), torch.cat([wanted, wanted])
    keys = torch.randn(batch, KEYS, FEATURES, generator=generator)
    wanted = torch.randint(KEYS, (batch, 1, 1), generator=generator)
    found = keys.gather(1, wanted.expand(-1, -1, FEATURES))
    noise = torch.randn(batch, 1, FEATURES, generator=generator)
    return found @ basis + NOISE * noise, keys, wanted


def error(score: AdditiveScore, queries: Tensor, keys: Tensor, wanted: Tensor) -> Tensor:
    """Return the squared error of the output, in the mean over independent values of variance 1: ‖w − one-hot‖²."""
    weights = masked_softmax(score(queries, score.prepare_keys(keys)))
    return (weights - torch.zeros_like(weights).scatter(-1, wanted, 1.0)).square().sum(dim=-1).mean()


def run(job: Job) -> Row:
    """Train and score one."""
    torch.set_num_threads(1)
    torch.manual_seed(job.seed)
    generator = torch.Generator().manual_seed(job.seed)
    basis, upper = torch.linalg.qr(torch.randn(FEATURES, FEATURES, generator=generator))
    basis = basis * upper.diagonal().sign()  # so that every orthogonal matrix is equally likely
    make = AdditiveScoreWithBias if job.bias == "zero" else AdditiveScore
    score = make(FEATURES, FEATURES, job.units)
    optimizer = torch.optim.Adam(score.parameters(), lr=job.rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, total_iters=job.steps)
    for _ in range(job.steps):
        optimizer.zero_grad()
        error(score, *match(basis, generator, job.batch, job.mirrored)).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        tests = [error(score, *match(basis, generator, 2000)).item() for _ in range(TEST // 2000)]
    return {**job._asdict(), "error": round(sum(tests) / len(tests), 4)}


def plan(rows: Sequence[Row]) -> list[Job]:
    """Name the jobs: those that tune, and then those whose rate is known."""
    jobs: list[Job] = []
    for units, bias, batch, mirrored, steps in RUNS:
        of_kind = partial(Job, units, bias, batch, mirrored)
        tuning = [of_kind(TUNING_STEPS, TUNING_SEED, rate) for rate in RATES]
        jobs += [job for job in tuning if job not in jobs]
        tried = {row["rate"]: row["error"] for row in rows if Job(*[row[key] for key in Job._fields]) in tuning}
        if len(tried) == len(tuning):
            jobs += [of_kind(steps, seed, min(tried, key=tried.__getitem__)) for seed in range(SEEDS)]
    return jobs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.odd_score", description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="runs side by side")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"settings": SETTINGS}
    lists = {"tuning": lambda row: row["seed"] == TUNING_SEED, "runs": lambda row: row["seed"] != TUNING_SEED}
    keep = partial(store, "odd_score", "experiments.odd_score", figures, plan=plan, lists=lists)
    done = keep([])
    with ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool:
        for row in complete(pool, arguments.processes, run, plan, done):
            keep([row])  # after each run: nothing done is lost
            print(*row.values(), sep="  ", flush=True)
    print("All is stored for results.load('odd_score').")


if __name__ == "__main__":
    main()
