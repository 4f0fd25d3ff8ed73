import torch
from torch import nn
import torch.nn.functional as F
from reference import function, draw

ids = torch.tensor([2, 0, 3, 1, 2])
grid = torch.tensor([[2, 0, 3], [1, 1, 0]])
probs = torch.softmax(draw('loss soft targets', (5, 4)), -1)
signs = torch.tensor([1.0, -1.0, -1.0, 1.0, -1.0]).double()
bits = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).double()
weight = torch.tensor([0.5, 2.0, 1.25, 0.25]).double()
W = 'stack([0.5, 2.0, 1.25, 0.25])'

def last(f):
    """Classes on the last axis, where torch has them on the second."""
    return lambda x, *a: f(x.movedim(-1, 1) if x.dim() > 2 else x, *a)

def loss(name, call, run, xs=(), args=(), **more):
    function('loss', name, call, run, xs=xs, args=args, **more)

def constant(t):
    """A tensor of floats as a text."""
    return f'stack([{", ".join(constant(r) for r in t)}])' if t.dim() > 1 else f'stack([{", ".join(repr(float(v)) for v in t)}])'

def numbers(t):
    return torch.round(t * 1000) / 1000

for reduction in ['mean', 'sum', 'none']:
    r = f'reduction="{reduction}"'
    loss(f'cross_entropy {reduction}', f'cross_entropy(x0, a0, {r})', lambda x, y: F.cross_entropy(x, y, reduction=reduction), [(5, 4)], [ids])
    loss(f'cross_entropy weighted {reduction}', f'cross_entropy(x0, a0, weight={W}, ignore_index=2, {r})',
         lambda x, y: F.cross_entropy(x, y, weight, ignore_index=2, reduction=reduction), [(5, 4)], [ids])
    loss(f'cross_entropy smoothed {reduction}', f'cross_entropy(x0, a0, {r}, label_smoothing=0.2)',
         lambda x, y: F.cross_entropy(x, y, reduction=reduction, label_smoothing=0.2), [(5, 4)], [ids])
    loss(f'cross_entropy weighted, smoothed {reduction}', f'cross_entropy(x0, a0, {W}, 2, {r}, label_smoothing=0.2)',
         lambda x, y: F.cross_entropy(x, y, weight, ignore_index=2, reduction=reduction, label_smoothing=0.2), [(5, 4)], [ids])
    p = numbers(probs)
    loss(f'cross_entropy soft {reduction}', f'cross_entropy(x0, {constant(p)}, {r})', lambda x: F.cross_entropy(x, p, reduction=reduction), [(5, 4)])
    loss(f'cross_entropy soft, weighted, smoothed {reduction}', f'cross_entropy(x0, {constant(p)}, {W}, {r}, label_smoothing=0.1)',
         lambda x: F.cross_entropy(x, p, weight, reduction=reduction, label_smoothing=0.1), [(5, 4)])
    loss(f'cross_entropy [b, t, k] {reduction}', f'cross_entropy(x0, a0, ignore_index=1, {r})',
         last(lambda x, y: F.cross_entropy(x, y, ignore_index=1, reduction=reduction)), [(2, 3, 4)], [grid])
    loss(f'nll_loss {reduction}', f'nll_loss(x0, a0, {W}, 3, {r})', lambda x, y: F.nll_loss(x, y, weight, ignore_index=3, reduction=reduction), [(5, 4)], [ids])
    for name, extra, more in [('mse_loss', '', {}), ('l1_loss', '', {}), ('huber_loss', ', delta=0.7', {'delta': 0.7}), ('smooth_l1_loss', ', beta=0.4', {'beta': 0.4})]:
        loss(f'{name} {reduction}', f'{name}(x0, x1, {r}{extra})', lambda x, y, f=getattr(F, name), more=more: f(x, y, reduction=reduction, **more), [(3, 4), (3, 4)])
    loss(f'binary_cross_entropy {reduction}', f'binary_cross_entropy(sigmoid(x0), {constant(bits)}, {r})',
         lambda x: F.binary_cross_entropy(torch.sigmoid(x), bits, reduction=reduction), [(2, 3)])
    loss(f'binary_cross_entropy_with_logits {reduction}', f'binary_cross_entropy_with_logits(x0, {constant(bits)}, stack([1.0, 0.5, 3.0]), {r}, pos_weight=stack([2.0, 1.0, 0.25]))',
         lambda x: F.binary_cross_entropy_with_logits(x, bits, torch.tensor([1.0, 0.5, 3.0]).double(), reduction=reduction, pos_weight=torch.tensor([2.0, 1.0, 0.25]).double()), [(2, 3)])
    loss(f'hinge_embedding_loss {reduction}', f'hinge_embedding_loss(x0, {constant(signs)}, 0.8, {r})', lambda x: F.hinge_embedding_loss(x, signs, 0.8, reduction=reduction), [(5,)])
    loss(f'soft_margin_loss {reduction}', f'soft_margin_loss(x0, {constant(signs)}, {r})', lambda x: F.soft_margin_loss(x, signs, reduction=reduction), [(5,)])
    loss(f'multi_margin_loss {reduction}', f'multi_margin_loss(x0, a0, margin=0.9, weight={W}, {r})', lambda x, y: F.multi_margin_loss(x, y, margin=0.9, weight=weight, reduction=reduction), [(5, 4)], [ids])
    loss(f'margin_ranking_loss {reduction}', f'margin_ranking_loss(x0, x1, {constant(signs)}, 0.3, {r})', lambda x, y: F.margin_ranking_loss(x, y, signs, 0.3, reduction=reduction), [(5,), (5,)])
    loss(f'cosine_embedding_loss {reduction}', f'cosine_embedding_loss(x0, x1, {constant(signs)}, 0.1, {r})', lambda x, y: F.cosine_embedding_loss(x, y, signs, 0.1, reduction=reduction), [(5, 3), (5, 3)])
    loss(f'triplet_margin_loss {reduction}', f'triplet_margin_loss(x0, x1, x2, {r})', lambda *x: F.triplet_margin_loss(*x, reduction=reduction), [(5, 3)] * 3)
