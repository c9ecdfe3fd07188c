"""Two processes on this machine train as one does, though they have different numbers of words."""

import os
import sys
from functools import partial

import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing

from attn_utils.data.vocabulary import END, PADDING, START, Batch, pad
from attn_utils.training import token_loss
from attn_utils.transformer import Transformer
from experiments import distributed

LENGTHS = [2, 9, 3, 8, 2, 7]  # every second sentence is long


def batches():
    chance = torch.Generator().manual_seed(1)
    for _ in range(4):
        rows = [torch.randint(4, 20, (n,), generator=chance).tolist() for n in LENGTHS]
        yield Batch(pad(rows), pad([[START, *row] for row in rows]), pad([[*row, END] for row in rows]))


def trained(rank, processes, folder, mean):
    if mean == "of means":
        distributed.mean_over_all = lambda total, count: total / count
    torch.manual_seed(0)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=processes)
    model = Transformer(20, 20, 16, 4)
    loss = partial(token_loss, smoothing=0.1)
    losses = list(distributed.train(model, batches(), 4, 0.01, loss, torch.device("cpu")))
    if rank == 0:
        torch.save({"losses": losses, "weights": model.state_dict()}, f"{folder}/result")
    dist.barrier()  # nobody leaves while another still talks to it
    dist.destroy_process_group()
    sys.stdout.flush()
    # Gloo's threads may outlive the interpreter, and end the process by SIGABRT while it takes itself down.
    os._exit(0)


def run(processes, folder, mean="over words"):
    folder.mkdir()
    multiprocessing.spawn(trained, (processes, str(folder), mean), nprocs=processes)
    return torch.load(folder / "result")


def test_two_processes_equal_one_and_a_mean_of_means_does_not(tmp_path):
    one, two, wrong = run(1, tmp_path / "1"), run(2, tmp_path / "2"), run(2, tmp_path / "3", "of means")
    torch.testing.assert_close(two["losses"], one["losses"], atol=1e-5, rtol=1e-5)
    # A bias of the keys adds the same to all scores of a query: its gradient is 0 but for rounding, of which Adam makes
    # steps as long as all others.
    weights = {name: w for name, w in one["weights"].items() if not name.endswith("W_k.bias")}
    torch.testing.assert_close({name: two["weights"][name] for name in weights}, weights, atol=1e-5, rtol=1e-5)
    apart = max((wrong["weights"][name] - w).abs().max().item() for name, w in weights.items())
    assert apart > 1e-3


def test_shares_are_the_batch():
    batch = next(batches())
    shares = [distributed.share_of(batch, rank, 2) for rank in range(2)]
    assert [share.source.shape for share in shares] == [(3, 3), (3, 9)]
    for x, y in zip(batch, zip(*shares, strict=True), strict=True):
        rows = [row[row != PADDING].tolist() for pair in zip(*y, strict=True) for row in pair]
        assert rows == [row[row != PADDING].tolist() for row in x]


def test_more_processes_than_sentences_are_refused():
    with pytest.raises(ValueError, match="a sentence for each of 7 processes"):
        distributed.share_of(next(batches()), 0, 7)


def test_without_torchrun_it_says_how_to_start(monkeypatch, capsys):
    monkeypatch.delitem(os.environ, "RANK", raising=False)
    monkeypatch.setattr(sys, "argv", ["distributed"])
    with pytest.raises(SystemExit):
        distributed.main()
    assert "start it with torchrun" in capsys.readouterr().err
