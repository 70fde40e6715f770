// The one list of native sources: CMakeLists.txt and binding.gyp both call this script, so a new file is built by both.
// usage: node scripts/native-sources.mjs [core cpu addon cuda ...]  prints paths relative to the repository root.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = process.argv.slice(2);
for (const folder of folders.length > 0 ? folders : ['core', 'cpu', 'addon']) {
  const files = readdirSync(`${root}native/${folder}`, { encoding: 'utf8', recursive: true }).filter((file) =>
    /\.(cc|cu)$/.test(file),
  );
  for (const file of files.sort()) console.log(`native/${folder}/${file}`);
}
