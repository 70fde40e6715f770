/** HTML as tagged templates: whatever is interpolated is escaped, unless it is markup already. */

/** Text that is HTML already. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Interpolation = string | number | Markup | undefined | readonly Interpolation[];

/**
 * Escapes interpolated text and numbers, keeps markup, joins arrays, drops undefined.
 *
 * @example
 * ```ts
 * html`<b>${'<i>'}</b>`.text; // '<b>&lt;i&gt;</b>'
 * ```
 */
export function html(strings: TemplateStringsArray, ...values: Interpolation[]): Markup {
  return new Markup(strings.map((s, i) => s + (i < values.length ? toHtml(values[i]) : '')).join(''));
}

function toHtml(value: Interpolation): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(toHtml).join('');
  return escapeHtml(String(value));
}

/** Safe between tags and inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
