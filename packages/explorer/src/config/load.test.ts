import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { type ExplorerConfig, isLoopback, loadConfig } from './load.ts'
import { explorerConfig } from './options.ts'
import { rowsOf } from './section.ts'

const folder = mkdtempSync(join(tmpdir(), 'tek-explorer-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const MINIMAL = { TEK_EXPLORER_SQLITE_FILE: 'a.db' }

function load(env: NodeJS.ProcessEnv, file?: unknown): ExplorerConfig {
  if (file === undefined) return loadConfig({ confPath: null, env, cwd: folder })
  writeFileSync(join(folder, 'explorer.conf'), typeof file === 'string' ? file : JSON.stringify(file))
  return loadConfig({ confPath: 'explorer.conf', env, cwd: folder })
}

function problemsOf(env: NodeJS.ProcessEnv, file?: unknown): string {
  try {
    load(env, file)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

describe('the options', () => {
  it('each have a text and a variable of their own', () => {
    const rows = rowsOf(explorerConfig)
    expect(rows.every(({ row }) => row.doc.endsWith('.') && row.env.startsWith('TEK_EXPLORER_'))).toBe(true)
    expect(new Set(rows.map(({ row }) => row.env)).size).toBe(rows.length)
  })

  it.each(rowsOf(explorerConfig).map(({ key, row }) => [row.env, key, row] as const))('%s sets %s', (env, key, row) => {
    const text = sampleOf(row.format)
    const others = { TEK_EXPLORER_GATEWAY_URL: 'http://gateway:8080', TEK_EXPLORER_TOKEN: 't', ...MINIMAL }
    const extra =
      key === 'username' ? { TEK_EXPLORER_PASSWORD: 'p' } : key === 'password' ? { TEK_EXPLORER_USERNAME: 'u' } : {}
    const store = key === 'elasticsearch.url' ? { TEK_EXPLORER_STORE: 'sqlite' } : {}
    const config = load({ ...others, ...extra, ...store, [env]: text })
    const value = key.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], config)
    expect(String(value)).toBe(text)
  })
})

function sampleOf(format: unknown): string {
  if (format === 'go-int') return '7'
  if (format === 'go-bool') return 'true'
  if (format === 'http-url' || format === 'http-url-with-user') return 'http://example.org:1234'
  if (format === 'redis-url') return 'redis://:secret@example.org:6379/1'
  return Array.isArray(format) ? String(format.at(-1) === 'elasticsearch' ? 'sqlite' : format.at(-1)) : 'some'
}

describe('loading', () => {
  it('takes the store that is set', () => {
    expect(load(MINIMAL).store).toBe('sqlite')
    expect(load({ TEK_EXPLORER_ELASTICSEARCH_URL: 'http://es:9200/' })).toMatchObject({
      store: 'elasticsearch',
      elasticsearch: { url: 'http://es:9200', index: 'tyk_analytics*' },
    })
  })

  it('lets a variable beat the file, whose keys match in any letter case', () => {
    const config = load(
      { TEK_EXPLORER_LISTENPORT: '9000' },
      { Listen_Port: 8000, timeout: 5, SQLite: { File: 'x.db' } },
    )
    expect(config).toMatchObject({ listen_port: 9000, timeout: 5, sqlite: { file: 'x.db' } })
  })

  it('reports every problem at once, with key, variable, what was expected and what came', () => {
    const env = { TEK_EXPLORER_LISTENPORT: '80a', TEK_EXPLORER_TIMEOUT: '0', TEK_EXPLORER_PUMP_URL: 'pump:8083' }
    expect(problemsOf(env, { traffic: 'yes', gateway_url: 7 })).toBe(
      [
        'failed to process config: 5 problems',
        '  listen_port (TEK_EXPLORER_LISTENPORT): expected an integer, got "80a"',
        '  timeout (TEK_EXPLORER_TIMEOUT): expected an integer from 1 to 600, got "0"',
        '  gateway_url (TEK_EXPLORER_GATEWAY_URL): expected an address such as http://localhost:8083, without user and password, got 7',
        '  pump_url (TEK_EXPLORER_PUMP_URL): expected an address such as http://localhost:8083, without user and password, got "pump:8083"',
        '  traffic (TEK_EXPLORER_TRAFFIC): expected true or false (also 1 t T 0 f F in the environment), got "yes"',
      ].join('\n'),
    )
  })

  it.each<[string, NodeJS.ProcessEnv, RegExp]>([
    ['no store', {}, /nothing to read: set sqlite\.file \(TEK_EXPLORER_SQLITE_FILE\) or elasticsearch\.url/],
    ['two stores', { ...MINIMAL, TEK_EXPLORER_ELASTICSEARCH_URL: 'http://es' }, /say which one is read/],
    [
      'a store without its address',
      { ...MINIMAL, TEK_EXPLORER_STORE: 'elasticsearch' },
      /store "elasticsearch" needs it/,
    ],
    ['an open page', { ...MINIMAL, TEK_EXPLORER_LISTENADDRESS: '0.0.0.0' }, /open to everybody.*TEK_EXPLORER_PASSWORD/],
    ['an open page on every name', { ...MINIMAL, TEK_EXPLORER_LISTENADDRESS: '' }, /open to everybody/],
    ['half of the credentials', { ...MINIMAL, TEK_EXPLORER_USERNAME: 'u' }, /needs username and password/],
    ['traffic without a gateway', { ...MINIMAL, TEK_EXPLORER_TRAFFIC: '1' }, /set gateway_url/],
    [
      'an index with a path',
      { TEK_EXPLORER_ELASTICSEARCH_URL: 'http://es', TEK_EXPLORER_ELASTICSEARCH_INDEX: 'a/_doc' },
      /expected names or patterns/,
    ],
    [
      'an authority that cannot be read',
      { TEK_EXPLORER_ELASTICSEARCH_URL: 'http://es', TEK_EXPLORER_ELASTICSEARCH_CAFILE: 'none.pem' },
      /elasticsearch\.ca_file \(TEK_EXPLORER_ELASTICSEARCH_CAFILE\): expected a file that can be read: ENOENT/,
    ],
    [
      'a stray % in the user of an address',
      { TEK_EXPLORER_ELASTICSEARCH_URL: 'http://elastic:50%@es' },
      /elasticsearch\.url \(TEK_EXPLORER_ELASTICSEARCH_URL\): expected .*%25.*, got "http:\/\/…@es"/,
    ],
    ['a token that no header can hold', { ...MINIMAL, TEK_EXPLORER_TOKEN: 'a b' }, /token \(TEK_EXPLORER_TOKEN\)/],
    ['a token of other letters', { ...MINIMAL, TEK_EXPLORER_TOKEN: 'wörd' }, /token \(TEK_EXPLORER_TOKEN\)/],
    [
      'hosts that are addresses',
      { ...MINIMAL, TEK_EXPLORER_ALLOWEDHOSTS: 'a.example, https://b.example' },
      /allowed_hosts \(TEK_EXPLORER_ALLOWEDHOSTS\).*got "https:\/\/b\.example"/,
    ],
  ])('refuses %s', (_, env, message) => {
    expect(problemsOf(env)).toMatch(message)
  })

  it('listens for others with credentials', () => {
    const env = { ...MINIMAL, TEK_EXPLORER_LISTENADDRESS: '0.0.0.0' }
    expect(load({ ...env, TEK_EXPLORER_TOKEN: 't' }).listen_address).toBe('0.0.0.0')
    expect(load({ ...env, TEK_EXPLORER_USERNAME: 'u', TEK_EXPLORER_PASSWORD: 'p' }).username).toBe('u')
  })

  it('never shows what is sensitive', () => {
    expect(problemsOf({ TEK_EXPLORER_REDIS_URL: 'http://:hunter2@redis' }, { password: ['hunter2'] })).not.toContain(
      'hunter2',
    )
    expect(problemsOf({}, '{"password": "hunter2"')).not.toContain('hunter2')
  })

  it.each(['GATEWAY_URL', 'PUMP_URL'])('takes no credentials in %s, which it would show', (name) => {
    for (const user of ['ann:hunter2', 'hunter2', ':hunter2']) {
      const problems = problemsOf({ ...MINIMAL, [`TEK_EXPLORER_${name}`]: `http://${user}@host:1` })
      expect(problems).toMatch(/without user and password, got "http:\/\/…@host:1"/)
    }
  })

  it.each([
    'https//elastic:hunter2@es:9200',
    'elastic:hunter2@es:9200',
    'https://elastic:hunter2/@es',
    'https://elastic:hunter2%@es',
    'ftp://hunter2@es',
  ])('never shows what is user and password in %s', (url) => {
    const problems = problemsOf({ TEK_EXPLORER_ELASTICSEARCH_URL: url })
    expect(problems).toContain('…@es')
    expect(problems).not.toContain('hunter2')
  })

  it('takes credentials in the address of Elasticsearch', () => {
    const url = 'https://elastic:a%25b@es:9200'
    expect(load({ TEK_EXPLORER_ELASTICSEARCH_URL: url }).elasticsearch.url).toBe(url)
  })

  it('says which file cannot be read', () => {
    expect(() => loadConfig({ confPath: 'none.conf', env: MINIMAL, cwd: folder })).toThrow(/--conf: none\.conf/)
  })

  it('names what means nothing, and what may have been meant', () => {
    const config = load({ ...MINIMAL, TEK_EXPLORER_LISTEN_PORT: '1' }, { sqlite: { path: 'x' }, colour: 'red' })
    expect(config.unknown).toEqual([
      'TEK_EXPLORER_LISTEN_PORT (did you mean TEK_EXPLORER_LISTENPORT?)',
      'sqlite.path',
      'colour',
    ])
  })
})

it.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['localhost', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['', false],
  ['192.168.1.7', false],
  ['127.0.0.1.example.org', false],
])('whether only this machine reaches %j: %s', (address, expected) => {
  expect(isLoopback(address)).toBe(expected)
})
