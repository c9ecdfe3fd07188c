"""One training loop for every model of the course.

:func:`fit` knows nothing of words or images. It asks the loss function for a sum and a count, and steps on their
quotient. So a batch of long sentences and a batch of short ones weigh as much as the tokens they hold, and padding
weighs nothing, as long as the loss leaves it out of both numbers. :func:`token_loss` does.
"""

import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import asdict, dataclass, field
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from attn_utils._checks import check_size
from attn_utils.data.vocabulary import PADDING, Batch

__all__ = ["SCHEDULES", "History", "evaluate", "fit", "schedule_factor", "token_loss"]

Loss = Callable[[Any, Any], tuple[Tensor, int]]


def token_loss(model: nn.Module, batch: Batch, smoothing: float = 0.0) -> tuple[Tensor, int]:
    r"""Return the sum of the losses of a batch's target tokens, and how many tokens these are.

    .. math:: -\sum_t \log p(y_t), \qquad
        \text{smoothed: } -\sum_t \Big[ (1 - \varepsilon) \log p(y_t) + \frac{\varepsilon}{V} \sum_w \log p(w) \Big]

    The end symbol is a token like any other. Padding is in neither number.

    Args:
        model: Called as ``model(batch.source, batch.target_in)``; returns logits, shape ``(b, t, V)``.
        batch: Sentence pairs; ``batch.target_out`` has shape ``(b, t)``.
        smoothing: :math:`\varepsilon`, at least 0 and less than 1. Like dropout it is for training: in ``eval`` mode
            the loss is not smoothed.

    Returns:
        The sum in nats, a tensor without dimensions, and the number of tokens.

    Raises:
        ValueError: If ``smoothing`` is out of range or the logits do not have one row for each target token.

    Source:
        Szegedy et al. (2016), section 7, for the smoothing.
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be at least 0 and less than 1, got {smoothing}")
    logits = model(batch.source, batch.target_in)
    if logits.ndim != 3 or logits.shape[:2] != batch.target_out.shape:
        b, t = batch.target_out.shape
        raise ValueError(f"model must return logits of shape ({b}, {t}, V), got {tuple(logits.shape)}")
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()  # the sum of thousands of losses would overflow, or be rounded
    losses = nn.functional.cross_entropy(
        logits.flatten(0, 1),
        batch.target_out.flatten(),
        ignore_index=PADDING,
        reduction="sum",
        label_smoothing=smoothing if model.training else 0.0,
    )
    return losses, int((batch.target_out != PADDING).sum())


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


def _linear(step: int, warmup: int, steps: int) -> float:
    return (steps + 1 - step) / (steps + 1 - warmup)


def _cosine(step: int, warmup: int, steps: int) -> float:
    return (1 + math.cos(math.pi * (step - warmup) / (steps + 1 - warmup))) / 2


def _inverse_sqrt(step: int, warmup: int, steps: int) -> float:
    return math.sqrt(warmup / step)


def _constant(step: int, warmup: int, steps: int) -> float:
    return 1.0


# How each schedule goes on after the warm-up, from factor 1. None is 0 at the last step: that step would be wasted.
SCHEDULES = {"linear": _linear, "cosine": _cosine, "inverse sqrt": _inverse_sqrt, "constant": _constant}


def schedule_factor(schedule: str, step: int, steps: int, warmup: float = 0.1) -> float:
    r"""Return what the learning rate is multiplied by at a step.

    For the first :math:`w` steps the factor is :math:`s / w`. Then it is, with :math:`n` steps in all,

    - ``"linear"``: :math:`(n + 1 - s) / (n + 1 - w)`,
    - ``"cosine"``: :math:`\frac{1}{2} + \frac{1}{2} \cos \left( \pi (s - w) / (n + 1 - w) \right)`,
    - ``"inverse sqrt"``: :math:`\sqrt{w / s}`; with a learning rate of :math:`1 / \sqrt{d w}` it is the schedule of
      the paper for a model with :math:`d` features,
    - ``"constant"``: 1.

    Args:
        schedule: One of the names above.
        step: The step :math:`s`, from 1 to ``steps``.
        steps: All steps :math:`n`.
        warmup: Share of the steps to warm up in, at least 0 and less than 1; :math:`w` is it times ``steps``, rounded,
            and at least 1.

    Returns:
        The factor, above 0 and at most 1.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Vaswani et al. (2017), equation 3, for ``"inverse sqrt"``; Loshchilov and Hutter (2017), equation 5, without
        restarts, for ``"cosine"``.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r}")
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup must be a share of the steps, at least 0 and less than 1, got {warmup}")
    if not 1 <= step <= steps:
        raise ValueError(f"step must lie between 1 and steps = {steps}, got {step}")
    w = max(1, round(warmup * steps))
    return step / w if step < w else SCHEDULES[schedule](step, w, steps)


