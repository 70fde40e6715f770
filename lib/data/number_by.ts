/**
 * Numbers the values of a feature by a saved vocabulary: a value has the id that its text has there. Texts are compared, so
 * that whole numbers of any width and numbers read as text meet; where the text of one value depends on its type (7 and
 * 7.0), the value is first cast to the vocabulary's type, if that loses nothing.
 */
import { CollideError } from '../errors.ts';
import type { Engine } from './engine.ts';
import { ValueIndex } from './value_index.ts';
import type { ValueTexts } from './value_texts.ts';
import type { VocabularyFeature } from './vocabulary.ts';

const WHOLE = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|BIGNUM|DECIMAL\(\d+,0\))$/;
const FRACTION = /^(FLOAT|DOUBLE|DECIMAL\(\d+,\d+\))$/;
const TEXT = /^(VARCHAR|ENUM\(.*\))$/;

/** The ids that texts have among the values of a vocabulary, -1 for those that are not there. */
export function placesOf(texts: ValueTexts, values: ValueTexts): Int32Array {
  const index = new ValueIndex(values);
  const places = new Int32Array(texts.length);
  for (let k = 0; k < places.length; k++) {
    places[k] = k === texts.nullAt ? values.nullAt : index.find(texts.bytesAt(k));
  }
  return places;
}

/**
 * SQL for the text of `value` as the vocabulary writes it.
 *
 * @param type - DuckDB's type of the values, which stand in the table `vocabulary`
 * @throws CollideError VOCABULARY_MISMATCH for values of a type that cannot be compared
 */
export async function textSql(engine: Engine, feature: VocabularyFeature, type: string): Promise<string> {
  const own = 'CAST(value AS VARCHAR)';
  const wanted = feature.type ?? type;
  const both = (kind: RegExp) => kind.test(wanted) && kind.test(type);
  if (wanted === type || both(WHOLE) || both(TEXT)) return own;
  if ((WHOLE.test(wanted) && TEXT.test(type)) || (TEXT.test(wanted) && WHOLE.test(type))) return own;
  const numbers = [wanted, type].every((one) => WHOLE.test(one) || FRACTION.test(one));
  // A FLOAT and a DOUBLE that are written alike are different numbers.
  const exact = ![wanted, type].includes('FLOAT') || WHOLE.test(wanted) || WHOLE.test(type);
  if (numbers && exact) {
    const cast = `TRY_CAST(value AS ${wanted})`;
    return `CASE WHEN TRY_CAST(${cast} AS ${type}) = value THEN CAST(${cast} AS VARCHAR) ELSE ${own} END`;
  }
  const [{ n } = { n: 0 }] = await engine.rows('SELECT count(value) AS n FROM vocabulary');
  const { values, name } = feature;
  if (Number(n) === 0 || values!.length === 0 || (values!.length === 1 && values!.nullAt === 0)) return own;
  throw new CollideError(
    'VOCABULARY_MISMATCH',
    `feature "${name}": the values are ${wanted} in the vocabulary and ${type} in the data. With data.query in place of data.source the data can have columns of the same types: SELECT * REPLACE (CAST(... AS ${wanted}) AS ...) FROM ...`,
  );
}
