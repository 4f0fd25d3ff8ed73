// One column for an input of two.
import { loadCsv } from '../load-csv.ts';

export default () => loadCsv('width,height,species\n1,2,rose\n', ['x=width', 'y=species']);
