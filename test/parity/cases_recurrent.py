from torch import nn
import torch
from reference import case

def rnn(kind, config, shape=(2, 3, 4), hidden=3, states=False, **torch_config):
    """Batch first; the outputs are out and the last states."""
    parts = ['r.out', 'r.h', 'r.c'] if kind == 'LSTM' else ['r.out', 'r.h']
    module = getattr(nn, kind)(shape[2], hidden, batch_first=True, **torch_config)
    layers = torch_config.get('num_layers', 1) * (2 if torch_config.get('bidirectional') else 1)
    xs = [shape] + ([(layers, shape[0], hidden)] * (2 if kind == 'LSTM' else 1) if states else [])

    def run(m, x, *start):
        out, last = m(x, (tuple(start) if kind == 'LSTM' else start[0]) if start else None)
        return [out, *last] if kind == 'LSTM' else [out, last]

    text = f'{kind}({shape[2]}, {hidden}{config})'
    case('recurrent', text + (' with initial states' if states else ''), text, use=kind, xs=xs, module=module, run=run, outs=parts)

for kind in ('RNN', 'LSTM', 'GRU'):
    rnn(kind, '')
    rnn(kind, ', num_layers=2', num_layers=2)
    rnn(kind, ', bidirectional=true', bidirectional=True)
    rnn(kind, ', num_layers=2, bidirectional=true', num_layers=2, bidirectional=True, states=True)
    rnn(kind, ', bias=false', bias=False, states=True)
    rnn(kind, '', shape=(1, 1, 2), hidden=1)
    # One sequence is shorter: PyTorch's packed sequences.
    keep = torch.tensor([[True, True, True, True], [True, True, False, False]])
    module = getattr(nn, kind)(2, 3, batch_first=True, bidirectional=True)

    def packed(m, x, keep, kind=kind):
        seq = nn.utils.rnn.pack_padded_sequence(x, keep.sum(1), batch_first=True)
        out, last = m(seq)
        out = nn.utils.rnn.pad_packed_sequence(out, batch_first=True)[0]
        return [out, *last] if kind == 'LSTM' else [out, last]

    text = f'{kind}(2, 3, bidirectional=true)'
    case('recurrent', text + ' of two lengths', text, use=kind, xs=[(2, 4, 2)], args=[keep], module=module, run=packed,
         call='m(x0, keep=a0)', outs=['r.out', 'r.h', 'r.c'][:3 if kind == 'LSTM' else 2])

rnn('RNN', ', nonlinearity="relu"', nonlinearity='relu')
case('recurrent', 'LSTM time first', 'LSTM(2, 3, batch_first=false)', use='LSTM', xs=[(4, 2, 2)], module=nn.LSTM(2, 3), run=lambda m, x: m(x)[0], outs=['r.out'])
case('recurrent', 'RNNCell(3, 4)', 'RNNCell(3, 4)', use='RNNCell', xs=[(2, 3), (2, 4)], module=nn.RNNCell(3, 4))
case('recurrent', 'RNNCell relu', 'RNNCell(3, 4, nonlinearity="relu")', use='RNNCell', xs=[(2, 3), (2, 4)], module=nn.RNNCell(3, 4, nonlinearity='relu'))
case('recurrent', 'LSTMCell(3, 4)', 'LSTMCell(3, 4)', use='LSTMCell', xs=[(2, 3), (2, 4), (2, 4)], module=nn.LSTMCell(3, 4), run=lambda m, x, h, c: m(x, (h, c)), outs=['r.h', 'r.c'])
case('recurrent', 'GRUCell(3, 4)', 'GRUCell(3, 4)', use='GRUCell', xs=[(2, 3), (2, 4)], module=nn.GRUCell(3, 4))

class Before(nn.GRUCell):
    def forward(self, x, h):
        (xr, xz, xn), (wr, wz, wn), (br, bz, bn) = [v.chunk(3, d) for v, d in ((nn.functional.linear(x, self.weight_ih, self.bias_ih), -1), (self.weight_hh, 0), (self.bias_hh, 0))]
        r, z = torch.sigmoid(xr + h @ wr.T + br), torch.sigmoid(xz + h @ wz.T + bz)
        return (1 - z) * torch.tanh(xn + (r * h) @ wn.T + bn) + z * h

