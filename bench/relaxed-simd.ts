// Whether this engine fuses a multiplication and an addition of four lanes.

// (module (func (param v128 v128 v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2))))
const sections = ['0061736d01000000', '01080160037b7b7b017b', '03020100', '0a0d010b00200020012002fd85020b'];

/** True from Node 21 on, and before that where the flag is set. */
export const hasRelaxedSimd = (): boolean => WebAssembly.validate(Buffer.from(sections.join(''), 'hex'));
