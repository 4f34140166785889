"""The all-reduce that bench/peers/run times, as allreduce.eta has it.

  allreduce.py RANKS ELEMENTS BLOCKS CALLS

A float32 tensor of ELEMENTS elements, RANKS processes over gloo, BLOCKS blocks of CALLS calls. Prints the sum of the first
result's elements, and the microseconds a call took in each block.
"""

import sys
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

import peers


def reduce(rank, ranks, elements, blocks, calls):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=ranks)
    mine = torch.full((elements,), rank + 1.0)
    total = mine.clone()
    dist.all_reduce(total)
    scratch = torch.zeros_like(mine)

    def time_block():
        dist.barrier()
        start = time.perf_counter()
        for _ in range(calls):
            dist.all_reduce(scratch)
        return (time.perf_counter() - start) / calls * 1e6

    time_block()
    times = [time_block() for _ in range(blocks)]
    if rank == 0:
        print("sum", total.double().sum().item())
        print("us", *times)
    dist.destroy_process_group()


def main():
    peers.rendezvous_here()
    ranks, *rest = map(int, sys.argv[1:])
    mp.spawn(reduce, args=(ranks, *rest), nprocs=ranks)


if __name__ == "__main__":
    main()
