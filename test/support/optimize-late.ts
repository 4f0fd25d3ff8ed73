// Tests compile thousands of small programs: V8 optimizes at the pace that `dlm compile` sets.
import { optimizeLate } from '../../src/cli/optimizer.ts';

optimizeLate();
