import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { eventually } from './eventually.ts'
import { startProgram } from './process.ts'
import { redisSkipReason, startRedis } from './redis.ts'
import { readBody, startUpstream } from './upstream.ts'

describe('eventually', () => {
  it('returns what the check returned once it stops throwing', async () => {
    let calls = 0
    const check = (): number => {
      if (++calls < 3) throw new Error('not yet')
      return calls
    }
    expect(await eventually(check)).toBe(3)
  })

  it("throws the check's last error when the deadline has passed", async () => {
    const check = (): never => {
      throw new Error('never')
    }
    await expect(eventually(check, 30)).rejects.toThrow('never')
  })
})

describe('startProgram', () => {
  const script = `console.log('up'); setInterval(() => {}, 1000)`

  it('waits for a line, and ends the program when disposed of', async () => {
    const program = startProgram(process.execPath, ['-e', script])
    expect(await program.waitForLine(/^up$/)).toBe('up')
    await program[Symbol.asyncDispose]()
    expect(await program.exited()).toBe('SIGTERM')
  })

  it('kills a program that ignores SIGTERM', async () => {
    const stubborn = `process.on('SIGTERM', () => {}); ${script}`
    const program = startProgram(process.execPath, ['-e', stubborn], { stopTimeoutMs: 50 })
    await program.waitForLine(/^up$/)
    expect(await program.stop()).toBe('SIGKILL')
  })

  it('shows the output when the program ends before the line comes', async () => {
    await using program = startProgram(process.execPath, ['-e', `console.error('broken'); process.exit(3)`])
    await expect(program.waitForLine(/^up$/)).rejects.toThrow(/the program ended \(3\)[^]*broken/)
    expect(await program.exited()).toBe(3)
  })

  it('reports a program that is not there', async () => {
    await using program = startProgram('/nowhere/program', [])
    expect(await program.exited()).toBe(127)
    await eventually(() => expect(program.output()).toContain('ENOENT'))
  })
})

describe('startUpstream', () => {
  it('answers with its handler, and 500 when the handler throws', async () => {
    await using upstream = await startUpstream(async (req, res) => {
      if (req.url === '/broken') throw new Error('broken')
      res.end(await readBody(req))
    })
    expect(await (await fetch(upstream.url, { method: 'POST', body: 'echo' })).text()).toBe('echo')
    expect((await fetch(`${upstream.url}/broken`)).status).toBe(500)
  })
})

describe.skipIf(redisSkipReason())('startRedis', () => {
  it('starts a server of its own that is gone afterwards', async () => {
    const server = await startRedis()
    const redis = new Redis(server.url, { maxRetriesPerRequest: 1, retryStrategy: () => null })
    redis.on('error', () => {})
    expect(await redis.ping()).toBe('PONG')
    await server.stop()
    await eventually(() => expect(redis.status).toBe('end'))
  })
})
