/** Parsing and checking the JSON header of a safetensors file. O(header); nothing of the data is read. */
import { byteWidth, elementCount, isDtype } from './tensor.ts';

/** One tensor of a header; `begin` and `end` count bytes from the start of the data. */
export interface TensorEntry {
  name: string;
  /** One that this version cannot read is kept as it is: the tensor is of no use then, the others are. */
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

export interface Header {
  entries: TensorEntry[];
  metadata: Record<string, string>;
}

/**
 * The tensors of a header, in the order of their bytes.
 *
 * @param text - the header's bytes: UTF-8 JSON, maybe padded with spaces
 * @param dataBytes - bytes that follow it; the tensors must cover them exactly, without overlap or hole
 * @param fail - makes the error to throw from a text that says what is wrong
 */
export function parseHeader(text: Uint8Array, dataBytes: number, fail: (problem: string) => Error): Header {
  const header = parseJson(text, fail);
  let metadata: Record<string, string> = {};
  const entries: TensorEntry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = checkMetadata(value, fail);
    else entries.push(checkEntry(name, value, dataBytes, fail));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const entry of entries) {
    if (entry.begin !== end) {
      const what = entry.begin < end ? 'overlaps the tensor before it' : 'leaves a hole before it';
      throw fail(`tensor "${entry.name}" begins at byte ${entry.begin} of the data and ${what}, which ends at ${end}`);
    }
    end = entry.end;
  }
  if (end !== dataBytes) throw fail(`its tensors end at byte ${end} of the data, which has ${dataBytes} bytes`);
  return { entries, metadata };
}

function parseJson(bytes: Uint8Array, fail: (problem: string) => Error): Record<string, unknown> {
  let header: unknown;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (cause) {
    throw fail(`its header is not JSON (${cause instanceof Error ? cause.message : cause})`);
  }
  if (!isObject(header)) throw fail('its header is not a JSON object');
  const twice = repeatedKey(text);
  if (twice !== undefined) throw fail(`its header names "${twice}" twice`);
  return header;
}

/** A key that stands twice in one object of a valid JSON text; JSON.parse would silently keep the last. */
function repeatedKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < json.length; at++) {
    if (json[at] === '{') open.push(new Set());
    else if (json[at] === '}') open.pop();
    else if (json[at] === '"') {
      const start = at;
      for (at++; json[at] !== '"'; at++) if (json[at] === '\\') at++;
      let next = at + 1;
      while (' \t\n\r'.includes(json[next] ?? ':')) next++;
      if (json[next] !== ':') continue;
      const key: string = JSON.parse(json.slice(start, at + 1));
      const keys = open.at(-1)!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

function checkMetadata(value: unknown, fail: (problem: string) => Error): Record<string, string> {
  if (isObject(value) && Object.values(value).every((v) => typeof v === 'string')) {
    return value as Record<string, string>;
  }
  throw fail('its __metadata__ is not a map of texts');
}

function checkEntry(name: string, value: unknown, dataBytes: number, fail: (problem: string) => Error): TensorEntry {
  if (!isObject(value)) throw fail(`tensor "${name}" is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') throw fail(`tensor "${name}" has the dtype ${JSON.stringify(dtype)}`);
  const count = elementCount(shape);
  if (count === undefined) throw fail(`tensor "${name}" has the shape ${JSON.stringify(shape)}`);
  if (!isRange(offsets) || offsets[1] > dataBytes) {
    throw fail(
      `tensor "${name}" has the data_offsets ${JSON.stringify(offsets)}, not a range within ${dataBytes} bytes of data; ` +
        'the file may be truncated',
    );
  }
  const [begin, end] = offsets;
  if (isDtype(dtype) && end - begin !== count * byteWidth(dtype)) {
    throw fail(
      `tensor "${name}" of dtype ${dtype} and shape ${JSON.stringify(shape)} takes ${count * byteWidth(dtype)} bytes, ` +
        `but its data_offsets ${JSON.stringify(offsets)} span ${end - begin}`,
    );
  }
  return { name, dtype, shape: shape as number[], begin, end };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRange(value: unknown): value is [number, number] {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((offset) => Number.isSafeInteger(offset) && offset >= 0) &&
    value[0] <= value[1]
  );
}
