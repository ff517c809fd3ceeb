import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { resolveReference } from './references.ts'

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'gateway-references-'))
  mkdirSync(join(cwd, 'kv/sub'), { recursive: true })
  writeFileSync(join(cwd, 'kv/sub/password'), 'from file\n')
  writeFileSync(join(cwd, 'outside'), 'x')
  symlinkSync(join(cwd, 'outside'), join(cwd, 'kv/link'))
})
afterAll(() => rmSync(cwd, { recursive: true }))

const env = { TYK_SECRET_GW_KEY: 's3', gw_key: 'wrong' }
const secrets = { up: 'http://orders:8080/' }
const unsupported = (form: string): object => ({
  problem: `references of the form ${form} are not supported in this version; use env://, secrets:// or file://`,
})

test.each([
  ['plain', { value: 'plain' }],
  ['', { value: '' }],
  ['xenv://gw_key', { value: 'xenv://gw_key' }],
  ['env://gw_key', { value: 's3' }],
  ['env://absent', { value: '' }],
  ['secrets://up', { value: 'http://orders:8080/' }],
  ['secrets://constructor', { problem: 'secrets://constructor: the secrets map has no such key' }],
  ['file://sub/password', { value: 'from file\n' }],
  ['file://absent', { problem: 'file://absent: cannot be read (ENOENT)' }],
  ['file:///etc/hostname', { problem: 'file:///etc/hostname: the path must stay below kv.file.base_path' }],
  ['file://../outside', { problem: 'file://../outside: the path must stay below kv.file.base_path' }],
  ['file://link', { problem: 'file://link: the link leads out of kv.file.base_path' }],
  ['consul://a/b', unsupported('consul://')],
  ['vault://a.b', unsupported('vault://')],
  ['kv://env/x', unsupported('kv://')],
  ['a $kv{env:x} b', unsupported('$kv{}')],
])('%j', (text, resolved) => {
  expect(resolveReference(text, { env, secrets, basePath: 'kv', cwd })).toEqual(resolved)
})

test('a file reference needs kv.file.base_path', () => {
  expect(resolveReference('file://a', { env, secrets, basePath: '', cwd })).toEqual({
    problem: 'file://a: kv.file.base_path is not set',
  })
})
