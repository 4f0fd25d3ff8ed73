import math
import torch
from torch import optim
from torch.optim import lr_scheduler as sched
from reference import optimizer, schedule

def both(name, text, make, clip=None, **more):
    module = ', '.join([text.split('(')[0], *more.pop('names', [])])
    optimizer(name, text, make, clip=clip, use=f'optim: {module}', **more)

both('SGD', 'SGD(lr=0.1)', lambda p: optim.SGD(p, lr=0.1))
both('SGD weight decay', 'SGD(lr=0.1, weight_decay=0.05)', lambda p: optim.SGD(p, lr=0.1, weight_decay=0.05))
both('SGD momentum', 'SGD(lr=0.1, momentum=0.9)', lambda p: optim.SGD(p, lr=0.1, momentum=0.9), steps=12)
both('SGD dampening', 'SGD(lr=0.1, momentum=0.9, dampening=0.3)', lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3), steps=12)
both('SGD nesterov', 'SGD(lr=0.1, momentum=0.8, nesterov=true, weight_decay=0.01)',
     lambda p: optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01), steps=12)
both('SGD clipped by norm', 'SGD(lr=0.5, momentum=0.9) with { clip=global_norm(0.3) }', lambda p: optim.SGD(p, lr=0.5, momentum=0.9),
     clip=lambda p: torch.nn.utils.clip_grad_norm_(p, 0.3), names=['global_norm'])
both('SGD clipped by value', 'SGD(lr=0.5) with { clip=clip_value(0.1) }', lambda p: optim.SGD(p, lr=0.5),
     clip=lambda p: torch.nn.utils.clip_grad_value_(p, 0.1), names=['clip_value'])
both('SGD clipped one by one', 'SGD(lr=0.5) with { clip=clip_norm(0.2) }', lambda p: optim.SGD(p, lr=0.5),
     clip=lambda ps: [torch.nn.utils.clip_grad_norm_([p], 0.2) for p in ps], names=['clip_norm'])
both('Adam', 'Adam(lr=0.05)', lambda p: optim.Adam(p, lr=0.05), steps=20)
both('Adam betas', 'Adam(lr=0.05, beta1=0.5, beta2=0.9, eps=1e-3)', lambda p: optim.Adam(p, lr=0.05, betas=(0.5, 0.9), eps=1e-3), steps=12)
both('Adam weight decay', 'Adam(lr=0.05, weight_decay=0.1)', lambda p: optim.Adam(p, lr=0.05, weight_decay=0.1), steps=12)
both('Adam amsgrad', 'Adam(lr=0.2, beta2=0.7, amsgrad=true)', lambda p: optim.Adam(p, lr=0.2, betas=(0.9, 0.7), amsgrad=True), steps=20)
both('Adam clipped', 'Adam(lr=0.05, weight_decay=0.1) with { clip=global_norm(0.3) }', lambda p: optim.Adam(p, lr=0.05, weight_decay=0.1),
     clip=lambda p: torch.nn.utils.clip_grad_norm_(p, 0.3), names=['global_norm'], steps=12)
both('AdamW', 'AdamW(lr=0.05)', lambda p: optim.AdamW(p, lr=0.05), steps=20)
both('AdamW decay', 'AdamW(lr=0.05, weight_decay=0.3, beta1=0.8)', lambda p: optim.AdamW(p, lr=0.05, weight_decay=0.3, betas=(0.8, 0.999)), steps=12)
both('Adagrad', 'Adagrad(lr=0.1)', lambda p: optim.Adagrad(p, lr=0.1), steps=12)
both('Adagrad decays', 'Adagrad(lr=0.2, lr_decay=0.1, weight_decay=0.05, initial_accumulator_value=0.1)',
     lambda p: optim.Adagrad(p, lr=0.2, lr_decay=0.1, weight_decay=0.05, initial_accumulator_value=0.1), steps=12)
both('RMSprop', 'RMSprop(lr=0.02)', lambda p: optim.RMSprop(p, lr=0.02), steps=12)
both('RMSprop centered', 'RMSprop(lr=0.02, alpha=0.9, weight_decay=0.1, momentum=0.5, centered=true)',
     lambda p: optim.RMSprop(p, lr=0.02, alpha=0.9, weight_decay=0.1, momentum=0.5, centered=True), steps=12)
