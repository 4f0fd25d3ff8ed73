"""Writes fixtures/<family>.json: what PyTorch (Debian's python3-torch 1.13) gives for layers, losses,
optimizers and schedules, computed in float64. Run by hand: /usr/bin/python3 test/parity/make_fixtures.py.
A case holds a program text, inputs and weights, and what must come out: outputs, gradients, buffers."""
import json, os, zlib
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
families = {}


def numbers(t):
    return [float(f'{v:.9g}') for v in t.detach().double().flatten().tolist()]


def packed(t):
    kind = 'bool' if t.dtype == torch.bool else 'i32' if not t.dtype.is_floating_point else 'f32'
    data = [int(v) for v in t.flatten().tolist()] if kind != 'f32' else numbers(t)
    return {'dtype': kind, 'shape': list(t.shape), 'data': data}


def draw(name, shape, scale=1.0):
    """Numbers with three decimals, the same at every run."""
    g = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return torch.round(torch.randn(tuple(shape), generator=g).double() * scale * 1000) / 1000


def case(family, name, dlm, use='', xs=(), args=(), module=None, run=None, call=None, outs=('r',), mode='train', weights=None,
         member=None, x_values=None, scale=1.0, state=True, dims=None):
    """One case. `dlm`: the constructor of the member `m`, or none. `xs`: shapes of differentiated inputs x0, x1, …;
    `args`: tensors a0, a1, … of ints and bools. `call`: the expression, m(x0, …) by default; `outs`: parts of its
    value r. `run`: the same in torch, module(x0, …) by default. `dims`: the free dims of caches."""
    label = f'{family}/{name}'
    inputs = [x_values[i].double() if x_values is not None else draw(f'{label} x{i}', s, scale) for i, s in enumerate(xs)]
    for x in inputs:
        x.requires_grad_()
    if module is not None:
        module = module.double()
        module.train(mode == 'train')
        for key, p in module.named_parameters():
            p.data = draw(f'{label} {key}', p.shape, 0.5)
        for key, p in module.named_buffers():
            if key.endswith('running_var'):
                p.data = draw(f'{label} {key}', p.shape, 0.2).abs() + 0.5
            elif p.dtype.is_floating_point and key.endswith('running_mean'):
                p.data = draw(f'{label} {key}', p.shape, 0.5)
        if weights:
            weights(module)
    extra = {'dims': dims} if dims else {}
    before = {}
    if module is not None and state:
        before = {f'm.{key}': packed(t.clone()) for key, t in module.state_dict().items()}
    ys = (run or (lambda *a: module(*a)))(*([module] if run and module is not None else []), *inputs, *args)
    ys = list(ys) if isinstance(ys, (tuple, list)) else [ys]
    cts = [draw(f'{label} w{i}', y.shape) for i, y in enumerate(ys)]
    sum((y * w).sum() for y, w in zip(ys, cts)).backward()
    grads = {f'x{i}': packed(x.grad) if x.grad is not None else None for i, x in enumerate(inputs)}
    buffers = {}
    if module is not None and state:
        for key, p in module.named_parameters():
            grads[f'm.{key}'] = packed(p.grad) if p.grad is not None else None
        buffers = {f'm.{key}': packed(t) for key, t in module.state_dict().items() if key not in dict(module.named_parameters())}
    names = [f'x{i}' for i in range(len(inputs))] + [f'a{i}' for i in range(len(args))]
    families.setdefault(family, []).append({
        'kind': 'layer', 'name': name, 'use': use, 'member': dlm, 'call': call or f'm({", ".join(names)})', 'outs': list(outs), 'mode': mode,
        'inputs': {f'x{i}': packed(x) for i, x in enumerate(inputs)},
        'args': {f'a{i}': packed(a) for i, a in enumerate(args)},
        'weights': before, 'outputs': [packed(y) for y in ys], 'cotangents': [packed(w) for w in cts],
        'gradients': {k: v for k, v in grads.items() if v is not None}, 'buffers': buffers, **extra,
    })


def function(family, name, call, run, xs=(), args=(), **more):
    """A case without a layer: `call` over x0, …, a0, …."""
    case(family, name, None, xs=xs, args=args, call=call, run=run, **more)


def optimizer(name, dlm, make, steps=6, clip=None, use=''):
    """Weights after each of some steps down Σ c · (1 − cos(w − t)), gradients from about 1 to 0."""
    w = [draw(f'{name} w{i}', s) for i, s in enumerate([(3, 2), (4,)])]
    t = [draw(f'{name} t{i}', p.shape) for i, p in enumerate(w)]
    c = [draw(f'{name} c{i}', p.shape).abs() + 0.1 for i, p in enumerate(w)]
    params = [torch.nn.Parameter(p.clone()) for p in w]
    made = make(params)
    opt, schedule = made if isinstance(made, tuple) else (made, None)
    trace = []
    for _ in range(steps):
        opt.zero_grad()
        sum((ci * (1 - torch.cos(p - ti))).sum() for p, ti, ci in zip(params, t, c)).backward()
        if clip:
            clip(params)
        opt.step()
        if schedule:
            schedule.step()
        trace.append([packed(p.data.clone()) for p in params])
    families.setdefault('optim', []).append({
        'kind': 'optimizer', 'name': name, 'use': use, 'optimizer': dlm,
        'weights': [packed(p) for p in w], 'targets': [packed(p) for p in t], 'scales': [packed(p) for p in c], 'steps': trace,
    })


def schedule(name, dlm, use, make, lr=0.1, steps=12):
    """The rate before each update."""
    p = torch.nn.Parameter(torch.zeros(1))
    opt = torch.optim.SGD([p], lr=lr)
    s = make(opt)
    rates = []
    for _ in range(steps):
        rates.append(opt.param_groups[0]['lr'])
        opt.step()
        s.step()
    families.setdefault('schedule', []).append({'kind': 'schedule', 'name': name, 'use': use, 'schedule': dlm, 'rates': rates})


def write(only=None):
    os.makedirs(os.path.join(HERE, 'fixtures'), exist_ok=True)
    for family, cases in families.items():
        if only and family not in only:
            continue
        names = [c['name'] for c in cases]
        assert len(set(names)) == len(names), f'{family}: two cases of one name'
        with open(os.path.join(HERE, 'fixtures', family + '.json'), 'w') as f:
            f.write('[\n' + ',\n'.join(json.dumps(c, separators=(',', ':')) for c in cases) + '\n]\n')
        print(family, len(cases))
