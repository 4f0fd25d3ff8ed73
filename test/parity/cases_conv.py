from torch import nn
from reference import case, function
import torch
import torch.nn.functional as F

# The same text is a constructor in both languages, but for true and tuples of pads.
def conv(name, text, shape, **more):
    case('conv', f'{name} {list(shape)}', text, use=text.split('(')[0], xs=[shape],
         module=eval('nn.' + text.replace('true', 'True').replace('false', 'False').replace('"', "'")), **more)

for text, shape in [
    ('Conv1d(3, 4, 3)', (2, 3, 7)),
    ('Conv1d(3, 4, 3, stride=2, padding=1)', (2, 3, 8)),
    ('Conv1d(4, 6, 2, stride=1, padding=2, dilation=2, groups=2)', (1, 4, 6)),
    ('Conv1d(2, 3, 4, padding="same")', (1, 2, 7)),
    ('Conv1d(2, 2, 1, bias=false)', (2, 2, 1)),
    ('Conv2d(3, 4, 3, padding=1)', (2, 3, 5, 4)),
    ('Conv2d(2, 4, (2, 3), stride=(2, 1), padding=(0, 2), dilation=(2, 1), groups=2)', (1, 2, 6, 5)),
    ('Conv2d(2, 3, (2, 4), padding="same", dilation=(1, 2))', (1, 2, 5, 6)),
    ('Conv2d(4, 4, 3, stride=2, padding=1, groups=4, bias=false)', (1, 4, 5, 7)),
    ('Conv2d(2, 3, 2, stride=3, padding="valid")', (1, 2, 7, 8)),
    ('Conv3d(2, 3, (1, 2, 3), stride=(1, 2, 1), padding=(0, 1, 1))', (1, 2, 2, 4, 3)),
    ('Conv3d(2, 2, 2, dilation=2, groups=2)', (1, 2, 3, 4, 3)),
    ('ConvTranspose1d(3, 2, 3, stride=2, padding=1, output_padding=1)', (2, 3, 4)),
    ('ConvTranspose1d(4, 4, 2, groups=2, dilation=3)', (1, 4, 3)),
    ('ConvTranspose2d(2, 3, 2, stride=2)', (1, 2, 3, 2)),
    ('ConvTranspose2d(4, 2, (3, 2), stride=(1, 3), padding=(1, 0), output_padding=(0, 2), groups=2, bias=false)', (1, 4, 3, 2)),
    ('ConvTranspose2d(2, 2, 3, stride=2, padding=1, output_padding=1, dilation=2)', (1, 2, 3, 3)),
    ('ConvTranspose3d(2, 2, 2, stride=(1, 2, 1), padding=(0, 1, 0))', (1, 2, 2, 3, 2)),
]:
    conv(text, text, shape)

# Every combination of stride, padding, dilation and groups on a rectangular kernel.
for stride in (1, 2):
    for padding in (0, 1):
        for dilation in (1, 2):
            for groups in (1, 2):
                text = f'Conv2d(2, 2, (3, 2), stride={stride}, padding={padding}, dilation={dilation}, groups={groups})'
                conv(text, text, (1, 2, 6, 5))

# The same for one, three and transposed axes, where torch has them.
for stride in (1, 2):
    for padding in (0, 1):
        for dilation in (1, 2):
            for groups in (1, 2):
                rest = f'stride={stride}, padding={padding}, dilation={dilation}, groups={groups})'
                conv(f'Conv1d(2, 2, 3, {rest}', f'Conv1d(2, 2, 3, {rest}', (1, 2, 7))
                if (padding, dilation) != (1, 2):
                    conv(f'Conv3d(2, 2, (2, 1, 3), {rest}', f'Conv3d(2, 2, (2, 1, 3), {rest}', (1, 2, 3, 2, 5))
                if stride + padding + dilation + groups > 4:
                    conv(f'ConvTranspose2d(2, 2, (3, 2), {rest}', f'ConvTranspose2d(2, 2, (3, 2), {rest}', (1, 2, 3, 2))

# "same" with even kernels and dilations, one side longer than the other.
for text, shape in [
    ('Conv1d(2, 2, 2, padding="same", dilation=3)', (1, 2, 5)),
    ('Conv2d(2, 2, 2, padding="same", groups=2)', (1, 2, 3, 4)),
    ('Conv2d(1, 2, (4, 1), padding="same", dilation=(1, 3))', (1, 1, 5, 3)),
    ('Conv3d(1, 2, (2, 3, 4), padding="same")', (1, 1, 2, 3, 4)),
]:
    conv(text, text, shape)

for mode in ('reflect', 'replicate', 'circular'):
    for text, shape in [
        (f'Conv1d(2, 3, 3, padding=2, padding_mode="{mode}")', (2, 2, 5)),
        (f'Conv1d(2, 3, 4, padding="same", dilation=1, padding_mode="{mode}")', (1, 2, 5)),
        (f'Conv2d(2, 3, (2, 4), padding="same", padding_mode="{mode}")', (1, 2, 4, 5)),
        (f'Conv2d(2, 4, 3, stride=(2, 1), padding=(2, 1), dilation=(1, 2), groups=2, bias=false, padding_mode="{mode}")', (1, 2, 4, 5)),
        (f'Conv3d(1, 2, (1, 2, 3), padding=(0, 1, 2), padding_mode="{mode}")', (1, 1, 2, 3, 4)),
    ]:
        conv(text, text, shape)

