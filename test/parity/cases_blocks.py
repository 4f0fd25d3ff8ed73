"""Blocks of published networks, written here with the names of torchvision, which is not needed."""
from torch import nn
import torch
import torch.nn.functional as F
from reference import case

def conv(a, b, k, **more):
    return nn.Conv2d(a, b, k, bias=False, **more)

class Basic(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1, self.bn1 = conv(inplanes, planes, 3, stride=stride, padding=1), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = conv(planes, planes, 3, padding=1), nn.BatchNorm2d(planes)
        if stride > 1 or inplanes != planes:
            self.downsample = nn.Sequential(conv(inplanes, planes, 1, stride=stride), nn.BatchNorm2d(planes))
    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + getattr(self, 'downsample', nn.Identity())(x))

class Narrow(nn.Module):
    def __init__(self, inplanes, planes, stride=1, groups=1, base_width=64):
        super().__init__()
        w = int(planes * base_width / 64) * groups
        self.conv1, self.bn1 = conv(inplanes, w, 1), nn.BatchNorm2d(w)
        self.conv2, self.bn2 = conv(w, w, 3, stride=stride, padding=1, groups=groups), nn.BatchNorm2d(w)
        self.conv3, self.bn3 = conv(w, planes * 4, 1), nn.BatchNorm2d(planes * 4)
        if stride > 1 or inplanes != planes * 4:
            self.downsample = nn.Sequential(conv(inplanes, planes * 4, 1, stride=stride), nn.BatchNorm2d(planes * 4))
    def forward(self, x):
        y = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        return F.relu(self.bn3(self.conv3(y)) + getattr(self, 'downsample', nn.Identity())(x))

class Pre(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inplanes), conv(inplanes, planes, 3, stride=stride, padding=1)
        self.bn2, self.conv2 = nn.BatchNorm2d(planes), conv(planes, planes, 3, padding=1)
        if stride > 1 or inplanes != planes:
            self.downsample = nn.Sequential(conv(inplanes, planes, 1, stride=stride))
    def forward(self, x):
        a = F.relu(self.bn1(x))
        return self.conv2(F.relu(self.bn2(self.conv1(a)))) + (self.downsample(a) if hasattr(self, 'downsample') else x)

class Squeeze(nn.Module):
    def __init__(self, c, s):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(c, s, 1), nn.Conv2d(s, c, 1)
    def forward(self, x):
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))

class DenseLayer(nn.Module):
    def __init__(self, n, growth, bn_size):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(n), conv(n, bn_size * growth, 1)
        self.norm2, self.conv2 = nn.BatchNorm2d(bn_size * growth), conv(bn_size * growth, growth, 3, padding=1)
    def forward(self, x):
        return self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))

class Dense(nn.Module):
    def __init__(self, layers, n, growth, bn_size):
        super().__init__()
        for i in range(layers):
            self.add_module(f'denselayer{i + 1}', DenseLayer(n + i * growth, growth, bn_size))
    def forward(self, x):
        for f in self.children():
            x = torch.cat([x, f(x)], 1)
        return x

class Transition(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(a), conv(a, b, 1)
    def forward(self, x):
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)

class Unit(nn.Module):
    def __init__(self, a, b, k, eps=1e-5, **more):
        super().__init__()
        self.conv, self.bn = conv(a, b, k, **more), nn.BatchNorm2d(b, eps=eps)
    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))

class Inception(nn.Module):
    def __init__(self, c, a, r3, c3, r5, c5, p):
        super().__init__()
        self.branch1 = Unit(c, a, 1, 1e-3)
        self.branch2 = nn.Sequential(Unit(c, r3, 1, 1e-3), Unit(r3, c3, 3, 1e-3, padding=1))
        self.branch3 = nn.Sequential(Unit(c, r5, 1, 1e-3), Unit(r5, c5, 3, 1e-3, padding=1))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), Unit(c, p, 1, 1e-3))
    def forward(self, x):
        return torch.cat([f(x) for f in self.children()], 1)

class Inverted(nn.Module):
    def __init__(self, inp, oup, stride, expand):
        super().__init__()
        h = inp * expand
        unit = lambda a, b, k, **m: nn.Sequential(conv(a, b, k, **m), nn.BatchNorm2d(b), nn.ReLU6())
        wide = [] if expand == 1 else [unit(inp, h, 1)]
        self.conv = nn.Sequential(*wide, unit(h, h, 3, stride=stride, padding=1, groups=h), conv(h, oup, 1), nn.BatchNorm2d(oup))
        self.skip = stride == 1 and inp == oup
    def forward(self, x):
        return x + self.conv(x) if self.skip else self.conv(x)

class Image(nn.Sequential):
    def forward(self, x):
        return super().forward(x).expand(-1, -1, *x.shape[-2:])

