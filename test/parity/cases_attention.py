from torch import nn
import torch
import torch.nn.functional as F
from reference import case, draw, function

def heads(name, text, module, shapes, call='m(x0, x1, x2)', run=None, args=(), outs=('r.out', 'r.weights')):
    case('attention', name, text, use='MultiheadAttention', xs=shapes, module=module, args=args, call=call, outs=outs,
         run=run or (lambda m, q, k, v: m(q, k, v)))

def mha(*a, **k):
    return nn.MultiheadAttention(*a, batch_first=True, **k)

pad = torch.tensor([[False, False, True], [False, True, True]])
heads('MultiheadAttention', 'MultiheadAttention(4, 2)', mha(4, 2), [(2, 3, 4), (2, 3, 4), (2, 3, 4)])
heads('MultiheadAttention no bias', 'MultiheadAttention(6, 3, bias=false)', mha(6, 3, bias=False), [(1, 2, 6), (1, 4, 6), (1, 4, 6)])
heads('MultiheadAttention kdim vdim', 'MultiheadAttention(4, 2, kdim=3, vdim=5)', mha(4, 2, kdim=3, vdim=5), [(2, 2, 4), (2, 3, 3), (2, 3, 5)])
heads('MultiheadAttention bias_kv', 'MultiheadAttention(4, 2, add_bias_kv=true)', mha(4, 2, add_bias_kv=True), [(2, 2, 4), (2, 3, 4), (2, 3, 4)])
heads('MultiheadAttention zero_attn and padding', 'MultiheadAttention(4, 2, add_zero_attn=true)', mha(4, 2, add_zero_attn=True), [(2, 2, 4), (2, 3, 4), (2, 3, 4)],
      call='m(x0, x1, x2, key_padding_mask=a0)', args=[pad], run=lambda m, q, k, v, p: m(q, k, v, key_padding_mask=p))
heads('MultiheadAttention padding', 'MultiheadAttention(4, 2)', mha(4, 2), [(2, 2, 4), (2, 3, 4), (2, 3, 4)],
      call='m(x0, x1, x2, key_padding_mask=a0)', args=[pad], run=lambda m, q, k, v, p: m(q, k, v, key_padding_mask=p))
heads('MultiheadAttention causal and padding', 'MultiheadAttention(4, 2)', mha(4, 2), [(2, 3, 4), (2, 3, 4), (2, 3, 4)],
      call='m(x0, x1, x2, key_padding_mask=a0, attn_mask=a1)', args=[pad, torch.triu(torch.ones(3, 3), 1).bool()],
      run=lambda m, q, k, v, p, a: m(q, k, v, key_padding_mask=p, attn_mask=a))
heads('MultiheadAttention mask of each head', 'MultiheadAttention(4, 2)', mha(4, 2), [(2, 2, 4), (2, 3, 4), (2, 3, 4)],
      call='m(x0, x1, x2, attn_mask=a0)', args=[torch.rand(4, 2, 3, generator=torch.Generator().manual_seed(2)) > 0.7], run=lambda m, q, k, v, a: m(q, k, v, attn_mask=a))
heads('MultiheadAttention float mask', 'MultiheadAttention(4, 2)', mha(4, 2), [(1, 3, 4), (1, 3, 4), (1, 3, 4), (3, 3)],
      call='m(x0, x1, x2, attn_mask=x3)', run=lambda m, q, k, v, a: m(q, k, v, attn_mask=a))
heads('MultiheadAttention time first', 'MultiheadAttention(4, 2, batch_first=false)', nn.MultiheadAttention(4, 2), [(3, 2, 4), (2, 2, 4), (2, 2, 4)])
heads('MultiheadAttention weights of each head', 'MultiheadAttention(4, 2)', mha(4, 2), [(1, 2, 4), (1, 3, 4), (1, 3, 4)],
      call='m(x0, x1, x2, average_attn_weights=false)', run=lambda m, q, k, v: m(q, k, v, average_attn_weights=False))
function('attention', 'scaled_dot_product_attention', 'scaled_dot_product_attention(x0, x1, x2)',
         lambda q, k, v: torch.softmax(q @ k.mT / 2, -1) @ v, xs=[(2, 3, 4), (2, 5, 4), (2, 5, 3)], use='scaled_dot_product_attention')
function('attention', 'scaled_dot_product_attention of large scores', 'scaled_dot_product_attention(x0, x1, x2)',
         lambda q, k, v: torch.softmax(q @ k.mT / 2, -1) @ v, xs=[(1, 3, 4), (1, 3, 4), (1, 3, 4)], use='scaled_dot_product_attention', scale=100)

