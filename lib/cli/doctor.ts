/** `collide doctor`: what this installation can do, and why not more. */
import { Command } from 'commander';
import { buildInfo, type CudaProbe, probeCuda } from '../native.ts';
import { PACKAGE_VERSION } from '../version.ts';

const describeBuild = ({ runtime, architectures, needs }: CudaProbe) =>
  `CUDA ${runtime}, kernels for ${architectures}; needs a driver for ${needs}`;

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('print the addon variant, CUDA (device, driver, test kernel), BLAS, threads and Node-API version')
    .option('--json', 'print JSON')
    .action((options: { json?: boolean }) => {
      const build = buildInfo();
      const cuda = probeCuda();
      const facts = {
        'learn-to-collide': PACKAGE_VERSION,
        node: `${process.version} ${process.platform}-${process.arch}`,
        addon: build.cudaBuild ? 'CPU and CUDA' : 'CPU',
        cuda: `${cuda.available ? 'yes' : 'no'}: ${cuda.reason}`,
        'cuda driver': cuda.driver === null ? 'none' : `supports CUDA up to ${cuda.driver}`,
        'cuda build': cuda.runtime === null ? 'none' : describeBuild(cuda),
        'cuda test kernel': cuda.launch,
        blas: build.blas,
        threads: build.threads,
        'node-api': build.napiVersion,
        compiler: build.compiler,
      };
      if (options.json) {
        process.stdout.write(`${JSON.stringify({ ...facts, cuda }, null, 2)}\n`);
        return;
      }
      for (const [name, value] of Object.entries(facts)) process.stdout.write(`${name.padEnd(18)}${value}\n`);
    });
}
