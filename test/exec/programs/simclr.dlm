// exec: b=2 h=16 w=16 SimCLR.backbone=Narrow SimCLR.features=8 SimCLR.proj=3
// SimCLR / InfoNCE
import { Linear } from "std/nn"
import { ResNet } from "std/models"
import { SGD, cosine } from "std/optim"

export fn nt_xent(x: [n, d], y: [n, d], temperature: real = 0.5) -> [] {
  let z      = l2_normalize(concat([x, y], axis=0), axis=-1)   // [2 * n, d]
  let sim    = einsum[i d, j d -> i j](z, z) / temperature   // [2 * n, 2 * n]
  let self   = for i < 2 * n, j < 2 * n => i == j
  let target = for i < 2 * n => (i + n) % (2 * n)
  cross_entropy(where(self, -inf, sim), target)
}

// What the tests take as backbone.
layer Narrow(classes: int) {
  @name("{path}") let net = ResNet(classes=classes, width=1, layers=[1, 1, 1, 1], small_images=true)
  fn forward(x: [b, 3, h, w]) = net(x)
}

export model SimCLR(backbone: layer = ResNet, features: int = 512, proj: int = 128) {
  let encoder = backbone(classes=0)
  let fc1 = Linear(features, features)
  let fc2 = Linear(features, proj)
  export fn embed(x: [b, 3, h, w]) -> [b, features] = encoder(x)
  export fn project(x: [b, 3, h, w]) -> [b, proj] = x |> embed |> fc1 |> relu |> fc2
}

export train FitSimCLR(net: SimCLR, total: i32[] = 1000) {
  batch view1: f32[b, 3, h, w], view2: f32[b, 3, h, w]   // augmented by the host
  minimize nt_xent(net.project(view1), net.project(view2), temperature=0.1)
    using SGD(lr=cosine(0.3, total), momentum=0.9, weight_decay=1e-6)
}
