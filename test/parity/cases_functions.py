"""Functions of the prelude: reductions, order, running reductions, shapes, slices."""
import torch
import torch.nn.functional as F
from reference import function

def f(call, run, *xs, **more):
    function('functions', f'{call} {[list(x) for x in xs]}', call, run, xs=list(xs), **more)

s = (3, 4)
for name in ('sum', 'mean', 'prod'):
    g = getattr(torch, name)
    f(f'{name}(x0)', g, s)
    f(f'{name}(x0, axis=0)', lambda x, g=g: g(x, 0), s)
    f(f'{name}(x0, axis=-1, keepdim=true)', lambda x, g=g: g(x, -1, keepdim=True), (2, 3, 4))
f('sum(x0, axis=[0, 2])', lambda x: x.sum((0, 2)), (2, 3, 4))
f('max(x0, axis=1)', lambda x: x.amax(1), s)
f('min(x0, axis=0)', lambda x: x.amin(0), s)
f('max(x0, x1)', torch.maximum, s, s)
f('min(x0, 0.5)', lambda x: x.clamp(max=0.5), s)
f('clamp(x0, -0.5, 0.7)', lambda x: x.clamp(-0.5, 0.7), s)
f('var(x0)', torch.var, s)
f('var(x0, axis=1)', lambda x: x.var(1), s)
f('var(x0, axis=0, correction=0, keepdim=true)', lambda x: x.var(0, unbiased=False, keepdim=True), s)
f('moments(x0, axes=[0, 2])', lambda x: [x.mean((0, 2)), x.var((0, 2), unbiased=False)], (2, 3, 4), outs=['r.mean', 'r.var'])
f('logsumexp(x0)', lambda x: x.logsumexp(-1), s)
for d in (False, True):
    t = str(d).lower()
    f(f'sort(x0, descending={t})', lambda x, d=d: x.sort(-1, descending=d).values, s)
    f(f'x0 * f32(argsort(x0, axis=0, descending={t}))', lambda x, d=d: x * x.argsort(0, descending=d), s)
    f(f'topk(x0, 2, largest={t})', lambda x, d=d: [x.topk(2, largest=d)[0], x.topk(2, largest=d)[1] + 0.0 * x[:, :2]], s, outs=['r.values', 'f32(r.indices) + 0.0 * x0[:, :2]'])
f('sort(x0, axis=1)', lambda x: x.sort(1).values, (2, 5, 2))
f('cumsum(x0)', lambda x: x.cumsum(-1), s)
f('cumsum(x0, axis=0, reverse=true)', lambda x: x.flip(0).cumsum(0).flip(0), s)
f('cumsum(x0, axis=1, exclusive=true)', lambda x: x.cumsum(1) - x, s)
f('cumprod(x0)', lambda x: x.cumprod(-1), s)
f('cummax(x0)', lambda x: x.cummax(-1).values, s)
f('cummin(x0, axis=0)', lambda x: x.cummin(0).values, s)
f('x0 * f32(argmax(x0, axis=0))', lambda x: x * x.argmax(0), s)
f('x0 * f32(argmin(x0, axis=0))', lambda x: x * x.argmin(0), s)
f('x0 ^ 3 + pow(abs(x0) + 0.5, x1)', lambda x, y: x ** 3 + (x.abs() + 0.5) ** y, s, s)
for name in ('exp', 'sin', 'cos', 'tanh', 'sigmoid', 'erf', 'abs', 'expm1'):
    f(f'{name}(x0)', getattr(torch, name), s)
for name in ('log', 'log1p', 'sqrt', 'rsqrt'):
    f(f'{name}(abs(x0) + 0.1)', lambda x, g=getattr(torch, name): g(x.abs() + 0.1), s)
