// Training in f16.

/// A loss scale that follows the gradients (Micikevicius et al. 2018): halved where one overflows, doubled after
/// `interval` steps without. For `using Adam() with { loss_scale=dynamic(65536.0) }`.
export fn dynamic(initial: real = 65536.0, interval: int = 2000) = (initial=initial, interval=interval)
