// How many numbers a weight is, however it is stored.
import { product, zero, type Dim } from './dim.ts';
import type { ParameterInfo } from './graph.ts';

/** The elements of a parameter or state; scales of quantized weights are none of their own. */
export const elementsOf = ({ type, quantized, scaleOf }: ParameterInfo): Dim =>
  scaleOf === undefined ? product((quantized?.type ?? type).shape) : zero;
