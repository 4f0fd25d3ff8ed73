// `npm run demo`: compiles and trains the digits classifier through the CLI; what follows `--` goes to `dlm train`
// (`--json`, `--device webgpu`, `--epochs 5`, …). On a machine without a GPU driver, WebGPU runs on SwiftShader.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { swiftshader } from '../test/support/swiftshader.ts';

const training =
  'train examples/digits/digits.dlm --data examples/data/digits.csv --map x=pixel_0..pixel_63 --map y=digit ' +
  '--valid 0.2 --epochs 40 --seed 7 --device wasm --save digits.safetensors';

/** Whether the machine has a Vulkan driver of its own. */
function hasVulkanDriver(): boolean {
  return ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'].some(
    (folder) => existsSync(folder) && readdirSync(folder).length > 0,
  );
}

function environment(): NodeJS.ProcessEnv {
  if (process.platform !== 'linux' || process.env['DLM_GPU'] === 'native' || hasVulkanDriver()) return process.env;
  const found = swiftshader();
  return 'env' in found ? { ...process.env, ...found.env } : process.env;
}

const extra = process.argv.slice(2);
const env = extra.includes('webgpu') || extra.includes('--device=webgpu') ? environment() : process.env;
// An option that is given again takes the place of the one here.
const child = spawn(process.execPath, ['dist/cli.js', ...training.split(' '), ...extra], { stdio: 'inherit', env });
// Ctrl-C reaches the child too, which writes a checkpoint before it ends.
process.on('SIGINT', () => {});
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)));
