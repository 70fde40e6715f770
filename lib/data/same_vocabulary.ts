/**
 * Whether ids of two places mean the same. What is known on both sides is compared: names, order, number of ids and kind of
 * the features always (a teacher made elsewhere does not know the kind); values, SQL, dense columns and time zone where both
 * came through openDataset. O(1) for one and the same vocabulary, otherwise one comparison of bytes.
 */
import { CollideError } from '../errors.ts';
import type { Vocabulary, VocabularyColumn, VocabularyFeature } from './vocabulary.ts';

/** How the two sides are called in a message, with their article. */
export interface Sides {
  /** Whose vocabulary is the right one: `the student`. */
  model: string;
  data: string;
}

/**
 * @param remedy - how to come by data of the same vocabulary. Default: to open them with it
 * @throws CollideError VOCABULARY_MISMATCH naming the first difference
 */
export function checkSameVocabulary(model: Vocabulary, data: Vocabulary, sides: Sides, remedy = opened): void {
  const difference = vocabularyDifference(model, data, sides);
  if (difference === undefined) return;
  throw new CollideError(
    'VOCABULARY_MISMATCH',
    `Expected ${sides.data} to agree with ${sides.model}: ${difference}. ${remedy}`,
  );
}

const opened = 'openDataset({ ..., vocabulary }) numbers data by the vocabulary of a teacher, hashing or student';

/** The first difference of two vocabularies in words, undefined for none. */
export function vocabularyDifference(model: Vocabulary, data: Vocabulary, sides: Sides): string | undefined {
  if (model === data) return undefined;
  const [mine, its] = [model.features, data.features];
  const differ = (what: string, ofModel: string, ofData: string) =>
    `${what} ${ofModel} in ${sides.model} and ${ofData} in ${sides.data}`;
  const names = (features: readonly VocabularyFeature[]) => features.map(({ name }) => `"${name}"`);
  if (names(mine).join() !== names(its).join()) {
    const missing = mine.find(({ name }) => !its.some((other) => other.name === name));
    const extra = its.find(({ name }) => !mine.some((other) => other.name === name));
    const f = mine.findIndex(({ name }, at) => its[at]?.name !== name);
    if (missing === undefined && extra !== undefined) {
      return `feature "${extra.name}" is in ${sides.data} and not in ${sides.model}`;
    }
    if (mine.length !== its.length) return `feature "${missing!.name}" is in ${sides.model} and not in ${sides.data}`;
    const order = missing === undefined ? ', the same features in another order' : '';
    return `${differ(`feature ${f} is`, names(mine)[f]!, names(its)[f]!)}${order}`;
  }
  for (const [f, feature] of mine.entries()) {
    const difference = featureDifference(feature, its[f]!, differ);
    if (difference !== undefined) return `feature "${feature.name}": ${difference}`;
  }
  if (model.dense !== undefined && data.dense !== undefined) {
    const difference = denseDifference(model.dense, data.dense, differ);
    if (difference !== undefined) return difference;
  }
  const zones = [model.timezone, data.timezone];
  if (zones.includes(undefined) || zones[0] === zones[1]) return undefined;
  return differ('times are', `of the zone ${zones[0]}`, `of the zone ${zones[1]}`);
}

type Differ = (what: string, ofModel: string, ofData: string) => string;

function featureDifference(model: VocabularyFeature, data: VocabularyFeature, differ: Differ): string | undefined {
  if (model.list !== undefined && data.list !== undefined && model.list !== data.list) {
    const kind = (list: boolean) => (list ? 'lists' : 'single values');
    return differ('rows hold', kind(model.list), kind(data.list));
  }
  if (model.cardinality !== data.cardinality) {
    return differ('there are', `${model.cardinality} ids`, `${data.cardinality}`);
  }
  const [mine, its] = [model.outOfVocabulary, data.outOfVocabulary];
  const unseen = (id: number | null) => (id === null ? 'no id' : `id ${id}`);
  if (mine !== undefined && its !== undefined && mine !== its) {
    return differ('values that are not in the vocabulary have', unseen(mine), unseen(its));
  }
  const id = model.values !== undefined && data.values !== undefined ? model.values.firstDifference(data.values) : -1;
  if (id >= 0) return differ(`id ${id} is`, quoted(model.values!.at(id)), quoted(data.values!.at(id)));
  return sqlDifference(model, data, differ);
}

function denseDifference(
  model: readonly VocabularyColumn[],
  data: readonly VocabularyColumn[],
  differ: Differ,
): string | undefined {
  const list = (columns: readonly VocabularyColumn[]) => {
    const names = columns.map(({ name }) => `"${name}"`).join(', ');
    return columns.length === 0 ? 'no dense columns' : `dense columns ${names}`;
  };
  const other = model.findIndex(({ name }, d) => data[d]?.name !== name);
  if (model.length !== data.length || other >= 0) return differ('there are', list(model), list(data));
  for (const [d, column] of model.entries()) {
    const difference = sqlDifference(column, data[d]!, differ);
    if (difference !== undefined) return `dense column "${column.name}": ${difference}`;
  }
  return undefined;
}

function sqlDifference({ sql: mine }: VocabularyColumn, { sql: its }: VocabularyColumn, differ: Differ) {
  if (mine === undefined || its === undefined || normalSql(mine) === normalSql(its)) return undefined;
  return differ('the SQL is', mine, its);
}

/** Without differences that mean nothing: space around it, quotes and case of a lone column name. */
function normalSql(sql: string): string {
  const trimmed = sql.trim();
  const column = /^"(?:[^"]|"")*"$/.test(trimmed) ? trimmed.slice(1, -1).replaceAll('""', '"') : trimmed;
  return column === trimmed && !/^[A-Za-z_]\w*$/.test(trimmed) ? trimmed : column.toLowerCase();
}

/** A value in a message; long ones are cut. */
function quoted(text: string | null): string {
  if (text === null) return 'NULL';
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}
