"""Initialisers: what torch.nn.init fills a weight with, as the quantiles of many draws, or as it is where nothing is drawn."""
import torch
from torch import nn
from reference import families, numbers

SHAPE = (240, 100, 3)  # fan_in 300, fan_out 720, 72,000 elements
PLACES = [0.001, 0.01] + [k / 20 for k in range(1, 20)] + [0.99, 0.999]

def add(name, use, **more):
    families.setdefault('init', []).append({'kind': 'initialiser', 'name': name, 'use': use, 'initialiser': name, **more})

def drawn(name, fill, shape=SHAPE, use=None):
    """`fill` fills a tensor; the quantiles are those of a million elements and more."""
    torch.manual_seed(1)
    size = torch.empty(shape).numel()
    x = torch.cat([fill(torch.empty(shape, dtype=torch.float64)).flatten() for _ in range(1_500_000 // size + 1)])
    cuts = torch.tensor([x.kthvalue(int(p * len(x)) + 1).values for p in PLACES])
    add(name, use if use is not None else f'init: {name.split("(")[0]}', shape=list(shape), places=PLACES, quantiles=numbers(cuts), samples=len(x), lowest=float(x.min()), largest=float(x.max()))

init = nn.init
drawn('uniform(low=-0.5, high=0.25)', lambda w: init.uniform_(w, -0.5, 0.25), use='')
drawn('normal(0.02)', lambda w: init.normal_(w, 0, 0.02), use='')
drawn('normal(0.5, mean=3.0)', lambda w: init.normal_(w, 3, 0.5), use='')
drawn('xavier_uniform()', init.xavier_uniform_)
drawn('xavier_uniform(gain("tanh"))', lambda w: init.xavier_uniform_(w, init.calculate_gain('tanh')), use='init: xavier_uniform, gain')
drawn('xavier_normal()', init.xavier_normal_)
drawn('xavier_normal(2.0)', lambda w: init.xavier_normal_(w, 2.0))
drawn('kaiming_uniform()', lambda w: init.kaiming_uniform_(w, 5 ** 0.5))
drawn('kaiming_uniform(a=0.0, mode="fan_out", nonlinearity="relu")', lambda w: init.kaiming_uniform_(w, 0, 'fan_out', 'relu'))
drawn('kaiming_normal()', init.kaiming_normal_)
drawn('kaiming_normal(a=0.2, mode="fan_out")', lambda w: init.kaiming_normal_(w, 0.2, 'fan_out'))
drawn('kaiming_normal(nonlinearity="selu")', lambda w: init.kaiming_normal_(w, nonlinearity='selu'))
drawn('lecun_uniform()', lambda w: init.kaiming_uniform_(w, nonlinearity='linear'))
drawn('lecun_normal()', lambda w: init.kaiming_normal_(w, nonlinearity='linear'))
drawn('truncated_normal()', lambda w: init.trunc_normal_(w, 0, 0.02, -0.04, 0.04))
drawn('truncated_normal(0.5, mean=1.0, a=-1.0, b=3.0)', lambda w: init.trunc_normal_(w, 1, 0.5, 0.5, 2.5))
# What torch's layers start with.
drawn('fan_uniform(300)', lambda w: nn.Linear(300, 72000).bias.data.double(), shape=(72000,))
drawn('recurrent_uniform(120)', lambda w: nn.LSTM(2, 120).weight_hh_l0.data.double(), shape=(480, 120))
# One element of many rotations: its quantiles, and the product with its transpose.
def rotated(name, gain, shape):
    torch.manual_seed(1)
    w = init.orthogonal_(torch.empty(shape, dtype=torch.float64), gain).flatten(1)
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    add(name, 'init: orthogonal', shape=list(shape), gram=numbers(gram))
for gain, shape in ((1.0, (6, 20)), (3.0, (20, 6)), (1.0, (9, 9)), (0.5, (4, 2, 3))):
    rotated(f'orthogonal({gain})' + ' ' * sum(c['name'].startswith(f'orthogonal({gain})') for c in families['init']), gain, shape)

def fixed(name, fill, shape, use=None):
    add(name, use if use is not None else f'init: {name.split("(")[0]}', shape=list(shape), values=numbers(fill(torch.empty(shape, dtype=torch.float64))))
fixed('zeros()', init.zeros_, (2, 3), '')
fixed('ones()', init.ones_, (4,), '')
fixed('constant(0.25)', lambda w: init.constant_(w, 0.25), (2, 2))
fixed('identity()', init.eye_, (3, 4))
fixed('identity(2.0)', lambda w: 2 * init.eye_(w), (3, 2))
fixed('dirac()', init.dirac_, (3, 2, 3))
fixed('dirac() ', init.dirac_, (2, 3, 2, 4))
