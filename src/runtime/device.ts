// Devices: which one a model gets, and how long it lives. Models share the device that they opened by kind; the last
// one to leave closes it. A GPUDevice that the caller passed is never destroyed.
import { DlmError } from './error.ts';
import type { Backend, ProgramSpec } from './program.ts';

/** A device that models of this module run on. */
export class Device {
  users = 0;

  constructor(
    readonly backend: Backend,
    readonly forget: () => void,
  ) {}

  /** Where it computes. */
  get kind(): 'webgpu' | 'wasm' {
    return this.backend.kind;
  }

  /** How many threads share its work. */
  get threads(): number {
    return this.backend.crew?.threads ?? 1;
  }

  /** Leaves the device; the last user closes it. */
  release(): void {
    if (--this.users > 0) return;
    this.forget();
    this.backend.close();
  }
}

const opened = new Map<unknown, Promise<Device>>();

/** The device for a `device` option of load. The caller releases it. @throws DlmError E0804 */
export async function acquireDevice(
  program: ProgramSpec,
  choice: unknown = 'auto',
  threads?: number | 'auto',
): Promise<Device> {
  const auto = choice === 'auto';
  const device =
    choice instanceof Device
      ? choice
      : await openDevice(program, auto ? await bestKind(program) : choice, threads).catch((error: unknown) => {
          if (auto && program.open.wasm) return openDevice(program, 'wasm', threads);
          throw error;
        });
  device.users++;
  return device;
}

// A GPU in software is slower than WebAssembly.
async function bestKind({ open: { webgpu, wasm } }: ProgramSpec): Promise<'webgpu' | 'wasm'> {
  if (!webgpu) return 'wasm';
  const { gpu } = (globalThis.navigator ?? {}) as Partial<Navigator>;
  const adapter = wasm && (await gpu?.requestAdapter());
  return adapter?.info.isFallbackAdapter ? 'wasm' : 'webgpu';
}

async function openDevice(program: ProgramSpec, choice: unknown, threads?: number | 'auto'): Promise<Device> {
  const key = choice === 'wasm' ? `wasm ${threads}` : choice;
  const known = opened.get(key);
  if (known) return known;
  const { webgpu, wasm } = program.open;
  const own = typeof choice === 'object' && choice ? (choice as GPUDevice) : undefined;
  const made = own || choice === 'webgpu' ? webgpu?.(own) : choice === 'wasm' ? wasm?.(threads) : undefined;
  const target = own ? 'webgpu' : String(choice);
  if (!made) throw new DlmError('E0804', `no device for target \`${target}\`: ${program.name} was not compiled for it`);
  const forget = (): boolean => opened.get(key) === opening && opened.delete(key);
  const opening: Promise<Device> = made.then((backend) => {
    // A device that is lost is opened anew by the next who asks.
    void backend.gpu?.lost.then(forget);
    return new Device(backend, forget);
  });
  opened.set(key, opening);
  opening.catch(forget);
  return opening;
}