blind = torch.tensor([[True, True, True], [False, True, False]])
function('attention', 'scaled_dot_product_attention masked', 'scaled_dot_product_attention(x0, x1, x2, a0)', lambda q, k, v, m: torch.softmax((q @ k.mT / 3 ** 0.5).masked_fill(m, -1e30), -1) @ v,
         xs=[(2, 2, 3), (2, 3, 3), (2, 3, 5)], args=[blind], use='scaled_dot_product_attention')
function('attention', 'scaled_dot_product_attention of a float mask and a scale', 'scaled_dot_product_attention(x0, x1, x2, x3, scale=0.3)', lambda q, k, v, m: torch.softmax(q @ k.mT * 0.3 + m, -1) @ v,
         xs=[(2, 2, 4, 3), (2, 2, 5, 3), (2, 2, 5, 2), (4, 5)], use='scaled_dot_product_attention')
function('attention', 'scaled_dot_product_attention causal', 'scaled_dot_product_attention(x0, x0, x0, causal_mask(4))', lambda x: torch.softmax((x @ x.mT / 3 ** 0.5).masked_fill(torch.ones(4, 4).triu(1).bool(), -1e30), -1) @ x,
         xs=[(2, 4, 3)], use='scaled_dot_product_attention, causal_mask')
heads('MultiheadAttention of widths, padding and a causal mask', 'MultiheadAttention(4, 2, kdim=2, vdim=3, bias=false)', mha(4, 2, kdim=2, vdim=3, bias=False), [(2, 3, 4), (2, 3, 2), (2, 3, 3)],
      call='m(x0, x1, x2, key_padding_mask=a0, attn_mask=a1)', args=[pad, torch.triu(torch.ones(3, 3), 1).bool()], run=lambda m, q, k, v, p, a: m(q, k, v, key_padding_mask=p, attn_mask=a))
heads('MultiheadAttention time first, masked', 'MultiheadAttention(6, 3, batch_first=false)', nn.MultiheadAttention(6, 3), [(3, 2, 6), (3, 2, 6), (3, 2, 6)],
      call='m(x0, x1, x2, key_padding_mask=a0, attn_mask=a1)', args=[pad, torch.triu(torch.ones(3, 3), 1).bool()], run=lambda m, q, k, v, p, a: m(q, k, v, key_padding_mask=p, attn_mask=a))
heads('MultiheadAttention float padding', 'MultiheadAttention(4, 4)', mha(4, 4), [(2, 2, 4), (2, 3, 4), (2, 3, 4), (2, 3)],
      call='m(x0, x1, x2, key_padding_mask=x3)', run=lambda m, q, k, v, p: m(q, k, v, key_padding_mask=p))
heads('MultiheadAttention bias_kv, zero_attn and masks', 'MultiheadAttention(4, 1, add_bias_kv=true, add_zero_attn=true)', mha(4, 1, add_bias_kv=True, add_zero_attn=True), [(2, 3, 4), (2, 3, 4), (2, 3, 4)],
      call='m(x0, x1, x2, key_padding_mask=a0, attn_mask=a1)', args=[pad, torch.triu(torch.ones(3, 3), 1).bool()], run=lambda m, q, k, v, p, a: m(q, k, v, key_padding_mask=p, attn_mask=a))
heads('MultiheadAttention to itself', 'MultiheadAttention(4, 2)', mha(4, 2), [(2, 3, 4)], call='m(x0, x0, x0)', run=lambda m, x: m(x, x, x))
heads('MultiheadAttention without weights', 'MultiheadAttention(4, 2, dropout=0.0)', mha(4, 2), [(2, 3, 4)], call='m(x0, x0, x0, need_weights=false)', run=lambda m, x: m(x, x, x)[0], outs=['r.out'])

