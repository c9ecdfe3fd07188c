"""Copy strings of up to 20 symbols, then longer ones: which way to look, and to know where one is, carries how far.

Recurrent encoder–decoders without attention, with Bahdanau's and with location-aware attention; decoder-only
Transformers with each kind of positions. Each kind gets the rate of ``RATES`` that does best *within* the lengths of
training, from a seed that is not used again, and two budgets. Nothing about longer strings chooses anything. The
strings are new at each step. Rotary models are tried with their angles made smaller, too. Runs go side by side, each
with one thread. What is stored already is not run again.
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

from attn_utils.attention import attend
from attn_utils.data.copy_task import VOCABULARY_SIZE, copies, letters, one_text
from attn_utils.data.vocabulary import END, START
from attn_utils.multi_head import MultiHeadAttention
from attn_utils.recurrent import BahdanauDecoder, Encoder, PlainDecoder, Seq2Seq
from attn_utils.rotary import RotaryScore
from attn_utils.transformer import DecoderOnly
from experiments.runner import Row, complete, store

LONGEST, BATCH, STRINGS = 20, 64, 500
TESTED = [5, 10, 15, 20, 21, 22, 25, 30, 40, 50]
POSITIONS = ["none", "learned", "sinusoidal", "rotary", "ALiBi"]
RECURRENT = ["GRU", "GRU + attention", "GRU + location-aware"]
KINDS = [*RECURRENT, *POSITIONS]
RATES = [1e-3, 3e-3, 9e-3]
TUNING_SEED, TUNING_STEPS = 100, 1500
SEEDS = {1500: 5, 4500: 1}  # how many at each budget
SETTINGS = {"longest": LONGEST, "batch": BATCH, "strings": STRINGS, "tested": TESTED, "rates": RATES}


class Job(NamedTuple):
    """One training."""

    kind: str
    steps: int
    seed: int
    rate: float


class LocationAwareDecoder(nn.Module):
    r"""Bahdanau's decoder, whose score also sees where the last look was and where all looks so far were.

    .. math:: s_{ji} = v \cdot \tanh(W_q s_{j-1} + W_k h_i + W_f f_{ji}), \qquad
        f_j = F * [\alpha_{j-1};\ \textstyle\sum_{l<j} \alpha_l]

    Source:
        Chorowski et al. (2015), equations 8 and 9, for the last weights; their sum is fed in as well.
    """

    def __init__(self, context_size: int, embedding_size: int = 64, hidden_size: int = 128) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY_SIZE, embedding_size)
        self.first = nn.Linear(context_size, hidden_size)
        self.gru = nn.GRUCell(embedding_size + context_size, hidden_size)
        self.W_q = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W_k = nn.Linear(context_size, hidden_size, bias=False)
        self.F = nn.Conv1d(2, 16, kernel_size=7, padding=3)
        self.W_f = nn.Linear(16, hidden_size, bias=False)
        self.v = nn.Linear(hidden_size, 1, bias=False)
        self.readout = nn.Linear(hidden_size + context_size + embedding_size, VOCABULARY_SIZE)

    def start(self, states: Tensor, summary: Tensor, mask: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return what belongs to the string, and the first state."""
        return {"keys": self.W_k(states), "values": states}, {"hidden": torch.tanh(self.first(summary))}

    def forward(
        self, target_in: Tensor, memory: dict[str, Tensor], cache: dict[str, Tensor], *, need_weights: bool = False
    ) -> tuple[Tensor, None]:
        """Take as many steps as there are symbols, shape ``(b, t)``, to logits ``(b, t, V)``."""
        keys, values, s = memory["keys"], memory["values"], cache["hidden"]
        last = total = keys.new_zeros(keys.shape[:2])  # (b, k)
        logits = []
        for e in self.embedding(target_in).unbind(dim=1):
            f = self.F(torch.stack([last, total], dim=1)).transpose(1, 2)  # (b, k, 16)
            scores = self.v(torch.tanh(self.W_q(s)[:, None] + keys + self.W_f(f)))  # (b, k, 1)
            c, weights = attend(scores.transpose(1, 2), values)
            last = weights[:, 0]
            total = total + last
            s = self.gru(torch.cat([e, c[:, 0]], dim=-1), s)
            logits.append(self.readout(torch.cat([s, c[:, 0], e], dim=-1)))
        return torch.stack(logits, dim=1), None


def make(kind: str) -> nn.Module:
    """Make the model of a kind."""
    if kind in POSITIONS:
        longest_text = 2 * max(TESTED) + 2
        return DecoderOnly(VOCABULARY_SIZE, 64, 4, 2, positions=kind, max_length=longest_text)  # type: ignore[arg-type]
    encoder = Encoder(VOCABULARY_SIZE, 64, 128)
    decoders = {
        "GRU": lambda: PlainDecoder(VOCABULARY_SIZE, encoder.output_size, 64, 128),
        "GRU + attention": lambda: BahdanauDecoder(VOCABULARY_SIZE, encoder.output_size, 64, 128),
        "GRU + location-aware": lambda: LocationAwareDecoder(encoder.output_size, 64, 128),
    }
    return Seq2Seq(encoder, decoders[kind]())  # type: ignore[arg-type]


