"""The painted twin: which nets find the color that another image of the same digit has, somewhere else in the scene.

Every net is the same but for the block in its middle or for its loss (``KINDS``). Each gets the rate of ``RATES`` that
did best from a seed that is not used again, and two budgets, one in ``SHORT`` and three in ``LONG``. Two more nets see
the same scenes without colors, and are asked which ink belongs to a digit that is there twice (``PAIRS``). Runs go side
by side, each with one thread. What is stored already is not run again.
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
from torch.nn.functional import cross_entropy, interpolate

from attn_utils.data.twin_digits import BACKGROUND, COLOR_NAMES, GREY, NO_TARGET, TwinScenes, make_twins
from attn_utils.vision import SelfAttention2d
from experiments.runner import Row, complete, store

C, BATCH, SCENES, TESTED = 48, 32, 12_000, 2000
RATES, TUNING_SEED = [0.002, 0.006], 100
SEEDS = {600: 3, 2400: 1}  # for each budget of steps how many seeds
KINDS = ["attention", "local", "dilated", "average", "full keys", "no class loss", "grey ink only"]
PAIRS = ["pairs, attention", "pairs, average"]
LONG = {"dilated": 4800, "average": 4800}  # one more run of those that were still improving
SHORT = ["full keys"]  # a variant of the first that succeeds at the first budget
SETTINGS = {"channels": C, "batch": BATCH, "scenes": SCENES, "tested": TESTED}


class Job(NamedTuple):
    """One training."""

    kind: str
    steps: int
    seed: int
    rate: float


def convolve(c_in: int, c_out: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, stride, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
    )


class Average(nn.Module):
    """The block with weights that are all the same: what every pixel gets is the mean of all values."""

    def __init__(self) -> None:
        super().__init__()
        self.g, self.out = nn.Conv2d(C, C // 2, 1, bias=False), nn.Conv2d(C // 2, C, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Feature map (b, c, H, W) to the same."""
        return x + self.out(self.g(x).mean((2, 3), keepdim=True))


