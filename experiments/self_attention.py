"""Two studies of chapter 6: who answers a question put to a far neighbor, and a layer that learns a kernel.

*Rooms.* Each of ``PEOPLE`` tokens has a name, a secret and the name of somebody whose secret it asks for. One layer of
self-attention, a bidirectional GRU and three convolutions are trained on fresh rooms, at two budgets or more, each at
the rate of ``RATES`` that did best from a seed that is not used again. How far a gradient reaches is measured before
and after. *Regressions.* One layer of dot-product attention on learned features of x is trained over tables of noisy
labels, of many curves or of chapter 2's alone. Runs go side by side, each with one thread. What is stored already is
not run again.
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
from torch.nn.functional import cross_entropy, one_hot

from attn_utils.attention import attend
from attn_utils.data.regression import truth
from attn_utils.log_kernels import gaussian
from experiments.runner import Row, complete, store

NAMES, SECRETS, PEOPLE, WIDTH, BATCH = 32, 8, 24, 64, 32
RATES = [0.001, 0.003, 0.01]
TUNING_SEED, TUNING_STEPS, SEEDS = 100, 1000, 3
BUDGETS = {"attention": [1000, 4000], "convolutions": [1000, 4000], "GRU": [1000, 4000, 16_000]}
LABELS, TABLES, PLACES = 50, 2000, (1.5, 2.5, 3.5)
KERNEL_STEPS, KERNEL_RATE = 3000, 0.003
CASES = [("many curves", 0.5, 10), ("many curves", 0.25, 5), ("many curves", 1.0, 5), ("one curve", 0.5, 5)]
WIDTHS = [round(0.1 * 1.03**i, 4) for i in range(82)]
SETTINGS = {
    "names": NAMES, "secrets": SECRETS, "people": PEOPLE, "width": WIDTH, "batch": BATCH, "labels": LABELS,
    "tables": TABLES, "places": list(PLACES),
}  # fmt: skip


class Job(NamedTuple):
    """One training. ``noise`` is 0 for rooms, ``rate`` chosen by tuning for them."""

    study: str  # "rooms", or which curves: "many curves", "one curve"
    model: str
    noise: float
    steps: int
    seed: int
    rate: float


def rooms(batch: int, people: int, generator: torch.Generator, known: int = NAMES) -> tuple[Tensor, Tensor, Tensor]:
    """Draw tokens (b, n, 72), the secret that each asks for (b, n), and whom it asks (b, n).

    Names are among the first ``known``.
    """
    names = torch.rand(batch, known, generator=generator).argsort(dim=1)[:, :people]
    secrets = torch.randint(SECRETS, (batch, people), generator=generator)
    steps = torch.randint(1, people, (batch, people), generator=generator)
    whom = (torch.arange(people) + steps) % people  # anybody else
    parts = one_hot(names, NAMES), one_hot(secrets, SECRETS), one_hot(names.gather(1, whom), NAMES)
    return torch.cat(parts, dim=-1).float(), secrets.gather(1, whom), whom


class Reader(nn.Module):
    """A linear map into ``WIDTH`` features, one way to bring tokens together, and a linear map to secrets."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.model, d = model, WIDTH
        self.embed = nn.Linear(2 * NAMES + SECRETS, d)
        if model == "attention":
            self.W_q, self.W_k, self.W_v = (nn.Linear(d, d, bias=False) for _ in range(3))
        elif model == "GRU":
            self.gru = nn.GRU(d, d, bidirectional=True, batch_first=True)
        else:
            self.convolutions = nn.ModuleList(nn.Conv1d(d, d, 5, padding=2) for _ in range(3))
        self.secret = nn.Linear(2 * d if model == "GRU" else d, SECRETS)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (b, n, 72) to logits of secrets (b, n, 8)."""
        h = self.embed(x)
        if self.model == "attention":
            h, _ = attend(self.W_q(h) @ self.W_k(h).mT / WIDTH**0.5, self.W_v(h))
        elif self.model == "GRU":
            h, _ = self.gru(h)
        else:
            h = h.mT
            for convolution in self.convolutions:
                h = h + torch.relu(convolution(h))
            h = h.mT
        return self.secret(h)


def reach(model: nn.Module, x: Tensor) -> list[float]:
    """Return how strongly an output depends on a token so many places away: the mean norm of the gradient."""
    people = x.shape[1]
    x = x.clone().requires_grad_()
    by_distance: list[list[float]] = [[] for _ in range(people)]
    for i in range(people):
        logits = model(x)[:, i]
        # The gradient of a random direction of the logits: its norm is that of a row of the Jacobian, in the mean.
        direction = torch.randn(logits.shape, generator=torch.Generator().manual_seed(i))
        (gradient,) = torch.autograd.grad((logits * direction).sum(), x)
        for j, norm in enumerate(gradient.norm(dim=-1).mean(dim=0).tolist()):
            by_distance[abs(i - j)].append(norm)
    return [float(f"{sum(norms) / len(norms):.3g}") for norms in by_distance]


def run_room(job: Job) -> Row:
    """Train one model on rooms and count right answers in new ones."""
    torch.manual_seed(job.seed)
    model = Reader(job.model)
    generator = torch.Generator().manual_seed(1000 + job.seed)
    x, answer, _ = rooms(1000, PEOPLE, torch.Generator().manual_seed(10_000 + job.seed))
    before = reach(model, x[:64])
    optimizer = torch.optim.AdamW(model.parameters(), lr=job.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, job.rate, total_steps=job.steps)
    start = time.process_time()
    for _ in range(job.steps):
        inputs, wanted, _ = rooms(BATCH, PEOPLE, generator)
        loss = cross_entropy(model(inputs).flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    seconds = time.process_time() - start
    with torch.no_grad():
        right = (model(x).argmax(dim=-1) == answer).float().mean().item()
    return {
        **job._asdict(), "right": round(right, 4), "cpu_s": round(seconds),
        "parameters": sum(p.numel() for p in model.parameters()), "reach_before": before, "reach": reach(model, x[:64]),
    }  # fmt: skip


def tables(study: str, noise: float, count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Draw places and noisy labels (b, 50), and other places with the curve there (b, 50)."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, generator=generator)

    if study == "one curve":
        curve = truth
    else:
        a, f, phase, b = uniform(1, 3), uniform(0.5, 1.5), uniform(0, 6.2832), uniform(-1, 1)

        def curve(x: Tensor) -> Tensor:
            return a * torch.sin(f * x + phase) + b * x

    x, queries = (5 * torch.rand(count, LABELS, generator=generator) for _ in range(2))
    return x, curve(x) + noise * torch.randn(count, LABELS, generator=generator), queries, curve(queries)


class Layer(nn.Module):
    """Dot-product attention on learned features of a place: 1 → 32 → 32 → queries and keys of 16."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
        self.W_q, self.W_k = nn.Linear(32, 16, bias=False), nn.Linear(32, 16, bias=False)

    def forward(self, x: Tensor, y: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Places and labels (b, k), queries (b, q): the curve there (b, q), and the weights (b, q, k)."""
        q, k = self.W_q(self.features(queries[..., None])), self.W_k(self.features(x[..., None]))
        output, weights = attend(q @ k.mT / 4, y[..., None])
        return output[..., 0], weights


def learned_width(layer: Layer, place: float) -> float:
    """Return the standard deviation of the weights of one query over keys that stand close together everywhere."""
    x = torch.linspace(0, 5, 1001)[None]
    weights = layer(x, x, torch.tensor([[place]]))[1][0, 0]
    mean = (weights * x[0]).sum()
    return (weights * (x[0] - mean).square()).sum().sqrt().item()


def run_kernel(job: Job) -> Row:
    """Train one layer on tables, and compare it with the best fixed width."""
    torch.manual_seed(job.seed)
    layer, generator = Layer(), torch.Generator().manual_seed(1000 + job.seed)
    optimizer = torch.optim.Adam(layer.parameters(), lr=job.rate)
    start = time.process_time()
    for _ in range(job.steps):
        x, y, queries, curve = tables(job.study, job.noise, 64, generator)
        loss = (layer(x, y, queries)[0] - curve).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = time.process_time() - start
    with torch.no_grad():
        x, y, queries, curve = tables(job.study, job.noise, TABLES, torch.Generator().manual_seed(10_000 + job.seed))
        error = (layer(x, y, queries)[0] - curve).square().mean().item()

        def fixed(width: float) -> float:
            scores = gaussian(queries[..., None], x[..., None], width)
            return (attend(scores, y[..., None])[0][..., 0] - curve).square().mean().item()

        errors = {width: fixed(width) for width in WIDTHS}
        best = min(errors, key=errors.__getitem__)
        widths = [round(learned_width(layer, place), 4) for place in PLACES]
    return {
        **job._asdict(), "error": round(error, 5), "fixed_error": round(errors[best], 5), "fixed_width": best,
        "widths": widths, "cpu_s": round(seconds),
    }  # fmt: skip


def run(job: Job) -> Row:
    """Make one run."""
    torch.set_num_threads(1)
    return run_room(job) if job.study == "rooms" else run_kernel(job)


def plan(rows: Sequence[Row]) -> list[Job]:
    """Name the jobs: rooms that tune, those whose rate is known, and kernels."""
    jobs: list[Job] = []
    for model, budgets in BUDGETS.items():
        tuning = [Job("rooms", model, 0.0, TUNING_STEPS, TUNING_SEED, rate) for rate in RATES]
        jobs += tuning
        tried = {row["rate"]: row["right"] for row in rows if Job(*[row[key] for key in Job._fields]) in tuning}
        if len(tried) == len(tuning):
            rate = max(tried, key=tried.__getitem__)
            jobs += [Job("rooms", model, 0.0, steps, seed, rate) for steps in budgets for seed in range(SEEDS)]
    kernel = partial(Job, model="layer", steps=KERNEL_STEPS, rate=KERNEL_RATE)
    jobs += [kernel(study=study, noise=noise, seed=s) for study, noise, seeds in CASES for s in range(seeds)]
    jobs += [kernel(study="many curves", noise=0.5, seed=s)._replace(steps=4 * KERNEL_STEPS) for s in range(2)]
    return jobs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.self_attention", description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="runs side by side")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"settings": SETTINGS}
    lists = {
        "tuning": lambda row: row["seed"] == TUNING_SEED,
        "rooms": lambda row: row["study"] == "rooms" and row["seed"] != TUNING_SEED,
        "kernels": lambda row: row["study"] != "rooms",
    }
    keep = partial(store, "self_attention", "experiments.self_attention", figures, plan=plan, lists=lists)
    done = keep([])
    with ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool:
        for row in complete(pool, arguments.processes, run, plan, done):
            keep([row])  # after each run: nothing done is lost
            print(*list(row.values())[:8], sep="  ", flush=True)
    print("All is stored for results.load('self_attention').")


if __name__ == "__main__":
    main()
