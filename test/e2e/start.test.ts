/** `npm start` as a person uses it: everything comes up, the article's requests work, Ctrl-C leaves nothing behind. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ARTICLE_TOKEN } from '../../scripts/start/article.ts'
import { eventually } from '../support/eventually.ts'
import { type Program, startProgram } from '../support/process.ts'
import { cleanEnvironment } from '../support/programs.ts'
import { freePort, redisSkipReason } from '../support/redis.ts'

const job = fileURLToPath(new URL('../../scripts/jobs/start.ts', import.meta.url))
const STOP_TIMEOUT_MS = 60_000
const TEST_TIMEOUT_MS = 180_000

interface Ports {
  readonly gateway: number
  readonly pump: number
  readonly explorer: number
  readonly upstream: number
  readonly redis: number
}

let dataDir = ''
let ports: Ports
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tek-start-'))
  ports = {
    gateway: await freePort(),
    pump: await freePort(),
    explorer: await freePort(),
    upstream: await freePort(),
    redis: await freePort(),
  }
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

function start(
  extra: Readonly<Record<string, string>> = {},
  usedPorts = ports,
  options: readonly string[] = [],
): Program {
  const flags = Object.entries(usedPorts).flatMap(([name, port]) => [`--${name}-port`, `${port}`])
  const env = cleanEnvironment()
  delete env['REDIS_URL']
  Object.assign(env, extra)
  return startProgram(process.execPath, [job, '--data-dir', dataDir, '--purge-delay', '1', ...flags, ...options], {
    env,
    stopTimeoutMs: STOP_TIMEOUT_MS,
  })
}

function storedRequests(): { apiid: string; responsecode: number; alias: string }[] {
  const database = new DatabaseSync(join(dataDir, 'analytics.sqlite'), { readOnly: true })
  try {
    return database.prepare('select apiid, responsecode, alias from tyk_analytics').all() as ReturnType<
      typeof storedRequests
    >
  } finally {
    database.close()
  }
}

/** Those that write to a launcher that is gone may have ended by themselves. */
function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function isListening(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/`)
    return true
  } catch {
    return false
  }
}

describe.skipIf(redisSkipReason())('npm start', { timeout: TEST_TIMEOUT_MS }, () => {
  it("serves the article's requests, stores their records and leaves nothing behind", async () => {
    await using stack = start({ TYK_GW_SECRET: 'x', TYK_PMP_PURGEDELAY: '77' })
    await stack.waitForLine(/^ready$/, TEST_TIMEOUT_MS)
    await eventually(() => expect(stack.output()).toContain('Ignoring TYK_GW_SECRET, TYK_PMP_PURGEDELAY'))
    const gateway = `http://127.0.0.1:${ports.gateway}`
    const get = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(gateway + path, { headers })

    const first = await get('/httpbin/get')
    expect(first.status).toBe(200)
    expect(await first.json()).toMatchObject({ args: {}, headers: { 'X-Forwarded-For': '127.0.0.1' } })
    for (let i = 0; i < 10; i++) expect((await get('/httpbin/get')).status).toBe(200)
    expect((await get('/httpbin/status/500')).status).toBe(500)
    const jwt = await get('/httpbin-jwt/get', { authorization: ARTICLE_TOKEN })
    expect(jwt.status).toBe(200)
    expect(await jwt.json()).toMatchObject({ headers: { User: 'foo@bar.com' } })

    await eventually(() => expect(storedRequests()).toHaveLength(13), 20_000)
    expect(storedRequests().filter(({ responsecode }) => responsecode === 500)).toHaveLength(1)
    expect(storedRequests().filter(({ alias }) => alias === 'foo@bar.com')).toMatchObject([{ apiid: 'httpbin-jwt' }])
    await stack.waitForLine(/\d+ records? shipped/, 20_000)
    expect(stack.output(), 'nothing to worry a first user').not.toMatch(/level=warning|level=error|WARN|ERROR/)
    await eventually(() => expect(stack.output()).toContain(`curl http://localhost:${ports.gateway}/httpbin/get`))

    await eventually(() => expect(stack.output()).toContain(`http://localhost:${ports.explorer}`))
    const page = `http://127.0.0.1:${ports.explorer}`
    expect(await (await fetch(page)).text()).toContain('<script type="module"')
    const question = `${page}/api/v1/requests?q=${encodeURIComponent('response_code:500')}&from=now-15m&to=now`
    expect(await (await fetch(question)).json()).toMatchObject({
      total: { value: 1, exact: true },
      rows: [{ fields: { response_code: 500, api_name: 'httpbin' } }],
    })

    stack.kill('SIGINT')
    expect(await stack.exited()).toBe(0)
    for (const port of Object.values(ports)) expect(await isListening(port)).toBe(false)
  })

  it('sends sample traffic with --traffic', async () => {
    await using stack = start({}, ports, ['--traffic'])
    await stack.waitForLine(/^ready$/, TEST_TIMEOUT_MS)
    await eventually(() => expect(stack.output()).toContain('Sample traffic runs for ten minutes'))
    await eventually(() => expect(storedRequests().length).toBeGreaterThan(5), 30_000)
  })

  it('says which program died, shows its last lines, and stops the others with exit code 1', async () => {
    await using stack = start()
    await stack.waitForLine(/^ready$/, TEST_TIMEOUT_MS)
    process.kill(Number(await readFile(join(dataDir, 'tyk-gateway.pid'), 'utf8')), 'SIGKILL')
    expect(await stack.exited()).toBe(1)
    await eventually(() => expect(stack.output()).toContain('gateway ended by itself (SIGKILL)'))
    await eventually(() => expect(stack.output()).toContain('Its last log lines'))
    for (const port of Object.values(ports)) expect(await isListening(port)).toBe(false)
  })

  it('names a busy port, who wants it and how to move away, and starts nothing', async () => {
    const holder = createServer().listen(ports.gateway, '127.0.0.1')
    try {
      await using stack = start()
      expect(await stack.exited()).toBe(1)
      await eventually(() => expect(stack.output()).toContain(`Port ${ports.gateway} for the gateway is in use`))
      await eventually(() => expect(stack.output()).toContain('--gateway-port'))
      expect(await isListening(ports.upstream)).toBe(false)
    } finally {
      holder.close()
    }
  })

  it('refuses a second start on its folder, and names programs that a killed start left behind', async () => {
    await using stack = start()
    await stack.waitForLine(/^ready$/, TEST_TIMEOUT_MS)
    const others = {
      ...ports,
      gateway: await freePort(),
      upstream: await freePort(),
      pump: await freePort(),
      explorer: await freePort(),
    }
    const holder = JSON.parse(await readFile(join(dataDir, 'start.lock'), 'utf8')) as {
      readonly launcher: { readonly pid: number }
      readonly programs: readonly { readonly name: string; readonly pid: number }[]
    }
    expect(holder.programs.map(({ name }) => name)).toEqual(['redis', 'upstream', 'gateway', 'pump', 'explorer'])
    {
      await using second = start({}, others)
      expect(await second.exited()).toBe(1)
      await eventually(() =>
        expect(second.output()).toContain(`npm start already runs with ${dataDir} (pid ${holder.launcher.pid})`),
      )
    }
    stack.kill('SIGKILL')
    await stack.exited()
    try {
      await using third = start({}, others)
      expect(await third.exited()).toBe(1)
      const redis = holder.programs[0]?.pid
      await eventually(() => expect(third.output()).toContain(`redis (pid ${redis})`))
      await eventually(() =>
        expect(third.output()).toContain(`left from an earlier npm start (pid ${holder.launcher.pid})`),
      )
      await eventually(() => expect(third.output()).toMatch(new RegExp(`kill ${redis}\\b`)))
    } finally {
      for (const { pid } of holder.programs) endIfThere(pid)
    }
    await eventually(async () => {
      for (const port of Object.values(ports)) expect(await isListening(port)).toBe(false)
    }, 20_000)
  })

  it('says at once that REDIS_URL leads nowhere', async () => {
    await using stack = start({ REDIS_URL: `redis://127.0.0.1:${ports.redis}` })
    expect(await stack.exited()).toBe(1)
    await eventually(() =>
      expect(stack.output()).toContain(`REDIS_URL: the Redis at 127.0.0.1:${ports.redis} does not answer`),
    )
    expect(await isListening(ports.upstream)).toBe(false)
  })
})
