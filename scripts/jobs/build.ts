/** `npm run build`, for all packages or the ones named as arguments. */
import { buildPackages } from './build-packages.ts'

process.exitCode = await buildPackages(process.argv.slice(2))
