"""A training in progress: what changes from step to step, which is what a checkpoint holds, and its history."""

import copy
import math
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from operator import length_hint
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from attn_utils._checks import check_size
from attn_utils.training import checkpoints
from attn_utils.training.losses import Loss, epoch_of, evaluate, model_device, moved
from attn_utils.training.schedules import schedule_factor
from attn_utils.training.stream import Stream, chance_state, fingerprint, generators, set_chance_state

__all__ = ["History", "Plan", "TrainingRun"]


@dataclass
class History:
    """What happened in a training. The lists run in parallel, with an entry at every evaluation.

    Attributes:
        steps: The step of each entry.
        train_loss: Mean loss of a token (or of whatever the loss counts) since the entry before, in training mode.
        held_out_loss: Mean loss on the held-out batches, in ``eval`` mode. Empty if there are none.
        learning_rate: Learning rate of the step.
        gradient_norm: Mean norm of the whole gradient since the entry before, as it was before clipping.
        best_step: Step with the lowest held-out loss, ``None`` if it was never measured.
        best_loss: That loss.
        stopped_early: Whether patience ran out.
        interrupted: Whether Ctrl-C ended the training.
        seconds: Time it took, with earlier parts of a resumed training. Not compared by ``==``.
    """

    steps: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    held_out_loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    best_step: int | None = None
    best_loss: float | None = None
    stopped_early: bool = False
    interrupted: bool = False
    seconds: float = field(default=0.0, compare=False)

    def __repr__(self) -> str:
        parts = [f"{self.steps[-1] if self.steps else 0} steps"]
        parts += [f"train loss {self.train_loss[-1]:.3g}"] if self.train_loss else []
        parts += [f"best held-out loss {self.best_loss:.3g} at step {self.best_step}"] if self.best_step else []
        parts += ["stopped early"] if self.stopped_early else []
        parts += ["interrupted"] if self.interrupted else []
        return f"History({', '.join(parts)})"


@dataclass(frozen=True)
class Plan:
    """What a training is asked to do, apart from its model, optimizer, loss and batches."""

    steps: int
    schedule: str
    warmup: float
    clip: float | None
    every: int
    patience: int | None
    held_out: bool

    def __post_init__(self) -> None:
        schedule_factor(self.schedule, 1, self.steps, self.warmup)  # raises if the schedule or the warm-up is wrong
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f"clip must be positive, or None for no clipping, got {self.clip}")
        if self.patience is not None:
            check_size("patience", self.patience)
            if not self.held_out:
                raise ValueError(f"patience must be None without held_out, which it watches, got {self.patience}")


# The weights that a model began with, by checkpoint: who runs a cell again comes with weights trained since.
_first_weights: WeakKeyDictionary[nn.Module, dict[Path, str]] = WeakKeyDictionary()


