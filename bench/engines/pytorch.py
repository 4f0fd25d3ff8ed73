# The process of pytorch.ts: runs programs of a few named ops with PyTorch's functions, its autograd and its Adam.
# `pytorch.py <threads> <perf_counter or process_time>`, the clock of `time` that runs are timed by. A message, either
# way, is the length of a JSON text in four bytes, the text, and as many bytes as its `bytes` says.
import json
import re
import struct
import sys
import time


def receive():
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        sys.exit()
    message = json.loads(sys.stdin.buffer.read(struct.unpack("<I", head)[0]))
    return message, sys.stdin.buffer.read(message["bytes"])


def send(message, data=b""):
    text = json.dumps({**message, "bytes": len(data)}).encode()
    sys.stdout.buffer.write(struct.pack("<I", len(text)) + text)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def refuse(reason):
    send({"cannot": reason})
    sys.exit()


try:
    import numpy
    import torch
    import torch.nn.functional as F
except ImportError as error:
    refuse(str(error))


def relu(x, activation):
    return torch.relu_(x) if activation == "relu" else x


def linear(x, weight, bias, activation=None):
    return relu(F.linear(x, weight, bias), activation)


def conv(x, weight, bias=None, stride=1, padding=0, depthwise=False, activation=None):
    return relu(F.conv2d(x, weight, bias, stride, padding, groups=len(weight) if depthwise else 1), activation)


def lstm(x, *weights):
    zeros = x.new_zeros(1, len(x), weights[1].shape[1])
    # The arguments after the weights: biases, layers, dropout, training, both directions, batch first.
    return torch.lstm(x, (zeros, zeros), weights, True, 1, 0.0, weights[0].requires_grad, False, True)[0]


OPS = {
    "matmul": torch.matmul,
    "linear": linear,
    "conv": conv,
    "batchNorm": lambda x, mean, variance, weight, bias: F.batch_norm(x, mean, variance, weight, bias, eps=1e-5),
    "maxPool": lambda x, size, stride, padding=0: F.max_pool2d(x, size, stride, padding),
    "meanOfPixels": lambda x: x.mean((2, 3)),
    "flatten": lambda x: x.flatten(1),
    "embedding": F.embedding,
    "lstm": lstm,
    "last": lambda x: x[:, -1],
    "layerNorm": lambda x, weight, bias: F.layer_norm(x, weight.shape, weight, bias, 1e-5),
    "softmax": lambda x: torch.softmax(x, -1),
    "add": torch.add,
    "mul": torch.mul,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": F.gelu,
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, order: x.permute(order),
    "split": lambda x, parts: x.chunk(parts, -1),
    "part": lambda parts, index: parts[index],
}


class Program:
    """Steps `[to, op, operands, options]`. An operand is a name or a number."""

    def __init__(self, steps, output, kept):
        self.output = output
        self.steps = []
        last = {output}.union(kept)
        # A value is let go after its last use, as a local variable is that is given another value.
        for to, op, operands, options in reversed(steps):
            names = {name for name in operands if isinstance(name, str)}
            self.steps.append((to, OPS[op], operands, options, names - last))
            last |= names
        self.steps.reverse()

    def __call__(self, kept):
        values = dict(kept)
        for to, op, operands, options, last in self.steps:
            values[to] = op(*(values[name] if isinstance(name, str) else name for name in operands), **options)
            for name in last:
                del values[name]
        return values[self.output]


def stored(array, data, case):
    """A tensor of its own memory. Of images, what has four axes has its channels last."""
    kind = numpy.dtype(array["type"])
    tensor = torch.from_numpy(numpy.frombuffer(data, kind).reshape(array["shape"]).copy())
    if kind == numpy.int32:
        return tensor.long()
    if case["images"] and tensor.dim() == 4:
        tensor = tensor.contiguous(memory_format=torch.channels_last)
    return tensor.requires_grad_(array["trained"])


def opened(case, data):
    """The function that runs a case once and gives its output, or the loss of the step."""
    kept = {}
    at = 0
    for array in case["arrays"]:
        size = 4 * int(numpy.prod(array["shape"]))
        kept[array["name"]] = stored(array, data[at : at + size], case)
        at += size
    labels = kept.pop("labels")
    program = Program(case["steps"], case["output"], kept)
    if not case["train"]:
        return torch.no_grad()(lambda: program(kept))
    # All parameters at once: faster than one after the other, which is the default on a CPU.
    adam = torch.optim.Adam([value for value in kept.values() if value.requires_grad], lr=1e-3, foreach=True)

    def step():
        adam.zero_grad(set_to_none=True)
        logits = program(kept)
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels)
        loss.backward()
        adam.step()
        return torch.tensor([loss.item()])

    return step


def timed(run, now):
    """Runs once, and sends the time and the result. No result outlives this, so the next run finds its memory free."""
    started = now()
    result = run()
    ms = 1000 * (now() - started)
    send({"ms": ms}, result.contiguous().numpy().data.cast("B"))


def slow_blas():
    """Whether products are computed by the reference implementation of BLAS, on Linux."""
    try:
        with open("/proc/self/maps") as maps:
            return re.search(r"/blas/libblas\.so", maps.read()) is not None
    except OSError:
        return False


def main(threads, clock):
    if slow_blas():
        refuse("its BLAS is the reference one; libopenblas0-openmp is a fast one")
    torch.set_num_threads(int(threads))
    now = getattr(time, clock)
    run = None
    send({})
    while True:
        message, data = receive()
        try:
            if "steps" in message:
                run = opened(message, data)
                send({})
            else:
                timed(run, now)
        except Exception as error:
            send({"cannot": str(error)})


main(*sys.argv[1:])