class Pyramid(nn.Module):
    def __init__(self, c, rates, out):
        super().__init__()
        unit = lambda a, k, **m: [conv(a, out, k, **m), nn.BatchNorm2d(out), nn.ReLU()]
        self.convs = nn.ModuleList([nn.Sequential(*unit(c, 1))] + [nn.Sequential(*unit(c, 3, padding=r, dilation=r)) for r in rates]
                                   + [Image(nn.AdaptiveAvgPool2d(1), *unit(c, 1))])
        self.project = nn.Sequential(*unit((len(rates) + 2) * out, 1))
    def forward(self, x):
        return self.project(torch.cat([f(x) for f in self.convs], 1))

class Fpn(nn.Module):
    def __init__(self, sizes, out):
        super().__init__()
        self.inner_blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(c, out, 1)) for c in sizes])
        self.layer_blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(out, out, 3, padding=1)) for _ in sizes])
    def forward(self, *maps):
        y = self.inner_blocks[-1](maps[-1])
        out = [self.layer_blocks[-1](y)]
        for i in range(len(maps) - 2, -1, -1):
            y = self.inner_blocks[i](maps[i]) + F.interpolate(y, scale_factor=2)
            out.insert(0, self.layer_blocks[i](y))
        return out

class Conformer(nn.Module):
    def __init__(self, d, heads, mult, k):
        super().__init__()
        self.ff1_norm, self.ff1_in, self.ff1_out = nn.LayerNorm(d), nn.Linear(d, mult * d), nn.Linear(mult * d, d)
        self.attn_norm, self.self_attn = nn.LayerNorm(d), nn.MultiheadAttention(d, heads, batch_first=True)
        self.conv_norm, self.pointwise1, self.depthwise = nn.LayerNorm(d), nn.Conv1d(d, 2 * d, 1), nn.Conv1d(d, d, k, padding='same', groups=d)
        self.bn, self.pointwise2 = nn.BatchNorm1d(d), nn.Conv1d(d, d, 1)
        self.ff2_norm, self.ff2_in, self.ff2_out = nn.LayerNorm(d), nn.Linear(d, mult * d), nn.Linear(mult * d, d)
        self.final_norm = nn.LayerNorm(d)
    def forward(self, x):
        x = x + 0.5 * self.ff1_out(F.silu(self.ff1_in(self.ff1_norm(x))))
        q = self.attn_norm(x)
        x = x + self.self_attn(q, q, q)[0]
        y = self.conv_norm(x).transpose(1, 2)
        x = x + self.pointwise2(F.silu(self.bn(self.depthwise(F.glu(self.pointwise1(y), 1))))).transpose(1, 2)
        return self.final_norm(x + 0.5 * self.ff2_out(F.silu(self.ff2_in(self.ff2_norm(x)))))

