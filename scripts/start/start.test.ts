import { describe, expect, it } from 'vitest'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storageConf, writeStackFiles } from './files.ts'
import {
  FLAGS,
  ignoredVariables,
  parseOptions,
  PORTS,
  programEnvironment,
  type StartOptions,
  USAGE,
} from './options.ts'
import { portHelp } from './ports.ts'
import { ARTICLE_TOKEN } from './article.ts'
import { shownLine } from './report.ts'

describe('the lines that npm start shows', () => {
  it('turns a shipped batch into one line with its sink', () => {
    const line = 'time="2026-01-10T20:18:53Z" level=info message="Purged 12 records" prefix=sql-pump'
    expect(shownLine('pump', line, false)).toMatch(/^\d\d:\d\d:\d\d {2}12 records shipped to sql$/)
  })

  it.each([
    ['time="…" level=warning msg="x"', true],
    ['time="…" level=info msg="x"', false],
    ['{"level":"error","message":"x"}', true],
    ['[Jan 10 20:18:53] ERROR main: x', true],
    ['[Jan 10 20:18:53]  INFO main: x', false],
    ['level=warning message="Default secret should be changed for production."', false],
  ])('decides about %s: %s', (line, shown) => {
    expect(shownLine('gateway', line, false) !== undefined).toBe(shown)
  })

  it('shows everything with --verbose', () => {
    expect(shownLine('gateway', 'level=info x', true)).toBe('gateway  | level=info x')
  })

  it('uses the token of the article', () => {
    const claims = JSON.parse(Buffer.from(ARTICLE_TOKEN.split('.')[1] ?? '', 'base64url').toString()) as object
    expect(claims).toMatchObject({ sub: 'foo@bar.com' })
  })
})

describe('the options of npm start', () => {
  it('take a port from the flag, else from the environment, else the usual one', () => {
    const options = parseOptions(['--gateway-port', '9000'], { TEK_GATEWAY_PORT: '9001', TEK_PUMP_PORT: '9002' })
    expect(options).toMatchObject({ gatewayPort: 9000, pumpPort: 9002, upstreamPort: 8081, redisPort: 6390 })
  })

  it.each([
    [['--gateway-port', 'x'], '--gateway-port: expected a whole number from 1 to 65535, got "x"'],
    [['--keep-days', '7d'], '--keep-days: expected a whole number from 0 to 36500, got "7d"'],
    [['--elasticsearch', 'localhost:9200'], '--elasticsearch: expected a URL'],
    [
      ['--gateway-port', '18080', '--upstream-port=18080'],
      '--gateway-port: 18080 is given to --gateway-port and --upstream-port; each needs its own',
    ],
    [['--pump-port', '8080'], '8080 is given to --gateway-port and --pump-port'],
    [['--nonsense'], "Unknown option '--nonsense'"],
  ])('refuse %j', (args, message) => {
    expect(() => parseOptions(args, {})).toThrow(message)
  })

  it.each(FLAGS)('say where the dashes go when npm has kept --%s', (flag) => {
    const env = { [`npm_config_${flag.replaceAll('-', '_')}`]: 'true' }
    expect(() => parseOptions(['18080'], env)).toThrow(
      `npm kept --${flag} for itself: put -- before options, as in npm start -- --${flag} …`,
    )
    expect(USAGE).toContain(`--${flag} `)
  })

  it('that move a port are among those that npm may keep', () => {
    expect(FLAGS.map((flag) => `--${flag}`)).toEqual(
      expect.arrayContaining(Object.values(PORTS).map(({ flag }) => flag)),
    )
  })

  it("know Tyk's variables, which have no effect", () => {
    const env = { TYK_PMP_PURGEDELAY: '1', TYK_GW_SECRET: 'x', TYK_LOGLEVEL: 'debug', PATH: '' }
    expect(ignoredVariables(env)).toEqual(['TYK_GW_SECRET', 'TYK_PMP_PURGEDELAY'])
  })

  it("take the page's port from a variable that looks like one of the explorer's, and keep it from the explorer", () => {
    const env = { TEK_EXPLORER_PORT: '9000', TEK_EXPLORER_TOKEN: 't', PATH: '/bin' }
    expect(parseOptions([], env)).toMatchObject({ explorerPort: 9000 })
    expect(ignoredVariables(env)).toEqual(['TEK_EXPLORER_TOKEN'])
    expect(programEnvironment(env)).toEqual({ PATH: '/bin' })
  })

  it('turn a Redis URL into the words of the configuration files', () => {
    expect(storageConf('rediss://me:p%40ss@cache.local:6380/3')).toEqual({
      type: 'redis',
      host: 'cache.local',
      port: 6380,
      database: 3,
      username: 'me',
      password: 'p@ss',
      use_ssl: true,
    })
  })

  it('explain a busy port: which, for whom, who has it, how to move', () => {
    const text = portHelp(PORTS.gateway, 8080, 'EADDRINUSE', 'linux')
    expect(text).toContain('Port 8080 for the gateway is in use')
    expect(text).toContain("ss -ltnp 'sport = :8080'")
    expect(text).toContain('npm start -- --gateway-port 18080')
    expect(text).toContain('--data-dir')
  })
})

describe('the files of npm start', () => {
  const write = async (dataDir: string): Promise<Record<string, unknown>> => {
    const options = parseOptions(['--data-dir', dataDir], {}) as StartOptions
    const { gatewayConf, secret } = await writeStackFiles(options, 'redis://127.0.0.1:6390')
    const conf = JSON.parse(await readFile(gatewayConf, 'utf8')) as Record<string, unknown>
    expect(conf['secret']).toBe(secret)
    return conf
  }

  it('keep their random secrets from one start to the next, and accept no unsigned notifications', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'tek-files-'))
    try {
      const first = await write(dataDir)
      expect(first['secret']).toMatch(/^[0-9a-f]{32}$/)
      expect(first['node_secret']).toMatch(/^[0-9a-f]{32}$/)
      expect(first['node_secret']).not.toBe(first['secret'])
      expect(first).not.toHaveProperty('allow_insecure_configs')
      expect(await write(dataDir)).toEqual(first)
    } finally {
      await rm(dataDir, { recursive: true })
    }
  })

  it.each([
    [[], { retention_days: 7, max_size_bytes: 2_147_483_648 }],
    [['--keep-days', '90'], { retention_days: 90, max_size_bytes: 2_147_483_648 }],
    [['--keep-days', '0'], {}],
  ])('bound the store, with %j: %j', async (args, limits) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'tek-files-'))
    try {
      const options = parseOptions(['--data-dir', dataDir, ...args], {}) as StartOptions
      const { pumpConf, database } = await writeStackFiles(options, 'redis://127.0.0.1:6390')
      const conf = JSON.parse(await readFile(pumpConf, 'utf8')) as { pumps: { store: object } }
      const meta = { type: 'sqlite', connection_string: database, ...limits, explorer_index: true }
      expect(conf.pumps.store).toEqual({ type: 'sql', meta })
    } finally {
      await rm(dataDir, { recursive: true })
    }
  })
})