case('recurrent', 'GRUCell reset before', 'GRUCell(3, 4, reset_after=false)', use='GRUCell', xs=[(2, 3), (2, 4)], module=Before(3, 4))

class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.fwd, self.bwd = nn.GRU(2, 3, batch_first=True), nn.GRU(2, 3, batch_first=True)
    def forward(self, x):
        return self.fwd(x)[0] + self.bwd(x.flip(1))[0].flip(1)

case('recurrent', 'Bidirectional sum', 'Bidirectional(GRU, 2, 3, merge="sum")', use='Bidirectional, GRU', xs=[(2, 4, 2)], module=Both())

class Concat(Both):
    def forward(self, x):
        return torch.cat([self.fwd(x)[0], self.bwd(x.flip(1))[0].flip(1)], -1)

case('recurrent', 'Bidirectional concat', 'Bidirectional(GRU, 2, 3)', use='Bidirectional, GRU', xs=[(2, 4, 2)], module=Concat())

# Everything at once: stacked, both ways, two lengths, given initial states, three layers.
def ragged(kind, start=True, **config):
    keep = torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [True, False, False, False, False]])
    n = 3 if kind == 'LSTM' else 2
    module = getattr(nn, kind)(2, 3, batch_first=True, **config)
    layers = config.get('num_layers', 1) * (2 if config.get('bidirectional') else 1)
    def run(m, x, *rest):
        start, keep = rest[:-1], rest[-1]
        seq = nn.utils.rnn.pack_padded_sequence(x, keep.sum(1), batch_first=True)
        out, last = m(seq, (tuple(start) if kind == 'LSTM' else start[0]) if start else None)
        out = nn.utils.rnn.pad_packed_sequence(out, batch_first=True)[0]
        return [out, *last] if kind == 'LSTM' else [out, last]
    states = [(layers, 3, 3)] * (n - 1) if start else []
    more = ''.join(f', {k}={repr(v).lower() if isinstance(v, bool) else repr(v)}' for k, v in config.items()).replace("'", '"')
    text = f'{kind}(2, 3{more})'
    xs = ', '.join(f'x{i}' for i in range(1 + len(states)))
    case('recurrent', f'{text} of three lengths{" with initial states" if start else ""}', text, use=kind, xs=[(3, 5, 2)] + states, args=[keep], module=module, run=run,
         call=f'm({xs}, keep=a0)', outs=['r.out', 'r.h', 'r.c'][:n])

for kind in ('RNN', 'LSTM', 'GRU'):
    ragged(kind, num_layers=2, bidirectional=True)
    ragged(kind, start=False, num_layers=3, bias=False)
    ragged(kind)
    rnn(kind, ', num_layers=3', num_layers=3, states=True)
ragged('RNN', num_layers=2, bidirectional=True, nonlinearity='relu')

