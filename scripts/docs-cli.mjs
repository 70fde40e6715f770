// The reference page of the command line, from the commands themselves (lib/cli/program.ts).

/** @returns {Promise<string>} the page, in Markdown */
export async function cliReference() {
  const { collideProgram } = await import('../dist/cli/program.js');
  const lines = [
    '# The command line',
    '',
    'Each command prints this with `--help`. [How commands end](../guide/command-line.md)',
  ];
  lines[2] += ' has exit statuses and what an interrupt does.';
  const commands = [...collideProgram().commands].sort((a, b) => (a.name() < b.name() ? -1 : 1));
  for (const command of commands) {
    lines.push('', `## collide ${command.name()}`, '', `${capital(command.description())}.`, '');
    lines.push('```', `collide ${command.name()} ${command.usage()}`, '```');
    const args = command.registeredArguments.map((a) => [`\`${a.name()}\``, a.description, fallback(a)]);
    const options = command.options
      .filter(({ hidden }) => !hidden)
      .map((o) => [`\`${o.flags}\``, o.description, fallback(o)]);
    table(lines, 'argument', args);
    table(lines, 'option', options);
  }
  return `${lines.join('\n')}\n`;
}

function table(lines, name, rows) {
  if (rows.length === 0) return;
  lines.push('', `| ${name} | meaning | default |`, '|---|---|---|');
  for (const row of rows) lines.push(`| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** @param {{ defaultValue?: unknown, defaultValueDescription?: string, mandatory?: boolean, required: boolean }} of an option or argument */
function fallback({ defaultValue, defaultValueDescription, mandatory, required }) {
  if (defaultValueDescription !== undefined) return defaultValueDescription;
  if (defaultValue !== undefined) return `\`${defaultValue}\``;
  return mandatory || (required && mandatory === undefined) ? 'required' : '';
}
