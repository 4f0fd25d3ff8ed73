"""Inputs of ±1e4 and offsets of 1e4: everything stays finite and correct."""
from torch import nn
import torch
import torch.nn.functional as F
from reference import case, draw, function

big = dict(scale=1e4)

def f(call, run, *xs, **more):
    function('stability', call, call, run, xs=list(xs), **{**big, **more})

f('softmax(x0)', lambda x: x.softmax(-1), (3, 5))
f('log_softmax(x0)', lambda x: x.log_softmax(-1), (3, 5))
f('logsumexp(x0)', lambda x: x.logsumexp(-1), (3, 5))
f('logaddexp(x0, x1)', torch.logaddexp, (6,), (6,))
f('cross_entropy(x0, a0)', lambda x, y: F.cross_entropy(x, y), (3, 5), args=[torch.tensor([0, 4, 2])])
f('bce_with_logits(x0, x1)', lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction='none'), (6,), (6,), x_values=[draw('bce', (6,), 1e4), torch.tensor([0, 1, 0, 1, 0.25, 0.5])])
for name in ('sigmoid', 'tanh', 'softplus', 'silu', 'mish', 'gelu', 'selu'):
    f(f'{name}(x0)', getattr(F, name), (8,))
f('log_sigmoid(x0)', F.logsigmoid, (8,))
f('l2_normalize(x0)', lambda x: F.normalize(x, dim=-1), (3, 4))

def layer(text, module, *shapes, use=None, **more):
    case('stability', f'{text} {list(more)}', text, use=use or text.split('(')[0], xs=list(shapes), module=module, **{**big, **more})

layer('LayerNorm(6)', nn.LayerNorm(6), (2, 6))
layer('BatchNorm1d(3)', nn.BatchNorm1d(3), (4, 3))
layer('GroupNorm(2, 4)', nn.GroupNorm(2, 4), (2, 4, 3))
offset = lambda name, shape: [draw(name, shape).round() + 1e4]
layer('LayerNorm(6)', nn.LayerNorm(6), (2, 6), x_values=offset('ln', (2, 6)))
layer('BatchNorm1d(3)', nn.BatchNorm1d(3), (4, 3), x_values=offset('bn', (4, 3)))
layer('InstanceNorm1d(3)', nn.InstanceNorm1d(3), (2, 3, 4), x_values=offset('in', (2, 3, 4)))
layer('GroupNorm(2, 4)', nn.GroupNorm(2, 4), (2, 4, 3), x_values=offset('gn', (2, 4, 3)))
layer('LSTM(3, 2)', nn.LSTM(3, 2, batch_first=True), (2, 4, 3), run=lambda m, x: m(x)[0], outs=['r.out'])
layer('GRU(3, 2)', nn.GRU(3, 2, batch_first=True), (2, 4, 3), run=lambda m, x: m(x)[0], outs=['r.out'])
layer('MultiheadAttention(4, 2)', nn.MultiheadAttention(4, 2, batch_first=True), (1, 3, 4), (1, 3, 4), (1, 3, 4), run=lambda m, q, k, v: m(q, k, v)[0], outs=['r.out'], scale=100)
allow = torch.tensor([[True, False, False], [True, True, True]])
f('scaled_dot_product_attention(x0, x1, x2, a0)', lambda q, k, v, a: (q @ k.mT / 2).masked_fill(a, -1e30).softmax(-1) @ v, (1, 2, 4), (1, 3, 4), (1, 3, 2), args=[allow],
  use='scaled_dot_product_attention', scale=30)

# A row that may attend to nothing is uniform, whatever its scores.
shut = torch.tensor([[True, True, True], [False, True, False]])
f('scaled_dot_product_attention(x0, x1, x2, a0) ', lambda q, k, v, a: (q @ k.mT / 2).masked_fill(a, -1e30).softmax(-1) @ v, (1, 2, 4), (1, 3, 4), (1, 3, 2), args=[shut], use='scaled_dot_product_attention', scale=100)
far = lambda name: [draw(name, (3, 5), 3).round() + 1e4]
f('softmax(x0) ', lambda x: x.softmax(-1), (3, 5), x_values=far('softmax'))
f('log_softmax(x0) ', lambda x: x.log_softmax(-1), (3, 5), x_values=far('log_softmax'))
f('logsumexp(x0) ', lambda x: x.logsumexp(-1), (3, 5), x_values=far('logsumexp'))
f('cross_entropy(x0, a0) ', lambda x, y: F.cross_entropy(x, y), (3, 5), args=[torch.tensor([0, 4, 2])], x_values=far('cross_entropy'))
layer('LSTM(3, 2, num_layers=2, bidirectional=true)', nn.LSTM(3, 2, 2, batch_first=True, bidirectional=True), (2, 4, 3), run=lambda m, x: m(x)[0], outs=['r.out'])
layer('BatchNorm2d(2)', nn.BatchNorm2d(2), (2, 2, 2, 2), x_values=offset('bn2', (2, 2, 2, 2)))
