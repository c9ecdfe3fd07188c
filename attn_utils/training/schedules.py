"""How the learning rate rises and falls in a training."""

import math

__all__ = ["SCHEDULES", "schedule_factor"]


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
