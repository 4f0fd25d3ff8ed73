from torch import nn
from reference import case, function

def norm(text, shape, mode='train', dlm=None, **more):
    case('norm', f'{text} {list(shape)} {mode}', dlm or text, use=text.split('(')[0], xs=[shape], mode=mode,
         module=eval('nn.' + text.replace('true', 'True').replace('false', 'False')), **more)

for mode in ('train', 'eval'):
    norm('BatchNorm1d(3)', (4, 3), mode)
    norm('BatchNorm1d(3, eps=1e-3, momentum=0.3)', (2, 3, 4), mode)
    norm('BatchNorm2d(3)', (2, 3, 2, 3), mode)
    norm('BatchNorm2d(3, affine=false)', (2, 3, 2, 2), mode)
    norm('BatchNorm2d(2, track_running_stats=false)', (3, 2, 2, 2), mode)
    norm('BatchNorm3d(2)', (2, 2, 2, 1, 2), mode)
    norm('InstanceNorm1d(3)', (2, 3, 5), mode)
    norm('InstanceNorm2d(3, affine=true)', (2, 3, 2, 3), mode)
    norm('InstanceNorm2d(2, track_running_stats=true)', (2, 2, 3, 2), mode)
    norm('InstanceNorm3d(2, affine=true, track_running_stats=true)', (2, 2, 2, 2, 2), mode)
norm('LayerNorm(5)', (2, 3, 5))
norm('LayerNorm(4, eps=1e-3, elementwise_affine=false)', (3, 4))
norm('GroupNorm(2, 4)', (2, 4, 3))
norm('GroupNorm(1, 3, affine=false)', (2, 3, 2, 2))
norm('GroupNorm(3, 3, eps=1e-2)', (2, 3, 2, 2))
case('norm', 'LayerNorm at an offset of 1e4', 'LayerNorm(8)', use='LayerNorm', xs=[(2, 8)], module=nn.LayerNorm(8), x_values=[__import__('reference').draw('off', (2, 8)).round() + 1e4])

import torch
class RMS(nn.Module):
    def __init__(self, n, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.eps = eps
    def forward(self, x):
        return x / torch.sqrt((x ** 2).mean(-1, keepdim=True) + self.eps) * self.weight

case('norm', 'RMSNorm', 'RMSNorm(5)', use='RMSNorm', xs=[(2, 5)], module=RMS(5, 1e-6))
case('norm', 'RMSNorm eps', 'RMSNorm(3, eps=0.1)', use='RMSNorm', xs=[(2, 2, 3)], module=RMS(3, 0.1))
case('norm', 'WeightNormLinear', 'WeightNormLinear(4, 3)', use='WeightNormLinear', xs=[(2, 4)], module=nn.utils.weight_norm(nn.Linear(4, 3)))
case('norm', 'WeightNormLinear without bias', 'WeightNormLinear(3, 5, bias=false)', use='WeightNormLinear', xs=[(2, 2, 3)], module=nn.utils.weight_norm(nn.Linear(3, 5, bias=False)))
for text, shape in [
    ('Conv1d(2, 3, 3, padding=1)', (1, 2, 5)),
    ('Conv1d(2, 4, 2, stride=2, groups=2, bias=false, padding=1, padding_mode="circular")', (1, 2, 5)),
    ('Conv2d(2, 3, (2, 3), stride=2, padding=(0, 1))', (2, 2, 4, 3)),
    ('Conv2d(2, 2, 2, padding="same", dilation=2)', (1, 2, 3, 4)),
    ('Conv3d(1, 2, (1, 2, 2), dilation=(1, 2, 1))', (1, 1, 2, 3, 3)),
    ('ConvTranspose1d(3, 2, 3, stride=2, padding=1, output_padding=1)', (2, 3, 3)),
    ('ConvTranspose2d(2, 4, 2, groups=2, bias=false)', (1, 2, 3, 2)),
    ('ConvTranspose3d(2, 1, (1, 2, 2), stride=(1, 2, 1))', (1, 2, 1, 2, 2)),
]:
    module = eval('nn.' + text.replace('false', 'False'))
    case('norm', f'WeightNorm{text} {list(shape)}', f'WeightNorm{text}', use='WeightNorm' + text.split('(')[0], xs=[shape], module=nn.utils.weight_norm(module))
for dim, g in ((0, (3, 1)), (1, (1, 4)), (None, ())):
    function('norm', f'weight_norm {dim}', f'weight_norm(x0, x1, dim={"none" if dim is None else dim})', lambda v, g, dim=dim: torch._weight_norm(v, g, -1 if dim is None else dim), xs=[(3, 4), g], use='weight_norm')
