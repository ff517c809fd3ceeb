/** `npm run bench`: builds, then runs the load scenarios; see bench/README.md. */
import { buildPackages } from './build-packages.ts'
import { runNode } from './lib.ts'

process.exitCode =
  (await buildPackages()) || (await runNode(['--conditions=source', 'bench/run.ts', ...process.argv.slice(2)]))