class Additive(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.score = nn.Linear(3, 5, bias=False), nn.Linear(4, 5, bias=False), nn.Linear(5, 1, bias=False)
    def forward(self, h, m, keep=None):
        e = self.score(torch.tanh(self.key(m) + self.query(h).unsqueeze(1))).squeeze(-1)
        w = torch.softmax(e if keep is None else e.masked_fill(~keep, -1e30), -1)
        return torch.einsum('bs,bsd->bd', w, m), w

keep = torch.tensor([[True, True, True], [True, True, False]])
both = ['r.context', 'r.weights']
case('attention', 'AdditiveAttention', 'AdditiveAttention(3, 4, 5)', use='AdditiveAttention', xs=[(2, 3), (2, 3, 4)], module=Additive(), outs=both)
case('attention', 'AdditiveAttention keep', 'AdditiveAttention(3, 4, 5)', use='AdditiveAttention', xs=[(2, 3), (2, 3, 4)], args=[keep], module=Additive(), outs=both)

class Luong(nn.Module):
    def __init__(self, method, q, m):
        super().__init__()
        self.method = method
        if method == 'general':
            self.general = nn.Linear(m, q, bias=False)
        if method == 'concat':
            self.joint, self.score = nn.Linear(q + m, q, bias=False), nn.Linear(q, 1, bias=False)
    def forward(self, h, m, keep=None):
        if self.method == 'concat':
            e = self.score(torch.tanh(self.joint(torch.cat([h.unsqueeze(1).expand(-1, m.shape[1], -1), m], -1)))).squeeze(-1)
        else:
            e = torch.einsum('bd,bsd->bs', h, self.general(m) if self.method == 'general' else m)
        w = torch.softmax(e if keep is None else e.masked_fill(~keep, -1e30), -1)
        return torch.einsum('bs,bsd->bd', w, m), w

for method, q, m in (('dot', 3, 3), ('general', 3, 4), ('concat', 3, 4)):
    case('attention', f'LuongAttention {method}', f'LuongAttention({q}, {m}, method="{method}")', use='LuongAttention', xs=[(2, q), (2, 4, m)], module=Luong(method, q, m), outs=both)

    case('attention', f'LuongAttention {method} keep', f'LuongAttention({m}, {m}, method="{method}")', use='LuongAttention', xs=[(2, m), (2, 3, m)], args=[keep], module=Luong(method, m, m), outs=both)

class Local(nn.Module):
    def __init__(self, mix, window=2):
        super().__init__()
        self.window = window
        self.position, self.place, self.general = nn.Linear(3, 3, bias=False), nn.Linear(3, 1, bias=False), nn.Linear(4, 3, bias=False)
        if mix:
            self.gate = nn.Linear(3, 1)
    def forward(self, h, m, keep=None):
        s, c = m.shape[1], self.window
        e = torch.einsum('bd,bsd->bs', h, self.general(m))
        if keep is not None:
            e, s = e.masked_fill(~keep, -1e30), keep.sum(-1, keepdim=True)
        p = s * torch.sigmoid(self.place(torch.tanh(self.position(h))))
        d = torch.arange(m.shape[1]) - p
        w = torch.softmax(e.masked_fill(d.abs() > c, -1e30), -1) * torch.exp(-d ** 2 / (2 * (c / 2) ** 2))
        if hasattr(self, 'gate'):
            g = torch.sigmoid(self.gate(h))
            w = g * w + (1 - g) * torch.softmax(e, -1)
        return torch.einsum('bs,bsd->bd', w, m), w

for mix in (False, True):
    case('attention', f'LocalAttention mix={mix}', f'LocalAttention(3, 4, mix={str(mix).lower()})', use='LocalAttention', xs=[(2, 3), (2, 7, 4)], module=Local(mix), outs=both)

    case('attention', f'LocalAttention mix={mix}, keep, a window of 1', f'LocalAttention(3, 4, window=1, mix={str(mix).lower()})', use='LocalAttention', xs=[(2, 3), (2, 3, 4)], args=[keep], module=Local(mix, 1), outs=both)

class Linformer(nn.Module):
    def __init__(self, share):
        super().__init__()
        for n in ('q_proj', 'k_proj', 'v_proj', 'out_proj'):
            setattr(self, n, nn.Linear(4, 4))
        self.e = nn.Parameter(torch.zeros(2, 6))
        if not share:
            self.f = nn.Parameter(torch.zeros(2, 6))
    def forward(self, x):
        t = x.shape[1]
        f = getattr(self, 'f', self.e)
        fan = lambda y: y.unflatten(-1, (2, 2)).transpose(1, 2)
        q, k, v = fan(self.q_proj(x)), fan(self.e[:, :t] @ self.k_proj(x)), fan(f[:, :t] @ self.v_proj(x))
        y = torch.softmax(q @ k.mT / 2 ** 0.5, -1) @ v
        return self.out_proj(y.transpose(1, 2).flatten(-2))

case('attention', 'LinformerAttention', 'LinformerAttention(4, 2, 6, 2)', use='LinformerAttention', xs=[(2, 6, 4)], module=Linformer(False))
case('attention', 'LinformerAttention shared, shorter', 'LinformerAttention(4, 2, 6, 2, share_kv=true)', use='LinformerAttention', xs=[(1, 5, 4)], module=Linformer(True))

class Separable(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv_proj, self.out_proj = nn.Linear(4, 9), nn.Linear(4, 4)
    def forward(self, x):
        q, k, v = self.qkv_proj(x).split([1, 4, 4], -1)
        return self.out_proj(F.relu(v) * (k * torch.softmax(q, -2)).sum(-2, keepdim=True))

case('attention', 'SeparableSelfAttention', 'SeparableSelfAttention(4)', use='SeparableSelfAttention', xs=[(2, 3, 4)], module=Separable())

case('attention', 'SeparableSelfAttention of patches', 'SeparableSelfAttention(4)', use='SeparableSelfAttention', xs=[(2, 2, 3, 4)], module=Separable())
case('attention', 'LinformerAttention shared', 'LinformerAttention(4, 2, 6, 2, share_kv=true)', use='LinformerAttention', xs=[(2, 6, 4)], module=Linformer(True))

def layers(name, text, module, shapes, **more):
    case('transformer', name, text, use=text.split('(')[0], xs=shapes, module=module, **more)

kw = dict(dim_feedforward=6, dropout=0.0, batch_first=True)
causal = torch.triu(torch.ones(3, 3), 1).bool()
for first in (False, True):
    f = f', norm_first={str(first).lower()}'
    layers(f'TransformerEncoderLayer norm_first={first}', f'TransformerEncoderLayer(4, 2, 6, 0.0{f})', nn.TransformerEncoderLayer(4, 2, norm_first=first, **kw), [(2, 3, 4)])
    layers(f'TransformerDecoderLayer norm_first={first}', f'TransformerDecoderLayer(4, 2, 6, 0.0{f})', nn.TransformerDecoderLayer(4, 2, norm_first=first, **kw), [(2, 3, 4), (2, 2, 4)])
layers('TransformerEncoderLayer gelu and masks', 'TransformerEncoderLayer(4, 2, 6, 0.0, activation="gelu")', nn.TransformerEncoderLayer(4, 2, activation='gelu', **kw), [(2, 3, 4)],
       call='m(x0, a0, a1)', args=[causal, pad], run=lambda m, x, a, p: m(x, a, p))
layers('TransformerDecoderLayer masks', 'TransformerDecoderLayer(4, 2, 6, 0.0)', nn.TransformerDecoderLayer(4, 2, **kw), [(2, 3, 4), (2, 3, 4)],
       call='m(x0, x1, tgt_mask=a0, memory_key_padding_mask=a1)', args=[causal, pad], run=lambda m, x, y, a, p: m(x, y, tgt_mask=a, memory_key_padding_mask=p))
layers('TransformerEncoder of two', 'TransformerEncoder(4, 2, 2, 6, 0.0, norm=true)', nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, **kw), 2, norm=nn.LayerNorm(4)), [(1, 3, 4)])
layers('TransformerDecoder of two', 'TransformerDecoder(4, 2, 2, 6, 0.0)', nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, **kw), 2), [(1, 3, 4), (1, 2, 4)])
layers('Transformer', 'Transformer(4, 2, 1, 1, 6, 0.0)', nn.Transformer(4, 2, 1, 1, **kw), [(1, 3, 4), (1, 2, 4)])
layers('Transformer masks', 'Transformer(4, 2, 1, 1, 6, 0.0)', nn.Transformer(4, 2, 1, 1, **kw), [(2, 3, 4), (2, 3, 4)],
       call='m(x0, x1, tgt_mask=a0, src_key_padding_mask=a1)', args=[causal, pad], run=lambda m, x, y, a, p: m(x, y, tgt_mask=a, src_key_padding_mask=p))
