"""Can a recurrent net look something up at all? The rivals of the rows of people, begun with short rows of few names.

The task and the nets are those of :mod:`experiments.self_attention`. There the nets are trained on full rows from the
start. Here the rows grow: ``STAGES`` gives names, people and steps. And a GRU of the same size, its weights set by
hand, shows what the net could do. Runs go side by side, each with one thread. What is stored already is not run again.
"""

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from experiments.runner import Row, complete, store
from experiments.self_attention import NAMES, PEOPLE, SECRETS, WIDTH, Reader, rooms

STAGES = [(4, 3, 1500), (8, 6, 1500), (16, 12, 1500), (NAMES, PEOPLE, 3000)]
BATCH, RATES, SEEDS = 128, {"GRU": 0.01, "convolutions": 0.003}, 2
SETTINGS = {"stages": [list(stage) for stage in STAGES], "batch": BATCH, "rates": RATES}


class Job(NamedTuple):
    """One training, or the net whose weights are set by hand (seed 0)."""

    model: str
    seed: int


@torch.no_grad()
def by_hand(sharpness: float = 40.0) -> Reader:
    """Set a GRU's weights so that it looks up.

    In each direction half of the units are a memory with a place for each name: the update gate opens where somebody of
    this name stands, and writes their secret. The other half read it: the reset gate opens the place that is asked for.
    """
    net, half = Reader("GRU"), WIDTH // 2
    for parameter in net.parameters():
        parameter.zero_()
    # Features: the first 31 names as they are, the first 31 names asked for, the secret as one number.
    for k in range(half - 1):
        net.embed.weight[k, k] = net.embed.weight[half - 1 + k, NAMES + SECRETS + k] = 1
    code = torch.linspace(-0.9, 0.9, SECRETS)
    secret = 2 * (half - 1)
    net.embed.weight[secret, NAMES : NAMES + SECRETS] = code.atanh()
    for suffix in ("", "_reverse"):
        into, kept, bias = (getattr(net.gru, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih"))
        reset, update, new = (slice(WIDTH * i, WIDTH * (i + 1)) for i in range(3))
        memory, reading = range(half), range(half, WIDTH)
        for k in range(half):
            for gate, unit, first, sign in ((update, memory[k], 0, -1), (reset, reading[k], half - 1, 1)):
                row = gate.start + unit
                if k < half - 1:
                    into[row, first + k], bias[row] = 2 * sharpness * sign, -sharpness * sign
                else:  # the last name is the one that none of the 31 features shows
                    into[row, first : first + half - 1], bias[row] = -2 * sharpness * sign, sharpness * sign
            into[new.start + memory[k], secret] = 1
            bias[update.start + reading[k]] = -sharpness  # what is read is not kept
            kept[new.start + reading[k], memory[k]] = 1
    shown = code.tanh()  # what comes out where the code went in
    for direction in (0, WIDTH):
        net.secret.weight[:, direction + half : direction + WIDTH] = 50 * shown[:, None]
    net.secret.bias.copy_(-25 * shown**2)
    return net


@torch.no_grad()
def right(net: nn.Module) -> float:
    x, answer, _ = rooms(1000, PEOPLE, torch.Generator().manual_seed(10_000))
    return round((net(x).argmax(-1) == answer).float().mean().item(), 4)


def run(job: Job) -> Row:
    """Train on rows that grow, or set the weights, and count right answers in full rows."""
    torch.set_num_threads(1)
    if job.model == "by hand":
        return {**job._asdict(), "right": right(by_hand())}
    torch.manual_seed(job.seed)
    net, generator = Reader(job.model), torch.Generator().manual_seed(1000 + job.seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATES[job.model])
    start = time.process_time()
    for names, people, steps in STAGES:
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATES[job.model], total_steps=steps, pct_start=0.1)
        for _ in range(steps):
            x, answer, _ = rooms(BATCH, people, generator, names)
            loss = cross_entropy(net(x).flatten(0, 1), answer.flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return {**job._asdict(), "right": right(net), "cpu_s": round(time.process_time() - start)}


def plan(rows: Sequence[Row]) -> list[Job]:
    """Name the jobs."""
    return [Job("by hand", 0), *(Job(model, seed) for model in RATES for seed in range(SEEDS))]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.easy_rows_first", description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="runs side by side")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"settings": SETTINGS}
    keep = partial(
        store, "easy_rows_first", "experiments.easy_rows_first", figures, plan=plan, lists={"runs": lambda row: True}
    )
    done = keep([])
    with ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool:
        for row in complete(pool, arguments.processes, run, plan, done):
            keep([row])  # after each run: nothing done is lost
            print(*row.values(), sep="  ", flush=True)
    print("All is stored for results.load('easy_rows_first').")


if __name__ == "__main__":
    main()