def reduced(t, reduction):
    return t.mean() if reduction == 'mean' else t.sum() if reduction == 'sum' else t
def own_focal(x, alpha=0.25, gamma=2.0):  # torchvision.ops.sigmoid_focal_loss
    p = torch.sigmoid(x)
    pt = p * bits + (1 - p) * (1 - bits)
    out = F.binary_cross_entropy_with_logits(x, bits, reduction='none') * (1 - pt) ** gamma
    return out if alpha < 0 else (alpha * bits + (1 - alpha) * (1 - bits)) * out
alike = torch.tensor([1.0, 0.0, 1.0, 0.0]).double()
for reduction in ['mean', 'sum', 'none']:
    r = f'reduction="{reduction}"'
    def of(name, call, run, xs, args=(), module='loss'):
        loss(f'{name} {reduction}', call, lambda *a: reduced(run(*a), reduction), xs, args, use=f'{module}: {name}' if module else '')
    of('hinge_loss', f'hinge_loss(x0, {constant(signs)}, {r})', lambda x: F.relu(1 - signs * x), [(5,)], module='')
    of('perceptron_loss', f'perceptron_loss(x0, stack([1.0, 0.0, 0.0, 1.0, 0.0]), {r})', lambda x: F.relu(-signs * x), [(5,)])
    of('sigmoid_focal_loss', f'sigmoid_focal_loss(x0, {constant(bits)}, gamma=3.0, {r})', lambda x: own_focal(x, gamma=3.0), [(2, 3)])
    of('focal_loss', f'focal_loss(x0, a0, gamma=1.5, {r})', lambda x, y: -(1 - x.softmax(-1).gather(-1, y[:, None])[:, 0]) ** 1.5 * x.log_softmax(-1).gather(-1, y[:, None])[:, 0], [(5, 4)], [ids])
    of('dice_loss', f'dice_loss(sigmoid(x0), {constant(bits)}, smooth=0.5, {r})', lambda x: 1 - (2 * (x.sigmoid() * bits).sum(-1) + 0.5) / (x.sigmoid().sum(-1) + bits.sum(-1) + 0.5), [(2, 3)])
    of('contrastive_loss', f'contrastive_loss(x0, x1, {constant(alike)}, {r})', lambda x, y: 0.5 * alike * (x - y).pow(2).sum(-1) + 0.5 * (1 - alike) * F.relu(1 - (x - y).norm(dim=-1)) ** 2, [(4, 2), (4, 2)])
    of('residual_loss', f'residual_loss(x0, x1, {r})', lambda x, y: ((x - y) ** 2).sum(-1), [(3, 4), (3, 4)])
    loss(f'binary_cross_entropy weighted {reduction}', f'binary_cross_entropy(sigmoid(x0), {constant(bits)}, stack([1.0, 0.5, 3.0]), {r})',
         lambda x: F.binary_cross_entropy(torch.sigmoid(x), bits, torch.tensor([1.0, 0.5, 3.0]).double(), reduction=reduction), [(2, 3)])
    loss(f'nll_loss [b, t, k] {reduction}', f'nll_loss(log_softmax(x0), a0, {r})', last(lambda x, y: F.nll_loss(torch.log_softmax(x, 1), y, reduction=reduction)), [(2, 3, 4)], [grid])
    loss(f'cross_entropy soft [b, t, k] {reduction}', f'cross_entropy(x0, softmax(x1), {r})',
         lambda x, y: F.cross_entropy(x.movedim(-1, 1), torch.softmax(y, -1).movedim(-1, 1), reduction=reduction), [(2, 3, 4), (2, 3, 4)])
    loss(f'triplet_margin_loss swapped {reduction}', f'triplet_margin_loss(x0, x1, x2, margin=0.5, swap=true, {r})', lambda *x: F.triplet_margin_loss(*x, margin=0.5, swap=True, reduction=reduction), [(4, 2)] * 3)
