/** All records of this folder, the newest first. */
import { createContentLoader } from 'vitepress';

export interface DecisionRecord {
  url: string;
  title: string;
  date: string;
}

export declare const data: DecisionRecord[];

export default createContentLoader('design/decisions/*.md', {
  includeSrc: true,
  transform: (pages) =>
    pages
      .filter(({ url }) => !url.endsWith('/'))
      .map(({ url, src }) => ({
        url,
        title: /^# (.+)$/m.exec(src!)![1]!.replaceAll('`', ''),
        date: /^_(\d{4}-\d{2}-\d{2})_$/m.exec(src!)![1]!,
      }))
      .sort((a, b) => (a.date < b.date ? 1 : a.date > b.date ? -1 : a.title < b.title ? -1 : 1)),
});