f('x0 * floor(3 * x0) + x0 * ceil(x0) + x0 * round(x0)', lambda x: x * torch.floor(3 * x) + x * x.ceil() + x * x.round(), s)
f('x0 @ x1', torch.matmul, (2, 3, 4), (2, 4, 2))
f('einsum[b i k, k j -> b j i](x0, x1)', lambda x, y: torch.einsum('bik,kj->bji', x, y), (2, 3, 4), (4, 2))
f('rearrange[a (b c) -> c a b](x0, c=2)', lambda x: x.reshape(3, 2, 2).permute(2, 0, 1), s)
f('reduce[a b -> b](x0, mean)', lambda x: x.mean(0), s)
f('flip(x0, axis=1)', lambda x: x.flip(1), s)
f('pad(x0, 1, 2, axis=1, value=0.5)', lambda x: F.pad(x, (1, 2), value=0.5), s)
f('concat([x0, x1], axis=1)', lambda x, y: torch.cat([x, y], 1), s, (3, 2))
f('stack([x0, x1], axis=1)', lambda x, y: torch.stack([x, y], 1), s, s)
f('split(x0, [1, 3], axis=1)', lambda x: x.split([1, 3], 1), s, outs=['r[0]', 'r[1]'])
f('x0[1:, -2:]', lambda x: x[1:, -2:], s)
ids = torch.tensor([2, 0, 2])
f('gather(x0, a0, axis=1)', lambda x, i: x[:, i], s, args=[ids])
f('scatter(x0, a0, x1, combine="add")', lambda x, y, i: x.index_add(0, i, y), s, s, args=[ids])
f('take(x0, a0, 2, axis=1)', lambda x, i: x[:, 1:3], s, args=[torch.tensor(1)])
f('put(x0, x1, a0, axis=1)', lambda x, y, i: torch.cat([x[:, :1], y, x[:, 3:]], 1), s, (3, 2), args=[torch.tensor(1)])
f('lerp(x0, x1, 0.3)', lambda x, y: x.lerp(y, 0.3), s, s)
f('linear(x0, x1, x2)', F.linear, s, (2, 4), (2,))
f('x0 * one_hot(a0, 4)', lambda x, i: x * F.one_hot(i, 4), s, args=[ids])
f('where(x0 > x1, x0, x1 * x1)', lambda x, y: torch.where(x > y, x, y * y), s, s)
f('conv(x0, x1, stride=2, padding=((1, 0), (0, 2)))', lambda x, w: F.conv2d(F.pad(x, (0, 2, 1, 0)), w, stride=2), (1, 2, 4, 5), (3, 2, 2, 3))
f('conv(x0, x1, stride=2, padding="same")', lambda x, w: F.conv1d(F.pad(x, (0, 1)), w, stride=2), (1, 2, 6), (2, 2, 3))
f('conv(x0, x1, stride=3, padding="same")', lambda x, w: F.conv1d(x, w, stride=3), (1, 1, 8), (2, 1, 1))
f('sum_pool(x0, 2)', lambda x: F.avg_pool2d(x, 2) * 4, (1, 2, 4, 5))

# The functions behind layers.
for name, torch_name in (('relu6', 'relu6'), ('leaky_relu', 'leaky_relu'), ('elu', 'elu'), ('silu', 'silu'), ('softplus', 'softplus'), ('mish', 'mish'),
                         ('log_sigmoid', 'logsigmoid'), ('selu', 'selu'), ('softsign', 'softsign'), ('hardsigmoid', 'hardsigmoid'), ('hardswish', 'hardswish'), ('glu', 'glu')):
    f(f'{name}(4 * x0)', lambda x, g=getattr(F, torch_name): g(4 * x), (3, 6))
f('prelu(x0, x1)', F.prelu, (2, 3, 4), (3,))
f('max_pool1d(x0, 2)', lambda x: F.max_pool1d(x, 2), (1, 2, 7), use='max_pool1d')
f('max_pool3d(x0, 2)', lambda x: F.max_pool3d(x, 2), (1, 1, 2, 4, 3), use='max_pool3d')
f('avg_pool1d(x0, 3, stride=2)', lambda x: F.avg_pool1d(x, 3, 2), (1, 2, 7), use='avg_pool1d')
f('avg_pool3d(x0, 2, divisor_override=5)', lambda x: F.avg_pool3d(x, 2, divisor_override=5), (1, 1, 2, 4, 3), use='avg_pool3d')
for n, shape in ((1, (1, 2, 5)), (2, (1, 1, 5, 4)), (3, (1, 1, 3, 4, 5))):
    f(f'adaptive_avg_pool{n}d(x0, 2)', lambda x, n=n: getattr(F, f'adaptive_avg_pool{n}d')(x, 2), shape, use=f'adaptive_avg_pool{n}d')
for n, shape in ((1, (1, 2, 5)), (2, (1, 1, 5, 4))):
    f(f'adaptive_max_pool{n}d(x0, 2)', lambda x, n=n: getattr(F, f'adaptive_max_pool{n}d')(x, 2), shape, use=f'adaptive_max_pool{n}d')

