// How figures stand in the report.

export const short = (x) => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2));
export const both = ({ wall, cpu }) => `**${short(wall.median)}** (${short(cpu.median)})`;
export const percent = ({ wall, cpu }) =>
  `${(100 * (wall.median - 1)).toFixed(1)} % (${(100 * (cpu.median - 1)).toFixed(1)} %)`;
export const count = (n) => n.toLocaleString('en');
export const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
export const ids = ({ settings: { tables, batch, pooling } }) => tables * batch * pooling;
