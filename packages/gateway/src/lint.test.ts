import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseArgs } from './cli.ts'
import { lint, type LintResult } from './lint.ts'

let cwd = ''
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'gateway-lint-'))
  mkdirSync(join(cwd, 'apps'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

function write(name: string, content: unknown): void {
  writeFileSync(join(cwd, name), typeof content === 'string' ? content : JSON.stringify(content))
}

async function lintWith(part: object): Promise<LintResult> {
  const storage = { type: 'redis', host: 'r', port: 1 }
  const file = { listen_port: 8080, secret: 's', template_path: 't', app_path: join(cwd, 'apps'), storage, ...part }
  write('tyk.conf', file)
  const args = parseArgs(['lint'])
  if (args.kind === 'error') throw new Error(args.message)
  const result = await lint({ args, env: {}, cwd })
  return { ...result, lines: result.lines.map((line) => line.replaceAll(cwd, '.')) }
}

const api = { api_id: 'a', name: 'a', use_keyless: true, proxy: { listen_path: '/a/', target_url: 'http://u' } }
const notChecked =
  'not checked: targets, listen paths, certificates, error templates, misspelt keys of API definitions; Redis, Consul and Vault are not asked'

test('finds nothing, and says what it has read and what it does not look at', async () => {
  write('apps/a.json', api)
  write('policies.json', { p: { id: 'p' } })
  expect(await lintWith({ policies: { policy_record_name: join(cwd, 'policies.json') } })).toEqual({
    exitCode: 0,
    lines: ['found no issues in ./tyk.conf', 'read: 1 API definition in ./apps, 1 policy', notChecked],
  })
})

test('asks no store of secrets, and finds no fault with what refers to them', async () => {
  write('apps/a.json', { ...api, proxy: { listen_path: '/a/', target_url: 'consul://up' }, name: '$kv{vault:a/b#c}' })
  const kv = { consul: { address: '127.0.0.1:1' }, vault: { token: 't' } }
  const { exitCode, lines } = await lintWith({ secret: 'vault://secret/gw.key', kv })
  expect([exitCode, lines.at(-1)]).toEqual([0, notChecked])
})

test('names a definition that does not decode, and one that would not be served', async () => {
  write('apps/a.json', '{')
  write('apps/c.json', { ...api, use_keyless: false, use_oauth2: true })
  const { exitCode, lines } = await lintWith({})
  expect(exitCode).toBe(1)
  expect(lines.slice(0, 2)).toEqual([
    'issues found in ./tyk.conf:',
    expect.stringMatching(/^Couldn't unmarshal read file: .* file=\.\/apps\/a\.json$/),
  ])
  expect(lines).toContainEqual(expect.stringMatching(/^\.\/apps\/c\.json: this API will not be served: .*oauth2/))
})

test('names a domain that no host can be compared with, where domains count', async () => {
  write('apps/a.json', { ...api, domain: '{a' })
  write('apps/b.json', { ...api, api_id: 'b', domain: '$kv{vault:a/b#c}' })
  expect((await lintWith({})).exitCode).toBe(0)
  const { exitCode, lines } = await lintWith({ enable_custom_domains: true })
  expect([exitCode, lines[1]]).toEqual([
    1,
    expect.stringMatching(/^\.\/apps\/a\.json: this API will not be served: domain "\{a": unbalanced braces/),
  ])
  expect(lines.join('\n')).not.toContain('b.json')
})

test.each([
  ['app_path', { app_path: '/nowhere/apps' }, 'reading the API definitions in /nowhere/apps: '],
  ['policy file', { policies: { policy_record_name: '/nowhere/p.json' } }, 'policy file not found'],
  ['policy folder', { policies: { policy_path: '/nowhere' } }, 'reading the policy folder /nowhere: '],
])('names a missing %s', async (_what, part, start) => {
  const { exitCode, lines } = await lintWith(part)
  expect(exitCode).toBe(1)
  expect(lines[1]).toContain(start)
})
