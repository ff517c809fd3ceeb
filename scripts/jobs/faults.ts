/** `npm run test:faults`: builds gateway and pump, then runs the fault suite against the built programs; see CONTRIBUTING.md. */
import { ensureRedisProgram, RedisNotFoundError } from '../redis/find-redis.ts'
import { buildPackages } from './build-packages.ts'
import { dataDir, runTool } from './lib.ts'

const SEEDS = 2 ** 32
/** More than there are processors: nearly all of the time is spent waiting for what a pump does when. */
const FILES_AT_A_TIME = 3

async function run(): Promise<number> {
  const redis = await ensureRedisProgram(dataDir, process.env, console.error)
  const code = await buildPackages(['gateway', 'pump'])
  if (code !== 0) return code
  // One seed for all files: whatever fails can be repeated with it.
  const seed = process.env['TEK_FAULT_SEED'] || String(Date.now() % SEEDS)
  console.log(`fault suite: TEK_FAULT_SEED=${seed}`)
  const filters = process.argv.slice(2)
  const args = ['run', `--maxWorkers=${FILES_AT_A_TIME}`, ...(filters.length > 0 ? filters : ['test/faults'])]
  return runTool('vitest', args, {
    ...process.env,
    REDIS_SERVER_BIN: redis.path,
    TEK_FAULTS: '1',
    TEK_FAULT_SEED: seed,
    TEK_USE_DIST: '1',
  })
}

try {
  process.exitCode = await run()
} catch (error) {
  if (!(error instanceof RedisNotFoundError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
