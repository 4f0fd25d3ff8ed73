// Views of 8×8 images as bad cameras take them: moved and turned a little, faint, dark, noisy.
// Two views of one image are a contrastive pair. Written to be copied.
import { augment } from './augment.ts';
import type { Random } from './random.ts';

/** A function that takes another view of an image each time. */
export function views(random: Random): (image: Float32Array) => Float32Array {
  const moved = augment(8, { shift: 0.7, scale: 0.1, crop: 0.1, rotate: 10 }, random);
  return (image) => {
    const [ink, ground] = [random.uniform(0.5, 1), random.uniform(0, 0.3)];
    return moved(image).map((value) => ground + (ink - ground) * value + 0.15 * random.normal());
  };
}
