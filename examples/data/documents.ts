// Days of animals, told sentence by sentence in the order of the day. Where an animal lives says what it eats, where it
// goes and whom it meets; no sentence says where it lives.
import type { Random } from './random.ts';
import { pick, type Sentence } from './words.ts';

/** What belongs to each home. */
export const homes = {
  house: { animals: 'cat dog mouse canary hamster goldfish', places: 'sofa stairs window', foods: 'milk cheese biscuits' },
  farm: { animals: 'cow horse sheep goat pig hen', places: 'barn fence stable', foods: 'hay corn oats' },
  forest: { animals: 'fox deer owl bear wolf hare', places: 'oak cave clearing', foods: 'berries roots acorns' },
  sea: { animals: 'seal whale crab gull shark turtle', places: 'reef cliff beach', foods: 'algae shrimps plankton' },
};
/** Where an animal can live. */
export type Home = keyof typeof homes;
/** The names of the homes. */
export const homeNames = ['house', 'farm', 'forest', 'sea'] as const satisfies readonly Home[];

/** The animals of a home. */
export const animalsOf = (home: Home): readonly string[] => homes[home].animals.split(' ');

/** The sentences of a day. */
export function day(random: Random): Sentence[] {
  const home = pick(homeNames, random);
  const animal = pick(animalsOf(home), random);
  const place = (): string => pick(homes[home].places.split(' '), random);
  const food = (): string => pick(homes[home].foods.split(' '), random);
  const all = [
    `in the morning the ${animal} wakes by the ${place()}`,
    `at noon the ${animal} eats ${food()} and ${food()}`,
    meeting(animal, animalsOf(home), random).join(' '),
    `in the evening the ${animal} walks to the ${place()}`,
    `at night the ${animal} dreams of ${food()}`,
  ];
  return all.map((text) => text.split(' '));
}

/** "then the cow meets the hen": `others` are those whom it may meet. */
export const meeting = (animal: string, others: readonly string[], random: Random): Sentence =>
  `then the ${animal} meets the ${pick(others, random)}`.split(' ');
