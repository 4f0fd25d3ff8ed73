// Runs a command where Dawn finds SwiftShader: `npm run swiftshader -- node dist/cli.js train … --device webgpu`.
// Needed on machines without a GPU driver, because the loader reads these variables when a process starts.
import { spawn } from 'node:child_process';
import { swiftshader } from '../test/support/swiftshader.ts';

const [command, ...rest] = process.argv.slice(2);
if (command === undefined) {
  console.error('usage: npm run swiftshader -- <command> [arguments]');
  process.exit(64);
}
const found = swiftshader();
if ('missing' in found) console.error(`swiftshader: ${found.missing}; running without it`);
const env = 'env' in found ? { ...process.env, ...found.env } : process.env;
const child = spawn(command, rest, { stdio: 'inherit', env });
child.on('error', (error) => {
  console.error(`${command}: ${error.message}`);
  process.exit(127);
});
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
