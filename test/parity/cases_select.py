"""Metrics, detection and decoding, which torch does not have: written out here with torch's own operations.
Integers come back as floats, beside a zero so that there is something to differentiate."""
import math
import torch
import torch.nn.functional as F
from reference import case, function

def floats(family, name, call, run, xs, args=(), use='', **more):
    """A case whose result does not depend smoothly on x0."""
    none = ' + '.join(f'sum(x{i})' for i in range(len(xs)))
    function(family, name, f'f32({call}) + 0.0 * ({none})', lambda *a: run(*a).double() + 0.0 * sum(x.sum() for x in a[:len(xs)]), xs, args, use=use, **more)

# Metrics.
pred, gold = torch.tensor([0, 2, 1, 1, 3, 0, 2, 2]), torch.tensor([0, 1, 1, 2, 3, 3, 2, 0])
table = torch.zeros(4, 4)
for p, t in zip(pred, gold):
    table[t, p] += 1
right, said, there = table.diag(), table.sum(0), table.sum(1)
def metric(name, call, value, args=(pred, gold)):
    floats('metric', name, call, lambda x, *a: value, [(1,)], args, use=f'metric: {call.split("(")[0]}')
metric('confusion_matrix', 'confusion_matrix(a0, a1, 4)', table)
for average, pick in [('none', lambda n, d: n / d.clamp(min=1)), ('macro', lambda n, d: (n / d.clamp(min=1)).mean()), ('micro', lambda n, d: n.sum() / d.sum()), ('binary', lambda n, d: (n / d)[1])]:
    metric(f'precision {average}', f'precision(a0, a1, 4, "{average}")', pick(right, said))
    metric(f'recall {average}', f'recall(a0, a1, 4, "{average}")', pick(right, there))
    metric(f'f1_score {average}', f'f1_score(a0, a1, 4, "{average}")', pick(2 * right, said + there))
metric('mean_iou', 'mean_iou(a0, a1, 6)', (right / (said + there - right)).mean())
def score(name, call, run, xs, args=()):
    floats('metric', name, call, run, xs, args, use=f'metric: {call.split("(")[0]}')
ids = torch.tensor([0, 3, 2, 1, 1])
score('accuracy', 'accuracy(x0, a0)', lambda x, y: (x.argmax(-1) == y).double().mean(), [(5, 4)], [ids])
score('accuracy of some', 'accuracy(x0, a0, ignore_index=1)', lambda x, y: (x.argmax(-1) == y)[y != 1].double().mean(), [(5, 4)], [ids])
for k in [1, 2, 3]:
    score(f'top_k_accuracy {k}', f'top_k_accuracy(x0, a0, {k})', lambda x, y, k=k: (x.topk(k).indices == y[:, None]).any(-1).double().mean(), [(5, 4)], [ids])
def smooth(name, call, run, xs, args=()):
    function('metric', name, call, run, xs, args, use=f'metric: {name}')
smooth('perplexity', 'perplexity(x0, a0)', lambda x, y: F.cross_entropy(x, y).exp(), [(5, 4)], [ids])
smooth('mae', 'mae(x0, x1)', lambda x, y: (x - y).abs().mean(), [(3, 4), (3, 4)])
smooth('rmse', 'rmse(x0, x1)', lambda x, y: ((x - y) ** 2).mean().sqrt(), [(3, 4), (3, 4)])
smooth('r2_score', 'r2_score(x0, x1)', lambda x, y: 1 - ((y - x) ** 2).sum() / ((y - y.mean()) ** 2).sum(), [(3, 4), (3, 4)])

# Detection. Boxes are made of two draws: a corner and a size.
BOX = 'concat([x0, x0 + abs(x1) + 0.5], axis=-1)'
OTHER = 'concat([x2, x2 + abs(x3) + 0.5], axis=-1)'
box = lambda c, s: torch.cat([c, c + s.abs() + 0.5], -1)
def detect(name, call, run, xs, args=(), smoothly=True, **more):
    use = f'detection: {name.split(" ")[0]}' + (', anchors' if ' anchors(' in call else '')
    (function if smoothly else floats)('detection', name, call, run, xs, args, use=use, **more)
