from torch import nn
import math
import torch
from reference import case, function

def encoding(n, d):
    pos, i = torch.arange(n).double().unsqueeze(1), torch.arange(0, d, 2).double()
    e = torch.zeros(n, d).double()
    e[:, 0::2], e[:, 1::2] = torch.sin(pos / 10000 ** (i / d)), torch.cos(pos / 10000 ** (i / d))
    return e

class Learned(nn.Module):
    def __init__(self, n=5, d=4):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n, d))
    def forward(self, x):
        return x + self.weight[: x.shape[1]]

case('position', 'LearnedPositionalEmbedding', 'LearnedPositionalEmbedding(5, 4)', use='LearnedPositionalEmbedding', xs=[(2, 3, 4)], module=Learned())
case('position', 'PositionalEncoding', 'PositionalEncoding(6)', use='PositionalEncoding', xs=[(2, 5, 6)], module=nn.Identity(), run=lambda m, x: x + encoding(5, 6), state=False)
function('position', 'sinusoid', 'x0 + sinusoid(5, 6)', lambda x: x + torch.cat([encoding(5, 6)[:, 0::2], encoding(5, 6)[:, 1::2]], 1), xs=[(5, 6)])

def rotary(x, start=0):
    t, d = x.shape[-2:]
    angle = (start + torch.arange(t).double()).unsqueeze(1) / 10000 ** (torch.arange(0, d, 2).double() / d)
    z = torch.view_as_complex(x.unflatten(-1, (d // 2, 2)).contiguous()) * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(z).flatten(-2)

function('position', 'rotary', 'rotary(x0)', rotary, xs=[(2, 2, 4, 6)], use='rotary')
function('position', 'rotary from a start', 'rotary(x0, start=3)', lambda x: rotary(x, 3), xs=[(2, 4, 4)], use='rotary')

def alibi(heads, t, s):
    slopes = torch.tensor([2 ** (-8 * (h + 1) / heads) for h in range(heads)]).double()
    away = (torch.arange(t).unsqueeze(1) + s - t - torch.arange(s)).abs()
    return -slopes[:, None, None] * away

function('position', 'alibi_bias', 'x0 + alibi_bias(4, 3, 5)', lambda x: x + alibi(4, 3, 5), xs=[(4, 3, 5)], use='alibi_bias')

def bucket(rel, bidirectional, n=32, far=128):
    out = torch.zeros_like(rel)
    if bidirectional:
        n //= 2
        out += (rel > 0).long() * n
        rel = rel.abs()
    else:
        rel = -torch.min(rel, torch.zeros_like(rel))
    exact = n // 2
    large = exact + (torch.log(rel.double().clamp(min=1) / exact) / math.log(far / exact) * (n - exact)).long()
    return out + torch.where(rel < exact, rel, large.clamp(max=n - 1))

class Bias(nn.Module):
    def __init__(self, bidirectional, n, far):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n, 2))
        self.more = (bidirectional, n, far)
    def forward(self, x):
        rel = torch.arange(x.shape[-1]) - torch.arange(x.shape[-2]).unsqueeze(1)
        return x + self.weight[bucket(rel, *self.more)].permute(2, 0, 1)

for both in (True, False):
    case('position', f'RelativePositionBias bidirectional={both}', f'RelativePositionBias(2, {str(both).lower()}, 8, 12)', use='RelativePositionBias', xs=[(2, 9, 11)],
         call='x0 + m(9, 11)', module=Bias(both, 8, 12))
offsets = torch.tensor([-200, -130, -64, -20, -9, -8, -7, -1, 0, 1, 7, 8, 9, 20, 64, 130, 200])
for both in (True, False):
    function('position', f'relative_bucket bidirectional={both}', f'x0 * f32(relative_bucket(a0, {str(both).lower()}))', lambda x, a, both=both: x * bucket(a, both), xs=[(17,)], args=[offsets], use='relative_bucket')
order = torch.tensor([2, 0, 3, 1])
function('position', 'permutation_mask', 'where(permutation_mask(a0), 0.0, x0)', lambda x, o: x.masked_fill(o.unsqueeze(0) >= o.unsqueeze(1), 0), xs=[(4, 4)], args=[order], use='permutation_mask')
function('position', 'permutation_mask of contents', 'where(permutation_mask(a0, content=true), 0.0, x0)', lambda x, o: x.masked_fill(o.unsqueeze(0) > o.unsqueeze(1), 0), xs=[(4, 4)], args=[order], use='permutation_mask')
function('position', 'causal_mask', 'where(causal_mask(4), 0.0, x0)', lambda x: x.tril(), xs=[(4, 4)], use='causal_mask')
function('position', 'local_mask', 'where(local_mask(5, 1), 0.0, x0)', lambda x: x.tril(1).triu(-1), xs=[(5, 5)], use='local_mask')

class Shaw(nn.Module):
    def __init__(self, d=4, far=2):
        super().__init__()
        self.far = far
        self.qkv, self.out_proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.relative_k, self.relative_v = nn.Parameter(torch.zeros(2 * far + 1, 2)), nn.Parameter(torch.zeros(2 * far + 1, 2))
    def forward(self, x):
        t = x.shape[1]
        q, k, v = (y.unflatten(-1, (-1, 2)).transpose(1, 2) for y in self.qkv(x).chunk(3, -1))
        out = []
        for i in range(t):
            d = (torch.arange(t) - i).clamp(-self.far, self.far) + self.far
            kk, vv = k + self.relative_k[d], v + self.relative_v[d]
            w = torch.softmax((q[:, :, i : i + 1] * kk).sum(-1) / 2 ** 0.5, -1)
            out.append((w.unsqueeze(-1) * vv).sum(2))
        return self.out_proj(torch.stack(out, 2).transpose(1, 2).flatten(-2))

case('position', 'ShawAttention', 'ShawAttention(4, 2, 2)', use='ShawAttention', xs=[(2, 5, 4)], module=Shaw())

class Xl(nn.Module):
    def __init__(self, d=4):
        super().__init__()
        self.d = d
        self.q, self.kv, self.r, self.out = nn.Linear(d, d, bias=False), nn.Linear(d, 2 * d, bias=False), nn.Linear(d, d, bias=False), nn.Linear(d, d, bias=False)
        self.u, self.v = nn.Parameter(torch.zeros(d // 2, 2)), nn.Parameter(torch.zeros(d // 2, 2))
    def forward(self, x, memory):
        t, m = x.shape[1], memory.shape[1]
        key, value = self.kv(torch.cat([memory, x], 1)).chunk(2, -1)
        fan = lambda y: y.unflatten(-1, (-1, 2)).transpose(1, 2)
        q, key, value = fan(self.q(x)), fan(key), fan(value)
        table = encoding(m + t, self.d)
        table = torch.cat([table[:, 0::2], table[:, 1::2]], 1)
        rows = []
        for i in range(t):
            seen = m + i + 1
            far = self.r(table[torch.arange(m + i, -1, -1)]).unflatten(-1, (-1, 2)).transpose(0, 1)
            s = ((q[:, :, i : i + 1] + self.u[:, None]) * key[:, :, :seen]).sum(-1) + ((q[:, :, i : i + 1] + self.v[:, None]) * far).sum(-1)
            w = torch.softmax(s / 2 ** 0.5, -1)
            rows.append((w.unsqueeze(-1) * value[:, :, :seen]).sum(2))
        return self.out(torch.stack(rows, 2).transpose(1, 2).flatten(-2))

case('position', 'RelativeMultiheadAttention', 'RelativeMultiheadAttention(4, 2)', use='RelativeMultiheadAttention', xs=[(2, 3, 4), (2, 2, 4)], module=Xl())

class Complex(nn.Module):
    def __init__(self, n=5, d=3):
        super().__init__()
        self.amplitude, self.frequency, self.phase = nn.Embedding(n, d), nn.Embedding(n, d), nn.Embedding(n, d)
    def forward(self, ids):
        z = torch.polar(torch.ones(1).double(), self.frequency(ids) * torch.arange(ids.shape[1]).unsqueeze(1) + self.phase(ids))
        return torch.cat([self.amplitude(ids) * z.real, self.amplitude(ids) * z.imag], -1)

case('position', 'ComplexEmbedding', 'ComplexEmbedding(5, 3)', use='ComplexEmbedding', args=[torch.tensor([[0, 4, 2], [1, 1, 3]])], module=Complex())

# The same in other sizes.
case('position', 'LearnedPositionalEmbedding in full', 'LearnedPositionalEmbedding(3, 2)', use='LearnedPositionalEmbedding', xs=[(1, 3, 2)], module=Learned(3, 2))
case('position', 'PositionalEncoding outside of training', 'PositionalEncoding(4, dropout=0.5)', use='PositionalEncoding', xs=[(1, 3, 4)], module=nn.Identity(), run=lambda m, x: x + encoding(3, 4), state=False, mode='eval')
case('position', 'ShawAttention of three heads', 'ShawAttention(6, 3, 1)', use='ShawAttention', xs=[(1, 4, 6)], module=Shaw(6, 1))
case('position', 'ShawAttention that sees all', 'ShawAttention(4, 2, 5)', use='ShawAttention', xs=[(2, 3, 4)], module=Shaw(4, 5))
case('position', 'RelativeMultiheadAttention of three heads', 'RelativeMultiheadAttention(6, 3)', use='RelativeMultiheadAttention', xs=[(1, 2, 6), (1, 4, 6)], module=Xl(6))
case('position', 'ComplexEmbedding of one word', 'ComplexEmbedding(2, 4)', use='ComplexEmbedding', args=[torch.tensor([[1]])], module=Complex(2, 4))
function('position', 'rotary of another base', 'rotary(x0, base=100.0)', lambda x: torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (2, 2)).contiguous()) * torch.polar(torch.ones(3, 2).double(), torch.arange(3).double()[:, None] / 100 ** (torch.arange(0, 4, 2).double() / 4))).flatten(-2), xs=[(3, 4)], use='rotary')
function('position', 'alibi_bias of a long memory', 'x0 + alibi_bias(2, 2, 6)', lambda x: x + alibi(2, 2, 6), xs=[(2, 2, 6)], use='alibi_bias')