for reduction in ['mean', 'sum', 'none', 'batchmean']:
    logp = 'log_softmax(x0)'
    p = numbers(probs)
    loss(f'kl_div {reduction}', f'kl_div({logp}, {constant(p)}, "{reduction}")', lambda x: F.kl_div(torch.log_softmax(x, -1), p, reduction=reduction), [(5, 4)])
    loss(f'kl_div of logs {reduction}', f'kl_div({logp}, log_softmax(x1), "{reduction}", log_target=true)',
         lambda x, y: F.kl_div(torch.log_softmax(x, -1), torch.log_softmax(y, -1), reduction=reduction, log_target=True), [(5, 4), (5, 4)])
loss('multi_margin_loss squared', 'multi_margin_loss(x0, a0, p=2)', lambda x, y: F.multi_margin_loss(x, y, p=2), [(5, 4)], [ids])
loss('triplet_margin_loss swapped', 'triplet_margin_loss(x0, x1, x2, margin=2.0, swap=true)', lambda *x: F.triplet_margin_loss(*x, margin=2.0, swap=True), [(5, 3)] * 3)
loss('triplet_margin_loss of absolutes', 'triplet_margin_loss(x0, x1, x2, p=1)', lambda *x: F.triplet_margin_loss(*x, p=1), [(5, 3)] * 3)
loss('cosine_similarity', 'cosine_similarity(x0, x1)', F.cosine_similarity, [(2, 3, 4), (2, 3, 4)])
loss('pairwise_distance', 'pairwise_distance(x0, x1)', F.pairwise_distance, [(3, 4), (3, 4)])
loss('pairwise_distance keepdim', 'pairwise_distance(x0, x1, p=1, keepdim=true)', lambda x, y: F.pairwise_distance(x, y, p=1, keepdim=True), [(3, 4), (3, 4)])

# Logits of ±1e4.
loss('cross_entropy of large logits', 'cross_entropy(x0, a0)', F.cross_entropy, [(5, 4)], [ids], scale=1e4)
loss('cross_entropy of large logits, smoothed', 'cross_entropy(x0, a0, label_smoothing=0.1)', lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1), [(5, 4)], [ids], scale=1e4)
loss('binary_cross_entropy_with_logits of large logits', f'binary_cross_entropy_with_logits(x0, {constant(bits)}, pos_weight=stack([2.0, 1.0, 0.25]))',
     lambda x: F.binary_cross_entropy_with_logits(x, bits, pos_weight=torch.tensor([2.0, 1.0, 0.25]).double()), [(2, 3)], scale=1e4)
loss('soft_margin_loss of large logits', f'soft_margin_loss(x0, {constant(signs)})', lambda x: torch.nn.functional.softplus(-signs * x).mean(), [(5,)], scale=1e4)

