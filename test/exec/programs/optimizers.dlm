// exec: b=3
import { Adam, Lamb, Adagrad, RMSprop, Adadelta, SGD, Perceptron, one_cycle, inverse_sqrt, warmup, exponential, ema_weight, global_norm, clip_norm, clip_value } from "std/optim"
import { perceptron_loss } from "std/loss"

export model Point() {
  param a: [2, 3] = normal(1.0)
  param b: [4] = normal(1.0)
  param c: [5] = normal(1.0)
  param d: [5] = normal(1.0)
  param e: [5] = normal(1.0)
  param f: [5] = normal(1.0)
  param w: [4] = zeros()
  export fn forward() = (a, b, c, d, e, f, w)
}

export train Fit(net: Point, average: Point) {
  batch x: f32[b, 4], y: bool[b]
  minimize sum(net.a ^ 2) of net.a using Adam(lr=warmup(exponential(0.1, 0.9), 2), amsgrad=true) with { clip=global_norm(0.3) }
  minimize sum((x @ net.b) ^ 2) of net.b using Lamb(lr=one_cycle(0.1, 10), weight_decay=0.1)
  minimize sum(cos(net.c)) of net.c using Adagrad(lr_decay=0.1, weight_decay=0.1) with { clip=clip_norm(0.5) }
  minimize sum(cos(net.d)) of net.d using RMSprop(centered=true, momentum=0.5) with { clip=clip_value(0.5) }
  minimize sum(cos(net.e)) of net.e using Adadelta(lr=2.0)
  minimize sum(cos(net.f)) of net.f using SGD(lr=inverse_sqrt(0.1, 2), momentum=0.9, nesterov=true)
  minimize perceptron_loss(x @ net.w, f32(y), reduction="sum") of net.w using Perceptron(lr=0.5)
  update average = lerp(average, net, ema_weight(iteration))
}
