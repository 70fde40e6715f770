/**
 * A vocabulary within a safetensors file: a text for its metadata, and per feature the tensors
 *
 * - `vocabulary.feature<f>.text<b>`: U8 [bytes], the UTF-8 of the values, block after block of at most 64 MiB;
 * - `vocabulary.feature<f>.ends`: U32 [values], where each value ends within its block.
 *
 * The text is JSON: the features (name, cardinality, list, outOfVocabulary, sql, type; of the values the number of the
 * first of each block and of NULL), the dense columns, what becomes of unseen values, the time zone, and the fingerprint.
 */
import type { TensorInput } from '../files/index.ts';
import { type TextParts, ValueTexts } from './value_texts.ts';
import { Vocabulary, type VocabularyFeature, type VocabularyParts } from './vocabulary.ts';

type StoredTexts = Pick<TextParts, 'firsts' | 'nullAt'>;

interface StoredVocabulary extends Omit<VocabularyParts, 'features'> {
  features: (Omit<VocabularyFeature, 'values'> & { values?: StoredTexts })[];
  fingerprint: string;
}

/** The text for the metadata; the values become `tensors`. */
export function storeVocabulary(vocabulary: Vocabulary, tensors: Record<string, TensorInput>): string {
  const features = vocabulary.features.map(({ values, ...feature }, f) => {
    if (values === undefined) return feature;
    const { blocks, firsts, ends, nullAt } = values;
    for (const [b, data] of blocks.entries()) tensors[textName(f, b)] = { shape: [data.length], data };
    tensors[endsName(f)] = { shape: [ends.length], data: ends };
    return { ...feature, values: { firsts, nullAt } };
  });
  const { dense, unseen, timezone, fingerprint } = vocabulary;
  return JSON.stringify({ features, dense, unseen, timezone, fingerprint } satisfies StoredVocabulary);
}

/** The inverse. @throws Error when text and tensors are not those of a vocabulary */
export function restoreVocabulary(
  text: string | undefined,
  tensors: Readonly<Record<string, TensorInput>>,
): Vocabulary {
  if (text === undefined) throw new Error('its vocabulary is missing');
  const { features, dense, unseen, timezone, fingerprint } = JSON.parse(text) as StoredVocabulary;
  const vocabulary = new Vocabulary({
    features: features.map(({ values, ...feature }, f) =>
      values === undefined ? feature : { ...feature, values: restoreTexts(values, f, tensors) },
    ),
    dense,
    unseen,
    timezone,
  });
  if (vocabulary.fingerprint !== fingerprint) throw new Error('its vocabulary is not the one of its fingerprint');
  return vocabulary;
}

function restoreTexts(
  { firsts, nullAt }: StoredTexts,
  f: number,
  tensors: Readonly<Record<string, TensorInput>>,
): ValueTexts {
  const ends = tensors[endsName(f)]?.data;
  const blocks = firsts.map((_, b) => tensors[textName(f, b)]?.data);
  if (!(ends instanceof Uint32Array) || !blocks.every((block) => block instanceof Uint8Array)) {
    throw new Error(`the values of feature ${f} are missing`);
  }
  return new ValueTexts({ blocks, firsts, ends, nullAt });
}

const textName = (feature: number, block: number) => `vocabulary.feature${feature}.text${block}`;
const endsName = (feature: number) => `vocabulary.feature${feature}.ends`;