def pad(name, shape, padding, module):
    case('conv', f'{name}({padding}) {list(shape)}', f'{name}({padding})', use=name, xs=[shape], module=module)

class Around(nn.Module):
    def __init__(self, padding, mode):
        super().__init__()
        self.padding, self.mode = padding, mode
    def forward(self, x):
        return F.pad(x, self.padding, mode=self.mode)

for n, shape in ((1, (2, 2, 5)), (2, (1, 2, 3, 4)), (3, (1, 1, 3, 3, 4))):
    some = [1, 2, 2, 0, 0, 1][: 2 * n]
    for kind, mode in (('ReflectionPad', 'reflect'), ('ReplicationPad', 'replicate'), ('CircularPad', 'circular'), ('ZeroPad', 'constant')):
        pad(f'{kind}{n}d', shape, 1, Around([1] * (2 * n), mode))
        pad(f'{kind}{n}d', shape, some, Around(some, mode))
function('conv', 'pad_axis', 'pad_axis(x0, 1, 2, axis=0, mode="reflect")', lambda x: torch.cat([x[1:2], x, x[1:3].flip(0)]), xs=[(4, 2)], use='pad_axis')
for before, after in ((2, 1), (0, 3), (3, 0)):
    function('conv', f'pad_axis {before} {after}', f'pad_axis(x0, {before}, {after}, mode="circular")', lambda x, b=before, a=after: F.pad(x[None], (b, a), mode='circular')[0], xs=[(2, 4)], use='pad_axis')
function('conv', 'conv_margins', 'x0 * (conv_margins("same", 4, 3)[1] + 10 * conv_margins("causal", 3, 2)[0] + 100 * conv_margins(2, 5)[1] + 1000 * conv_margins((1, 3), 5)[1])',
         lambda x: x * (5 + 40 + 200 + 3000), xs=[(2,)], use='conv_margins')

# The functions behind layers.
for n, shape, w in ((1, (1, 4, 6), (2, 2, 3)), (2, (1, 4, 5, 4), (2, 2, 3, 2)), (3, (1, 4, 2, 3, 4), (2, 2, 2, 1, 3))):
    function('conv', f'conv{n}d', f'conv{n}d(x0, x1, x2, stride=2, padding=1, groups=2)', lambda x, w, b, n=n: getattr(F, f'conv{n}d')(x, w, b, 2, 1, 1, 2), xs=[shape, w, (2,)], use=f'conv{n}d')
    function('conv', f'conv{n}d without bias', f'conv{n}d(x0, x1, dilation=2, groups=2, padding=2)', lambda x, w, n=n: getattr(F, f'conv{n}d')(x, w, None, 1, 2, 2, 2), xs=[shape, w], use=f'conv{n}d')
    t = (4, 1) + w[2:]
    function('conv', f'conv_transpose{n}d', f'conv_transpose{n}d(x0, x1, x2, stride=2, padding=1, output_padding=1, groups=2)',
             lambda x, w, b, n=n: getattr(F, f'conv_transpose{n}d')(x, w, b, 2, 1, 1, 2), xs=[shape, t, (2,)], use=f'conv_transpose{n}d')

class Causal(nn.Conv1d):
    def forward(self, x):
        return super().forward(F.pad(x, ((self.kernel_size[0] - 1) * self.dilation[0], 0)))

case('conv', 'Conv1d causal', 'Conv1d(2, 3, 3, padding="causal", dilation=2)', use='Conv1d', xs=[(1, 2, 6)], module=Causal(2, 3, 3, dilation=2))

class Separable(nn.Module):
    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(3, 3, 3, padding=1, groups=3)
        self.pointwise = nn.Conv2d(3, 4, 1)
    def forward(self, x):
        return self.pointwise(self.depthwise(x))

case('conv', 'DepthwiseSeparableConv2d', 'DepthwiseSeparableConv2d(3, 4, 3, padding=1)', use='DepthwiseSeparableConv2d', xs=[(1, 3, 4, 4)], module=Separable())

class Apart(Separable):
    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(3, 3, (2, 3), stride=2, dilation=(2, 1), groups=3, bias=False)
        self.pointwise = nn.Conv2d(3, 2, 1, bias=False)

class Spatial(nn.Module):
    def __init__(self, stride=1, padding=1, bias=True):
        super().__init__()
        self.vertical = nn.Conv2d(2, 3, (3, 1), stride=(stride, 1), padding=(padding, 0), bias=bias)
        self.horizontal = nn.Conv2d(3, 3, (1, 3), stride=(1, stride), padding=(0, padding), bias=bias)
    def forward(self, x):
        return self.horizontal(self.vertical(x))

case('conv', 'SpatiallySeparableConv2d in strides', 'SpatiallySeparableConv2d(2, 3, 3, stride=2, bias=false)', use='SpatiallySeparableConv2d', xs=[(1, 2, 5, 7)], module=Spatial(2, 0, False))
case('conv', 'DepthwiseSeparableConv2d dilated', 'DepthwiseSeparableConv2d(3, 2, (2, 3), stride=2, padding="valid", dilation=(2, 1), bias=false)', use='DepthwiseSeparableConv2d', xs=[(1, 3, 5, 6)], module=Apart())
case('conv', 'SpatiallySeparableConv2d', 'SpatiallySeparableConv2d(2, 3, 3, padding=1)', use='SpatiallySeparableConv2d', xs=[(1, 2, 4, 4)], module=Spatial())
