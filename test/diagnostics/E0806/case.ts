// A table that ends after its header.
import { loadCsv } from '../load-csv.ts';

export default () => loadCsv('width,height,species\n', ['x=width,height', 'y=species']);
