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