class MobileVit(nn.Module):
    def __init__(self, c, d, heads, mult):
        super().__init__()
        self.local, self.project = Unit(c, c, 3, padding=1), conv(c, d, 1)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, heads, mult * d, 0.0, batch_first=True, norm_first=True), 1, norm=nn.LayerNorm(d))
        self.back, self.fuse = Unit(d, c, 1), Unit(2 * c, c, 3, padding=1)
    def forward(self, x):
        y = self.project(self.local(x))
        b, d, h, w = y.shape
        y = y.reshape(b, d, h // 2, 2, w // 2, 2).permute(0, 3, 5, 2, 4, 1).reshape(b * 4, h * w // 4, d)
        y = self.encoder(y).reshape(b, 2, 2, h // 2, w // 2, d).permute(0, 5, 3, 1, 4, 2).reshape(b, d, h, w)
        return self.fuse(torch.cat([x, self.back(y)], 1))

def block(text, module, *shapes, **more):
    case('blocks', f'{text} {[list(s) for s in shapes]}', text, use=text.split('(')[0], xs=list(shapes), module=module, **more)

block('BasicBlock(3, 3)', Basic(3, 3), (2, 3, 4, 3))
block('BasicBlock(2, 3, stride=2)', Basic(2, 3, 2), (2, 2, 5, 4))
block('Bottleneck(4, 1)', Narrow(4, 1), (2, 4, 3, 3))
block('Bottleneck(4, 2, stride=2, groups=2, base_width=32)', Narrow(4, 2, 2, 2, 32), (2, 4, 4, 4))
block('PreActivationBlock(2, 2)', Pre(2, 2), (2, 2, 3, 3))
block('PreActivationBlock(2, 3, stride=2)', Pre(2, 3, 2), (2, 2, 4, 4))
block('SqueezeExcitation(4, 2)', Squeeze(4, 2), (2, 4, 3, 2))
block('DenseLayer(3, 2, bn_size=2)', type('One', (DenseLayer,), {'forward': lambda s, x: torch.cat([x, DenseLayer.forward(s, x)], 1)})(3, 2, 2), (2, 3, 3, 3))
block('DenseBlock(2, 2, 2, bn_size=2)', Dense(2, 2, 2, 2), (2, 2, 3, 3))
block('Transition(4, 2)', Transition(4, 2), (2, 4, 5, 4))
block('ConvBnReLU(2, 3, 3, padding=1)', Unit(2, 3, 3, padding=1), (2, 2, 3, 3))
block('InceptionBlock(3, 2, 2, 3, 1, 2, 2)', Inception(3, 2, 2, 3, 1, 2, 2), (2, 3, 3, 3))
block('InvertedResidual(2, 2, 1, 3)', Inverted(2, 2, 1, 3), (2, 2, 3, 3))
block('InvertedResidual(2, 3, 2, 1)', Inverted(2, 3, 2, 1), (2, 2, 5, 4))
block('ASPP(2, [1, 2], 3, dropout=0.0)', Pyramid(2, [1, 2], 3), (2, 2, 4, 4))
block('FeaturePyramidNetwork([2, 3], 2)', Fpn([2, 3], 2), (1, 2, 4, 4), (1, 3, 2, 2), call='m([x0, x1])', outs=['r[0]', 'r[1]'])
block('ConformerBlock(4, 2, 2, 3, dropout=0.0)', Conformer(4, 2, 2, 3), (2, 4, 4))
block('MobileViTBlock(2, 4, 2, 1)', MobileVit(2, 4, 2, 2), (1, 2, 4, 4))
# Other sizes, and evaluation by running statistics.
block('SqueezeExcitation(3, 1)', Squeeze(3, 1), (1, 3, 2, 2))
block('DenseBlock(3, 1, 1, bn_size=1)', Dense(3, 1, 1, 1), (2, 1, 2, 3))
block('Transition(2, 3)', Transition(2, 3), (1, 2, 2, 6))
block('ConvBnReLU(1, 2, (1, 3), stride=2)', Unit(1, 2, (1, 3), stride=2), (2, 1, 3, 5))
block('InceptionBlock(2, 1, 1, 1, 2, 1, 1)', Inception(2, 1, 1, 1, 2, 1, 1), (1, 2, 4, 2))
block('InvertedResidual(3, 3, 1, 1)', Inverted(3, 3, 1, 1), (1, 3, 2, 3))
block('ASPP(1, [2], 2, dropout=0.0)', Pyramid(1, [2], 2), (2, 1, 5, 3))
block('FeaturePyramidNetwork([1, 2, 3], 2)', Fpn([1, 2, 3], 2), (1, 1, 8, 4), (1, 2, 4, 2), (1, 3, 2, 1), call='m([x0, x1, x2])', outs=['r[0]', 'r[1]', 'r[2]'])
block('ConformerBlock(6, 3, 1, 5, dropout=0.0)', Conformer(6, 3, 1, 5), (1, 5, 6))
block('MobileViTBlock(3, 4, 1, 1, ff_mult=3)', MobileVit(3, 4, 1, 3), (1, 3, 2, 4))
for text, module, shape in [('BasicBlock(2, 3, stride=2)', Basic(2, 3, 2), (1, 2, 4, 4)), ('Bottleneck(4, 1)', Narrow(4, 1), (1, 4, 2, 2)), ('InvertedResidual(2, 2, 1, 2)', Inverted(2, 2, 1, 2), (1, 2, 3, 3)),
                            ('ConformerBlock(4, 2, 2, 3, dropout=0.2)', Conformer(4, 2, 2, 3), (1, 3, 4))]:
    case('blocks', f'{text} outside of training', text, use=text.split('(')[0], xs=[shape], module=module, mode='eval')
for p in ('Dropout', 'Dropout1d', 'Dropout2d', 'Dropout3d', 'StochasticDepth'):
    shape = {'Dropout1d': (2, 3, 4), 'Dropout3d': (1, 2, 2, 2, 2)}.get(p, (2, 3, 2, 2))
    case('dropout', f'{p} outside of training', f'{p}(0.4)', use=p, xs=[shape], module=nn.Identity(), mode='eval')
    case('dropout', f'{p} of probability 0', f'{p}(0.0)', use=p, xs=[shape], module=nn.Identity())
for factor, mode, corners in ((2, 'nearest', None), (2, 'bilinear', False), (3, 'bilinear', True)):
    more = '' if corners is None else f', align_corners={str(corners).lower()}'
    case('resize', f'Upsample {factor} {mode}{more}', f'Upsample({factor}, "{mode}"{more})', use='Upsample', xs=[(1, 2, 3, 4)], module=nn.Upsample(scale_factor=factor, mode=mode, align_corners=corners))
def resize(n, size, mode, shape, corners=None):
    more = '' if corners is None else f', align_corners={str(corners).lower()}'
    text = f'interpolate{n}d(x0, {size}, "{mode}"{more})'
    case('resize', f'{text} {list(shape)}', None, use=f'interpolate{n}d', xs=[shape], call=text, run=lambda x: F.interpolate(x, size=size, mode=mode, align_corners=corners))
resize(1, 5, 'nearest', (2, 2, 3))
resize(1, 5, 'linear', (2, 2, 3), False)
resize(1, 2, 'linear', (1, 2, 7), True)
resize(2, (5, 2), 'nearest', (1, 2, 3, 4))
resize(2, (5, 2), 'bilinear', (1, 2, 3, 4), False)
resize(2, (2, 7), 'bilinear', (1, 2, 3, 4), True)
resize(3, (2, 4, 3), 'nearest', (1, 1, 3, 2, 3))
resize(3, (2, 4, 3), 'trilinear', (1, 1, 3, 2, 3), False)