loss('cross_entropy of large logits, weighted', f'cross_entropy(x0, a0, weight={W}, ignore_index=2)', lambda x, y: F.cross_entropy(x, y, weight, ignore_index=2), [(5, 4)], [ids], scale=1e4)
loss('cross_entropy of large logits, soft', f'cross_entropy(x0, {constant(numbers(probs))})', lambda x: F.cross_entropy(x, numbers(probs)), [(5, 4)], scale=1e4)
loss('kl_div of large logits', 'kl_div(log_softmax(x0), softmax(x1), "sum")', lambda x, y: F.kl_div(torch.log_softmax(x, -1), torch.softmax(y, -1), reduction='sum'), [(5, 4), (5, 4)], scale=30)
loss('focal_loss of large logits', 'focal_loss(x0, a0, reduction="sum")', lambda x, y: F.cross_entropy(x, y, reduction='sum'), [(4, 4)], [torch.tensor([0, 1, 2, 3])],
     x_values=[torch.eye(4).roll(1, 0).double() * 1e4], use='loss: focal_loss')
loss('sigmoid_focal_loss of large logits', f'sigmoid_focal_loss(x0, {constant(bits)})', own_focal, [(2, 3)], scale=1e3, use='loss: sigmoid_focal_loss')

# CTC: different lengths, repeats, and a target that does not fit. torch has time first.
targets = torch.tensor([[1, 1, 2, 3], [2, 3, 3, 1], [3, 1, 0, 0]])
lengths, sizes = torch.tensor([7, 6, 5]), torch.tensor([3, 4, 2])
def ctc(**more):
    return lambda x, y, n, u: F.ctc_loss(torch.log_softmax(x, -1).movedim(1, 0), y, n, u, **more)
for reduction in ['mean', 'sum', 'none']:
    loss(f'ctc_loss {reduction}', f'ctc_loss(log_softmax(x0), a0, a1, a2, reduction="{reduction}")', ctc(reduction=reduction), [(3, 7, 4)], [targets, lengths, sizes])
loss('ctc_loss blank', 'ctc_loss(log_softmax(x0), a0, a1, a2, blank=3)', ctc(blank=3), [(2, 6, 4)],
     [torch.tensor([[1, 0, 0], [2, 2, 1]]), torch.tensor([6, 6]), torch.tensor([3, 2])])
loss('ctc_loss that does not fit', 'ctc_loss(log_softmax(x0), a0, a1, a2, zero_infinity=true)', ctc(zero_infinity=True), [(3, 4, 4)],
     [targets, torch.tensor([4, 4, 3]), sizes])
loss('ctc_loss of large logits', 'ctc_loss(log_softmax(x0), a0, a1, a2)', ctc(), [(3, 7, 4)], [targets, lengths, sizes], scale=1e3)

# Losses of std/loss, from their formulas.
def std(name, call, run, xs=(), args=(), **more):
    loss(name, call, run, xs, args, use=f'loss: {name.split(" ")[0]}', **more)
norm = lambda x: F.normalize(x, dim=-1)
def nt_xent(x, y):
    z = norm(torch.cat([x, y]))
    s = z @ z.T / 0.5
    s.fill_diagonal_(-1e30)
    n = len(x)
    return F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))
std('nt_xent', 'nt_xent(x0, x1)', nt_xent, [(4, 3), (4, 3)])
std('info_nce', 'info_nce(x0, x1, 0.2)', lambda q, k: F.cross_entropy(norm(q) @ norm(k).T / 0.2, torch.arange(4)), [(4, 3), (4, 3)])
std('info_nce negatives', 'info_nce(x0, x1, negatives=x2)',
    lambda q, k, n: F.cross_entropy(torch.cat([(norm(q) * norm(k)).sum(-1, keepdim=True), norm(q) @ norm(n).T], 1) / 0.1, torch.zeros(4).long()), [(4, 3), (4, 3), (6, 3)])
same = torch.tensor([1.0, 0.0, 1.0, 0.0]).double()
std('contrastive_loss', f'contrastive_loss(x0, x1, {constant(same)}, margin=2.0)',
    lambda x, y: (0.5 * same * (x - y).pow(2).sum(-1) + 0.5 * (1 - same) * F.relu(2 - (x - y).norm(dim=-1)) ** 2).mean(), [(4, 3), (4, 3)])