class Dilated(nn.Module):
    """Convolutions with holes, each added to what it got, until every pixel has all of the scene in its field."""

    def __init__(self, dilations: Sequence[int]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(convolve(C, C, dilation=dilation) for dilation in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """Feature map (b, c, H, W) to the same."""
        for step in self.steps:
            x = x + step(x)
        return x


class Painter(nn.Module):
    """Features of half the scene's size, a block that looks further or does not, and a color for every pixel."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.features = nn.Sequential(convolve(3, 16), convolve(16, C, stride=2), convolve(C, C), convolve(C, C))
        self.look: nn.Module
        if kind == "local":
            self.look = Dilated([1])
        elif kind == "dilated":
            self.look = Dilated([2, 4, 4])
        elif kind.endswith("average"):
            self.look = Average()
        else:
            self.look = SelfAttention2d(C, pooled=kind != "full keys", spectral_norm=False, value_channels=C // 2)
        if kind == "pairs, attention":
            nn.init.ones_(self.look.sigma)  # a start at 0 was not tried for this question
        self.paint = nn.Sequential(convolve(C, C), nn.Conv2d(C, 2 if kind in PAIRS else len(COLOR_NAMES), 1))
        self.name = nn.Conv2d(C, BACKGROUND + 1, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (b, 3, 28, 28) to logits of colors (b, 6, 28, 28) and of classes (b, 11, 28, 28)."""
        x = self.features(images)
        seen = self.look(x)
        seen = seen[0] if isinstance(seen, tuple) else seen
        colors, classes = (interpolate(z, scale_factor=2) for z in (self.paint(seen), self.name(x)))
        return colors, classes


def without_color(scenes: TwinScenes) -> Tensor:
    """Return the pictures with all ink in the same grey (green, the darkest color, a tenth darker)."""
    ink = scenes.images.amax(1)
    colored = scenes.images.amin(1) < ink  # of no color of the palette are all three parts equal
    ink = torch.where(colored, ink * GREY[0], ink)
    return ink[:, None].expand(-1, 3, -1, -1)


def shown(net: Painter, scenes: TwinScenes) -> Tensor:
    return without_color(scenes) if net.kind in PAIRS else scenes.images


def asked(net: Painter, scenes: TwinScenes) -> Tensor:
    """Return what is right at each pixel with ink, or ``NO_TARGET``, shape (b, 28, 28)."""
    if net.kind in PAIRS:
        twice = scenes.labels == scenes.digits[:, 3, None, None]
        return twice.long().where(scenes.labels != BACKGROUND, torch.tensor(NO_TARGET))
    return scenes.targets if net.kind == "grey ink only" else scenes.painted


def loss_of(net: Painter, scenes: TwinScenes) -> Tensor:
    """Return the cross-entropy of what is asked, and of the classes where the kind has it, over ink."""
    colors, classes = net(shown(net, scenes))
    loss = cross_entropy(colors, asked(net, scenes), ignore_index=NO_TARGET)
    if net.kind != "no class loss":
        loss = loss + cross_entropy(classes, scenes.labels, ignore_index=BACKGROUND)
    return loss


@torch.no_grad()
def judge(net: Painter, scenes: TwinScenes) -> Row:
    """Return the share of right pixels: of grey ink, or of all ink where pairs are asked for; and where the net looks.

    ``present`` is the share of the grey pixels that get one of the three colors of their scene.
    """
    net.eval()
    guess = torch.cat([net(images)[0].argmax(1) for images in shown(net, scenes).split(250)])
    row: Row = {}
    if net.kind in PAIRS:
        target = asked(net, scenes)
        row["right"] = share((guess == target)[target != NO_TARGET])
    else:
        row["right"] = share((guess == scenes.targets)[scenes.grey])
        row["present"] = share((guess[:, None] == scenes.colors[..., None, None]).any(1)[scenes.grey])
    if isinstance(net.look, SelfAttention2d):
        row["mass"] = [round(mass, 4) for mass in masses(net, scenes)]
        row["sigma"] = round(net.look.sigma.item(), 4)
    return row


def share(hits: Tensor) -> float:
    return round(hits.double().mean().item(), 4)


def masses(net: Painter, scenes: TwinScenes) -> list[float]:
    """Return the mean weight that a pixel with grey ink puts on the twin, on each other digit, and on its own."""
    look = net.look
    assert isinstance(look, SelfAttention2d)
    total, pixels = torch.zeros(3, dtype=torch.float64), 0
    for first in range(0, len(scenes), 250):
        some = scenes[first : first + 250]
        _, weights = look(net.features(shown(net, some)), need_weights=True)
        side = int(weights.shape[-1] ** 0.5)
        mass = torch.einsum("bqk,bdk->bqd", weights, some.regions(side, side).flatten(2)).double()  # on each digit
        asks = some.grey[:, ::2, ::2].flatten(1)  # the pixels of the map: the scene's in even rows and columns
        twin = mass.gather(2, some.twin[:, None, None].expand(-1, mass.shape[1], 1))[..., 0]
        others = (mass[..., :3].sum(-1) - twin) / 2
        total += torch.stack([twin, others, mass[..., 3]])[:, asks].sum(1)
        pixels += int(asks.sum())
    return (total / pixels).tolist()


def run(job: Job) -> Row:
    """Train one net and try it on scenes of digits that it has not seen."""
    torch.set_num_threads(1)
    torch.manual_seed(job.seed)
    net, generator = Painter(job.kind), torch.Generator().manual_seed(1000 + job.seed)
    scenes = make_twins(SCENES, seed=job.seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=job.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, job.rate, total_steps=job.steps)
    start = time.process_time()
    for _ in range(job.steps):
        loss = loss_of(net, scenes[torch.randint(SCENES, (BATCH,), generator=generator)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return {
        **job._asdict(),
        "cpu_s": round(time.process_time() - start),
        "parameters": sum(p.numel() for p in net.parameters()),
        **judge(net, make_twins(TESTED, split="test", seed=10_000)),
    }


def plan(rows: Sequence[Row]) -> list[Job]:
    """Name the jobs: those that tune, and then those whose rate is known."""
    first = min(SEEDS)
    jobs = [Job(kind, first, TUNING_SEED, rate) for kind in KINDS + PAIRS for rate in RATES]
    tried = {(row["kind"], row["rate"]): row["right"] for row in rows if row["seed"] == TUNING_SEED}
    for steps, seeds in SEEDS.items():
        for kind in KINDS + PAIRS:
            if all((kind, rate) in tried for rate in RATES) and not (kind in SHORT and steps > first):
                rate = max(RATES, key=lambda rate: tried[kind, rate])
                jobs += [Job(kind, steps, seed, rate) for seed in range(seeds)]
                if kind in LONG and steps > first:
                    jobs.append(Job(kind, LONG[kind], 0, rate))
    return jobs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.painted_twin", description=__doc__)
    parser.add_argument("--processes", type=int, default=2, help="runs side by side")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"settings": SETTINGS}
    lists = {"tuning": lambda row: row["seed"] == TUNING_SEED, "runs": lambda row: row["seed"] != TUNING_SEED}
    keep = partial(store, "painted_twin", "experiments.painted_twin", figures, plan=plan, lists=lists)
    done = keep([])
    with ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn")) as pool:
        for row in complete(pool, arguments.processes, run, plan, done):
            keep([row])  # after each run: nothing done is lost
            print(*row.values(), sep="  ", flush=True)
    print("All is stored for results.load('painted_twin').")


if __name__ == "__main__":
    main()