import cases_position
f('x0 + interleaved_sinusoid(5, 4)', lambda x: x + cases_position.encoding(5, 4), (5, 4), use='interleaved_sinusoid')
f('masked(x0, x1)', torch.add, s, s, use='masked')
f('masked(x0, x0 > 0)', lambda x: x.masked_fill(x > 0, -1e30), s, use='masked')
f('x0 * (conv_out(9, 3, 2, 1, 1) + 10 * conv_out(9, 3, 2, 1, "same") + 100 * conv_transpose_out(4, 3, 2, 1, 1, 1))', lambda x: x * (5 + 50 + 800), (2,), use='conv_out, conv_transpose_out')
f('x0 * (pair(3)[1] + triple((1, 2, 5))[2])', lambda x: x * 8, (2,))
f('unit_norm()(x0)', lambda x: x / x.norm(dim=1, keepdim=True), s, use='constrain: unit_norm')
f('non_negative()(x0)', F.relu, s, use='constrain: non_negative')
f('x0 * l1_l2(0.2, 0.5)(x0)', lambda x: x * (0.2 * x.abs().sum() + 0.5 * (x ** 2).sum()), s, use='regularize: l1_l2')
f('where(bernoulli([3, 4], 1.0), x0, 0.0) * dropout_mask([3, 4], 0.0)', lambda x: x, s)
f('(fn (how: Reduction) => reduce_loss(x0, how))("sum")', torch.sum, s)
f('x0 * rate(0.25, 3)', lambda x: x / 4, s, use='optim: rate')

# What regularises, constrains and fills.
f('x0 * l2(x1)', lambda x, y: x * (y ** 2).sum(), s, (5,))
f('x0 * l1(x1)', lambda x, y: x * y.abs().sum(), s, (5,))
f('x0 * l2(0.3)(x1)', lambda x, y: x * 0.3 * (y ** 2).sum(), s, (2, 3), use='regularize: l2')
f('x0 * l1(0.3)(x1)', lambda x, y: x * 0.3 * y.abs().sum(), s, (2, 3), use='regularize: l1')
f('max_norm(1.2)(x0)', lambda x: x.renorm(2, 0, 1.2), (4, 3), use='constrain: max_norm')
f('max_norm(0.7)(x0)', lambda x: x.renorm(2, 0, 0.7), (2, 3, 2), use='constrain: max_norm')
f('clip_value(0.5)(x0)', lambda x: x.clamp(-0.5, 0.5), s, use='constrain: clip_value')
f('x0 * ones([3, 4]) + zeros([3, 4])', lambda x: x * torch.ones(3, 4), s)
f('x0 * uniform([3, 4], low=0.5, high=0.5) + normal([3, 4], mean=2.0, std=0.0)', lambda x: x * 0.5 + 2, s)
for name in ('linear', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'selu'):
    f(f'x0 * gain("{name}")', lambda x, g=torch.nn.init.calculate_gain(name): x * g, (2,), use='init: gain')
f('x0 * gain("leaky_relu", 0.3)', lambda x: x * torch.nn.init.calculate_gain('leaky_relu', 0.3), (2,), use='init: gain')

def averaged(x):
    """torch.optim.swa_utils.AveragedModel of five weights in a row."""
    holder = torch.nn.Module()
    holder.w = torch.nn.Parameter(x[0].detach().clone())
    decay = lambda t: min((1 + t) / (10 + t), 0.4)
    mean = torch.optim.swa_utils.AveragedModel(holder, avg_fn=lambda a, p, t: decay(int(t)) * a + (1 - decay(int(t))) * p)
    for row in x:
        holder.w.data = row.detach().clone()
        mean.update_parameters(holder)
    own = x[0]
    for t in range(1, 5):
        own = decay(t) * own + (1 - decay(t)) * x[t]
    assert torch.allclose(own, mean.module.w.double())
    return own
f('fold a = x0[0] over i in 0..5 => lerp(a, x0[i], ema_weight(full([], i), 0.4))', averaged, (5, 3), use='optim: ema_weight')
f('x0 * ema_weight(a0)', lambda x, t: x * (1 - min((1 + int(t)) / (10 + int(t)), 0.999)), (2,), args=[torch.tensor(20000)], use='optim: ema_weight')

# Draws that leave no choice.
f('x0 * f32(teacher_forcing(a0, a1, 1.0))', lambda x, gold, own: x * gold, (4,), args=[torch.tensor([3, 1, 2, 5]), torch.tensor([0, 2, 2, 4])], use='decode: teacher_forcing')
f('x0 * f32(teacher_forcing(a0, a1, 0.0))', lambda x, gold, own: x * own, (4,), args=[torch.tensor([3, 1, 2, 5]), torch.tensor([0, 2, 2, 4])], use='decode: teacher_forcing')
f('x0 * f32(categorical(1000.0 * x1)) + 0.0 * sum(x1)', lambda x, y: x * y.argmax(-1) + 0.0 * y.sum(), (3,), (3, 4), use='decode: categorical')
