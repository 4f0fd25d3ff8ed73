// A measurement that is missing.
import { loadCsv } from '../load-csv.ts';

export default () => loadCsv('width,height,species\n1,2,rose\n3,,lily\n', ['x=width,height', 'y=species']);
