/** A comparison for people: an HTML page and a table of text. */
export { renderReport } from './report.ts';
export { formatTable } from './table.ts';
