"""Training: one loop for every model of the course, and what it is made of.

- ``loop``: :func:`~attn_utils.training.loop.fit`, what a chapter calls.
- ``run``: a training in progress, step by step, and its history.
- ``losses``: the loss of a batch, and of held-out batches.
- ``schedules``: how the learning rate rises and falls.
- ``stream``: batches that can be gone back to, and every source of chance.
- ``checkpoints``: saving, loading and comparing.
"""

from attn_utils.training.loop import fit
from attn_utils.training.losses import evaluate, token_loss
from attn_utils.training.run import History
from attn_utils.training.schedules import SCHEDULES, schedule_factor

__all__ = ["SCHEDULES", "History", "evaluate", "fit", "schedule_factor", "token_loss"]