area = lambda b: (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
def overlap(a, b):
    lt, rb = torch.max(a[:, None, :2], b[None, :, :2]), torch.min(a[:, None, 2:], b[None, :, 2:])
    both = (rb - lt).clamp(min=0).prod(-1)
    return both, area(a)[:, None] + area(b) - both
def iou(a, b):
    both, union = overlap(a, b)
    return both / union
def giou(a, b):
    both, union = overlap(a, b)
    hull = (torch.max(a[:, None, 2:], b[None, :, 2:]) - torch.min(a[:, None, :2], b[None, :, :2])).prod(-1)
    return both / union - (hull - union) / hull
two = [(4, 2), (4, 2), (4, 2), (4, 2)]
detect('box_area', f'box_area({BOX})', lambda c, s: area(box(c, s)), two[:2])
detect('box_iou', f'box_iou({BOX}, {OTHER})', lambda a, b, c, d: iou(box(a, b), box(c, d)), two)
detect('generalized_box_iou', f'generalized_box_iou({BOX}, {OTHER})', lambda a, b, c, d: giou(box(a, b), box(c, d)), two)
detect('clip_boxes', f'clip_boxes({BOX}, 0.7, 0.4)', lambda a, b: torch.minimum(box(a, b).clamp(min=0), torch.tensor([0.4, 0.7, 0.4, 0.7]).double()), two[:2])
def parts(b):
    wh = b[:, 2:] - b[:, :2]
    return b[:, :2] + wh / 2, wh
def encode(t, b, w):
    (tc, ts), (bc, bs) = parts(t), parts(b)
    return torch.cat([(tc - bc) / bs, (ts / bs).log()], -1) * torch.tensor(w).double()
def decode(d, b, w):
    (bc, bs), d = parts(b), d / torch.tensor(w).double()
    c, s = d[:, :2] * bs + bc, d[:, 2:].clamp(max=math.log(1000 / 16)).exp() * bs
    return torch.cat([c - s / 2, c + s / 2], -1)
for w in [(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)]:
    detect(f'encode_boxes {w}', f'encode_boxes({BOX}, {OTHER}, {w})', lambda a, b, c, d: encode(box(a, b), box(c, d), w), two)
    detect(f'decode_boxes {w}', f'decode_boxes(x2, {BOX}, {w})', lambda a, b, d: decode(d, box(a, b), w), [(4, 2), (4, 2), (4, 4)], scale=3.0)

def suppress(boxes, scores, limit, classes=None):
    left, kept = scores.argsort(descending=True).tolist(), []
    while left:
        best = left.pop(0)
        kept.append(best)
        near = iou(boxes[best:best + 1], boxes)[0] > limit
        left = [i for i in left if not near[i] or (classes is not None and classes[i] != classes[best])]
    return kept
def padded(kept, n):
    return torch.tensor([len(kept)] + (kept + [-1] * n)[:n])
def joined(call):
    return f'fold r = none over k in [{call}] => concat([reshape(k.count, [1]), k.indices], axis=0)'
kinds = torch.tensor([0, 1, 0, 1, 1, 0, 1, 0])
detect('nms', joined(f'nms({BOX}, x2, 0.2, 8)'), lambda a, b, s: padded(suppress(box(a, b), s, 0.2), 8), [(8, 2), (8, 2), (8,)], smoothly=False)
detect('nms of classes', joined(f'nms({BOX}, x2, 0.2, 8, classes=a0)'), lambda a, b, s, k: padded(suppress(box(a, b), s, 0.2, k), 8), [(8, 2), (8, 2), (8,)], [kinds], smoothly=False)

def align(x, rois, size, scale, ratio, half):
    """torchvision.ops.roi_align, sample by sample."""
    (ph, pw), (h, w), out = size, x.shape[2:], []
    for r in rois.tolist():
        image, (x1, y1, x2, y2) = x[int(r[0])], [v * scale - (0.5 if half else 0) for v in r[1:]]
        rw, rh = (x2 - x1, y2 - y1) if half else (max(x2 - x1, 1), max(y2 - y1, 1))
        gh, gw = (ratio, ratio) if ratio > 0 else (math.ceil(rh / ph), math.ceil(rw / pw))
        def at(sy, sx):
            if sy < -1 or sy > h or sx < -1 or sx > w:
                return image[:, 0, 0] * 0
            sy, sx = min(max(sy, 0), h - 1), min(max(sx, 0), w - 1)
            ly, lx = int(sy), int(sx)
            hy, hx, dy, dx = min(ly + 1, h - 1), min(lx + 1, w - 1), sy - ly, sx - lx
            return (1 - dy) * ((1 - dx) * image[:, ly, lx] + dx * image[:, ly, hx]) + dy * ((1 - dx) * image[:, hy, lx] + dx * image[:, hy, hx])
        out.append(torch.stack([sum((at(y1 + rh / ph * (p + (i + 0.5) / gh), x1 + rw / pw * (q + (j + 0.5) / gw)) for i in range(gh) for j in range(gw)), image[:, 0, 0] * 0) / max(gh * gw, 1)
                                for p in range(ph) for q in range(pw)], -1).reshape(-1, ph, pw))
    return torch.stack(out)
def pool(x, rois, size, scale):
    """torchvision.ops.roi_pool, bin by bin."""
    (ph, pw), (h, w), out = size, x.shape[2:], []
    for r in rois.tolist():
        image, (x1, y1, x2, y2) = x[int(r[0])], [int(math.floor(v * scale + 0.5)) for v in r[1:]]
        rw, rh, bins = max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1), []
        for p in range(ph):
            for q in range(pw):
                ys = slice(*[min(max(v + y1, 0), h) for v in (math.floor(p * rh / ph), math.ceil((p + 1) * rh / ph))])
                xs = slice(*[min(max(v + x1, 0), w) for v in (math.floor(q * rw / pw), math.ceil((q + 1) * rw / pw))])
                b = image[:, ys, xs]
                bins.append(b.amax((1, 2)) if b.numel() else image[:, 0, 0] * 0)
        out.append(torch.stack(bins, -1).reshape(-1, ph, pw))
    return torch.stack(out)
