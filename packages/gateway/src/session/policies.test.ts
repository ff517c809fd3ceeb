import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPolicyStore, loadPolicies, PolicyLoadError } from './policies.ts'
import { readPolicy } from './policy.ts'

let folder: string
let lines: Record<string, unknown>[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'policies-'))
  lines = []
})
afterEach(() => rm(folder, { recursive: true }))

const log = pino({ level: 'info', base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) })

function load(path: { folder?: string; file?: string }) {
  const policies = {
    policy_source: 'file',
    policy_path: path.folder ?? '',
    policy_record_name: path.file ?? '',
    policy_connection_string: '',
    allow_explicit_policy_id: false,
  }
  return loadPolicies({ policies }, log, true)
}

const messages = (): unknown[] => lines.map((line) => line['msg'])

describe('a file that maps ids to policies', () => {
  test('gives each the id it is listed under', async () => {
    const file = join(folder, 'policies.json')
    await writeFile(file, '{"gold":{"id":"other","org_id":"default","rate":100,"per":1}}')
    const [policy] = await load({ file })
    expect(policy).toMatchObject({ id: 'gold', org_id: 'default', rate: 100 })
    expect(messages()).toEqual(['Loading policies', 'Policies found (1 total):'])
  })

  test('loses a bad policy, with an error line, and no other', async () => {
    const file = join(folder, 'policies.json')
    await writeFile(file, '{"bad":{"rate":"fast"},"good":{"rate":1}}')
    expect((await load({ file })).map(({ id }) => id)).toEqual(['good'])
    expect(lines.find((line) => line['level'] === 50)).toMatchObject({
      file,
      policy: 'bad',
      reason: 'rate: expected a number, got a string',
    })
  })

  test('may be missing', async () => {
    const file = join(folder, 'none.json')
    expect(await load({ file })).toEqual([])
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, file }))
  })

  test.each(['', '{', '[]'])('with the text %j is an error that names it', async (text) => {
    const file = join(folder, 'policies.json')
    await writeFile(file, text)
    await expect(load({ file })).rejects.toThrow(PolicyLoadError)
    await expect(load({ file })).rejects.toThrow(file)
  })
})

describe('a folder of policies', () => {
  test('gives one per file, by id or else by internal id, and goes before the file', async () => {
    await writeFile(join(folder, 'a.json'), '{"id":"a","org_id":"default"}')
    await writeFile(join(folder, 'b.json'), '{"_id":"5e9d9544a1dcd60001d0ed20"}')
    await writeFile(join(folder, 'c.json'), '{}')
    await writeFile(join(folder, 'd.json'), '')
    await writeFile(join(folder, 'notes.txt'), '{"id":"no"}')
    expect((await load({ folder, file: 'ignored' })).map(({ id }) => id)).toEqual(['a', '5e9d9544a1dcd60001d0ed20'])
    expect(lines.filter((line) => line['level'] === 50).map((line) => line['file'])).toEqual([
      join(folder, 'c.json'),
      join(folder, 'd.json'),
    ])
  })

  test('that is not there is an error', async () => {
    await expect(load({ folder: join(folder, 'none') })).rejects.toThrow(PolicyLoadError)
  })
})

test('two organisations may have policies of one id, and a new set replaces the old', () => {
  const store = createPolicyStore()
  store.replace([readPolicy({ org_id: 'a', rate: 1 }, 'p'), readPolicy({ org_id: 'b', rate: 2 }, 'p')])
  expect([store.get('a', 'p')?.rate, store.get('b', 'p')?.rate, store.get('c', 'p')]).toEqual([1, 2, undefined])
  const before = store.version
  store.replace([])
  expect(store.get('a', 'p')).toBeUndefined()
  expect(store.version).not.toBe(before)
})
