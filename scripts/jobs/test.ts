/** `npm test`: finds its Redis as `npm start` does, then runs vitest with the arguments given. */
import { ensureRedisProgram, RedisNotFoundError } from '../redis/find-redis.ts'
import { dataDir, runTool } from './lib.ts'

try {
  const redis = await ensureRedisProgram(dataDir, process.env, console.error)
  process.exitCode = await runTool('vitest', ['run', ...process.argv.slice(2)], {
    ...process.env,
    REDIS_SERVER_BIN: redis.path,
  })
} catch (error) {
  if (!(error instanceof RedisNotFoundError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
