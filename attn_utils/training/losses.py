"""What a training makes small, and how it is measured: the loss of tokens, and the mean of a loss over batches."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from attn_utils.data.vocabulary import PADDING, Batch
from attn_utils.modes import evaluating

__all__ = ["Loss", "epoch_of", "evaluate", "model_device", "moved", "token_loss"]

Loss = Callable[[Any, Any], tuple[Tensor, int]]
"""``loss(model, batch)``: a sum, a tensor without dimensions, and the number of things it sums over."""


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


def evaluate(model: nn.Module, batches: Iterable[Any], loss: Loss = token_loss) -> float:
    """Return the mean loss over batches: in ``eval`` mode, without gradients, without touching the global seed.

    Args:
        model: The model. Each of its parts gets its own mode back.
        batches: The batches: those of epoch 0, where there is a method ``epoch``. Those with a method ``to`` are moved
            to the model's device.
        loss: As for :func:`~attn_utils.training.loop.fit`.

    Returns:
        Sum of the losses over sum of the counts.

    Raises:
        ValueError: If there is nothing to count, or a batch is ``None``.
    """
    device, sums, counts = model_device(model), 0.0, 0
    # A DataLoader draws a number even if it does not shuffle. Training must go on as if nothing had happened.
    # And under autocast no copy of a weight may stay, neither an older one nor one that was made without gradients.
    torch.clear_autocast_cache()
    with evaluating(model), torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
        for batch in epoch_of(batches, 0):
            if batch is None:
                raise ValueError("batches must not yield None, got it in an evaluation")
            total, count = loss(model, moved(batch, device))
            sums, counts = sums + total.item(), counts + count
    torch.clear_autocast_cache()
    if counts < 1:
        raise ValueError(f"batches must hold something to count, got {counts} (an iterator that is used up?)")
    return sums / counts


def epoch_of(batches: Iterable[Any], number: int) -> Iterator[Any]:
    """Go through batches once: in the order of an epoch, where there is a method ``epoch(number)``."""
    return iter(batches.epoch(number) if hasattr(batches, "epoch") else batches)


def model_device(model: nn.Module) -> torch.device:
    """Return the device of a model's first parameter. Without parameters there is nothing to train: ``ValueError``."""
    parameter = next(model.parameters(), None)
    if parameter is None:
        raise ValueError(f"model must have parameters, got {model!r}")
    return parameter.device


def moved(batch: Any, device: torch.device) -> Any:
    """Return a batch on a device, if it can be moved."""
    return batch.to(device) if hasattr(batch, "to") else batch
