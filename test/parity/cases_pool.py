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

pool('AdaptiveMaxPool3d(2)', (1, 2, 3, 4, 5))
pool('AdaptiveMaxPool3d((1, 3, 2))', (1, 1, 2, 5, 3))
function('pool', 'adaptive_max_pool3d', 'adaptive_max_pool3d(x0, (2, 1, 3))', lambda x: F.adaptive_max_pool3d(x, (2, 1, 3)), xs=[(1, 1, 3, 2, 4)], use='adaptive_max_pool3d')

# Every combination of rounding up and counting the padding.
for ceil in ('false', 'true'):
    for n, shape in ((1, (1, 2, 8)), (2, (1, 1, 6, 7)), (3, (1, 1, 4, 3, 5))):
        pool(f'MaxPool{n}d(3, stride=2, padding=1, ceil_mode={ceil})', shape[:-1] + (shape[-1] + 1,))
        for count in ('false', 'true'):
            pool(f'AvgPool{n}d(3, stride=2, padding=1, ceil_mode={ceil}, count_include_pad={count})', shape)
pool('MaxPool3d((1, 2, 3), stride=(1, 1, 2), padding=(0, 1, 1), dilation=(1, 2, 1))', (1, 1, 2, 4, 5))
pool('AvgPool3d((1, 2, 3), stride=(2, 1, 2), padding=(0, 1, 1), count_include_pad=false)', (1, 1, 3, 4, 5))
function('pool', 'global_avg_pool of a sequence', 'global_avg_pool(x0)', lambda x: x.mean(2), xs=[(2, 3, 5)], use='global_avg_pool')
function('pool', 'global_max_pool of volumes', 'global_max_pool(x0)', lambda x: x.amax((2, 3, 4)), xs=[(2, 2, 2, 3, 2)], use='global_max_pool')

def unpool(x):
    y, at = F.max_pool2d(x, 2, return_indices=True)
    return F.max_unpool2d(y, at, 2)

def unpooled(n, size, shape, **window):
    """Pooling and its inverse, in n dimensions; `window` is said alike in both languages."""
    text = ', '.join(f'{k}={v}' for k, v in window.items())
    def run(x):
        y, at = getattr(F, f'max_pool{n}d')(x, return_indices=True, **window)
        return getattr(F, f'max_unpool{n}d')(y, at, output_size=shape[2:], **window)
    function('pool', f'max_unpool{n}d {text}', f'max_unpool{n}d(max_pool{n}d(x0, {text}), max_pool_taps(x0, {text.replace("kernel_size", "window")}), {size}, {text})', run, xs=[shape], use=f'max_pool{n}d, max_unpool{n}d')

unpooled(1, 6, (2, 2, 6), kernel_size=2)
unpooled(1, 8, (1, 2, 8), kernel_size=3, stride=3, padding=1)
unpooled(2, '(5, 7)', (1, 2, 5, 7), kernel_size=(2, 3), stride=(2, 3))
unpooled(3, '(4, 2, 6)', (1, 2, 4, 2, 6), kernel_size=2)
unpooled(3, '(3, 4, 5)', (1, 1, 3, 4, 5), kernel_size=(1, 2, 3), stride=(1, 2, 3), padding=(0, 0, 1))
function('pool', 'max_unpool2d', 'max_unpool2d(max_pool2d(x0, 2), max_pool_taps(x0, 2), (4, 6), 2)', unpool, xs=[(1, 2, 4, 6)], use='max_pool2d, max_unpool2d')
