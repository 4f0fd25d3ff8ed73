from torch import nn
import torch
import torch.nn.functional as F
from reference import case, function

def same(family, text, shapes, dlm=None, **more):
    case(family, f'{text} {[list(s) for s in shapes]}', dlm or text, use=text.split('(')[0], xs=shapes,
         module=eval('nn.' + text.replace('false', 'False').replace('"', "'")), **more)

same('dense', 'Linear(4, 3)', [(2, 4)])
same('dense', 'Linear(4, 3, bias=false)', [(2, 3, 4)])
same('dense', 'Linear(4, 1)', [(4,)])
same('dense', 'Bilinear(3, 4, 2)', [(5, 3), (5, 4)])
same('dense', 'Bilinear(3, 2, 4, bias=false)', [(2, 2, 3), (2, 2, 2)])
case('dense', 'Embedding', 'Embedding(7, 3)', use='Embedding', args=[torch.tensor([[0, 6, 2], [2, 2, 5]])], module=nn.Embedding(7, 3))
case('dense', 'Embedding padding_idx', 'Embedding(5, 4, padding_idx=1)', use='Embedding', args=[torch.tensor([1, 0, 1, 4])], module=nn.Embedding(5, 4, padding_idx=1))

class Time(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
    def forward(self, x):
        y = self.inner(x.flatten(0, 1))
        return y.reshape(x.shape[:2] + y.shape[1:])

case('dense', 'TimeDistributed(Linear)', 'TimeDistributed(Linear(4, 3))', use='TimeDistributed, Linear', xs=[(2, 3, 4)], module=Time(nn.Linear(4, 3)))
case('dense', 'TimeDistributed(Conv2d)', 'TimeDistributed(Conv2d(1, 2, 2))', use='TimeDistributed, Conv2d', xs=[(2, 2, 1, 3, 3)], module=Time(nn.Conv2d(1, 2, 2)))
case('dense', 'Sequential', 'Sequential([Linear(3, 4), ReLU(), Linear(4, 2)])', use='Sequential, Linear, ReLU', xs=[(2, 3)],
     call='m(x0)', member=None, module=nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
case('dense', 'Flatten', 'Flatten()', use='Flatten', xs=[(2, 3, 2)], module=nn.Flatten())
case('dense', 'Flatten(0, 1)', 'Flatten(0, 1)', use='Flatten', xs=[(2, 3, 2)], module=nn.Flatten(0, 1))
case('dense', 'Identity', 'Identity()', use='Identity', xs=[(2, 3)], module=nn.Identity())

case('dense', 'Linear over time and heads', 'Linear(3, 2)', use='Linear', xs=[(2, 2, 3, 3)], module=nn.Linear(3, 2))
case('dense', 'TimeDistributed(BatchNorm1d)', 'TimeDistributed(BatchNorm1d(3))', use='TimeDistributed, BatchNorm1d', xs=[(2, 4, 3)], module=Time(nn.BatchNorm1d(3)))
case('dense', 'Sequential of convolutions', 'Sequential([Conv2d(1, 2, 2), BatchNorm2d(2), Sigmoid(), Flatten(), Linear(8, 2)])', use='Sequential, Conv2d, BatchNorm2d, Sigmoid, Flatten, Linear', xs=[(2, 1, 3, 3)],
     module=nn.Sequential(nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.Sigmoid(), nn.Flatten(), nn.Linear(8, 2)))
same('dense', 'Flatten(2, -1)', [(2, 3, 2, 2)])
case('dense', 'Embedding of one id', 'Embedding(3, 2)', use='Embedding', args=[torch.tensor(2)], module=nn.Embedding(3, 2))

class Unit(nn.Linear):
    """Rosenblatt's unit, beside its score so that there is something to differentiate."""
    def forward(self, x):
        z = super().forward(x)
        return [(z > 0).double() + 0.0 * z, z]

for n, bias in ((1, 'true'), (3, 'false')):
    case('dense', f'Perceptron {n} {bias}', f'Perceptron(4, {n}, bias={bias})', use='Perceptron', xs=[(5, 4)], module=Unit(4, n, bias=bias == 'true'), outs=['r + 0.0 * m.score(x0)', 'm.score(x0)'], call='m(x0)')

for text in ['ReLU()', 'ReLU6()', 'LeakyReLU()', 'LeakyReLU(0.2)', 'ELU()', 'ELU(0.5)', 'SELU()', 'GELU()', 'GELU(approximate="tanh")', 'SiLU()', 'Mish()',
             'Softplus()', 'Softplus(2)', 'Softsign()', 'Hardsigmoid()', 'Hardswish()', 'Tanh()', 'Sigmoid()', 'LogSigmoid()', 'Softmax(dim=-1)', 'Softmax(dim=1)', 'Softmax(0)',
             'LogSoftmax(dim=-1)', 'LogSoftmax(1)', 'PReLU()', 'PReLU(4)']:
    case('activation', text, text, use=text.split('(')[0], xs=[(3, 4, 5)], module=eval('nn.' + text.replace('"', "'")), scale=2.0)
case('activation', 'GLU()', 'GLU()', use='GLU', xs=[(3, 6)], module=nn.GLU(), scale=2.0)
case('activation', 'GLU(1)', 'GLU(1)', use='GLU', xs=[(2, 4, 3)], module=nn.GLU(1), scale=2.0)
function('activation', 'step', 'step(x0) + 0.0 * x0', lambda x: (x > 0).double() + 0.0 * x, xs=[(4, 4)])
for name in ['softmax', 'log_softmax']:
    function('activation', f'{name} of large logits', f'{name}(x0)', lambda x, f=getattr(torch, name): f(x, -1), xs=[(3, 5)], scale=1e4)
function('activation', 'logsumexp', 'logsumexp(x0, axis=1)', lambda x: torch.logsumexp(x, 1), xs=[(3, 5, 2)], scale=50)
function('activation', 'logaddexp', 'logaddexp(x0, x1)', torch.logaddexp, xs=[(3, 5), (3, 5)], scale=20)
function('activation', 'l2_normalize', 'l2_normalize(x0)', lambda x: F.normalize(x, dim=-1), xs=[(3, 5)])