rois = torch.tensor([[0, 0.5, 1.25, 4.5, 3.75], [1, -2, -1.5, 3, 2.5], [1, 3, 3, 9, 8], [0, 2, 2, 2.125, 2.125]]).double()
R = f'stack([{", ".join("stack(" + repr([float(v) for v in r]) + ")" for r in rois.tolist())}])'
for args, scale, ratio, half in [('', 1, 2, False), (', 0.5', 0.5, 2, False), (', 0.75, 3, true', 0.75, 3, True), (', 1.0, -1', 1, -1, False), (', 0.5, -1, true', 0.5, -1, True)]:
    detect(f'roi_align{args}'.replace(',', ' ,', 1), f'roi_align(x0, {R}, (2, 3){args})', lambda x: align(x, rois, (2, 3), scale, ratio, half), [(2, 2, 5, 6)])
for args, scale in [('', 1), (', 0.5', 0.5)]:
    detect(f'roi_pool{args}'.replace(',', ' ,', 1), f'roi_pool(x0, {R}, (2, 3){args})', lambda x: pool(x, rois, (2, 3), scale), [(2, 2, 5, 6)])

# Region proposals. Draws of three decimals differ by more than rounding, so order is safe.
def grid(h, w, stride, sizes, ratios):
    """torchvision's AnchorGenerator, for one level."""
    hr = torch.tensor(ratios).double().sqrt()
    ws, hs = (1 / hr[:, None] * torch.tensor(sizes).double()).flatten(), (hr[:, None] * torch.tensor(sizes).double()).flatten()
    base = (torch.stack([-ws, -hs, ws, hs], 1) / 2).round()
    y, x = torch.meshgrid(torch.arange(h) * stride, torch.arange(w) * stride, indexing='ij')
    shift = torch.stack([x.flatten(), y.flatten()] * 2, 1)
    return (shift[:, None] + base[None]).reshape(-1, 4)
