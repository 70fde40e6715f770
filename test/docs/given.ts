/** What the pages' examples speak of without making it: a data set of users and movies, its splits, a teacher, vectors. */
import { type Dataset, datasetFromArrays, type Split, type Teacher, trainTeacher } from '../../lib/index.ts';

function made(): Dataset {
  const split = (rows: number, from: number) => ({
    labels: Float32Array.from({ length: rows }, (_, i) => (((i + from) * 7919) % 5) % 2),
    features: [600, 700].map((ids, f) => ({
      ids: Uint32Array.from({ length: rows }, (_, i) => ((i + from) * (f === 0 ? 31 : 17)) % ids),
    })),
  });
  return datasetFromArrays({
    features: [
      { name: 'user', cardinality: 600 },
      { name: 'movie', cardinality: 700 },
    ],
    splits: {
      teacher: split(1500, 0),
      student: split(1500, 3),
      validation: split(300, 11),
      evaluation: split(300, 20),
    },
  });
}

export const data: Dataset = made();
export const past: Split = data.split('teacher');
export const present: Split = data.split('student');
export const validation: Split = data.split('validation');
export const teacher: Teacher = await trainTeacher(past, { epochs: 1, topHidden: [4] });
export const vectors: Float32Array = Float32Array.from({ length: 24_000 }, (_, i) => Math.sin(i * i));
export const counts: Uint32Array = Uint32Array.from({ length: 12_000 }, (_, i) => 1 + ((i * 31) % 90));
export const values: Float64Array = Float64Array.from({ length: 12_000 }, (_, i) => Math.cos(i * i));
