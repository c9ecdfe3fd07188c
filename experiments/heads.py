"""Train the layers of chapter 5: heads that are to subtract, and one head with fewer matrices.

*Subtract*: y_t = x_t − x_{t−1} for twelve independent standard normal numbers. Queries and keys are learned vectors of
the places, values are the numbers. How near do one, two, four and eight heads of one layer come, over seeds and at two
budgets? Where does a run that gets stuck look, and how did it begin? What is lost if a head is switched off, and what
is still lost if the rest is fitted again without it?

*Before*: copy the symbol that stands one place before you on a circle of twelve. Which of the matrices of queries and
keys does that take?

Everything is computed in double precision, so that a seed gives the same training on other processors. Runs go side by
side, each with one thread. What is stored already is not run again.
"""

import argparse
import math
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from attn_utils.attention import attend
from experiments.runner import Row, complete, store

LENGTH, BATCH, TEST = 12, 64, 4000
SYMBOLS, SYMBOL_SIZE, RATE_BEFORE = 16, 32, 3e-3
RATE, RATE_CONTENT = 1e-2, 3e-3
TEST_SEED = 1000
SETTINGS = {
    "length": LENGTH, "batch": BATCH, "test": TEST, "symbols": SYMBOLS,
    "rate": RATE, "rate of content": RATE_CONTENT, "rate of before": RATE_BEFORE,
}  # fmt: skip
SUBTRACT_STEPS, BEFORE_STEPS = (1500, 6000), (800, 3200)
SEEDS, FEW, LONG = 20, 5, 3
VARIANTS = [("places", 64, 1), ("content", 16, 1), ("residual", 16, 1)]  # of one head
MATRICES = ["three", "no W_K", "W_Q = W_K", "neither"]


class Job(NamedTuple):
    """One training."""

    task: str  # "subtract" or "before"
    variant: str
    width: int
    heads: int
    steps: int
    seed: int


class MultiHead(nn.Module):
    """The layer that chapter 5 builds by hand."""

    def __init__(self, d_model: int, num_heads: int, value_size: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.W_q, self.W_k = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)
        self.W_v, self.W_o = nn.Linear(value_size, d_model), nn.Linear(d_model, d_model)

    def split(self, x: Tensor) -> Tensor:
        """Cut the features (..., n, d_model) into heads (..., h, n, d_head)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(-2, -3)

    def heads(self, queries: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the heads say side by side, (..., q, d_model), and their weights, (..., h, q, k)."""
        q, k, v = self.split(self.W_q(queries)), self.split(self.W_k(keys)), self.split(self.W_v(values))
        output, weights = attend(q @ k.mT / math.sqrt(q.shape[-1]), v)
        return output.transpose(-2, -3).flatten(-2), weights

    def gains(self) -> Tensor:
        """Return by how much each head multiplies the number that it looks at, (h,)."""
        products = self.W_v.weight[:, 0] * self.W_o.weight[0]
        return products.unflatten(0, (self.num_heads, -1)).sum(dim=-1).detach()

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend, shape (..., q, d_model)."""
        said: Tensor = self.W_o(self.heads(queries, keys, values)[0])
        return said


class Subtract(nn.Module):
    """A layer whose first feature is to be x_t − x_{t−1}."""

    def __init__(self, variant: str, width: int, heads: int) -> None:
        super().__init__()
        self.variant = variant
        self.places = nn.Parameter(torch.randn(LENGTH, width))
        self.layer = MultiHead(width, heads, 1)
        if variant == "content":
            self.read = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, width))

    def seen(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values for numbers (b, n, 1)."""
        keys = self.places + self.read(x) if self.variant == "content" else self.places
        return keys[..., 1:, :], keys, x

    def forward(self, x: Tensor) -> Tensor:
        """Answer for each place but the first, (b, n − 1)."""
        answer: Tensor = self.layer(*self.seen(x))[..., 0]
        return answer + x[:, 1:, 0] if self.variant == "residual" else answer


