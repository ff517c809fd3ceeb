import { describe, expect, it } from 'vitest'
import { loadSection } from '../config/load-section.ts'
import { ConfigReport } from '../config/report.ts'
import type { StorageConfig } from '../config/schema.ts'
import { storageOptions } from '../config/storage-options.ts'
import { addressesOf, buildTarget, keyPrefixOf } from './options.ts'

function storage(file: object): StorageConfig {
  const report = new ConfigReport()
  const source = { file, place: '', env: () => undefined, envName: () => undefined, resolve: (text: string) => text }
  const config = loadSection(storageOptions, source, report)
  report.throwIfAny()
  return config
}

describe('addresses of Redis', () => {
  it.each<[object, object[]]>([
    [{}, [{ host: '127.0.0.1', port: 6379 }]],
    [{ host: 'redis' }, [{ host: 'redis', port: 6379 }]],
    [{ port: 7000 }, [{ host: 'localhost', port: 7000 }]],
    [
      { host: 'x', port: 1, hosts: { a: '2', b: '3' } },
      [
        { host: 'a', port: 2 },
        { host: 'b', port: 3 },
      ],
    ],
    [
      { host: 'x', hosts: { a: '2' }, addrs: ['c:4', '[::1]:5', ':6'] },
      [
        { host: 'c', port: 4 },
        { host: '::1', port: 5 },
        { host: 'localhost', port: 6 },
      ],
    ],
  ])('%j', (file, expected) => {
    expect(addressesOf(storage(file))).toEqual(expected)
  })
})

describe('the connection', () => {
  it('goes to the first address alone without a cluster', () => {
    const target = buildTarget(storage({ addrs: ['a:1', 'b:2'], database: 3, username: 'u', password: 'p' }))
    expect(target).toMatchObject({
      kind: 'single',
      options: { host: 'a', port: 1, db: 3, username: 'u', password: 'p' },
    })
  })

  it('has its timeout in seconds, five when unset', () => {
    expect(buildTarget(storage({})).options).toMatchObject({ connectTimeout: 5000, commandTimeout: 5000 })
    expect(buildTarget(storage({ timeout: 2 })).options).toMatchObject({ connectTimeout: 2000 })
  })

  it('asks Sentinels when a master name is set, even with enable_cluster', () => {
    const file = { addrs: ['s1:26379', 's2:26379'], master_name: 'm', sentinel_password: 'sp', enable_cluster: true }
    const sentinels = [
      { host: 's1', port: 26379 },
      { host: 's2', port: 26379 },
    ]
    expect(buildTarget(storage(file))).toMatchObject({
      kind: 'single',
      options: { name: 'm', sentinels, sentinelPassword: 'sp', sentinelCommandTimeout: 5000 },
    })
  })

  it.each([
    ["READONLY You can't write against a read only replica.", true],
    ["ERR Error running script (call to f_4ca2): @user_script:12: -READONLY You can't write against a replica.", true],
    ["ERR unknown command 'READONLY'", false],
    ['OOM command not allowed', false],
  ])('connects anew where it is told %j: %s', (message, expected) => {
    const target = buildTarget(storage({}))
    const anew = target.kind === 'single' && target.options.reconnectOnError?.(new Error(message))
    expect(anew).toBe(expected)
  })

  it('speaks to all nodes of a cluster', () => {
    const target = buildTarget(storage({ addrs: ['a:1', 'b:2'], enable_cluster: true, password: 'p' }))
    expect(target).toMatchObject({ kind: 'cluster', options: { redisOptions: { password: 'p' } } })
    expect(target.kind === 'cluster' && target.nodes).toHaveLength(2)
  })

  it.each<[object, object]>([
    [{ use_ssl: true }, { rejectUnauthorized: true, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' }],
    [{ redis_use_ssl: true, redis_ssl_insecure_skip_verify: true }, { rejectUnauthorized: false }],
    [
      { use_ssl: true, ssl_min_version: '1.0', ssl_max_version: '1.1' },
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' },
    ],
  ])('uses TLS with %j', (file, tls) => {
    expect(buildTarget(storage(file)).options).toMatchObject({ tls })
  })

  it('uses no TLS by default, whatever the other options say', () => {
    expect(buildTarget(storage({ ssl_insecure_skip_verify: true })).options).not.toHaveProperty('tls')
  })
})

describe('the prefix of lists', () => {
  it.each([
    [{}, 'analytics-'],
    [{ redis_key_prefix: 'old-' }, 'old-'],
    [{ redis_key_prefix: 'old-', key_prefix: 'new-' }, 'new-'],
  ])('%j: %s', (file, expected) => {
    expect(keyPrefixOf(storage(file), 'analytics-')).toBe(expected)
  })
})