def logits_of(model: nn.Module, source: Tensor, target: Tensor) -> Tensor:
    """Score each symbol of the copy, given the right ones before it, shape ``(b, n + 1, V)``."""
    if isinstance(model, DecoderOnly):
        logits: Tensor = model(one_text(source, target)[:, :-1])
        return logits[:, source.shape[1] :]
    target_in = torch.cat([target.new_full((len(target), 1), START), target[:, :-1]], dim=1)
    return model(source, target_in)


@torch.no_grad()
def tried(model: nn.Module, n: int) -> tuple[float, float]:
    """Return the share of strings copied without a mistake, their end included, and that of right symbols.

    A greedy copy is without a mistake exactly if every symbol is the likeliest after the right ones before it.
    """
    source, target = copies(STRINGS, n, torch.Generator().manual_seed(10_000 + n))
    right = torch.cat(
        [logits_of(model, x, y).argmax(-1) == y for x, y in zip(source.split(100), target.split(100), strict=True)]
    )
    return round(right.all(dim=1).float().mean().item(), 4), round(right.float().mean().item(), 4)


@torch.no_grad()
def written(model: nn.Module, n: int) -> str:
    """Copy the first ``n`` symbols of one string greedily, for at most twice as many steps."""
    source, _ = copies(1, max(TESTED), torch.Generator().manual_seed(7))
    source = source[:, :n]
    target = source.new_zeros(1, 0)
    while target.shape[1] < min(2 * n, max(TESTED) + 1) and not (target == END).any():
        begun = torch.cat([target, target.new_full((1, 1), END)], dim=1)  # the last is not looked at
        target = torch.cat([target, logits_of(model, source, begun)[:, -1:].argmax(-1)], dim=1)
    return letters(target[0])


def rescaled(model: nn.Module, scaling: str, n: int) -> float:
    """Return the share of strings that a rotary model copies with its angles made smaller for their length."""
    layers = [module for module in model.modules() if isinstance(module, MultiHeadAttention)]
    scores = [layer.attention.score for layer in layers]
    for layer in layers:
        layer.attention.score = RotaryScore(16, scaling=scaling, factor=max(1.0, n / LONGEST))  # type: ignore[arg-type]
    share, _ = tried(model, n)
    for layer, score in zip(layers, scores, strict=True):
        layer.attention.score = score
    return share


def train(model: nn.Module, steps: int, rate: float, generator: torch.Generator) -> None:
    """Train on new strings, at each step of one length."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for _ in range(steps):
        n = int(torch.randint(1, LONGEST + 1, (), generator=generator))
        source, target = copies(BATCH, n, generator)
        loss = cross_entropy(logits_of(model, source, target).flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()


def run(job: Job) -> Row:
    """Train one model and try it at every length."""
    torch.set_num_threads(1)
    torch.manual_seed(job.seed)
    model, start = make(job.kind), time.process_time()
    train(model, job.steps, job.rate, torch.Generator().manual_seed(1000 + job.seed))
    seconds = round(time.process_time() - start)
    exact, symbols = zip(*(tried(model.eval(), n) for n in TESTED), strict=True)
    row: Row = {**job._asdict(), "cpu_s": seconds, "exact": list(exact), "symbols": list(symbols)}
    if job.kind == "rotary":
        row |= {scaling: [rescaled(model, scaling, n) for n in TESTED] for scaling in ("interpolation", "ntk")}
    if job.seed == 0:
        row["written"] = [written(model, n) for n in TESTED]
    return row


def plan(rows: Sequence[Row]) -> list[Job]:
    """Name the jobs: those that tune, and then those whose rate is known, the smaller budget of all kinds first."""
    rate_of = {}
    jobs: list[Job] = []
    for kind in KINDS:
        tuning = [Job(kind, TUNING_STEPS, TUNING_SEED, rate) for rate in RATES]
        jobs += tuning
        within = TESTED.index(LONGEST) + 1
        rated = {
            row["rate"]: (sum(row["exact"][:within]), sum(row["symbols"][:within]))
            for row in rows
            if Job(*[row[key] for key in Job._fields]) in tuning
        }
        if len(rated) == len(tuning):
            rate_of[kind] = max(rated, key=rated.__getitem__)
    for steps, seeds in SEEDS.items():
        jobs += [Job(kind, steps, seed, rate) for seed in range(seeds) for kind, rate in rate_of.items()]
    return jobs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.copying", description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="runs side by side")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"settings": SETTINGS}
    lists = {"tuning": lambda row: row["seed"] == TUNING_SEED, "runs": lambda row: row["seed"] != TUNING_SEED}
    keep = partial(store, "copying", "experiments.copying", figures, plan=plan, lists=lists)
    done = keep([])
    with ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool:
        for row in complete(pool, arguments.processes, run, plan, done):
            keep([row])  # after each run: nothing done is lost
            print(*row.values(), sep="  ", flush=True)
    print("All is stored for results.load('copying').")


if __name__ == "__main__":
    main()
