import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SecretStoreError, type Stored, type StoredPlace } from '../secrets/store.ts'
import { isStored, parseValue, resolveValue, type Resolved } from './references.ts'

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'gateway-references-'))
  mkdirSync(join(cwd, 'kv/sub'), { recursive: true })
  writeFileSync(join(cwd, 'kv/sub/password'), 'from file\n')
  writeFileSync(join(cwd, 'kv/all.json'), '{"a": {"b/c": ["x", 7]}}')
  writeFileSync(join(cwd, 'outside'), 'x')
  symlinkSync(join(cwd, 'outside'), join(cwd, 'kv/link'))
})
afterAll(() => rmSync(cwd, { recursive: true }))

const env = { TYK_SECRET_GW_KEY: 's3', gw_key: 'wrong' }
const secrets = { up: 'http://orders:8080/' }
const held: Readonly<Record<string, Stored>> = {
  'consul:a/b': 'from consul',
  'consul:json': '{"user": "u"}',
  'vault:secret/gw': { key: 'from vault', 'dotted.name': 'd', port: 8080, on: true, nothing: null },
}

function stored({ store, path }: StoredPlace): Stored {
  const value = held[`${store}:${path}`]
  if (value === undefined) throw new SecretStoreError('missing', 'nothing is there')
  return value
}

function resolvedFrom(text: string, basePath = 'kv'): Resolved {
  const parsed = parseValue(text)
  return 'problem' in parsed ? parsed : resolveValue(parsed.parts, { env, secrets, basePath, cwd, stored })
}

test.each([
  ['plain', { value: 'plain' }],
  ['', { value: '' }],
  ['xenv://gw_key', { value: 'xenv://gw_key' }],
  ['env://gw_key', { value: 's3' }],
  ['env://absent', { value: '' }],
  ['secrets://up', { value: 'http://orders:8080/' }],
  ['secrets://constructor', { problem: 'secrets://constructor: the secrets map has no such key' }],
  ['file://sub/password', { value: 'from file' }],
  ['file://absent', { problem: 'file://absent: cannot be read (ENOENT)' }],
  ['file:///etc/hostname', { problem: 'file:///etc/hostname: the path must stay below kv.file.base_path' }],
  ['file://../outside', { problem: 'file://../outside: the path must stay below kv.file.base_path' }],
  ['file://link', { problem: 'file://link: the link leads out of kv.file.base_path' }],
  ['consul://a/b', { value: 'from consul' }],
  ['consul://a/', { problem: 'consul://a/: a folder has no value' }],
  ['consul://absent', { problem: 'consul://absent: nothing is there' }],
  ['vault://secret/gw.key', { value: 'from vault' }],
  ['vault://secret/gw.dotted.name', { value: 'd' }],
  ['vault://secret/gw.port', { value: '8080' }],
  ['vault://secret/gw.on', { value: 'true' }],
  ['vault://secret/gw.nothing', { value: 'null' }],
  ['vault://secret/gw.toString', { problem: 'vault://secret/gw.toString: there is no field toString' }],
  ['vault://secret/gw', { problem: 'vault://secret/gw: name a field of the secret, as in path/to/secret.field' }],
  ['kv://env/gw_key', { value: 's3' }],
  ['kv://secrets/up', { value: 'http://orders:8080/' }],
  ['kv://file/sub/password', { value: 'from file' }],
  ['kv://file/all.json#/a/b~1c/1', { value: '7' }],
  ['kv://file/all.json#a', { value: '{"b/c":["x",7]}' }],
  ['kv://file/sub/password#a', { problem: 'kv://file/sub/password#a: what is stored there is not JSON' }],
  ['kv://consul/json#user', { value: 'u' }],
  ['kv://vault/secret/gw#key', { value: 'from vault' }],
  ['kv://vault/secret/gw.key', { value: 'from vault' }],
  [
    'kv://other/x',
    { problem: 'kv://other/x: there is no store other; there are env, secrets, file, consul and vault' },
  ],
  ['kv://vault', { problem: 'kv://vault: expected kv://store/path or kv://store/path#field' }],
  ['kv://env/', { problem: 'kv://env/: the path is empty' }],
  ['a $kv{env:gw_key} b $kv{vault:secret/gw#key}', { value: 'a s3 b from vault' }],
  ['a $kv{env} b', { problem: '$kv{env}: expected $kv{store:path} or $kv{store:path#field}' }],
  ['a $kv{env:x b', { problem: '$kv{: the brace is not closed' }],
])('%j', (text, resolved) => {
  expect(resolvedFrom(text)).toEqual(resolved)
})

test('a file reference needs kv.file.base_path', () => {
  expect(resolvedFrom('file://a', '')).toEqual({
    problem: 'file://a: kv.file.base_path (TYK_GW_KV_FILE_BASEPATH) is not set',
  })
})

test.each([
  ['plain', false],
  ['env://x', false],
  ['kv://file/x', false],
  ['consul://x', true],
  ['kv://vault/x#y', true],
  ['a $kv{consul:x}', true],
])('%j is asked for in Consul or Vault: %j', (text, expected) => {
  const parsed = parseValue(text)
  expect('parts' in parsed && isStored(parsed.parts)).toBe(expected)
})
