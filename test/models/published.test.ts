// std/models at their published sizes: parameter counts and names, from the checked program, without a weight in memory;
// and that large ones compile with a training step.
import { expect, test } from 'vitest';
import { asConstant, check, compile, type FileHost, type ModelInfo } from '../../src/index.ts';

const images =
  'batch x: f32[b, 3, 224, 224], y: i32[b]\n  minimize cross_entropy(net(x), y) using SGD(lr=0.1, momentum=0.9)';

interface Published {
  readonly model: string;
  /** Of torchvision, timm (SeResNet) or Hugging Face. */
  readonly parameters: number;
  /** Some of its names there. */
  readonly paths: readonly string[];
  readonly train: string;
}

const published: readonly Published[] = [
  {
    model: 'AlexNet',
    parameters: 61_100_840,
    paths: ['features.0.weight', 'features.10.bias', 'classifier.1.weight', 'classifier.6.bias'],
    train: images,
  },
  {
    model: 'Vgg11',
    parameters: 132_863_336,
    paths: ['features.0.weight', 'features.18.bias', 'classifier.0.weight', 'classifier.6.bias'],
    train: images,
  },
  {
    model: 'Vgg16',
    parameters: 138_357_544,
    paths: ['features.0.weight', 'features.28.bias', 'classifier.0.weight', 'classifier.6.bias'],
    train: images,
  },
  {
    model: 'ResNet18',
    parameters: 11_689_512,
    paths: ['conv1.weight', 'bn1.running_var', 'layer1.0.conv1.weight', 'layer2.0.downsample.1.bias', 'fc.weight'],
    train: images,
  },
  {
    model: 'ResNet50',
    parameters: 25_557_032,
    paths: ['layer1.0.downsample.0.weight', 'layer3.5.conv3.weight', 'layer4.2.bn3.num_batches_tracked', 'fc.bias'],
    train: images,
  },
  { model: 'ResNet101', parameters: 44_549_160, paths: ['layer3.22.conv2.weight', 'fc.bias'], train: images },
  { model: 'ResNeXt50', parameters: 25_028_904, paths: ['layer1.0.conv2.weight', 'fc.bias'], train: images },
  { model: 'SeResNet', parameters: 28_088_024, paths: ['layer1.0.se.fc1.weight', 'fc.bias'], train: images },
  {
    model: 'DenseNet121',
    parameters: 7_978_856,
    paths: [
      'features.conv0.weight',
      'features.denseblock1.denselayer1.norm1.weight',
      'features.transition3.conv.weight',
      'features.denseblock4.denselayer16.conv2.weight',
      'features.norm5.running_mean',
      'classifier.bias',
    ],
    train: images,
  },
  {
    model: 'MobileNetV2',
    parameters: 3_504_872,
    paths: [
      'features.0.0.weight',
      'features.1.conv.0.0.weight',
      'features.1.conv.2.bias',
      'features.17.conv.3.running_var',
      'features.18.1.weight',
      'classifier.1.weight',
    ],
    train: images,
  },
  {
    model: 'GoogLeNet',
    parameters: 6_624_904,
    paths: ['conv1.conv.weight', 'inception3a.branch2.0.bn.weight', 'inception5b.branch4.1.conv.weight', 'fc.bias'],
    train: images,
  },
  {
    model: 'VitB16',
    parameters: 86_567_656,
    paths: [
      'class_token',
      'conv_proj.weight',
      'encoder.pos_embedding',
      'encoder.layers.encoder_layer_11.self_attention.in_proj_weight',
      'encoder.layers.encoder_layer_0.mlp.3.bias',
      'encoder.ln.weight',
      'heads.head.weight',
    ],
    train: images,
  },
  {
    model: 'Gpt2',
    parameters: 124_439_808,
    paths: ['wte.weight', 'wpe.weight', 'h.0.attn.c_attn.weight', 'h.11.mlp.c_proj.bias', 'ln_f.bias'],
    train: 'batch ids: i32[b, t], next: i32[b, t]\n  minimize cross_entropy(net(ids), next) using AdamW(lr=1e-4)',
  },
  {
    model: 'Bert',
    parameters: 109_482_240,
    paths: [
      'embeddings.word_embeddings.weight',
      'embeddings.LayerNorm.weight',
      'encoder.layer.0.attention.self.query.weight',
      'encoder.layer.11.attention.output.LayerNorm.bias',
      'encoder.layer.11.intermediate.dense.weight',
      'encoder.layer.11.output.dense.bias',
      'pooler.dense.weight',
    ],
    train: 'batch ids: i32[b, t], y: i32[b]\n  minimize cross_entropy(net(ids).pooled, y) using AdamW(lr=1e-4)',
  },
  {
    model: 'BertForPreTraining',
    parameters: 110_106_428,
    paths: [
      'bert.embeddings.word_embeddings.weight',
      'cls.predictions.bias',
      'cls.predictions.transform.dense.weight',
      'cls.predictions.transform.LayerNorm.bias',
      'cls.seq_relationship.weight',
    ],
    train: `batch ids: i32[b, t], y: i32[b, t], z: i32[b]
  let r = net(ids)
  minimize cross_entropy(r.tokens, y) + cross_entropy(r.follows, z) using AdamW(lr=1e-4)`,
  },
  {
    model: 'T5',
    parameters: 60_506_624,
    paths: [
      'shared.weight',
      'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight',
      'encoder.block.5.layer.1.DenseReluDense.wo.weight',
      'decoder.block.0.layer.1.EncDecAttention.k.weight',
      'decoder.block.5.layer.2.layer_norm.weight',
      'decoder.final_layer_norm.weight',
    ],
    train: 'batch ids: i32[b, s], y: i32[b, t]\n  minimize cross_entropy(net(ids, y), y) using AdamW(lr=1e-4)',
  },
  {
    model: 'Albert',
    parameters: 11_683_584,
    paths: [
      'embeddings.word_embeddings.weight',
      'embeddings.LayerNorm.weight',
      'encoder.embedding_hidden_mapping_in.weight',
      'encoder.albert_layer_groups.0.albert_layers.0.full_layer_layer_norm.weight',
      'encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight',
      'encoder.albert_layer_groups.0.albert_layers.0.attention.LayerNorm.bias',
      'encoder.albert_layer_groups.0.albert_layers.0.ffn_output.bias',
      'pooler.weight',
    ],
    train: 'batch ids: i32[b, t], y: i32[b]\n  minimize cross_entropy(net(ids).pooled, y) using AdamW(lr=1e-4)',
  },
  {
    model: 'XlNetForPreTraining',
    parameters: 116_750_336,
    paths: [
      'transformer.mask_emb',
      'transformer.word_embedding.weight',
      'transformer.layer.0.rel_attn.q',
      'transformer.layer.11.rel_attn.seg_embed',
      'transformer.layer.11.rel_attn.layer_norm.weight',
      'transformer.layer.11.ff.layer_1.weight',
      'lm_loss.bias',
    ],
    train:
      'batch ids: i32[b, t], order: i32[b, t]\n  minimize cross_entropy(net(ids, order), ids) using AdamW(lr=1e-4)',
  },
  {
    // The base model for enwik8, of the original's run_enwik8_base.sh.
    model: 'TransformerXl',
    parameters: 41_055_436,
    paths: ['word_emb.weight', 'r_w_bias', 'layers.0.dec_attn.qkv_net.weight', 'layers.11.pos_ff.CoreNet.3.bias'],
    train: 'batch ids: i32[b, t], y: i32[b, t]\n  minimize cross_entropy(net(ids), y) using AdamW(lr=1e-4)',
  },
];

