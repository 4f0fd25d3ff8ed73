// The element types of tensors, and what each level may assume of them.

/** Element types that values compute in. `bool` is stored as one u32 word (0 or 1) in buffers. */
export type DType = 'f32' | 'f16' | 'i32' | 'u32' | 'bool';

/** All compute dtypes, in the order in which the documentation lists them. */
export const dtypes: readonly DType[] = ['f32', 'f16', 'i32', 'u32', 'bool'];

/** Bytes of one element as it lies in a buffer. */
export const byteSize: Readonly<Record<DType, number>> = { f32: 4, f16: 2, i32: 4, u32: 4, bool: 4 };

/** True for the floating-point dtypes. */
export const isFloat = (dtype: DType): boolean => dtype === 'f32' || dtype === 'f16';

/** True for the integer dtypes (not `bool`). */
export const isInteger = (dtype: DType): boolean => dtype === 'i32' || dtype === 'u32';

/** True when `text` names a dtype. */
export const isDType = (text: string): text is DType => (dtypes as readonly string[]).includes(text);

/** The finite stand-in for infinity of a float dtype: 1e30 in f32, 3e4 in f16. */
export const infinity: Readonly<Record<'f32' | 'f16', number>> = { f32: 1e30, f16: 3e4 };

/** The lowest finite number of a dtype: the identity of `max`. */
export const lowest: Readonly<Record<DType, number>> = {
  f32: -3.4028234663852886e38,
  f16: -65504,
  i32: -2147483648,
  u32: 0,
  bool: 0,
};

/** The highest finite number of a dtype: the identity of `min`. */
export const highest: Readonly<Record<DType, number>> = {
  f32: 3.4028234663852886e38,
  f16: 65504,
  i32: 2147483647,
  u32: 4294967295,
  bool: 1,
};