both('RMSprop momentum', 'RMSprop(lr=0.02, momentum=0.9)', lambda p: optim.RMSprop(p, lr=0.02, momentum=0.9), steps=12)
both('Adadelta', 'Adadelta()', lambda p: optim.Adadelta(p), steps=20)
both('Adadelta decay', 'Adadelta(lr=5.0, rho=0.7, eps=1e-3, weight_decay=0.1)', lambda p: optim.Adadelta(p, lr=5.0, rho=0.7, eps=1e-3, weight_decay=0.1), steps=12)

class Lamb(optim.Optimizer):
    """Algorithm 2 of You et al. 2020, which torch does not have."""
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))
    def step(self):
        for group in self.param_groups:
            (b1, b2), lr = group['betas'], group['lr']
            for p in group['params']:
                s = self.state[p]
                t = s['t'] = s.get('t', 0) + 1
                s['m'] = b1 * s.get('m', 0) + (1 - b1) * p.grad
                s['v'] = b2 * s.get('v', 0) + (1 - b2) * p.grad ** 2
                u = s['m'] / (1 - b1 ** t) / ((s['v'] / (1 - b2 ** t)).sqrt() + group['eps']) + group['weight_decay'] * p.data
                p.data = p.data - lr * p.data.norm() / u.norm() * u

both('Lamb', 'Lamb(lr=0.05)', lambda p: Lamb(p, 0.05), steps=12)
both('Lamb decay', 'Lamb(lr=0.05, beta1=0.8, beta2=0.99, weight_decay=0.1)', lambda p: Lamb(p, 0.05, (0.8, 0.99), weight_decay=0.1), steps=12)

# Many steps, clipped and with decay.
norm = lambda limit: dict(clip=lambda p: torch.nn.utils.clip_grad_norm_(p, limit), names=['global_norm'])
each = lambda limit: dict(clip=lambda p: torch.nn.utils.clip_grad_value_(p, limit), names=['clip_value'])
both('SGD, 40 steps', 'SGD(lr=0.1, momentum=0.9, nesterov=true, weight_decay=0.02) with { clip=global_norm(0.5) }',
     lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.02), **norm(0.5), steps=40)
both('AdamW, 40 steps', 'AdamW(lr=0.03, weight_decay=0.1) with { clip=global_norm(0.4) }', lambda p: optim.AdamW(p, lr=0.03, weight_decay=0.1), **norm(0.4), steps=40)
both('Adam, 40 steps', 'Adam(lr=0.03, weight_decay=0.05, amsgrad=true) with { clip=clip_value(0.2) }', lambda p: optim.Adam(p, lr=0.03, weight_decay=0.05, amsgrad=True), **each(0.2), steps=40)
both('Adagrad, 40 steps', 'Adagrad(lr=0.2, lr_decay=0.02, weight_decay=0.02) with { clip=clip_value(0.3) }', lambda p: optim.Adagrad(p, lr=0.2, lr_decay=0.02, weight_decay=0.02), **each(0.3), steps=40)
both('RMSprop, 40 steps', 'RMSprop(lr=0.01, alpha=0.95, momentum=0.8, weight_decay=0.05) with { clip=global_norm(0.5) }',
     lambda p: optim.RMSprop(p, lr=0.01, alpha=0.95, momentum=0.8, weight_decay=0.05), **norm(0.5), steps=40)
both('Adadelta, 40 steps', 'Adadelta(lr=2.0, rho=0.8, weight_decay=0.05) with { clip=global_norm(0.5) }', lambda p: optim.Adadelta(p, lr=2.0, rho=0.8, weight_decay=0.05), **norm(0.5), steps=40)
both('Lamb, 40 steps', 'Lamb(lr=0.02, weight_decay=0.05) with { clip=clip_value(0.3) }', lambda p: Lamb(p, 0.02, weight_decay=0.05), **each(0.3), steps=40)
# The rule is plain descent down the perceptron's loss.
both('Perceptron', 'Perceptron(lr=0.3)', lambda p: optim.SGD(p, lr=0.3))
both('Perceptron by default', 'Perceptron()', lambda p: optim.SGD(p, lr=1.0))

def cycled(p):
    o = optim.SGD(p, lr=0.1, momentum=0.9)
    return o, sched.OneCycleLR(o, 0.4, total_steps=20, cycle_momentum=False)
both('SGD by one_cycle', 'SGD(lr=one_cycle(0.4, 20), momentum=0.9)', cycled, names=['one_cycle'], steps=20)
both('AdamW by cosine with warmup', 'AdamW(lr=cosine(0.1, 12, warmup=4), weight_decay=0.1)',
     lambda p: (lambda o: (o, sched.LambdaLR(o, lambda t: (t + 1) / 4 if t < 4 else 0.5 * (1 + math.cos(math.pi * (t - 4) / 8)))))(optim.AdamW(p, lr=0.1, weight_decay=0.1)), names=['cosine'], steps=12)

