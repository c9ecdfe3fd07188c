"""One training loop for every model of the course.

:func:`fit` knows nothing of words or images. It asks the loss function for a sum and a count, and steps on their
quotient. So a batch of long sentences and a batch of short ones weigh as much as the tokens they hold, and padding
weighs nothing, as long as the loss leaves it out of both numbers. :func:`~attn_utils.training.losses.token_loss` does.
"""

import math
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attn_utils._checks import check_size
from attn_utils.training.losses import Loss, model_device, token_loss
from attn_utils.training.run import History, Plan, TrainingRun

__all__ = ["fit"]


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

    **Frozen parts.** A model in ``eval`` mode, which is how this function leaves it, is put in training mode as a
    whole. In one that is in training mode, parts in ``eval`` mode stay so: after ``model.train();
    model.encoder.eval()`` there is no dropout in the encoder, and its batch normalization does not move. Weights that
    must not change have ``requires_grad = False``.

    **The same numbers again.** The global seed is used (by dropout) but never set: call ``torch.manual_seed`` before
    you make the model. With ``checkpoint`` a training that was stopped by anything goes on from the last evaluation,
    and ends with the weights and the history, to the last bit, of one that was never stopped. The global states of
    chance of PyTorch, Python and NumPy are saved for that, and those of a DataLoader's generators. Call it with the
    same arguments and, in another process, a model made after the same seed: what can be compared is compared, also
    the first weights, the batches of the epoch in which to go on and the held-out ones. A training that is complete is
    not repeated: its result is loaded.

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
            learning rate ``lr``, weight decay 0.01, and the betas 0.9 and 0.98 of the Transformer. It takes no sparse
            gradients: for embeddings that have them, give :class:`torch.optim.SparseAdam` or SGD.
        lr: Peak learning rate of the default optimizer; not used if there is another.
        schedule: ``"linear"``, ``"cosine"``, ``"inverse sqrt"`` or ``"constant"``: see
            :func:`~attn_utils.training.schedules.schedule_factor`.
        warmup: Share of the steps in which the learning rate rises.
        clip: Longest gradient. ``None``: any length.
        held_out: Batches to measure the loss on, gone through at every evaluation: see
            :func:`~attn_utils.training.losses.evaluate`.
        every: Steps between evaluations. One more comes after the last step.
        patience: End the training after so many evaluations in a row without a new lowest held-out loss. ``None``:
            never.
        restore_best: Whether to end with the weights of the lowest held-out loss (the first of equals), not with the
            last ones.
        checkpoint: A file to keep the state of the training in, written at every evaluation: see
            :mod:`attn_utils.training.checkpoints`.
        progress: Whether to show a progress bar. ``None``: where somebody watches, which is in a terminal and in a
            notebook in use, but not in one that a program runs.

    Returns:
        What happened.

    Raises:
        ValueError: If an argument is out of range, there are no batches or one is ``None``, the optimizer cannot take
            the gradients, or the checkpoint is not one of this training or cannot be written. Nothing is changed then
            by what can be known before the first step.
        OSError: If a checkpoint cannot be written later on.
        FloatingPointError: If the loss, its gradient or the held-out loss is not finite. The model then has the
            weights with which that was computed.

    Source:
        Pascanu et al. (2013), algorithm 1, for the clipping; Loshchilov and Hutter (2019), algorithm 2, for AdamW;
        Vaswani et al. (2017), section 5.3, for the betas.
    """
    check_size("steps", steps)
    check_size("every", every)
    plan = Plan(steps, schedule, warmup, clip, every, patience, held_out is not None)
    model_device(model)  # raises if there is nothing to train
    if isinstance(held_out, Iterator):
        raise ValueError(f"held_out must be something to go through again and again, got an iterator, {held_out!r}")
    if optimizer is None:
        if not 0 < lr < math.inf:
            raise ValueError(f"lr must be positive and finite, got {lr}")
        optimizer = _adamw(model, lr)
    path = None if checkpoint is None else Path(checkpoint)
    training = TrainingRun(model, optimizer, loss, batches, held_out, plan, path)
    try:
        training.begin()
        history = training.history
        with _progress_bar(steps, training.steps_done, progress) as bar:
            while training.steps_done < steps and not history.stopped_early:
                training.step()
                if training.steps_done % every == 0 or training.steps_done == steps:
                    training.record()
                measured = {"held-out loss": history.held_out_loss[-1]} if history.held_out_loss else {}
                bar.set_postfix({"loss": training.last_loss} | measured, refresh=False)
                bar.update()
    except KeyboardInterrupt:
        # Nothing is saved: Ctrl-C may have come in the middle of a step, and what the file holds is exact.
        history = training.history
        history.interrupted = True
    finally:
        training.end()
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


def _progress_bar(steps: int, done: int, shown: bool | None) -> Any:
    from tqdm.auto import tqdm  # here, because it looks for a notebook's widgets when it is imported

    return tqdm(total=steps, initial=done, unit="step", disable=not (_watched() if shown is None else shown))


def _watched() -> bool:
    """Return whether somebody sees a progress bar: in a terminal, or in a notebook that a person runs."""
    ipython = sys.modules.get("IPython")
    kernel = getattr(ipython.get_ipython(), "kernel", None) if ipython else None
    if kernel is None:
        return sys.stderr is not None and sys.stderr.isatty()
    # With each cell a front end says whether it can ask its user for input. JupyterLab and Colab can. A program that
    # runs a notebook, as nbclient, papermill and nbval do, cannot; it would store the bar in the notebook.
    return bool(getattr(kernel, "_allow_stdin", False))
