// A column whose name is misspelled.
import { loadCsv } from '../load-csv.ts';

export default () => loadCsv('width,height,species\n1,2,rose\n', ['x=width,heigth', 'y=species']);
