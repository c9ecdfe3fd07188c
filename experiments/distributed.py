"""Train chapter 9's translator on several processes, or several machines, with ``DistributedDataParallel``.

    torchrun --nproc-per-node 2 -m experiments.distributed --steps 200
    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-endpoint HOST:29500 -m experiments.distributed   # on each machine

Each process takes every P-th sentence of a batch, so P processes make the step that one makes with the whole batch.
``gloo`` joins processors, ``nccl`` joins GPUs, one a process; which of them is asked of the machine.

The loss of a batch is a mean over its *words*, and the processes do not have equally many. ``DistributedDataParallel``
takes the mean of the gradients, each process alike, and a mean of means is another number. So each process divides its
sum by the words of all, and multiplies by the number of processes to undo the division that comes.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice, repeat

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from attn_utils.data.vocabulary import PADDING, Batch, Batches
from attn_utils.training import schedule_factor, token_loss
from attn_utils.transformer import Transformer
from experiments.translation import parts

Loss = Callable[[nn.Module, Batch], tuple[Tensor, int]]


def share_of(batch: Batch, rank: int, processes: int) -> Batch:
    """Return the part of a batch that a process works on, without columns that hold padding alone.

    Args:
        batch: With at least as many sentences as processes.
        rank: The number of the process, from 0.
        processes: How many there are.

    Raises:
        ValueError: If there is no sentence for the process.
    """
    if len(batch.source) < processes:
        raise ValueError(f"batch must hold a sentence for each of {processes} processes, got {len(batch.source)}")
    rows = [x[rank::processes] for x in batch]
    return Batch(*(x[:, : int((x != PADDING).sum(dim=1).max())] for x in rows))


def mean_over_all(total: Tensor, count: int) -> Tensor:
    """Return a loss whose gradients, averaged over the processes, are those of the mean over all words.

    Args:
        total: The sum of this process's losses.
        count: The number of its words.

    Returns:
        The sum, over the words of all processes, times the number of processes.
    """
    counts = torch.tensor(float(count), device=total.device)
    dist.all_reduce(counts)
    return total * dist.get_world_size() / counts


def train(
    model: nn.Module, batches: Iterator[Batch], steps: int, lr: float, loss: Loss, device: torch.device
) -> Iterator[float]:
    """Train in this process together with the others, and yield the mean loss of all words after each step."""
    rank, processes = dist.get_rank(), dist.get_world_size()
    together = DistributedDataParallel(model.to(device), device_ids=[device] if device.type == "cuda" else None)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.98))
    for step, batch in enumerate(islice(batches, steps), start=1):
        for group in optimizer.param_groups:
            group["lr"] = lr * schedule_factor("linear", step, steps)
        own = mean_over_all(*loss(together, share_of(batch, rank, processes).to(device)))
        optimizer.zero_grad()
        own.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        of_all = own.detach() / processes
        dist.all_reduce(of_all)
        yield of_all.item()


def main() -> None:
    parser = argparse.ArgumentParser(prog="torchrun … -m experiments.distributed", description=__doc__)
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--rate", type=float, default=8e-3)
    parser.add_argument("--save", help="write the trained weights to this file")
    arguments = parser.parse_args()
    if "RANK" not in os.environ:
        parser.error("start it with torchrun, which tells each process who it is")
    on_gpu = torch.cuda.is_available()
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else torch.device("cpu")
        if on_gpu:
            torch.cuda.set_device(device)
        torch.set_num_threads(1)
        training, _, _, source_words, target_words = parts("random")
        batches = Batches(training, source_words, target_words, 64, seed=0)
        torch.manual_seed(0)  # the same weights in each process; DistributedDataParallel would see to it, too
        model = Transformer(len(source_words), len(target_words), d_model=64, d_ff=128)
        loss = partial(token_loss, smoothing=0.1)
        endless = chain.from_iterable(repeat(batches))
        losses = train(model, endless, arguments.steps, arguments.rate, loss, device)
        for step, mean in enumerate(losses, start=1):
            if dist.get_rank() == 0 and (step % 50 == 0 or step == arguments.steps):
                print(f"step {step}: loss {mean:.4f} a word, {dist.get_world_size()} processes", flush=True)
        if arguments.save and dist.get_rank() == 0:
            torch.save(model.state_dict(), arguments.save)
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
