// Metrics of whole data sets, computed by the host from what entries return: mean average precision of detections
// (Everingham et al. 2010, all points) and BLEU of texts (Papineni et al. 2002). Metrics of batches are in std/metric.

/** A box: x1, y1, x2, y2. */
export type Box = readonly [number, number, number, number];

/** An object in an image. */
export interface LabelledBox {
  readonly image: number | string;
  readonly label: number | string;
  readonly box: Box;
}

/** A detected object and how sure the detector is. */
export interface DetectedBox extends LabelledBox {
  readonly score: number;
}

const area = ([x1, y1, x2, y2]: Box): number => Math.max(0, x2 - x1) * Math.max(0, y2 - y1);

function overlap(a: Box, b: Box): number {
  const both = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  const union = area(a) + area(b) - both;
  return union > 0 ? both / union : 0;
}

// Whether each detection, by falling score, is the first to find the object that it overlaps most.
function hits(detected: readonly DetectedBox[], truths: readonly LabelledBox[], threshold: number): boolean[] {
  const found = new Set<LabelledBox>();
  return detected
    .toSorted((a, b) => b.score - a.score)
    .map(({ image, box }) => {
      const best = truths
        .filter((truth) => truth.image === image)
        .reduce<{ truth?: LabelledBox; iou: number }>(
          (top, truth) => (overlap(box, truth.box) > top.iou ? { truth, iou: overlap(box, truth.box) } : top),
          { iou: 0 },
        );
      if (!best.truth || best.iou < threshold || found.has(best.truth)) return false;
      found.add(best.truth);
      return true;
    });
}

// The area under precision over recall, precision made to fall from right to left.
function averagePrecision(right: readonly boolean[], truths: number): number {
  let [found, best, sum] = [right.filter(Boolean).length, 0, 0];
  for (let n = right.length; n > 0; n--) {
    best = Math.max(best, found / n);
    if (right[n - 1] === true) {
      sum += best;
      found--;
    }
  }
  return sum / truths;
}

/**
 * Mean average precision over the labels that occur in `truths`: the area under precision over recall of detections in
 * the order of their scores. A detection is right if the object of its label and image that it overlaps most has an
 * intersection over union of at least `threshold` and was not found before.
 * @returns a number from 0 to 1; 0 where there are no truths
 */
export function meanAveragePrecision(
  detected: readonly DetectedBox[],
  truths: readonly LabelledBox[],
  threshold = 0.5,
): number {
  const labels = [...new Set(truths.map(({ label }) => label))];
  const scores = labels.map((label) => {
    const own = truths.filter((truth) => truth.label === label);
    const right = hits(
      detected.filter((one) => one.label === label),
      own,
      threshold,
    );
    return averagePrecision(right, own.length);
  });
  return scores.length === 0 ? 0 : scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

type Tokens = readonly (string | number)[];

function grams(tokens: Tokens, order: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= tokens.length; i++) {
    const gram = JSON.stringify(tokens.slice(i, i + order));
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

// N-grams of a candidate that a reference has, each counted at most as often as in one reference.
function matches(candidate: Tokens, references: readonly Tokens[], order: number): number {
  const known = references.map((reference) => grams(reference, order));
  return [...grams(candidate, order)].reduce(
    (sum, [gram, count]) => sum + Math.min(count, Math.max(0, ...known.map((counts) => counts.get(gram) ?? 0))),
    0,
  );
}

const nearest = (length: number, references: readonly Tokens[]): number =>
  references
    .map((reference) => reference.length)
    .reduce((best, n) =>
      Math.abs(n - length) < Math.abs(best - length) || (Math.abs(n - length) === Math.abs(best - length) && n < best)
        ? n
        : best,
    );

/**
 * BLEU of a corpus: the geometric mean of the parts of n-grams (n from 1 to `maxOrder`) of the candidates that occur in
 * their references, times exp(1 - r / c) where the candidates (c tokens) are shorter than the nearest references (r).
 * No smoothing: 0 where an order has no match.
 * @param references for each candidate, one or more token lists
 * @returns a number from 0 to 1
 * @throws RangeError where candidates and references differ in number, or a candidate has no reference
 */
export function bleu(candidates: readonly Tokens[], references: readonly (readonly Tokens[])[], maxOrder = 4): number {
  if (candidates.length !== references.length || references.some((own) => own.length === 0))
    throw new RangeError(
      `${candidates.length} candidates need one or more references each, got ${references.length} lists`,
    );
  const pairs = candidates.map((candidate, i) => ({ candidate, own: references[i] ?? [] }));
  const total = (count: (candidate: Tokens, own: readonly Tokens[]) => number): number =>
    pairs.reduce((sum, { candidate, own }) => sum + count(candidate, own), 0);
  let logs = 0;
  for (let order = 1; order <= maxOrder; order++) {
    const possible = total((candidate) => Math.max(0, candidate.length - order + 1));
    logs += Math.log(total((candidate, own) => matches(candidate, own, order)) / Math.max(possible, 1)) / maxOrder;
  }
  const [length, wanted] = [total((c) => c.length), total((c, own) => nearest(c.length, own))];
  return Math.exp(logs) * (length < wanted ? Math.exp(1 - wanted / length) : 1);
}