std('residual_loss', 'residual_loss(x0, x1)', lambda x, y: ((x - y) ** 2).sum((1, 2)).mean(), [(2, 3, 2), (2, 3, 2)])
def r_drop(x, y, t):
    a, b = torch.log_softmax(x, -1), torch.log_softmax(y, -1)
    kl = F.kl_div(a, b, log_target=True, reduction='batchmean') + F.kl_div(b, a, log_target=True, reduction='batchmean')
    return (F.cross_entropy(x, t) + F.cross_entropy(y, t)) / 2 + 2 * kl / 2
std('r_drop', 'r_drop(x0, x1, a0, alpha=2.0)', r_drop, [(5, 4), (5, 4)], [ids])
std('perceptron_loss', 'perceptron_loss(x0, stack([1.0, 0.0, 0.0, 1.0, 0.0]), "sum")', lambda x: F.relu(-signs * x).sum(), [(5,)])
def focal(x, alpha, gamma):  # torchvision.ops.sigmoid_focal_loss
    p = torch.sigmoid(x)
    ce = F.binary_cross_entropy_with_logits(x, bits, reduction='none')
    pt = p * bits + (1 - p) * (1 - bits)
    out = ce * (1 - pt) ** gamma
    return out if alpha < 0 else (alpha * bits + (1 - alpha) * (1 - bits)) * out
std('sigmoid_focal_loss', f'sigmoid_focal_loss(x0, {constant(bits)})', lambda x: focal(x, 0.25, 2), [(2, 3)])
std('sigmoid_focal_loss without alpha', f'sigmoid_focal_loss(x0, {constant(bits)}, -1.0, 1.5, "mean")', lambda x: focal(x, -1, 1.5).mean(), [(2, 3)])
def softmax_focal(x, y):
    p = torch.softmax(x, -1).gather(-1, y[:, None])[:, 0]
    return (-(1 - p) ** 2 * p.log()).mean()
std('focal_loss', 'focal_loss(x0, a0)', softmax_focal, [(5, 4)], [ids])
def dice(x):
    p = torch.sigmoid(x)
    return (1 - (2 * (p * bits).sum(-1) + 1) / (p.sum(-1) + bits.sum(-1) + 1)).mean()
