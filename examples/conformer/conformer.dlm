// A Conformer (Gulati et al. 2020) that hears melodies: halved frame rate, blocks of attention and convolution, and labels
// without places by connectionist temporal classification.
import { ConformerBlock, Conv1d, Linear } from "std/nn"
import { Adam, cosine, global_norm } from "std/optim"

/// `labels`: with the blank, 0.
export model Listener(bands: int = 24, labels: int = 11, d: int = 32, heads: int = 4, depth: int = 2, kernel: int = 7, dropout: real = 0.1) {
  let halve  = Conv1d(bands, d, 3, stride=2, padding=1)
  let blocks = for i in 0..depth => ConformerBlock(d, heads, kernel_size=kernel, dropout=dropout)
  let head   = Linear(d, labels)

  /// Log probabilities of labels for every other frame; frames from `lengths` on are silence that was added.
  export fn forward(energies: [b, t, bands], lengths: i32[b]) -> [b, ceil_div(t, 2), labels] {
    let x = transpose(relu(halve(transpose(energies))))
    let over = reshape(iota(ceil_div(t, 2)), [1, ceil_div(t, 2)]) >= reshape(halved(lengths), [b, 1])
    log_softmax(head(fold x = x over block in blocks => block(x, key_padding_mask=over)))
  }
  fn halved(lengths: i32[b]) -> i32[b] = floor_div(lengths + 1, 2)
  /// The likeliest label of every other frame, blank where the melody is over.
  export fn path(energies: [b, t, bands], lengths: i32[b]) -> i32[b, ceil_div(t, 2)] {
    let over = reshape(iota(ceil_div(t, 2)), [1, ceil_div(t, 2)]) >= reshape(halved(lengths), [b, 1])
    where(over, 0, argmax(forward(energies, lengths), axis=-1))
  }
}

export train Fit(net: Listener, lr: f32[] = 4e-3, steps: i32[] = 300) {
  batch energies: f32[b, t, 24], lengths: i32[b], targets: i32[b, u], target_lengths: i32[b]
  minimize ctc_loss(net(energies, lengths), targets, net.halved(lengths), target_lengths)
    using Adam(lr=cosine(lr, steps, warmup=30)) with { clip=global_norm(1.0) }
}
