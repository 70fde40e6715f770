// The sets of examples/ moved back in time: whatever is chosen by looking at results is chosen here, so that no row of the
// examples' own evaluation splits is seen before the final comparison.
import { resolve } from 'node:path';
import { openDataset } from '../../dist/data/index.js';
import { loadConfig } from '../../dist/index.js';

const EARLIER = {
  flights: {
    teacher: "date < '2001-03-01'",
    student: "date >= '2001-03-01' and date < '2001-04-16'",
    evaluation: "date >= '2001-04-16' and date < '2001-05-16'",
  },
  flights_winter: {
    teacher: "date < '2001-02-01'",
    student: "date >= '2001-02-01' and date < '2001-03-16'",
    evaluation: "date >= '2001-03-16' and date < '2001-04-16'",
  },
  flights_may: {
    teacher: "date < '2001-03-16'",
    student: "date >= '2001-03-16' and date < '2001-05-16'",
    evaluation: "date >= '2001-05-16' and date < '2001-06-01'",
  },
  movielens: {
    teacher: 'share <= 0.3',
    student: 'share > 0.3 and share <= 0.6',
    evaluation: 'share > 0.6 and share <= 0.8',
  },
  tennis: {
    teacher: 'date >= 19970101 and date < 20140101',
    student: 'date >= 20140101 and date < 20180701',
    validation: 'date >= 20180701 and date < 20190101',
    evaluation: 'date >= 20190101 and date < 20220101',
  },
  tennis_earliest: {
    teacher: 'date >= 19910101 and date < 20060101',
    student: 'date >= 20060101 and date < 20100701',
    validation: 'date >= 20100701 and date < 20110101',
    evaluation: 'date >= 20110101 and date < 20140101',
  },
};

/** Config and data of a development set; `folder` is that of the example's data. */
export async function openEarlier(name, folder = 'examples') {
  const config = await loadConfig(`examples/${name.split('_')[0]}.yaml`);
  const data = { ...config.data, folder: resolve(folder), splits: EARLIER[name] };
  return { config: { ...config, data }, data: await openDataset(data) };
}
