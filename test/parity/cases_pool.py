from torch import nn
import torch
import torch.nn.functional as F
from reference import case, function

def pool(text, shape):
    case('pool', f'{text} {list(shape)}', text, use=text.split('(')[0], xs=[shape], module=eval('nn.' + text.replace('true', 'True').replace('false', 'False')))

for kind in ('MaxPool', 'AvgPool'):
    pool(f'{kind}1d(2)', (2, 2, 7))
    pool(f'{kind}1d(3, stride=2, padding=1, ceil_mode=true)', (1, 2, 8))
    pool(f'{kind}2d(2)', (1, 2, 4, 5))
    pool(f'{kind}2d((3, 2), stride=(2, 1), padding=(1, 0))', (1, 2, 5, 4))
    pool(f'{kind}2d(3, stride=2, ceil_mode=true)', (1, 1, 6, 8))
    pool(f'{kind}2d(2, stride=3, padding=1, ceil_mode=true)', (1, 1, 7, 5))
    pool(f'{kind}3d(2, stride=1)', (1, 2, 3, 2, 3))
pool('MaxPool2d(2, stride=1, dilation=2)', (1, 2, 4, 5))
pool('MaxPool1d(3, padding=1, dilation=2)', (1, 2, 9))
pool('AvgPool2d(3, stride=2, padding=1, ceil_mode=true, count_include_pad=false)', (1, 1, 6, 6))
pool('AvgPool1d(2, stride=2, padding=1, count_include_pad=false)', (1, 1, 5))
function('pool', 'avg_pool2d divisor_override', 'avg_pool2d(x0, 2, divisor_override=3)', lambda x: F.avg_pool2d(x, 2, divisor_override=3), xs=[(1, 2, 4, 4)], use='avg_pool2d')
for n, shape in ((1, (2, 2, 7)), (2, (1, 2, 5, 7)), (3, (1, 1, 3, 4, 5))):
    pool(f'AdaptiveAvgPool{n}d(3)', shape)
    pool(f'AdaptiveAvgPool{n}d(1)', shape)
pool('AdaptiveAvgPool2d((2, 7))', (1, 1, 4, 5))
pool('AdaptiveMaxPool1d(3)', (2, 2, 7))
pool('AdaptiveMaxPool2d((2, 4))', (1, 2, 5, 7))
function('pool', 'global_avg_pool', 'global_avg_pool(x0)', lambda x: x.mean((2, 3)), xs=[(2, 3, 2, 4)], use='global_avg_pool')
function('pool', 'global_max_pool', 'global_max_pool(x0)', lambda x: x.amax((2, 3)), xs=[(2, 3, 2, 4)], use='global_max_pool')

def unpool(x):
    y, at = F.max_pool2d(x, 2, return_indices=True)
    return F.max_unpool2d(y, at, 2)

function('pool', 'max_unpool2d', 'max_unpool2d(max_pool2d(x0, 2), max_pool_taps(x0, 2), (4, 6), 2)', unpool, xs=[(1, 2, 4, 6)], use='max_pool2d, max_unpool2d')
