"""Training steps of the same model in eager PyTorch, timed on request: a line "COUNT" on stdin runs so many steps.

Prints one JSON line for each request, {"wall": [...], "cpu": [...]}, seconds of each step by both
clocks, and first one of versions. Knows dense models only.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F


class Block(torch.nn.Module):
    """Pre-norm attention with rotary positions, then SwiGLU."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norms = torch.nn.ParameterList([torch.ones(width) for _ in range(2)])
        linear = lambda cols, rows: torch.nn.Linear(cols, rows, bias=False)
        self.q, self.k, self.v, self.o = (linear(width, width) for _ in range(4))
        self.gate, self.up, self.down = linear(width, hidden), linear(width, hidden), linear(hidden, width)

    def forward(self, x, cos, sin):
        rows, tokens, width = x.shape
        y = F.rms_norm(x, (width,), self.norms[0], 1e-6)
        q, k, v = (part(y).view(rows, tokens, self.heads, -1).transpose(1, 2) for part in (self.q, self.k, self.v))
        q, k = turned(q, cos, sin), turned(k, cos, sin)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(y.transpose(1, 2).reshape(rows, tokens, width))
        y = F.rms_norm(x, (width,), self.norms[1], 1e-6)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def turned(x, cos, sin):
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


class Model(torch.nn.Module):
    def __init__(self, width, layers, heads, hidden, vocabulary, tokens):
        super().__init__()
        self.table = torch.nn.Embedding(vocabulary, width)
        self.blocks = torch.nn.ModuleList([Block(width, heads, hidden) for _ in range(layers)])
        self.norm = torch.nn.Parameter(torch.ones(width))
        self.head = torch.nn.Linear(width, vocabulary, bias=False)
        half = width // heads // 2
        angles = torch.outer(torch.arange(tokens), 1e4 ** (-torch.arange(half) / half))
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, ids):
        x = self.table(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return self.head(F.rms_norm(x, x.shape[-1:], self.norm, 1e-6))


def main():
    shape = json.loads(sys.argv[1])
    torch.set_num_threads(shape["threads"])
    torch.manual_seed(1)
    sizes = [shape[name] for name in ("width", "layers", "heads", "hidden", "vocabulary", "tokens")]
    model = Model(*sizes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
    ids = torch.randint(shape["vocabulary"], (shape["sequences"], shape["tokens"]))
    targets = ids.roll(-1, 1).flatten()

    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids).flatten(0, 1), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    blas = "MKL" if torch.backends.mkl.is_available() else "no MKL"
    print(json.dumps({"version": torch.__version__, "blas": blas, "capability": torch.backends.cpu.get_cpu_capability()}), flush=True)
    for line in sys.stdin:
        taken = {"wall": [], "cpu": []}
        for _ in range(int(line)):
            wall, cpu = time.perf_counter(), time.process_time()
            step()
            taken["wall"].append(time.perf_counter() - wall)
            taken["cpu"].append(time.process_time() - cpu)
        print(json.dumps(taken), flush=True)


main()