for text, more in [('2, 3, 8.0, [16.0, 32.0]', (2, 3, 8.0, [16., 32.], [.5, 1., 2.])), ('3, 1, 4.0, [7.0], aspect_ratios=[1.0, 3.0]', (3, 1, 4.0, [7.], [1., 3.]))]:
    a = grid(*more)
    function('detection', f'anchors {text}', f'x0 * anchors({text})', lambda x, a=a: x * a, [tuple(a.shape)], use='detection: anchors')

def match(overlaps, high, low, all_targets):
    """torchvision's Matcher, its overlaps with targets in rows."""
    best, own = overlaps.max(0)
    out = own.clone()
    out[best < low] = -1
    out[(best >= low) & (best < high)] = -2
    if all_targets:
        for i in range(len(overlaps)):
            top = overlaps[i].max()
            if top > 0:
                out[overlaps[i] == top] = own[overlaps[i] == top]
    return out
for all_targets in (False, True):
    low = str(all_targets).lower()
    detect(f'match_boxes {low}', f'match_boxes(abs(x0), 0.9, 0.5, allow_low_quality={low})', lambda x, q=all_targets: match(x.abs(), .9, .5, q), [(3, 12)], smoothly=False, scale=0.5)
detect('match_boxes of two targets', 'match_boxes(abs(x0), 0.9, 0.5, count=a0)', lambda x, n: match(x[:2].abs(), .9, .5, False), [(3, 12)], [torch.tensor(2)], smoothly=False, scale=0.5)

class Head(torch.nn.Module):
    """torchvision's RPNHead, its results in the order of the anchors."""
    def __init__(self, c, a):
        super().__init__()
        self.conv, self.cls_logits, self.bbox_pred = torch.nn.Conv2d(c, c, 3, padding=1), torch.nn.Conv2d(c, a, 1), torch.nn.Conv2d(c, 4 * a, 1)
    def forward(self, x):
        y = F.relu(self.conv(x))
        return [self.cls_logits(y).permute(0, 2, 3, 1).flatten(1), self.bbox_pred(y).permute(0, 2, 3, 1).reshape(len(x), -1, 4)]
for c, a, shape in [(2, 3, (2, 2, 3, 2)), (3, 1, (1, 3, 2, 2))]:
    case('detection', f'RPNHead({c}, {a})', f'RPNHead({c}, {a})', use='detection: RPNHead', xs=[shape], module=Head(c, a), outs=['r.logits', 'r.deltas'])

def proposals(logits, deltas, places, h, w, pre, post, limit):
    top = logits.topk(pre).indices
    boxes = decode(deltas[top], places[top], (1, 1, 1, 1))
    boxes = torch.minimum(boxes.clamp(min=0), torch.tensor([w, h, w, h]).double())
    wide = ((boxes[:, 2:] - boxes[:, :2]) >= 1e-3).all(-1)
    boxes, scores = boxes[wide], logits[top][wide]
    kept = suppress(boxes, scores, limit)[:post]
    pad = lambda t: F.pad(t, (0, 0) * (t.dim() - 1) + (0, post - len(kept)))
    return [pad(boxes[kept]), pad(torch.sigmoid(scores[kept])), torch.tensor(float(len(kept))).double()]
P = 'anchors(2, 2, 8.0, [8.0, 12.0])'
places = grid(2, 2, 8.0, [8., 12.], [.5, 1., 2.])
for post, limit in [(4, 0.7), (12, 0.3)]:
    zero = lambda parts, *xs: [y + 0.0 * sum(x.sum() for x in xs) for y in parts]
    function('detection', f'rpn_proposals {post} {limit}', f'rpn_proposals(x0, 0.5 * x1, {P}, 14.0, 12.0, 16, {post}, nms_threshold={limit})',
             lambda s, d, post=post, limit=limit: zero(proposals(s.detach(), 0.5 * d.detach(), places, 14., 12., 16, post, limit), s, d), [(24,), (24, 4)],
             outs=[f'{part} + 0.0 * (sum(x0) + sum(x1))' for part in ('r.boxes', 'r.scores', 'f32(r.count)')], use='detection: rpn_proposals, anchors')
