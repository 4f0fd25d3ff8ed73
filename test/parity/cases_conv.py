from torch import nn
from reference import case, draw
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

class Spatial(nn.Module):
    def __init__(self):
        super().__init__()
        self.vertical = nn.Conv2d(2, 3, (3, 1), padding=(1, 0))
        self.horizontal = nn.Conv2d(3, 3, (1, 3), padding=(0, 1))
    def forward(self, x):
        return self.horizontal(self.vertical(x))

case('conv', 'SpatiallySeparableConv2d', 'SpatiallySeparableConv2d(2, 3, 3, padding=1)', use='SpatiallySeparableConv2d', xs=[(1, 2, 4, 4)], module=Spatial())
