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

  /** Leaves the device; the last user closes it. */
  release(): void {
    if (--this.users > 0) return;
    this.forget();
    this.backend.close();
  }
}

const opened = new Map<unknown, Promise<Device>>();

/** The device for a `device` option of load. The caller releases it. @throws DlmError E0804 */
export async function acquireDevice(program: ProgramSpec, choice: unknown = 'auto'): Promise<Device> {
  const { webgpu, wasm } = program.open;
  const auto = choice === 'auto';
  const device =
    choice instanceof Device
      ? choice
      : await openDevice(program, auto && !webgpu ? 'wasm' : auto ? 'webgpu' : choice).catch((error: unknown) => {
          if (auto && wasm) return openDevice(program, 'wasm');
          throw error;
        });
  device.users++;
  return device;
}

async function openDevice(program: ProgramSpec, choice: unknown): Promise<Device> {
  const known = opened.get(choice);
  if (known) return known;
  const { webgpu, wasm } = program.open;
  const own = typeof choice === 'object' && choice ? (choice as GPUDevice) : undefined;
  const open = own || choice === 'webgpu' ? webgpu : choice === 'wasm' ? wasm : undefined;
  const target = own ? 'webgpu' : String(choice);
  if (!open) throw new DlmError('E0804', `no device for target \`${target}\`: ${program.name} was not compiled for it`);
  const forget = (): boolean => opened.get(choice) === opening && opened.delete(choice);
  const opening: Promise<Device> = open(own).then((backend) => {
    // A device that is lost is opened anew by the next who asks.
    void backend.gpu?.lost.then(forget);
    return new Device(backend, forget);
  });
  opened.set(choice, opening);
  opening.catch(forget);
  return opening;
}
