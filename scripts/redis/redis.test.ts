import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { freePort, redisSkipReason, startRedis } from '../../test/support/redis.ts'
import { redisProblem } from './check-redis.ts'
import { ensureRedisProgram } from './find-redis.ts'

describe.skipIf(redisSkipReason())('REDIS_URL', () => {
  it('is fine when the Redis answers', async () => {
    await using redis = await startRedis()
    expect(await redisProblem(redis.url)).toBeUndefined()
  })

  it('with a wrong password is told apart, and the password not shown', async () => {
    await using redis = await startRedis({ args: ['--requirepass', 'right'] })
    const problem = await redisProblem(`redis://:wrong@127.0.0.1:${redis.port}`)
    expect(problem).toContain(`the Redis at 127.0.0.1:${redis.port} refuses the login`)
    expect(problem).not.toContain('wrong@')
    expect(await redisProblem(redis.url)).toContain('refuses the login')
    expect(await redisProblem(`redis://:right@127.0.0.1:${redis.port}`)).toBeUndefined()
  })
})

it('says that nothing listens at REDIS_URL, and what to do', async () => {
  const port = await freePort()
  const problem = await redisProblem(`redis://127.0.0.1:${port}`)
  expect(problem).toContain(`REDIS_URL: the Redis at 127.0.0.1:${port} does not answer (connect ECONNREFUSED`)
  expect(problem).toContain('Or unset REDIS_URL')
})

it('does not wait long for a server that says nothing', async () => {
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const { port } = server.address() as { port: number }
    expect(await redisProblem(`redis://127.0.0.1:${port}`, 200)).toContain('does not answer (Command timed out')
  } finally {
    server.close()
  }
})

it.skipIf(process.platform === 'win32')('shows the end of what pip said when it fails', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tek-pip-'))
  try {
    const python = join(folder, 'python3')
    await writeFile(
      python,
      '#!/bin/sh\necho "Looking for links" >&2\necho "ERROR: no matching distribution" >&2\nexit 1\n',
    )
    await chmod(python, 0o755)
    const failed = ensureRedisProgram(folder, { PATH: folder })
    await expect(failed).rejects.toThrow('  | Looking for links\n  | ERROR: no matching distribution\nNo Redis found')
  } finally {
    await rm(folder, { recursive: true })
  }
})
