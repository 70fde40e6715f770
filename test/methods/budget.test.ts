import { describe, expect, it } from 'vitest';
import { learnHashing, planBudget, Teacher } from '../../lib/index.ts';
import { generator } from '../clustering/reference.ts';

/** Two tables: the vectors of `alike` differ little, those of `far` much. */
function makeTeacher(): Teacher {
  const random = generator(3);
  const feature = (name: string, ids: number, width: number) => ({
    name,
    cardinality: ids,
    rows: Float32Array.from({ length: 2 * ids }, () => (random() - 0.5) * width),
    counts: Uint32Array.from({ length: ids }, () => 1 + Math.floor(20 * random() ** 4)),
  });
  return new Teacher(2, [feature('alike', 2000, 0.05), feature('far', 2000, 2), feature('small', 12, 1)]);
}

describe('planBudget', () => {
  const teacher = makeTeacher();

  it('chooses rows that learnHashing takes, within the bytes it says', async () => {
    const plan = await planBudget(teacher, { bytes: 40_000, dim: 8 });
    expect(plan.bytes).toBeLessThanOrEqual(40_000);
    expect(plan.bytes).toBeGreaterThan(39_000);
    const { alike, far, small } = plan.rows as Record<string, number>;
    expect(far!).toBeGreaterThan(10 * alike!);
    expect(small).toBe(12);
    const hashing = await learnHashing(teacher, { size: 1, rows: plan.rows, method: 'kd-tree' });
    expect(hashing.features.map(({ hashes: [hash] }) => hash!.kind)).toEqual(['table', 'table', 'identity']);
    expect(hashing.rows() * 8 * 4 + hashing.mappingBytes()).toBe(plan.bytes);
  });

  it('says what one share for all would give, and what every table weighed', async () => {
    const { uniform, error, tables } = await planBudget(teacher, { bytes: 40_000, dim: 8, minRows: 100 });
    expect(uniform!.rows[2]).toBe(12);
    expect(uniform!.rows[0]).toBe(uniform!.rows[1]);
    expect(uniform!.bytes).toBeLessThanOrEqual(40_000);
    expect(error).toBeLessThan(uniform!.error);
    expect(tables.map(({ sensitivity }) => sensitivity)).toEqual([1, 1, 1]);
  });

  it('takes the sensitivities of the teacher when all are known, and what it is given', async () => {
    const weighed = (own: (number | undefined)[]) =>
      new Teacher(
        2,
        teacher.features.map((feature, f) => (own[f] === undefined ? feature : { ...feature, sensitivity: own[f]! })),
      );
    const options = { bytes: 40_000, dim: 8 };
    const weights = async (from: Teacher, sensitivity?: Record<string, number>) =>
      (await planBudget(from, { ...options, sensitivity })).tables.map((table) => table.sensitivity);
    expect(await weights(weighed([3, 0.5, 0]))).toEqual([3, 0.5, 0]);
    expect(await weights(weighed([3, 0.5, 0]), { far: 7 })).toEqual([3, 7, 0]);
    expect(await weights(weighed([3, 0.5, undefined]), { far: 7 })).toEqual([1, 7, 1]);
    const plain = await planBudget(teacher, options);
    const other = await planBudget(weighed([1e4, 1, 1]), options);
    expect(other.rows.alike!).toBeGreaterThan(plain.rows.alike!);
  });

  it('follows the sensitivity of a table', async () => {
    const plain = await planBudget(teacher, { bytes: 40_000, dim: 8 });
    const other = await planBudget(teacher, { bytes: 40_000, dim: 8, sensitivity: { alike: 1e4 } });
    expect(other.rows.alike!).toBeGreaterThan(plain.rows.alike!);
  });

  it('bad input', async () => {
    const plan = (options: object) => planBudget(teacher, { bytes: 40_000, dim: 8, ...options });
    await expect(plan({ sensitivity: { fer: 1 } })).rejects.toThrow(/Did you mean "far"/);
    await expect(plan({ minRows: -1 })).rejects.toThrow(/minRows of planBudget/);
    await expect(plan({ device: 'gpu' })).rejects.toThrow(/device of learnKdTree.*received "gpu"/);
    await expect(plan({ byte: 1 })).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
    await expect(plan({ bytes: 100 })).rejects.toThrow(/at least \d+ bytes/);
    await expect(learnHashing(teacher, { size: 1, rows: { fer: 5 } })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(learnHashing(teacher, { size: 1, rows: { far: 0 } })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