def evaluate(model: nn.Module, batches: Iterable[Any], loss: Loss = token_loss) -> float:
    """Return the mean loss over batches: in ``eval`` mode, without gradients, without touching the global seed.

    Args:
        model: The model. Its mode is restored.
        batches: The batches. Those with a method ``to`` are moved to the model's device.
        loss: As for :func:`fit`.

    Returns:
        Sum of the losses over sum of the counts.

    Raises:
        ValueError: If there is nothing to count.
    """
    device, training = _device(model), model.training
    sums, counts = 0.0, 0
    model.eval()
    try:
        # A DataLoader draws a number even if it does not shuffle. Training must go on as if nothing had happened.
        with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
            for batch in batches:
                total, count = loss(model, _to(batch, device))
                sums, counts = sums + total.item(), counts + count
    finally:
        model.train(training)
    if counts < 1:
        raise ValueError(f"batches must hold something to count, got {counts} (an iterator that is used up?)")
    return sums / counts


def fit(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    steps: int,
    loss: Loss = token_loss,
    optimizer: torch.optim.Optimizer | None = None,
    lr: float = 3e-3,
    schedule: str = "linear",
    warmup: float = 0.1,
    clip: float | None = 1.0,
    held_out: Iterable[Any] | None = None,
    every: int = 250,
    patience: int | None = None,
    restore_best: bool = True,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> History:
    r"""Train a model, and leave it in ``eval`` mode with the best weights found.

    A step: :math:`L` = sum / count of the loss; gradient :math:`g` of :math:`L`, scaled down to the norm ``clip`` if
    it is longer; step of the optimizer, with the learning rate that the schedule gives.

    **The same numbers again.** The global seed is used (by dropout) but never set: call ``torch.manual_seed`` before
    you make the model. With ``checkpoint`` a training that was stopped by anything goes on from the last evaluation,
    and ends with the weights and the history, to the last bit, of one that was never stopped. Call it with the same
    arguments; what can be compared is compared. A training that is complete is not repeated: its result is loaded.

    **Ctrl-C** ends the training as patience does: the best weights so far are restored (before the first evaluation:
    none, the model stays as it is), and the history is returned.

    Args:
        model: Any module with parameters, on any device. It is trained in place.
        batches: What ``loss`` understands: :class:`attn_utils.data.vocabulary.Batches` or anything with a method
            ``epoch(number)``, or an iterable, which is gone through again and again. Batches with a method ``to`` are
            moved to the model's device.
        steps: Steps of the optimizer.
        loss: ``loss(model, batch)`` returns a sum (a tensor without dimensions) and the number of things it sums over.
            To smooth labels: ``functools.partial(token_loss, smoothing=0.1)``.
        optimizer: Over parameters of the model. Its learning rates are the peaks of the schedule. Default: AdamW with
            learning rate ``lr``, weight decay 0.01, and the betas 0.9 and 0.98 of the Transformer.
        lr: Peak learning rate of the default optimizer; not used if there is another.
        schedule: ``"linear"``, ``"cosine"``, ``"inverse sqrt"`` or ``"constant"``: see :func:`schedule_factor`.
        warmup: Share of the steps in which the learning rate rises.
        clip: Longest gradient. ``None``: any length.
        held_out: Batches to measure the loss on, gone through at every evaluation.
        every: Steps between evaluations. One more comes after the last step.
        patience: End the training after so many evaluations in a row without a new lowest held-out loss. ``None``:
            never.
        restore_best: Whether to end with the weights of the lowest held-out loss, not with the last ones.
        checkpoint: A file to keep the state of the training in, written at every evaluation.
        progress: Whether to show a progress bar. ``None``: where somebody watches, which is in a terminal and in a
            notebook in use, but not in one that a program runs.

    Returns:
        What happened.

    Raises:
        ValueError: If an argument is out of range, there are no batches, or the checkpoint is not one of this
            training.
        FloatingPointError: If the loss, its gradient or the held-out loss is not finite. The model then has the
            weights with which that was computed.

    Source:
        Pascanu et al. (2013), algorithm 1, for the clipping; Loshchilov and Hutter (2019), algorithm 2, for AdamW;
        Vaswani et al. (2017), section 5.3, for the betas.
    """
    check_size("steps", steps)
    check_size("every", every)
    plan = _Plan(steps, schedule, warmup, clip, every, patience, held_out is not None)
    _device(model)  # raises if there is nothing to train
    if isinstance(held_out, Iterator):
        raise ValueError(f"held_out must be something to go through again and again, got an iterator, {held_out!r}")
    if optimizer is None:
        if not 0 < lr < math.inf:
            raise ValueError(f"lr must be positive and finite, got {lr}")
        optimizer = _adamw(model, lr)
    training = _Training(model, optimizer, loss, _Stream(batches), plan)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise ValueError(f"checkpoint must be a file in a folder that exists, got {path}")
    if path is not None and path.exists():
        _load(training, path)

    history = training.history
    with _bar(progress, training) as bar:
        try:
            while training.steps_done < steps and not history.stopped_early:
                training.step()
                if training.steps_done % every == 0 or training.steps_done == steps:
                    training.record(held_out)
                    if path is not None:
                        _save(training, path)
                _show(bar, training)
        except KeyboardInterrupt:
            # Nothing is saved: Ctrl-C may have come in the middle of a step, and what the file holds is exact.
            history.interrupted = True
        finally:
            training.restore_peaks()
    if restore_best and training.best_weights is not None:
        model.load_state_dict(training.best_weights)
    model.eval()
    return history


def _adamw(model: nn.Module, lr: float) -> torch.optim.AdamW:
    """Make the default optimizer, in one kernel for all parameters where every version of PyTorch in use has it."""
    fused = all(
        p.device.type in {"cpu", "cuda"} and p.is_floating_point() and p.is_contiguous() for p in model.parameters()
    )
    return torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.98), weight_decay=0.01, fused=fused)