more = torch.tensor([[True, False], [False, False], [False, True]])
layers('TransformerEncoder masks', 'TransformerEncoder(4, 2, 2, 6, 0.0)', nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, **kw), 2), [(2, 3, 4)],
       call='m(x0, a0, a1)', args=[causal, pad], run=lambda m, x, a, p: m(x, a, p))
layers('TransformerDecoder norm and masks', 'TransformerDecoder(4, 2, 1, 6, 0.0, norm=true)', nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, **kw), 1, norm=nn.LayerNorm(4)), [(2, 3, 4), (2, 2, 4)],
       call='m(x0, x1, tgt_mask=a0, memory_mask=a1, tgt_key_padding_mask=a2)', args=[causal, more, pad], run=lambda m, x, y, a, c, p: m(x, y, tgt_mask=a, memory_mask=c, tgt_key_padding_mask=p))
layers('TransformerDecoderLayer gelu of one head', 'TransformerDecoderLayer(4, 1, 3, 0.0, activation="gelu")', nn.TransformerDecoderLayer(4, 1, 3, 0.0, activation='gelu', batch_first=True), [(1, 3, 4), (1, 2, 4)])
layers('TransformerEncoderLayer float mask', 'TransformerEncoderLayer(4, 2, 6, 0.0)', nn.TransformerEncoderLayer(4, 2, **kw), [(2, 3, 4), (3, 3)], call='m(x0, x1)', run=lambda m, x, a: m(x, a))
layers('TransformerEncoder outside of training', 'TransformerEncoder(4, 2, 2, 6, 0.3, norm=true)', nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, 0.3, batch_first=True), 2, norm=nn.LayerNorm(4), enable_nested_tensor=False), [(2, 3, 4)], mode='eval')
layers('Transformer of two layers', 'Transformer(4, 2, 2, 2, 6, 0.0)', nn.Transformer(4, 2, 2, 2, **kw), [(1, 2, 4), (1, 3, 4)])
