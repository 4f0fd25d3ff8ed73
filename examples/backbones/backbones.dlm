// Eight convolutional networks of std/models, each a narrow and shallow copy for digits of 8×8 pixels, enlarged to 32×32.
import { AlexNet, Vgg11, ResNet18, DenseNet121, ResNeXt50, SeResNet, MobileNetV2 } from "std/models"
import { ConvBnReLU, InceptionBlock, Linear, global_avg_pool, max_pool2d } from "std/nn"
import { AdamW, cosine } from "std/optim"

const classes = 10
type Images = f32[b, 1, 8, 8]

/// Every pixel `times` times in both directions, valued 0 to 1.
fn enlarged(x: Images, times: int) -> [b, 1, 8 * times, 8 * times] =
  rearrange[b c h w -> b c (h p) (w q)](x / 16.0, p=times, q=times)

// Of MobileNetV2: expansion, channels, blocks, first stride.
const small = [(1, 16, 1, 1), (6, 24, 1, 2), (6, 32, 1, 2)]

/// Two of GoogLeNet's blocks.
export model Inception(classes: int, width: int = 8) {
  let stem   = ConvBnReLU(1, width, 3, stride=2, padding=1)
  let first  = InceptionBlock(width, width, width, width, 4, width, width)
  let second = InceptionBlock(4 * width, width, width, 2 * width, 4, width, width)
  let fc     = Linear(5 * width, classes)
  export fn forward(x: [b, 1, h, w]) -> [b, classes] requires h >= 4, w >= 4 =
    x |> stem |> first |> max_pool2d(2) |> second |> global_avg_pool |> fc
}

fn right(logits: [b, classes], y: i32[b]) -> [] = mean(f32(argmax(logits, axis=-1) == y))

/// AlexNet wants 64×64 pixels.
export train FitAlexNet(net: AlexNet = AlexNet(classes, width=8, hidden=64, in_channels=1, dropout=0.0),
                         lr: f32[] = 3e-3, total: i32[] = 100) {
  batch x: Images, y: i32[b]
  let logits = net(enlarged(x, 8))
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=10))
  metric accuracy = right(logits, y)
}

export train FitVgg11(net: Vgg11 = Vgg11(classes, width=8, hidden=64, in_channels=1, dropout=0.0),
                       lr: f32[] = 3e-3, total: i32[] = 100) {
  batch x: Images, y: i32[b]
  let logits = net(enlarged(x, 4))
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=10))
  metric accuracy = right(logits, y)
}

export train FitResNet18(net: ResNet18 = ResNet18(classes, width=8, layers=[1, 1, 1, 1], in_channels=1),
                          lr: f32[] = 5e-3, total: i32[] = 100) {
  batch x: Images, y: i32[b]
  let logits = net(enlarged(x, 4))
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=10))
  metric accuracy = right(logits, y)
}

export train FitDenseNet121(net: DenseNet121 = DenseNet121(classes, growth_rate=4, layers=[2, 2], num_init_features=8, in_channels=1),
                             lr: f32[] = 5e-3, total: i32[] = 100) {
  batch x: Images, y: i32[b]
  let logits = net(enlarged(x, 4))
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=10))
  metric accuracy = right(logits, y)
}

export train FitResNeXt50(net: ResNeXt50 = ResNeXt50(classes, width=8, groups=4, width_per_group=16, layers=[1, 1, 1, 1], in_channels=1),
                           lr: f32[] = 5e-3, total: i32[] = 100) {
  batch x: Images, y: i32[b]
  let logits = net(enlarged(x, 4))
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=10))
  metric accuracy = right(logits, y)
}

export train FitSeResNet(net: SeResNet = SeResNet(classes, width=8, reduction=4, layers=[1, 1, 1, 1], in_channels=1),
                          lr: f32[] = 5e-3, total: i32[] = 100) {
  batch x: Images, y: i32[b]
  let logits = net(enlarged(x, 4))
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=10))
  metric accuracy = right(logits, y)
}

export train FitInception(net: Inception = Inception(classes),
                           lr: f32[] = 5e-3, total: i32[] = 100) {
  batch x: Images, y: i32[b]
  let logits = net(enlarged(x, 4))
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=10))
  metric accuracy = right(logits, y)
}

export train FitMobileNetV2(net: MobileNetV2 = MobileNetV2(classes, width=8, in_channels=1, dropout=0.0, settings=small),
                             lr: f32[] = 5e-3, total: i32[] = 100) {
  batch x: Images, y: i32[b]
  let logits = net(enlarged(x, 4))
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=10))
  metric accuracy = right(logits, y)
}