@dataclass(frozen=True)
class _Plan:
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


class _Stream:
    """Batches without end, epoch after epoch, that can say where they are and go there again."""

    def __init__(self, batches: Iterable[Any]) -> None:
        self.batches = batches
        self.epoch, self.position = -1, 0
        self.iterator: Iterator[Any] = iter(())

    def __next__(self) -> Any:
        batch = next(self.iterator, None)
        if batch is None:
            self.start(self.epoch + 1)
            batch = next(self.iterator, None)
            if batch is None:
                raise ValueError(f"batches must not be empty, got none in epoch {self.epoch} (a used-up iterator?)")
        self.position += 1
        return batch

    def start(self, epoch: int) -> None:
        self.epoch, self.position = epoch, 0
        # What draws its order from the global seed, as a DataLoader does, draws it now.
        self.seed_state = torch.get_rng_state()
        self.iterator = iter(self.batches.epoch(epoch) if hasattr(self.batches, "epoch") else self.batches)

    def state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "position": self.position, "seed_state": self.seed_state}

    def go_to(self, state: dict[str, Any]) -> None:
        torch.set_rng_state(state["seed_state"])
        self.start(state["epoch"])
        self.position = state["position"]
        for _ in islice(self.iterator, self.position):
            pass


class _Training:
    """A training in progress: what changes from step to step, which is what a checkpoint holds."""

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, loss: Loss, stream: _Stream, plan: _Plan
    ) -> None:
        self.model, self.optimizer, self.loss, self.stream, self.plan = model, optimizer, loss, stream, plan
        self.device = _device(model)
        self.peaks = [float(group["lr"]) for group in optimizer.param_groups]
        self.settings = _settings(self)
        self.history = History()
        self.best_weights: dict[str, Any] | None = None
        self.steps_done, self.last_loss = 0, math.nan
        self.started = time.perf_counter()
        self.begin_interval()

    def begin_interval(self) -> None:
        """Begin to add up for the next entry of the history."""
        self.sums, self.counts, self.norms = 0.0, 0, list[float]()

    def step(self) -> None:
        """Do one step of the optimizer."""
        plan, number = self.plan, self.steps_done + 1
        factor = schedule_factor(plan.schedule, number, plan.steps, plan.warmup)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        batch = _to(next(self.stream), self.device)

        self.model.train()
        total, count = self.loss(self.model, batch)
        if count < 1:
            raise ValueError(f"loss must return a sum and a count of at least 1, got a count of {count}")
        self.last_loss = _finite("loss", total.item() / count, number)
        self.optimizer.zero_grad()
        (total / count).backward()
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, math.inf if plan.clip is None else plan.clip)
        self.norms.append(_finite("norm of the gradient", norm.item(), number))
        self.optimizer.step()
        self.sums, self.counts, self.steps_done = self.sums + total.item(), self.counts + count, number

    def record(self, held_out: Iterable[Any] | None) -> None:
        """Write an entry of the history, keep the weights if they are the best so far, and see if patience is out."""
        history, held_out_loss = self.history, None
        if held_out is not None:
            held_out_loss = _finite("held-out loss", evaluate(self.model, held_out, self.loss), self.steps_done)
            if history.best_loss is None or held_out_loss < history.best_loss:
                self.best_weights = {name: x.clone() for name, x in self.model.state_dict().items()}
                history.best_loss, history.best_step = held_out_loss, self.steps_done
        # Ctrl-C comes while something is computed: the lists are therefore extended at the end, all together.
        history.steps.append(self.steps_done)
        history.train_loss.append(self.sums / self.counts)
        history.learning_rate.append(float(self.optimizer.param_groups[0]["lr"]))
        history.gradient_norm.append(sum(self.norms) / len(self.norms))
        history.held_out_loss += [] if held_out_loss is None else [held_out_loss]
        history.seconds = time.perf_counter() - self.started
        if self.plan.patience is not None and history.best_step is not None:
            since_best = len(history.steps) - 1 - history.steps.index(history.best_step)
            history.stopped_early = since_best >= self.plan.patience
        self.begin_interval()

    def restore_peaks(self) -> None:
        """Give the optimizer the learning rates back that it came with."""
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak


def _finite(what: str, number: float, step: int) -> float:
    if not math.isfinite(number):
        raise FloatingPointError(
            f"the {what} is {number} at step {step}: try a lower learning rate (lr), a longer warmup or a smaller "
            "clip, and look for log(0), a division by 0 or a row without anything to attend to in the model"
        )
    return number


def _device(model: nn.Module) -> torch.device:
    parameter = next(model.parameters(), None)
    if parameter is None:
        raise ValueError(f"model must have parameters, got {model!r}")
    return parameter.device


def _to(batch: Any, device: torch.device) -> Any:
    return batch.to(device) if hasattr(batch, "to") else batch


def _save(training: _Training, path: Path) -> None:
    """Write a checkpoint: whole or not at all."""
    state = {
        "settings": training.settings,
        "steps_done": training.steps_done,
        "model": training.model.state_dict(),
        "best_weights": training.best_weights,
        "optimizer": training.optimizer.state_dict(),
        "stream": training.stream.state(),
        "seed_states": _seed_states(training.device),
        "history": asdict(training.history),
    }
    part = path.with_name(path.name + ".part")
    try:
        torch.save(state, part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())  # on the disk before it takes the place of the old one
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _load(training: _Training, path: Path) -> None:
    """Put a training into the state of a checkpoint, or raise and leave the training as it is."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        then = state["settings"]
        missing = {"steps_done", "model", "best_weights", "optimizer", "history", "stream", "seed_states"} - set(state)
        if missing:
            raise KeyError(", ".join(sorted(missing)))
    except Exception as error:  # what torch.load raises depends on where the file is damaged
        raise ValueError(f"checkpoint {path} cannot be read: delete it to train anew ({error})") from error
    now = training.settings
    different = [_difference(name, then.get(name), now.get(name)) for name in now if then.get(name) != now.get(name)]
    if different:
        raise ValueError(
            f"checkpoint {path} must be one of this training, got another one's: {'; '.join(different)}. Give the "
            "arguments it was made with, or another file"
        )
    training.steps_done = state["steps_done"]
    training.model.load_state_dict(state["model"])
    training.best_weights = state["best_weights"]
    training.optimizer.load_state_dict(state["optimizer"])
    training.history = History(**state["history"])
    training.started = time.perf_counter() - training.history.seconds
    training.stream.go_to(state["stream"])
    _set_seed_states(state["seed_states"], training.device)


def _settings(training: _Training) -> dict[str, Any]:
    """Return what two trainings must have in common for one to go on where the other stopped."""
    batches, loss = training.stream.batches, training.loss
    function = getattr(loss, "func", loss)  # a partial's function
    return {
        **asdict(training.plan),
        "model": _plain(training.model),
        "parameters": "\n".join(f"{name} {tuple(x.shape)}" for name, x in training.model.state_dict().items()),
        "optimizer": _plain(training.optimizer),
        "loss": getattr(function, "__qualname__", type(function).__qualname__) + _plain(getattr(loss, "keywords", {})),
        "batches": len(batches) if isinstance(batches, Sized) else None,
        "seed of the batches": getattr(batches, "seed", None),
    }


def _plain(x: object) -> str:
    """Return what ``x`` prints, without addresses, which change from run to run."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(x))


