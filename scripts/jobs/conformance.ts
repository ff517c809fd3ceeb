/** `npm run conformance`: builds, then replays the recorded answers; see test/conformance/README.md. */
import { ensureRedisProgram, RedisNotFoundError } from '../redis/find-redis.ts'
import { buildPackages } from './build-packages.ts'
import { dataDir, runNode } from './lib.ts'

try {
  const redis = await ensureRedisProgram(dataDir, process.env, console.error)
  const env = { ...process.env, REDIS_SERVER_BIN: redis.path }
  process.exitCode =
    (await buildPackages()) || (await runNode(['test/conformance/run.mjs', ...process.argv.slice(2)], env))
} catch (error) {
  if (!(error instanceof RedisNotFoundError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
