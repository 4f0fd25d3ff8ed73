// exec: b=2 h=16 w=16 Moco.backbone=Narrow Moco.dim=3 Moco.size=6
// MoCo: momentum encoder by `update` in the train, queue as state
import { ResNet18 } from "std/models"
import { SGD } from "std/optim"

// What the tests take as backbone.
layer Narrow(classes: int) {
  @name("{path}") let net = ResNet18(classes=classes, width=1, layers=[1, 1, 1, 1], small_images=true)
  fn forward(x: [b, 3, h, w]) = net(x)
}

export model Moco(dim: int = 128, size: int = 4096, tau: real = 0.07, backbone: layer = ResNet18) {
  let q = backbone(classes=dim)
  @freeze let k = backbone(classes=dim)
  state queue: f32[size, dim] = normal(1.0)

  export fn loss(x: [b, 3, h, w], y: [b, 3, h, w]) -> f32[] requires b <= size {
    let u   = l2_normalize(q(x), axis=-1)
    let v   = stop_gradient(l2_normalize(k(y), axis=-1))
    let pos = rearrange[b -> b 1](einsum[b c, b c -> b](u, v))
    let neg = einsum[b c, n c -> b n](u, l2_normalize(queue, axis=-1))
    update queue = concat([v, queue[: size - b]], axis=0)
    cross_entropy(concat([pos, neg], axis=1) / tau, full([b], 0))
  }
}

export train FitMoco(net: Moco, lr: f32[] = 0.03) {
  batch x: f32[b, 3, h, w], y: f32[b, 3, h, w]   // two views
  minimize net.loss(x, y) of net.q using SGD(lr=lr, momentum=0.9)
  update net.k = net.q when iteration == 0
  update net.k = lerp(net.k, net.q, 0.001)
}