def _difference(name: str, then: Any, now: Any) -> str:
    """Say how two settings differ; of long ones, in the first line that does."""
    for old, new in zip_longest(str(then).splitlines(), str(now).splitlines(), fillvalue="nothing"):
        if old != new:
            return f"{name} was {old.strip()}, is {new.strip()}"
    return name


def _seed_states(device: torch.device) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    return states | {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else states


def _set_seed_states(states: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)


def _watched() -> bool:
    """Return whether somebody sees a progress bar: in a terminal, or in a notebook that a person runs."""
    ipython = sys.modules.get("IPython")
    kernel = getattr(ipython.get_ipython(), "kernel", None) if ipython else None
    if kernel is None:
        return sys.stderr is not None and sys.stderr.isatty()
    # With each cell a front end says whether it can ask its user for input. JupyterLab and Colab can. A program that
    # runs a notebook, as nbclient, papermill and nbval do, cannot; it would store the bar in the notebook.
    return bool(getattr(kernel, "_allow_stdin", False))


def _bar(progress: bool | None, training: _Training) -> Any:
    from tqdm.auto import tqdm  # here, because it looks for a notebook's widgets when it is imported

    shown = _watched() if progress is None else progress
    return tqdm(total=training.plan.steps, initial=training.steps_done, unit="step", disable=not shown)


def _show(bar: Any, training: _Training) -> None:
    held_out = training.history.held_out_loss
    bar.set_postfix({"loss": training.last_loss} | ({"held-out loss": held_out[-1]} if held_out else {}), refresh=False)
    bar.update()
