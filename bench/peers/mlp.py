"""The training loop that bench/peers/run times, as mlp.eta has it.

  mlp.py RANKS LAYERS WIDTH BATCH BLOCKS STEPS [compiled] [cuda]

LAYERS hidden layers of WIDTH units, BATCH rows for each rank, BLOCKS blocks of STEPS steps. Several ranks are processes
with DistributedDataParallel over gloo. With `compiled` torch.compile makes the loss and the update; the time for that does not
count. With `cuda` all ranks are on the first GPU. Prints the losses of the first steps, and the microseconds a step took in each
block, and the megabytes that the ranks took at their peaks: as many as rank 0, each.
"""

import resource
import sys
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

import peers

CHECKED_STEPS = 20
FEATURES = 64
CLASSES = 10


def make_data(rows, rank, ranks):
    """This rank's rows. Numbers that look random and are the same in any language."""
    i = torch.arange(rows * FEATURES)
    inputs = (i * 7919 % 1009).double() / 1009.0 - 0.5
    targets = torch.arange(rows) * 7919 // 101 % CLASSES
    own = slice(rank * rows // ranks, (rank + 1) * rows // ranks)
    return inputs.float().view(rows, FEATURES)[own], targets[own]


def make_model(layers, width):
    torch.manual_seed(1)
    modules = []
    for layer in range(layers):
        modules += [nn.Linear(width if layer else FEATURES, width), nn.ReLU()]
    return nn.Sequential(*modules, nn.Linear(width, CLASSES))


def mean_over_ranks(loss, ranks):
    if ranks > 1:
        dist.all_reduce(loss)
    return loss.item() / ranks


def train(rank, ranks, layers, width, batch, blocks, steps, compiled=False, device="cpu"):
    torch.set_num_threads(1)
    if ranks > 1:
        dist.init_process_group("gloo", rank=rank, world_size=ranks)
    inputs, targets = (data.to(device) for data in make_data(batch * ranks, rank, ranks))
    model = make_model(layers, width).to(device)
    if ranks > 1:
        model = nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    cross_entropy = nn.CrossEntropyLoss()
    loss_of = lambda x, y: cross_entropy(model(x), y)
    update = optimizer.step
    if compiled:
        loss_of, update = torch.compile(loss_of), torch.compile(update)

    def step():
        optimizer.zero_grad()
        loss = loss_of(inputs, targets)
        loss.backward()
        update()
        return loss.detach()

    def time_block():
        start = time.perf_counter()
        for _ in range(steps):
            step().item()
        return (time.perf_counter() - start) / steps * 1e6

    losses = [mean_over_ranks(step(), ranks) for _ in range(CHECKED_STEPS)]
    time_block()
    times = [time_block() for _ in range(blocks)]
    if rank == 0:
        print("loss", *losses)
        print("us", *times)
        print("megabytes", ranks * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    if ranks > 1:
        dist.destroy_process_group()


def main():
    ranks, *rest = map(int, sys.argv[1:7])
    device = "cuda:0" if "cuda" in sys.argv else "cpu"
    if ranks == 1:
        train(0, 1, *rest, "compiled" in sys.argv, device)
    else:
        peers.rendezvous_here()
        mp.spawn(train, args=(ranks, *rest, False, device), nprocs=ranks)


if __name__ == "__main__":
    main()