def rpn_loss(logits, deltas, c, s, matched):
    used, own = matched >= -1, matched >= 0
    wanted = encode(box(c, s)[matched[own]], places[own], (1, 1, 1, 1))
    pair = [F.binary_cross_entropy_with_logits(logits[used], own[used].double(), reduction='sum'), F.smooth_l1_loss(deltas[own], wanted, beta=1 / 9, reduction='sum')]
    return [v / used.sum() for v in pair]
for name, matched in [('', torch.arange(24) % 5 - 2), (' without a match', torch.arange(24) % 2 - 2)]:
    detect(f'rpn_loss{name}', f'rpn_loss(x0, x1, {P}, {BOX.replace("x1", "x3").replace("x0", "x2")}, a0)', rpn_loss, [(24,), (24, 4), (3, 2), (3, 2)], [matched], outs=['r.objectness', 'r.box'])

# Decoding.
def decoded(name, call, run, xs, args=()):
    floats('decode', name, call, run, xs, args, use=f'decode: {name.split(" ")[0]}')
def top_p(x, p):
    values, at = x.sort(descending=True)
    q = torch.softmax(values, -1)
    keep = (q.cumsum(-1) - q) < p
    keep[..., 0] = True
    return torch.zeros_like(x).scatter(-1, at, keep.double()).bool()
decoded('top_k_filter', 'top_k_filter(x0, 3) > -1e29', lambda x: x >= x.topk(3).values[..., -1:], [(3, 6)])
for p in [0.2, 0.6, 0.95]:
    decoded(f'top_p_filter {p}', f'top_p_filter(x0, {p}) > -1e29', lambda x: top_p(x, p), [(3, 6)])
decoded('sample of temperature 0', 'sample(x0, 0.0)', lambda x: x.argmax(-1), [(3, 6)])
decoded('sample of the first only', 'sample(x0, 0.7, top_k=1)', lambda x: x.argmax(-1), [(3, 6)])
STEP = 'fn (t: i32[m], s: list) => (logits=gather(3.0 * x0, t) + 0.1 * s[0] * x1, state=[s[0] + 1.0])'
def step(w, u, token, count):
    return torch.log_softmax(3 * w[token] + 0.1 * count * u, -1)
def greedy(w, u):
    rows = []
    for first in [1, 2]:
        token, row = first, []
        for i in range(6):
            token = 0 if 0 in row else int(step(w, u, token, i).argmax())
            row.append(token)
        rows.append(row)
    return torch.tensor(rows)
decoded('greedy', f'greedy({STEP}, [zeros([2, 1])], stack([1, 2]), 0, 6).tokens', greedy, [(5, 5), (5,)])
def beam(w, u, first, beams, steps, power):
    live, done = [([], torch.zeros(()).double())], []
    for i in range(steps):
        grown = [(s + [k], score + p) for s, score in live for k, p in enumerate(step(w, u, (s or [first])[-1], i))]
        done += [(s, score / ((5 + len(s)) / 6) ** power) for s, score in grown if s[-1] == 0]
        live = sorted([g for g in grown if g[0][-1] != 0], key=lambda g: -float(g[1]))[:beams]
    done += [(s, score / ((5 + steps) / 6) ** power) for s, score in live]
    return sorted(done, key=lambda g: -float(g[1]))
for power in [0.0, 1.0]:
    search = f'beam_search({STEP}, [zeros([6, 1])], stack([1, 2]), 3, 0, 5, length_penalty={power}, n_best=2)'
    best = lambda w, u: [b for f in [1, 2] for b in beam(w, u, f, 3, 5, power)[:2]]
    decoded(f'beam_search tokens {power}', f'{search}.tokens', lambda w, u: torch.tensor([s + [0] * (5 - len(s)) for s, _ in best(w, u)]).reshape(2, 2, 5), [(5, 5), (5,)])
    function('decode', f'beam_search scores {power}', f'{search}.scores', lambda w, u: torch.stack([s for _, s in best(w, u)]).reshape(2, 2), [(5, 5), (5,)], use='decode: beam_search')
