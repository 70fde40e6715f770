// Writes the generated pages of docs/reference: the API (TypeDoc), the config and the command line. They are not committed.
// usage: node scripts/docs-reference.mjs, after npm run build:ts
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cliReference } from './docs-cli.mjs';
import { configReference } from './docs-config.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = `${root}docs/reference/`;

rmSync(`${folder}api`, { recursive: true, force: true });
const { status } = spawnSync('npx', ['typedoc'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
writeFileSync(`${folder}config.md`, await configReference());
writeFileSync(`${folder}command-line.md`, await cliReference());