std('dice_loss', f'dice_loss(sigmoid(x0), {constant(bits)})', dice, [(2, 3)])
sp = F.softplus
games = {
    'minimax': (lambda r, f: sp(-r).mean() + sp(f).mean(), lambda f: torch.log(1 - torch.sigmoid(f)).mean()),
    'non_saturating': (lambda r, f: sp(-r).mean() + sp(f).mean(), lambda f: sp(-f).mean()),
    'least_squares': (lambda r, f: 0.5 * ((r - 1) ** 2).mean() + 0.5 * (f ** 2).mean(), lambda f: 0.5 * ((f - 1) ** 2).mean()),
    'hinge': (lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(), lambda f: -f.mean()),
    'wasserstein': (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
}
for game, (d, g) in games.items():
    std(f'discriminator_loss {game}', f'discriminator_loss(x0, x1, "{game}")', d, [(5,), (4,)])
    std(f'generator_loss {game}', f'generator_loss(x0, "{game}")', g, [(5,)])
std('cycle_loss', 'cycle_loss(x0, x1)', lambda x, y: (x - y).abs().mean(), [(2, 3), (2, 3)])
kl = lambda m, s: torch.distributions.kl_divergence(torch.distributions.Normal(m, (s / 2).exp()), torch.distributions.Normal(0.0, 1.0)).sum(-1)
std('gaussian_kl', 'gaussian_kl(x0, x1)', kl, [(3, 4), (3, 4)])
std('elbo_loss', 'elbo_loss(x0, x1, x2, 0.5)', lambda r, m, s: (r + 0.5 * kl(m, s)).mean(), [(3,), (3, 4), (3, 4)])
# Both examples equal: the points between them are the same whatever is drawn.
def penalty(x, w):
    z = x.clone().requires_grad_() if not x.requires_grad else x
    g = torch.autograd.grad((torch.tanh(z) * w).sum() , z, create_graph=True)[0]
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()
std('gradient_penalty', 'gradient_penalty(fn (z: [b, 2, 3]) => sum(tanh(z) * x1, axis=[1, 2]), x0, x0)', penalty, [(4, 2, 3), (4, 2, 3)])

# Layers.
def layer(text, torch_text, call, xs, args=()):
    module = eval('nn.' + torch_text, {'nn': nn, 'torch': torch, 'T': lambda *v: torch.tensor(v).double()})
    from reference import case
    case('loss', text, text, use=f'loss: {text.split("(")[0]}', xs=xs, args=args, call=call, run=lambda *a: module(*a), state=False)
layer('CrossEntropyLoss(weight=[0.5, 2.0, 1.25, 0.25], ignore_index=2, label_smoothing=0.1)', 'CrossEntropyLoss(T(.5, 2., 1.25, .25), ignore_index=2, label_smoothing=0.1)', 'm(x0, a0)', [(5, 4)], [ids])
layer('NLLLoss(reduction="sum")', 'NLLLoss(reduction="sum")', 'm(x0, a0)', [(5, 4)], [ids])
layer('MultiMarginLoss(p=2)', 'MultiMarginLoss(p=2)', 'm(x0, a0)', [(5, 4)], [ids])
for text in ['MSELoss()', 'L1Loss(reduction="none")', 'HuberLoss(delta=0.5)', 'SmoothL1Loss(beta=0.5)']:
    layer(text, text, 'm(x0, x1)', [(3, 4), (3, 4)])
layer('TripletMarginLoss(swap=true)', 'TripletMarginLoss(swap=True)', 'm(x0, x1, x2)', [(5, 3)] * 3)

def signed(text, call, run, xs):
    from reference import case
    case('loss', text, text, use=f'loss: {text.split("(")[0]}', xs=xs, call=call, run=run, state=False)
S, B = constant(signs), constant(bits)
signed('BCELoss()', f'm(sigmoid(x0), {B})', lambda x: nn.BCELoss()(torch.sigmoid(x), bits), [(2, 3)])
signed('BCEWithLogitsLoss(pos_weight=[2.0, 1.0, 0.25])', f'm(x0, {B})', lambda x: nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2, 1, .25]).double())(x, bits), [(2, 3)])
signed('KLDivLoss("batchmean")', 'm(log_softmax(x0), softmax(x1))', lambda x, y: nn.KLDivLoss(reduction='batchmean')(torch.log_softmax(x, -1), torch.softmax(y, -1)), [(3, 4), (3, 4)])
signed('HingeEmbeddingLoss()', f'm(x0, {S})', lambda x: nn.HingeEmbeddingLoss()(x, signs), [(5,)])
signed('SoftMarginLoss()', f'm(x0, {S})', lambda x: nn.SoftMarginLoss()(x, signs), [(5,)])
signed('MarginRankingLoss(0.5)', f'm(x0, x1, {S})', lambda x, y: nn.MarginRankingLoss(0.5)(x, y, signs), [(5,), (5,)])
signed('CosineEmbeddingLoss(0.2)', f'm(x0, x1, {S})', lambda x, y: nn.CosineEmbeddingLoss(0.2)(x, y, signs), [(5, 3), (5, 3)])
loss('hinge_loss', f'hinge_loss(x0, {S}, 0.8)', lambda x: F.relu(0.8 - signs * x).mean(), [(5,)])
from reference import case
case('loss', 'CTCLoss()', 'CTCLoss()', use='loss: CTCLoss', xs=[(3, 7, 4)], args=[targets, lengths, sizes], call='m(log_softmax(x0), a0, a1, a2)', run=ctc(), state=False)
layer('CrossEntropyLoss()', 'CrossEntropyLoss()', 'm(x0, a0)', [(5, 4)], [ids])
layer('CrossEntropyLoss(reduction="none", label_smoothing=0.3)', 'CrossEntropyLoss(reduction="none", label_smoothing=.3)', 'm(x0, a0)', [(5, 4)], [ids])
layer('NLLLoss(weight=[0.5, 2.0, 1.25, 0.25], ignore_index=0)', 'NLLLoss(T(.5, 2., 1.25, .25), ignore_index=0)', 'm(x0, a0)', [(5, 4)], [ids])
layer('MultiMarginLoss(margin=0.5, weight=[0.5, 2.0, 1.25, 0.25], reduction="none")', 'MultiMarginLoss(margin=.5, weight=T(.5, 2., 1.25, .25), reduction="none")', 'm(x0, a0)', [(5, 4)], [ids])
for text in ['MSELoss("sum")', 'MSELoss("none")', 'L1Loss()', 'L1Loss("sum")', 'HuberLoss("none")', 'HuberLoss("sum", delta=2.0)', 'SmoothL1Loss()', 'SmoothL1Loss("none")', 'SmoothL1Loss("sum", beta=2.0)']:
    layer(text, text.replace('("', '(reduction="'), 'm(x0, x1)', [(3, 4), (3, 4)])
