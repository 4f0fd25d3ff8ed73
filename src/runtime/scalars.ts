// Functions of host scalars that JavaScript lacks, in float64.

/** Nearest integer, ties to even. */
export function roundEven(x: number): number {
  const near = Math.round(x);
  return near - x === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

/** The error function: its Taylor series below 3, the continued fraction of erfc above. */
export function erf(x: number): number {
  const [size, square] = [Math.abs(x), x * x];
  if (size < 3) {
    let [sum, term] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) sum += (term *= -square / n) / (2 * n + 1);
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-square) / Math.sqrt(Math.PI) / (size + fraction));
}

/** A float as i32 (or u32): truncated and saturated, NaN is 0. */
export const toInteger = (x: number, low: number, high: number): number =>
  Number.isNaN(x) ? 0 : Math.min(high, Math.max(low, Math.trunc(x)));

/** The same 32 bits read as another type; letters f, i, u. */
export function bitcast(x: number, from: 'f' | 'i' | 'u', to: 'f' | 'i' | 'u'): number {
  const view = new DataView(new ArrayBuffer(4));
  if (from === 'f') view.setFloat32(0, x);
  else view.setInt32(0, x);
  return to === 'f' ? view.getFloat32(0) : to === 'i' ? view.getInt32(0) : view.getUint32(0);
}
