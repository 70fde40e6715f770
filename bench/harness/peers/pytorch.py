"""PyTorch behind the line protocol of main.cc: a loop of EmbeddingBag over the tables and a concat forward; backward by
autograd with sparse gradients, coalesced so that a row hit often gets one summed gradient, and one rowwise Adagrad step
per table."""

import os
import sys
import time

# On a busy machine its spinning threads wait for each other 20 times as long as the work takes: let them sleep.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import torch  # noqa: E402

EPSILON = 1e-8
LEARNING_RATE = 0.02


def initial_weights(table, rows, width):
    """workload.h's initial_weight for every element."""
    values = torch.empty(rows * width)
    for begin in range(0, rows * width, 1 << 22):
        end = min(rows * width, begin + (1 << 22))
        mixed = (torch.arange(begin, end) * 2654435761 + table * 40503) & 0xFFFFFFFF
        values[begin:end] = (mixed >> 16).float() / 65536 - 0.5
    return values.view(rows, width)


def checksum(out):
    flat = out.double().flatten()
    return float((flat * (1 + torch.arange(len(flat)) % 13)).sum())


class Tables:
    def __init__(self, file, index_type):
        words = torch.frombuffer(bytearray(open(file, "rb").read()), dtype=torch.int32)
        tables, batch, pooling, width, batches = words[:5].tolist()
        heights = words[5 : 5 + tables].tolist()
        ids = words[5 + tables :].view(batches, tables, batch * pooling)
        self.batches = batches
        self.ids = [[column.to(index_type) for column in one] for one in ids]
        self.offsets = torch.arange(batch).to(index_type) * pooling
        self.bags = []
        for table, rows in enumerate(heights):
            weights = initial_weights(table, rows, width)
            self.bags.append(torch.nn.EmbeddingBag(rows, width, mode="sum", sparse=True, _weight=weights))
        self.state = [torch.zeros(rows) for rows in heights]
        self.gradient = initial_weights(0, batch * tables, width).view(batch, tables * width) * 1e-3
        self.out = None

    def forward(self, batch):
        columns = [bag(ids, self.offsets) for bag, ids in zip(self.bags, self.ids[batch])]
        self.out = torch.cat(columns, dim=1)

    def lookup(self, batch):
        with torch.no_grad():
            self.forward(batch)

    def backward(self, batch):
        self.out.backward(self.gradient)
        with torch.no_grad():
            for bag, state in zip(self.bags, self.state):
                gradient = bag.weight.grad.coalesce()
                rows, values = gradient.indices()[0], gradient.values()
                squares = state.index_select(0, rows) + values.square().mean(1)
                state.index_copy_(0, rows, squares)
                values /= squares.sqrt_().add_(EPSILON).unsqueeze(1)
                bag.weight.index_add_(0, rows, values, alpha=-LEARNING_RATE)
                bag.weight.grad = None


def run(tables, name, first, count):
    wall = cpu = 0.0
    for i in range(first, first + count):
        batch = i % tables.batches
        if name == "backward":
            tables.forward(batch)
        begin = time.perf_counter(), time.process_time()
        getattr(tables, name)(batch)
        wall += time.perf_counter() - begin[0]
        cpu += time.process_time() - begin[1]
    return f"time {wall / count} {cpu / count}"


def main():
    tables = None
    for line in sys.stdin:
        verb, *words = line.split()
        try:
            if verb == "setup":
                settings = dict(word.split("=", 1) for word in words)
                torch.set_num_threads(int(settings["threads"]))
                tables = None
                tables = Tables(settings["file"], getattr(torch, settings.get("index", "int64")))
                tables.lookup(0)
                answer = f"ready lookup forward backward checksum={checksum(tables.out)} version={torch.__version__}"
            else:
                answer = run(tables, words[0], int(words[1]), int(words[2]))
        except Exception as error:
            answer = f"error {error}".splitlines()[0]
        print(answer, flush=True)


main()
