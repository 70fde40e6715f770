// What kernels are compiled for, as CMake's list of CUDA architectures (docs/guide/devices.md, "What a build is for"). CMakeLists.txt
// calls this; node scripts/cuda-architectures.mjs CHOICE NVCC prints the list, CHOICE being AUTO, RELEASE or such a list.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Machine code for every supported GPU, PTX for later ones: what is shipped. */
const RELEASE = ['75-real', '80-real', '86-real', '89-real', '90'];
/** PTX for any supported GPU, the quickest to build. The driver compiles it, if it is as new as the toolkit. */
const ANY = ['75-virtual'];
const OLDEST = 75;

const lines = (command, ...args) => {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 });
  return status === 0 ? stdout.trim().split('\n') : [];
};

/** The compute capabilities of this machine's devices, as numbers: 9.0 is 90. None without a driver. */
function devices() {
  const found = lines('nvidia-smi', '--query-gpu=compute_cap', '--format=csv,noheader');
  return found.filter((line) => /^\d+\.\d+\s*$/.test(line)).map((line) => Number(line.replace('.', '')));
}

/** What the compiler makes machine code for. */
const compilable = (nvcc) =>
  lines(nvcc, '--list-gpu-code')
    .flatMap((line) => /^sm_(\d+)$/.exec(line)?.[1] ?? [])
    .map(Number);

/**
 * Machine code for each device; for one that is newer than the compiler PTX of the newest architecture that it knows.
 *
 * @param {number[]} present of devices; those that the kernels do not support count for nothing
 * @param {number[]} known of the compiler; none: every one is taken to be known
 */
export function forDevices(present, known) {
  const chosen = new Set();
  for (const device of present.filter((one) => one >= OLDEST).sort((a, b) => a - b)) {
    const older = known.filter((one) => one <= device);
    if (known.length === 0 || known.includes(device)) chosen.add(`${device}-real`);
    else if (older.length > 0) chosen.add(`${Math.max(...older)}-virtual`);
  }
  return chosen.size > 0 ? [...chosen] : ANY;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [choice, nvcc] = process.argv.slice(2);
  const list = choice === 'RELEASE' ? RELEASE : choice === 'AUTO' ? forDevices(devices(), compilable(nvcc)) : [choice];
  console.log(list.join(';'));
}