class TrainingRun:
    """A training in progress: what :func:`~attn_utils.training.loop.fit` goes through step by step.

    Args:
        model: As for ``fit``, like ``optimizer``, ``loss``, ``batches`` and ``held_out``.
        plan: The rest of what is asked for.
        path: The file of the checkpoint, if there is to be one.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Loss,
        batches: Iterable[Any],
        held_out: Iterable[Any] | None,
        plan: Plan,
        path: Path | None,
    ) -> None:
        self.model, self.optimizer, self.loss, self.held_out, self.plan = model, optimizer, loss, held_out, plan
        self.path = path
        self.device = model_device(model)
        self.stream = Stream(batches, self.device, remember=path is not None)
        self.generators = generators(batches, held_out)
        self.settings = self._settings()
        self.scheduler = LambdaLR(
            optimizer, lambda done: schedule_factor(plan.schedule, min(done + 1, plan.steps), plan.steps, plan.warmup)
        )
        self.history = History()
        self.best_weights: dict[str, Any] | None = None
        self.steps_done, self.last_loss, self.learning_rate = 0, math.nan, math.nan
        self.started = time.perf_counter()
        # Sums of the interval since the last entry of the history.
        self.sums, self.counts, self.norms = 0.0, 0, list[float]()

    def begin(self) -> None:
        """Go on from the checkpoint, if there is one, and wake a model that sleeps."""
        if self.path is not None:
            saved = checkpoints.load(self.path, set(self._state())) if self.path.is_file() else None
            if saved is None or (saved["steps_done"] < self.plan.steps and not saved["history"]["stopped_early"]):
                size = sum(x.nbytes for x in self.model.state_dict().values() if isinstance(x, Tensor))
                checkpoints.check_place(self.path, size * (1 if self.held_out is None else 2))
            place, first = self.path.absolute(), _first_weights.setdefault(self.model, {})
            if saved is None or place not in first:
                first[place] = fingerprint(self.model.state_dict())
            self.settings |= {"fingerprint of held_out": self._held_out(), "fingerprint of the weights": first[place]}
            if saved is not None:
                self._go_on(saved)
        if not self.model.training:
            self.model.train()

    def step(self) -> None:
        """Do one step of the optimizer."""
        number = self.steps_done + 1
        self.learning_rate = float(self.optimizer.param_groups[0]["lr"])
        batch = moved(next(self.stream), self.device)
        torch.clear_autocast_cache()  # an autocast around the whole training would go on with the weights before
        total, count = self.loss(self.model, batch)
        if count < 1:
            raise ValueError(f"loss must return a sum and a count of at least 1, got a count of {count}")
        self.last_loss = _finite("loss", total.item() / count, number)
        self.optimizer.zero_grad()
        (total / count).backward()
        parameters = [_clippable(p, self.optimizer) for group in self.optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, math.inf if self.plan.clip is None else self.plan.clip)
        self.norms.append(_finite("norm of the gradient", norm.item(), number))
        self.optimizer.step()
        self.scheduler.step()
        self.sums, self.counts, self.steps_done = self.sums + total.item(), self.counts + count, number

    def record(self) -> None:
        """Write an entry of the history, keep weights that are the best so far, see if patience is out, and save."""
        history, held_out_loss = self.history, None
        if self.held_out is not None:
            held_out_loss = _finite("held-out loss", evaluate(self.model, self.held_out, self.loss), self.steps_done)
            if history.best_loss is None or held_out_loss < history.best_loss:
                self.best_weights = {name: x.clone() for name, x in self.model.state_dict().items()}
                history.best_loss, history.best_step = held_out_loss, self.steps_done
        # Ctrl-C comes while something is computed: the lists are therefore extended at the end, all together.
        history.steps.append(self.steps_done)
        history.train_loss.append(self.sums / self.counts)
        history.learning_rate.append(self.learning_rate)
        history.gradient_norm.append(sum(self.norms) / len(self.norms))
        history.held_out_loss += [] if held_out_loss is None else [held_out_loss]
        history.seconds = time.perf_counter() - self.started
        if self.plan.patience is not None and history.best_step is not None:
            since_best = len(history.steps) - 1 - history.steps.index(history.best_step)
            history.stopped_early = since_best >= self.plan.patience
        self.sums, self.counts, self.norms = 0.0, 0, []
        if self.path is not None:
            checkpoints.save(self._state(), self.path)

    def end(self) -> None:
        """Give the optimizer the learning rates back that it came with, and autocast the last weights."""
        torch.clear_autocast_cache()
        for group, peak in zip(self.optimizer.param_groups, self.scheduler.base_lrs, strict=True):
            group["lr"] = peak
            group.pop("initial_lr", None)  # or the next scheduler would begin with it

    def _state(self) -> dict[str, Any]:
        return {
            "settings": self.settings,
            "steps_done": self.steps_done,
            "model": self.model.state_dict(),
            "best_weights": self.best_weights,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "stream": self.stream.state(),
            "chance": chance_state(self.device, self.generators),
            "history": asdict(self.history),
        }

    def _go_on(self, saved: dict[str, Any]) -> None:
        """Take over a checkpoint, or raise and leave everything as it is."""
        different = checkpoints.differences(saved["settings"], self.settings)
        if different:
            raise ValueError(
                f"checkpoint {self.path} must be one of this training, got another one's: {'; '.join(different)}. Give "
                "the arguments it was made with, and a model made after the same seed, or another file"
            )
        before = copy.deepcopy(self._state())
        try:
            self.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.scheduler.load_state_dict(saved["scheduler"])
            self.stream.go_to(saved["stream"])
            set_chance_state(saved["chance"], self.device, self.generators)
        except BaseException:
            with torch.no_grad():  # in place: load_state_dict may be what failed
                for name, x in self.model.state_dict(keep_vars=True).items():
                    if isinstance(x, Tensor):
                        x.copy_(before["model"][name])
            self.optimizer.load_state_dict(before["optimizer"])
            set_chance_state(before["chance"], self.device, self.generators)
            raise
        self.steps_done, self.best_weights = saved["steps_done"], saved["best_weights"]
        self.history = History(**saved["history"])
        self.started = time.perf_counter() - self.history.seconds

    def _settings(self) -> dict[str, Any]:
        """Return what two trainings must have in common for one to go on where the other stopped."""
        model, batches = self.model, self.stream.batches
        function = getattr(self.loss, "func", self.loss)  # a partial's function
        name = getattr(function, "__qualname__", type(function).__qualname__)
        asleep = [name for name, module in model.named_modules() if model.training and not module.training]
        return {
            **asdict(self.plan),
            "model": checkpoints.plain(model),
            "parameters": "\n".join(f"{name} {tuple(x.shape)}" for name, x in model.state_dict().items()),
            "parts in eval mode": ", ".join(asleep) or "none",
            "optimizer": checkpoints.plain(self.optimizer),
            "loss": name + checkpoints.plain(getattr(self.loss, "keywords", {})),
            "batches": length_hint(batches, -1),
            "seed of the batches": getattr(batches, "seed", None),
            "generators": len(self.generators),
        }

    def _held_out(self) -> str | None:
        """Return the fingerprint of the held-out batches, if it is the same each time."""
        before = chance_state(self.device, self.generators)
        one, two = ([fingerprint(batch) for batch in epoch_of(self.held_out or [], 0)] for _ in range(2))
        set_chance_state(before, self.device, self.generators)
        return fingerprint(one) if one == two else None


def _clippable(parameter: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
    """Return what PyTorch can clip: a parameter, or a stand-in that shares the numbers of its sparse gradient."""
    gradient = parameter.grad
    if gradient is None or not gradient.is_sparse:
        return parameter
    if isinstance(optimizer, torch.optim.Adam | torch.optim.AdamW):
        name = type(optimizer).__name__
        raise ValueError(f"optimizer must take sparse gradients, as torch.optim.SparseAdam and SGD do, got {name}")
    parameter.grad = gradient.coalesce()
    numbers = parameter.grad.values()
    stand_in = torch.empty_like(numbers)
    stand_in.grad = numbers
    return stand_in


def _finite(what: str, number: float, step: int) -> float:
    if not math.isfinite(number):
        raise FloatingPointError(
            f"the {what} is {number} at step {step}: try a lower learning rate (lr), a longer warmup or a smaller "
            "clip, and look for log(0), a division by 0 or a row without anything to attend to in the model"
        )
    return number