class Before(nn.Module):
    """One head that is to copy the symbol before, with both, one or none of the matrices W_Q and W_K."""

    def __init__(self, variant: str) -> None:
        super().__init__()
        self.symbols = nn.Parameter(torch.randn(SYMBOLS, SYMBOL_SIZE) / 2)
        self.places = nn.Parameter(torch.randn(LENGTH, SYMBOL_SIZE) / 2)
        project = partial(nn.Linear, SYMBOL_SIZE, SYMBOL_SIZE, bias=False)
        self.W_q: nn.Module = nn.Identity() if variant == "neither" else project()
        self.W_k: nn.Module = nn.Identity()
        if variant in {"three", "W_Q = W_K"}:
            self.W_k = project() if variant == "three" else self.W_q
        self.W_v, self.readout = project(), nn.Linear(SYMBOL_SIZE, SYMBOLS)

    def forward(self, symbols: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (b, n, symbols) and weights (b, n, n) for symbols (b, n)."""
        x = self.symbols[symbols] + self.places
        output, weights = attend(self.W_q(x) @ self.W_k(x).mT / math.sqrt(SYMBOL_SIZE), self.W_v(x))
        return self.readout(output), weights


def numbers(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw sequences (b, n, 1) and their differences (b, n − 1)."""
    x = torch.randn(count, LENGTH, 1, generator=generator)
    return x, (x[:, 1:] - x[:, :-1])[..., 0]


def run_subtract(job: Job) -> Row:
    """Train the layer, and see what each head does."""
    model = Subtract(job.variant, job.width, job.heads)
    layer, at_start = model.layer, model.layer.gains()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE_CONTENT if job.variant == "content" else RATE)
    generator = torch.Generator().manual_seed(job.seed)
    for _ in range(job.steps):
        x, y = numbers(BATCH, generator)
        loss = (model(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, y = numbers(TEST, torch.Generator().manual_seed(TEST_SEED))
    with torch.no_grad():
        row = {**job._asdict(), "error": round((model(x) - y).square().mean().item(), 4)}
        if job.variant != "places":
            return row
        said, weights = layer.heads(*model.seen(x))
        weights = weights.reshape(-1, job.heads, LENGTH - 1, LENGTH)[0]
        now, before = (weights.diagonal(offset, -2, -1).mean(dim=-1) for offset in (1, 0))
        off, refit = [], []
        of_head = layer.split(said).transpose(-2, -3)  # (b, q, h, d_head)
        for head in range(job.heads):
            rest = of_head.clone()
            rest[..., head, :] = 0
            off.append((layer.W_o(rest.flatten(-2))[..., 0] - y).square().mean())
            refit.append(fitted_error(rest.flatten(-2), y))
    lists = {"gains at start": at_start, "gains": layer.gains(), "now": now, "before": before}
    lists |= {"off": torch.stack(off), "refit": torch.stack(refit)}
    return row | {name: [round(number, 3) for number in values.tolist()] for name, values in lists.items()}


def fitted_error(features: Tensor, y: Tensor) -> Tensor:
    """Fit the last step anew by least squares on one half of the sequences, return its error on the other."""
    with_bias = torch.cat([features, torch.ones_like(features[..., :1])], dim=-1)
    half = len(y) // 2
    # Features of a head that is off are 0: this driver of LAPACK takes what has not full rank.
    fit = torch.linalg.lstsq(with_bias[:half].flatten(0, 1), y[:half].flatten()[:, None], driver="gelsd").solution
    return ((with_bias[half:] @ fit)[..., 0] - y[half:]).square().mean()


def run_before(job: Job) -> Row:
    """Train one head to copy, and count the places that look most at the symbol before."""
    model = Before(job.variant)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE_BEFORE)
    generator = torch.Generator().manual_seed(job.seed)
    for _ in range(job.steps):
        symbols = torch.randint(SYMBOLS, (BATCH, LENGTH), generator=generator)
        wanted = symbols.roll(1, dims=-1)
        loss = nn.functional.cross_entropy(model(symbols)[0].flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    symbols = torch.randint(SYMBOLS, (TEST, LENGTH), generator=torch.Generator().manual_seed(TEST_SEED))
    with torch.no_grad():
        logits, weights = model(symbols)
    right = logits.argmax(dim=-1) == symbols.roll(1, dims=-1)
    looks = weights.argmax(dim=-1) == torch.arange(LENGTH).roll(1)
    places = looks.sum(dim=-1)  # of each sequence, how many of its places
    shares = {"right": right.double().mean().item(), "looking": looks.double().mean().item()}
    return {**job._asdict(), **{key: round(share, 4) for key, share in shares.items()}, "most": int(places.max())}


def run(job: Job) -> Row:
    """Train and measure one."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # this process trains, and does nothing else
    torch.manual_seed(job.seed)
    return run_subtract(job) if job.task == "subtract" else run_before(job)


def plan(rows: Sequence[Row]) -> list[Job]:
    """Name the jobs."""
    jobs = [
        Job("before", variant, SYMBOL_SIZE, 1, steps, seed)
        for steps in BEFORE_STEPS for variant in MATRICES for seed in range(FEW)
    ]  # fmt: skip
    few, many = SUBTRACT_STEPS
    for heads in (1, 2, 4, 8):
        jobs += [Job("subtract", "places", 16, heads, few, seed) for seed in range(SEEDS)]
    jobs += [Job("subtract", *kind, few, seed) for kind in VARIANTS for seed in range(FEW)]
    # The long runs: all seeds where some got stuck, few where all ended alike.
    jobs += [Job("subtract", "content", 16, 1, many, seed) for seed in range(FEW)]
    jobs += [Job("subtract", "places", 16, 2, many, seed) for seed in range(SEEDS)]
    jobs += [Job("subtract", "places", width, 1, many, seed) for width in (16, 64) for seed in range(LONG)]
    jobs += [Job("subtract", "places", 16, 4, many, seed) for seed in range(LONG)]
    return jobs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.heads", description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="runs side by side")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"settings": SETTINGS}
    lists = {"before": lambda row: row["task"] == "before", "subtract": lambda row: row["task"] == "subtract"}
    keep = partial(store, "heads", "experiments.heads", figures, plan=plan, lists=lists)
    done = keep([])
    with ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool:
        for row in complete(pool, arguments.processes, run, plan, done):
            keep([row])  # after each run: nothing done is lost
            print(*list(row.values())[:8], sep="  ", flush=True)
    print("All is stored for results.load('heads').")


if __name__ == "__main__":
    main()