layer('TripletMarginLoss(margin=0.5, reduction="none")', 'TripletMarginLoss(margin=.5, reduction="none")', 'm(x0, x1, x2)', [(5, 3)] * 3)
for how in ('sum', 'none'):
    signed(f'BCELoss(weight=[1.0, 0.5, 3.0], reduction="{how}")', f'm(sigmoid(x0), {B})', lambda x: nn.BCELoss(torch.tensor([1, .5, 3]).double(), reduction=how)(torch.sigmoid(x), bits), [(2, 3)])
    signed(f'BCEWithLogitsLoss(weight=[1.0, 0.5, 3.0], reduction="{how}")', f'm(x0, {B})', lambda x: nn.BCEWithLogitsLoss(torch.tensor([1, .5, 3]).double(), reduction=how)(x, bits), [(2, 3)])
    signed(f'KLDivLoss("{how}", log_target=true)', 'm(log_softmax(x0), log_softmax(x1))', lambda x, y: nn.KLDivLoss(reduction=how, log_target=True)(torch.log_softmax(x, -1), torch.log_softmax(y, -1)), [(3, 4), (3, 4)])
    signed(f'HingeEmbeddingLoss(0.5, "{how}")', f'm(x0, {S})', lambda x: nn.HingeEmbeddingLoss(0.5, reduction=how)(x, signs), [(5,)])
    signed(f'SoftMarginLoss("{how}")', f'm(x0, {S})', lambda x: nn.SoftMarginLoss(reduction=how)(x, signs), [(5,)])
    signed(f'MarginRankingLoss(reduction="{how}")', f'm(x0, x1, {S})', lambda x, y: nn.MarginRankingLoss(reduction=how)(x, y, signs), [(5,), (5,)])
    signed(f'CosineEmbeddingLoss(reduction="{how}")', f'm(x0, x1, {S})', lambda x, y: nn.CosineEmbeddingLoss(reduction=how)(x, y, signs), [(5, 3), (5, 3)])
    case('loss', f'CTCLoss(reduction="{how}", blank=3)', f'CTCLoss(reduction="{how}", blank=3)', use='loss: CTCLoss', xs=[(2, 6, 4)], args=[torch.tensor([[1, 0, 0], [2, 2, 1]]), torch.tensor([6, 6]), torch.tensor([3, 2])],
         call='m(log_softmax(x0), a0, a1, a2)', run=ctc(reduction=how, blank=3), state=False)
std('nt_xent colder', 'nt_xent(x0, x1, temperature=0.5)', nt_xent, [(2, 5), (2, 5)])
std('residual_loss of vectors', 'residual_loss(x0, x1)', lambda x, y: ((x - y) ** 2).sum(-1).mean(), [(5, 2), (5, 2)])
std('r_drop gently', 'r_drop(x0, x1, a0, alpha=0.5)', lambda x, y, t: (F.cross_entropy(x, t) + F.cross_entropy(y, t)) / 2 + 0.25 * sum(F.kl_div(a.log_softmax(-1), b.log_softmax(-1), log_target=True, reduction='batchmean') for a, b in ((x, y), (y, x))), [(5, 4), (5, 4)], [ids])
std('gaussian_kl of steps', 'gaussian_kl(x0, x1)', kl, [(2, 3, 2), (2, 3, 2)])
std('elbo_loss plain', 'elbo_loss(x0, x1, x2)', lambda r, m, s: (r + kl(m, s)).mean(), [(2,), (2, 3), (2, 3)])
std('cycle_loss of images', 'cycle_loss(x0, x1)', lambda x, y: (x - y).abs().mean(), [(1, 2, 3, 2), (1, 2, 3, 2)])