for kind in ('RNN', 'LSTM', 'GRU'):
    n = 3 if kind == 'LSTM' else 2
    def run(m, x, *start, kind=kind):
        out, last = m(x, tuple(start) if kind == 'LSTM' else start[0])
        return [out, *last] if kind == 'LSTM' else [out, last]
    case('recurrent', f'{kind} time first, both ways, with initial states', f'{kind}(2, 3, bidirectional=true, batch_first=false)', use=kind, xs=[(4, 2, 2)] + [(2, 2, 3)] * (n - 1),
         module=getattr(nn, kind)(2, 3, bidirectional=True), run=run, outs=['r.out', 'r.h', 'r.c'][:n])
    def backward(m, x, kind=kind):
        out, last = m(x.flip(1))
        return [out.flip(1), *last] if kind == 'LSTM' else [out.flip(1), last]
    case('recurrent', f'{kind} from the end', f'{kind}(2, 3, reverse=true)', use=kind, xs=[(2, 4, 2)], module=getattr(nn, kind)(2, 3, batch_first=True), run=backward, outs=['r.out', 'r.h', 'r.c'][:n])
    cell = getattr(nn, kind + 'Cell')(2, 3, bias=False)
    case('recurrent', f'{kind}Cell without bias', f'{kind}Cell(2, 3, bias=false)', use=f'{kind}Cell', xs=[(2, 2)] + [(2, 3)] * (n - 1), module=cell,
         run=lambda m, x, *s, kind=kind: m(x, tuple(s) if kind == 'LSTM' else s[0]), outs=['r.h', 'r.c'] if kind == 'LSTM' else ['r'])
    case('recurrent', f'{kind} with dropout, outside of training', f'{kind}(2, 3, num_layers=2, dropout=0.5, recurrent_dropout=0.5)', use=kind, xs=[(2, 4, 2)], mode='eval',
         module=getattr(nn, kind)(2, 3, 2, batch_first=True, dropout=0.5), run=lambda m, x: m(x)[0], outs=['r.out'])

class Early(nn.GRU):
    """Two layers of GRUs whose reset gate comes before the product."""
    def forward(self, x):
        states = []
        for i in range(2):
            cell = Before(x.shape[-1], 3)
            h, out = torch.zeros(len(x), 3).double(), []
            for t in range(x.shape[1]):
                h = Before.forward(type('Cell', (), {k: getattr(self, f'{k}_l{i}') for k in ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh')}), x[:, t], h)
                out.append(h)
            x = torch.stack(out, 1)
            states.append(h)
        return [x, torch.stack(states)]

case('recurrent', 'GRU reset before', 'GRU(2, 3, num_layers=2, reset_after=false)', use='GRU', xs=[(2, 4, 2)], module=Early(2, 3, 2), outs=['r.out', 'r.h'])
case('recurrent', 'GRUCell reset before, without bias', 'GRUCell(3, 2, bias=false, reset_after=false)', use='GRUCell', xs=[(2, 3), (2, 2)], module=nn.GRUCell(3, 2, bias=False),
     run=lambda m, x, h: Before.forward(type('Cell', (), {'weight_ih': m.weight_ih, 'weight_hh': m.weight_hh, 'bias_ih': None, 'bias_hh': torch.zeros(6).double()}), x, h))

class Pair(nn.Module):
    def __init__(self, kind, total):
        super().__init__()
        self.fwd, self.bwd, self.total = getattr(nn, kind)(2, 3, batch_first=True), getattr(nn, kind)(2, 3, batch_first=True), total
    def forward(self, x):
        a, b = self.fwd(x)[0], self.bwd(x.flip(1))[0].flip(1)
        return a + b if self.total else torch.cat([a, b], -1)

for kind, merge in (('LSTM', 'sum'), ('RNN', 'concat')):
    case('recurrent', f'Bidirectional {kind} {merge}', f'Bidirectional({kind}, 2, 3, merge="{merge}")', use=f'Bidirectional, {kind}', xs=[(1, 3, 2)], module=Pair(kind, merge == 'sum'))
case('recurrent', 'Bidirectional of one step', 'Bidirectional(LSTM, 2, 3)', use='Bidirectional, LSTM', xs=[(2, 1, 2)], module=Pair('LSTM', False))

class Stateful(nn.Module):
    """The first call of a session starts from zeros, the second from where it ended."""
    def __init__(self, kind, layers):
        super().__init__()
        self.rnn = getattr(nn, kind)(2, 3, layers, batch_first=True)
    def forward(self, x, y):
        out, state = self.rnn(x)
        return [out, self.rnn(y, state)[0]]

for kind in ('LSTM', 'GRU'):
    for layers in (1, 2):
        case('recurrent', f'Stateful{kind} {layers}', f'Stateful{kind}(2, 3, num_layers={layers})', use=f'Stateful{kind}', xs=[(2, 3, 2), (2, 2, 2)], call='[m(x0), m(x1)]',
             outs=['r[0]', 'r[1]'], dims={'b': 2}, module=Stateful(kind, layers))
