import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type Program, startProgram } from '../../../test/support/process.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tek-explorer-main-'))
})
afterAll(() => rm(folder, { recursive: true }))

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  return startProgram(process.execPath, ['--conditions=source', MAIN, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...env },
  })
}

describe('the program', () => {
  it('prints one line when it listens, serves, and ends at once at SIGTERM', async () => {
    await writeFile(join(folder, 'explorer.conf'), JSON.stringify({ listen_port: 0, sqlite: { file: 'none.db' } }))
    await using program = start(['--conf', 'explorer.conf'])
    const line = await program.waitForLine(/explorer listens on/)
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? ''
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok' })
    expect(program.output().trim().split('\n')).toHaveLength(1)
    program.kill('SIGTERM')
    expect(await program.exited()).toBe(0)
  })

  it('stays up and says so when its store is away', async () => {
    const env = { TEK_EXPLORER_ELASTICSEARCH_URL: 'http://127.0.0.1:1', TEK_EXPLORER_LISTENPORT: '0' }
    await using program = start([], env)
    const line = await program.waitForLine(/reads elasticsearch 127\.0\.0\.1:1 tyk_analytics\*/)
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? ''
    const about = (await (await fetch(`${url}/api/v1/about`)).json()) as { store: { state: string; error: string } }
    expect(about.store).toMatchObject({ state: 'down', error: expect.stringContaining('ECONNREFUSED') })
    expect((await fetch(`${url}/api/v1/overview`)).status).toBe(503)
  })

  it.each<[string, readonly string[], NodeJS.ProcessEnv, RegExp]>([
    [
      'a bad option',
      [],
      { TEK_EXPLORER_LISTENPORT: 'x' },
      /listen_port \(TEK_EXPLORER_LISTENPORT\): expected an integer/,
    ],
    ['nothing to read', [], {}, /nothing to read/],
    ['a file that is not there', ['--conf', 'none'], {}, /--conf: none/],
    ['an unknown flag', ['--colour'], {}, /try --help/],
    [
      'an address of another machine',
      [],
      { TEK_EXPLORER_LISTENADDRESS: '203.0.113.1', TEK_EXPLORER_TOKEN: 't', TEK_EXPLORER_SQLITE_FILE: 'a' },
      /cannot listen.*TEK_EXPLORER_LISTENADDRESS/,
    ],
  ])('says what is wrong with %s and ends with 1', async (_, args, env, message) => {
    await using program = start(args, env)
    expect(await program.exited()).toBe(1)
    await eventually(() => expect(program.output()).toMatch(message))
  })

  it.each([
    ['--help', /^usage: tek-explorer/],
    ['--version', /^v\d+\.\d+\.\d+\n$/],
  ])('answers %s', async (flag, text) => {
    await using program = start([flag])
    expect(await program.exited()).toBe(0)
    await eventually(() => expect(program.output()).toMatch(text))
  })
})