const hostOf = ({ model, train }: Published): FileHost => ({
  read: (path) =>
    path === 'main.dlm'
      ? `import { ${model} } from "std/models"
import { SGD, AdamW } from "std/optim"
export train Fit(net: ${model}) {
  ${train}
}
`
      : undefined,
  resolve: (_from, specifier) => specifier,
});

const countOf = ({ parameters }: ModelInfo): number =>
  parameters
    .filter(({ role }) => role === 'param')
    .reduce((sum, { type }) => sum + type.shape.reduce((size, d) => size * (asConstant(d) ?? NaN), 1), 0);

test.each(published)('$model has $parameters parameters, named as there', (one) => {
  const { module, diagnostics } = check(hostOf(one), 'main.dlm');
  expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([]);
  const info = module?.models.find(({ name }) => name === one.model);
  expect(info && countOf(info)).toBe(one.parameters);
  expect(info?.parameters.map(({ path }) => path)).toEqual(expect.arrayContaining([...one.paths]));
});

test.each(published.filter(({ model }) => ['ResNet50', 'MobileNetV2', 'Gpt2', 'T5'].includes(model)))(
  '$model compiles with a training step',
  async (one) => {
    const { js, diagnostics } = await compile(hostOf(one), 'main.dlm', { targets: ['wasm'] });
    expect(diagnostics).toEqual([]);
    expect(js).toContain('createFit');
  },
  180_000,
);