def decayed(p):
    o = optim.SGD(p, lr=0.4, momentum=0.9)
    return o, sched.StepLR(o, 3, 0.5)
both('SGD by step_decay', 'SGD(lr=step_decay(0.4, 3, gamma=0.5), momentum=0.9)', decayed, names=['step_decay'], steps=12)
def annealed(p):
    o = optim.Adam(p, lr=0.1)
    return o, sched.CosineAnnealingLR(o, 10, 0.01)
both('Adam by cosine', 'Adam(lr=cosine(0.1, 10, final=0.01))', annealed, names=['cosine'], steps=10)

schedule('constant', 'constant(0.1)', 'optim: constant', lambda o: sched.LambdaLR(o, lambda t: 1.0))
schedule('step_decay', 'step_decay(0.1, 4)', 'optim: step_decay', lambda o: sched.StepLR(o, 4))
schedule('multi_step', 'multi_step(0.1, [3, 7], gamma=0.5)', 'optim: multi_step', lambda o: sched.MultiStepLR(o, [3, 7], 0.5))
schedule('exponential', 'exponential(0.1, 0.9)', 'optim: exponential', lambda o: sched.ExponentialLR(o, 0.9))
schedule('cosine', 'cosine(0.1, 11, final=0.02)', 'optim: cosine', lambda o: sched.CosineAnnealingLR(o, 11, 0.02))
schedule('cosine with warmup', 'cosine(0.1, 12, warmup=4)', 'optim: cosine',
         lambda o: sched.LambdaLR(o, lambda t: (t + 1) / 4 if t < 4 else 0.5 * (1 + math.cos(math.pi * (t - 4) / 8))))
schedule('linear_decay', 'linear_decay(0.1, 10, final=0.01)', 'optim: linear_decay', lambda o: sched.LinearLR(o, 1.0, 0.1, 10))
schedule('warmup of exponential', 'warmup(exponential(0.1, 0.9), 5)', 'optim: warmup, exponential',
         lambda o: sched.LambdaLR(o, lambda t: (t + 1) / 5 if t < 5 else 0.9 ** (t - 5)))
schedule('inverse_sqrt', 'inverse_sqrt(0.1, 4)', 'optim: inverse_sqrt',
         lambda o: sched.LambdaLR(o, lambda t: min((t + 1) ** -0.5, (t + 1) * 4 ** -1.5) * 2))
schedule('one_cycle', 'one_cycle(0.5, 15)', 'optim: one_cycle', lambda o: sched.OneCycleLR(o, 0.5, total_steps=15), steps=15)
schedule('one_cycle linear', 'one_cycle(0.5, 20, pct_start=0.4, anneal="linear", div_factor=10, final_div_factor=100)', 'optim: one_cycle',
         lambda o: sched.OneCycleLR(o, 0.5, total_steps=20, pct_start=0.4, anneal_strategy='linear', div_factor=10, final_div_factor=100), steps=20)
schedule('constant of 1', 'constant(1.0)', 'optim: constant', lambda o: sched.ConstantLR(o, 1.0), lr=1.0)
schedule('step_decay by half', 'step_decay(0.3, 1, gamma=0.5)', 'optim: step_decay', lambda o: sched.StepLR(o, 1, 0.5), lr=0.3)
schedule('multi_step of three', 'multi_step(0.1, [1, 2, 9])', 'optim: multi_step', lambda o: sched.MultiStepLR(o, [1, 2, 9]))
schedule('exponential upwards', 'exponential(0.01, 1.2)', 'optim: exponential', lambda o: sched.ExponentialLR(o, 1.2), lr=0.01)
schedule('linear_decay with warmup', 'linear_decay(0.1, 10, warmup=2)', 'optim: linear_decay', lambda o: sched.LambdaLR(o, lambda t: (t + 1) / 2 if t < 2 else max(1 - (t - 2) / 8, 0)))
schedule('warmup of cosine', 'warmup(cosine(0.1, 8), 3)', 'optim: warmup, cosine', lambda o: sched.LambdaLR(o, lambda t: (t + 1) / 3 if t < 3 else 0.5 * (1 + math.cos(math.pi * min(t - 3, 8) / 8))))
schedule('inverse_sqrt of 1', 'inverse_sqrt(0.1, 1)', 'optim: inverse_sqrt', lambda o: sched.LambdaLR(o, lambda t: (t + 1) ** -0.5))
