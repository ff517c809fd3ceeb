import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { sinkDefinitions } from '../sinks/index.ts'
import { type PumpConfig, loadConfig } from './load.ts'
import { pumpConfig, sinkOptions } from './schema.ts'
import { type ConfigRow, type ConfigSection, type PlacedRow, rowsOf } from './section.ts'
import { parseJson } from './value-formats.ts'

const dir = mkdtempSync(join(tmpdir(), 'tek-config-'))
afterAll(() => rmSync(dir, { recursive: true }))

function load(file: object | string | null, env: NodeJS.ProcessEnv = {}): PumpConfig {
  const confPath = join(dir, 'pump.conf')
  rmSync(confPath, { force: true })
  if (file !== null) writeFileSync(confPath, typeof file === 'string' ? file : JSON.stringify(file))
  return loadConfig({ confPath, env, cwd: dir })
}

const DUMMY = { pumps: { dummy: { type: 'dummy' } } }
const messages = (config: PumpConfig): string[] => config.notices.map(({ message }) => message)
const sinkNamed = (config: PumpConfig, name: string) => config.sinks.find((sink) => sink.name === name)

function valueAt(config: object, key: string): unknown {
  return key.split('.').reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], config)
}

/** A text that the row's format takes, and the value it stands for, which is not the default. */
function example(row: ConfigRow): [string, unknown] {
  switch (row.format) {
    case 'go-bool':
      return [String(row.default !== true), row.default !== true]
    case 'go-int':
      return ['7', 7]
    case 'string-list':
      return ['x,y', ['x', 'y']]
    case 'int-list':
      return ['1,2', [1, 2]]
    case 'host-map':
      return ['h:1', { h: '1' }]
    case 'json':
    case 'json-merged':
      return ['{"local":{"type":"inline"}}', { local: { type: 'inline' } }]
    case 'string':
      return ['x', 'x']
    default:
      return ['1.3', '1.3']
  }
}

/** Rows whose every text but a few is refused, for a reason of their own. */
const FIXED: Readonly<Record<string, [string, unknown]>> = {
  analytics_storage_type: ['redis', 'redis'],
  'analytics_storage_config.type': ['redis', 'redis'],
  log_level: ['debug', 'debug'],
  omit_config_file: ['true', true],
  'dead_letters.destination': ['file', 'file'],
  'dead_letters.max_bytes': ['2000000', 2_000_000],
  'lease_cap.policy': ['spill', 'spill'],
}

/** Keys that mean nothing without others, and the file that has those. */
const COMPANIONS: Readonly<Record<string, object>> = {
  'lease_cap.policy': { lease_cap: { max_bytes: 1, spill_dir: 'x' } },
  'lease_cap.spill_dir': { lease_cap: { max_bytes: 1, policy: 'spill' } },
  'lease_cap.spill_max_bytes': { lease_cap: { max_bytes: 1, policy: 'spill', spill_dir: 'x' } },
}

const coreRows = rowsOf(pumpConfig).filter(({ row }) => row.refused === undefined)
const coreNames = coreRows.flatMap((placed) =>
  [placed.row.env, ...(placed.row.envOverrides ?? [])].flatMap((name) =>
    name === undefined ? [] : [[name, placed] as [string, PlacedRow]],
  ),
)

describe('the tables', () => {
  it('document every key and give it a default of its own format', () => {
    for (const section of [pumpConfig, sinkOptions, ...sinkDefinitions.map(({ options }) => options)]) {
      for (const { key, row } of rowsOf(section)) {
        expect(row.doc.length, key).toBeGreaterThan(5)
        const value = row.format === 'go-duration' ? '1s' : row.default
        if (value !== null) expect(parseJson(row.format, value).ok, `default of ${key}`).toBe(true)
      }
    }
  })

  it('give every key a variable of its own', () => {
    const names = coreNames.map(([name]) => name)
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted())
    expect(coreRows.filter(({ row }) => row.env === undefined)).toEqual([])
    for (const { options } of [{ options: sinkOptions as ConfigSection }, ...sinkDefinitions]) {
      const suffixes = rowsOf(options).flatMap(({ row }) => row.env ?? [])
      expect(suffixes.toSorted()).toEqual([...new Set(suffixes)].toSorted())
    }
  })
})

describe('variables', () => {
  it.each(coreNames)('%s sets its key', (name, { key, row }) => {
    const [text, value] = FIXED[key] ?? example(row)
    const config = load({ ...DUMMY, ...COMPANIONS[key] }, { [name]: text, TYK_PMP_PUMPS_DUMMY_TYPE: 'dummy' })
    expect(valueAt(config.core, key)).toEqual(value)
  })

  it.each(rowsOf(sinkOptions).filter(({ key }) => key !== 'type'))(
    'TYK_PMP_PUMPS_OUT_$row.env sets $key',
    ({ key, row }) => {
      const [text, value] = example(row)
      const config = load(null, { TYK_PMP_PUMPS_OUT_TYPE: 'dummy', [`TYK_PMP_PUMPS_OUT_${row.env ?? ''}`]: text })
      expect(valueAt(sinkNamed(config, 'OUT')?.options ?? {}, key)).toEqual(value)
    },
  )

  it('win over the file, also when they are empty texts', () => {
    const file = { ...DUMMY, statsd_prefix: 'file', purge_delay: 3 }
    const config = load(file, { TYK_PMP_STATSDPREFIX: '', TYK_PMP_PURGEDELAY: '4' })
    expect(config.core).toMatchObject({ statsd_prefix: '', purge_delay: 4 })
  })

  it('of Redis beat each other: TEMPORAL_STORAGE, then REDIS, then ANALYTICSSTORAGECONFIG', () => {
    const file = { ...DUMMY, analytics_storage_config: { host: 'file', port: 1, database: 1, timeout: 1 } }
    const { analytics_storage_config: storage } = load(file, {
      TYK_PMP_ANALYTICSSTORAGECONFIG_HOST: 'a',
      TYK_PMP_ANALYTICSSTORAGECONFIG_PORT: '2',
      TYK_PMP_ANALYTICSSTORAGECONFIG_DATABASE: '2',
      TYK_PMP_REDIS_HOST: 'b',
      TYK_PMP_REDIS_PORT: '3',
      TYK_PMP_TEMPORAL_STORAGE_HOST: 'c',
    }).core
    expect(storage).toMatchObject({ host: 'c', port: 3, database: 2, timeout: 1 })
  })
})

describe('the file', () => {
  it('matches keys in any letter case, and names unknown ones on one line', () => {
    const config = load({ Purge_Delay: 3, colour: 'blue', PUMPS: { dummy: { TYPE: 'DUMMY', shape: 1 } } })
    expect(config.core.purge_delay).toBe(3)
    expect(config.sinks).toHaveLength(1)
    expect(messages(config)).toContain('unknown configuration keys are ignored: colour, pumps.DUMMY.shape')
  })

  it('may be missing: the environment is enough', () => {
    const config = load(null, { TYK_PMP_PUMPS_OUT_TYPE: 'dummy' })
    expect(messages(config)).toEqual([
      `Couldn't load configuration file: open ${join(dir, 'pump.conf')}: no such file or directory`,
      "Couldn't unmarshal configuration: unexpected end of JSON input",
      'purge_delay is not set, using 10 seconds (TYK_PMP_PURGEDELAY)',
    ])
  })

  it('is ignored with TYK_PMP_OMITCONFIGFILE', () => {
    const config = load('{ rubbish', { TYK_PMP_OMITCONFIGFILE: 'TRUE', TYK_PMP_PUMPS_STDOUT_META_FORMAT: 'json' })
    expect(config.sinks.map(({ name }) => name)).toEqual(['STDOUT'])
  })

  it('stops the start when it is no JSON, without showing what is in it', () => {
    expect(() => load('{"password": "s3cret" "x"')).toThrow(/pump\.conf: expected JSON/)
    expect(() => load('{"password": "s3cret" "x"')).not.toThrow(/s3cret/)
  })

  it('leaves defaults where a key is null, and takes 0 for unset where Tyk does', () => {
    const config = load({ ...DUMMY, purge_delay: 0, log_format: null, health_check_endpoint_port: 0 })
    expect(config.core).toMatchObject({ purge_delay: 10, log_format: '', health_check_endpoint_port: 8083 })
  })

  it('lists options that are accepted and not in force', () => {
    const config = load({
      ...DUMMY,
      enable_http_profiler: true,
      uptime_pump_config: { mongo_url: 'mongodb://u:p@h/d' },
    })
    expect(messages(config)).toContain('accepted, not in force yet: enable_http_profiler, uptime_pump_config.mongo_url')
  })
})

describe('problems', () => {
  it('are told together, each with key, variable, what was expected and what came', () => {
    const file = { pumps: { dummy: { type: 'dummy', filters: { response_codes: ['200'] } } }, log_level: 'warning' }
    const env = { TYK_PMP_PURGEDELAY: '-1', TYK_PMP_DONTPURGEUPTIMEDATA: 'yes', TYK_PMP_REDIS_SSLMINVERSION: '2.0' }
    expect(() => load(file, env)).toThrow(
      [
        'failed to process config: 5 problems',
        '  purge_delay (TYK_PMP_PURGEDELAY): expected an integer from 1 to 86400, got "-1"',
        '  dont_purge_uptime_data (TYK_PMP_DONTPURGEUPTIMEDATA): expected true or false (also 1 t T 0 f F in the environment), got "yes"',
        '  analytics_storage_config.ssl_min_version (TYK_PMP_REDIS_SSLMINVERSION): expected one of 1.0, 1.1, 1.2, 1.3, got "2.0"',
        '  log_level (TYK_PMP_LOGLEVEL): Invalid log level "warning" specified in config, must be error, warn, debug or info.',
        '  pumps.DUMMY.filters.response_codes (TYK_PMP_PUMPS_DUMMY_FILTERS_RESPONSECODES): expected a list of integers (in the environment separated by commas), got ["200"]',
      ].join('\n'),
    )
  })

  it.each<[string, object, RegExp]>([
    ['another kind of storage', { analytics_storage_type: 'mongo' }, /Invalid analytics storage type: mongo/],
    [
      'a cloud identity',
      { analytics_storage_config: { iam_auth: { enabled: true } } },
      /cloud identities are not supported/,
    ],
    [
      'TLS bounds that cross',
      { analytics_storage_config: { ssl_min_version: '1.3', ssl_max_version: '1.2' } },
      /ssl_min_version/,
    ],
    ['a block that is none', { analytics_storage_config: 'redis' }, /analytics_storage_config: expected an object/],
    ['pumps that are a list', { pumps: [] }, /pumps: expected an object/],
    [
      'two names that differ in letter case',
      { pumps: { es: { type: 'dummy' }, ES: { type: 'dummy' } } },
      /pumps\.ES: another sink/,
    ],
  ])('include %s', (_, file, expected) => {
    expect(() => load({ ...DUMMY, ...file })).toThrow(expected)
  })

  it('never show a secret', () => {
    const file = { ...DUMMY, analytics_storage_config: { password: 12345 } }
    expect(() => load(file)).toThrow(/expected a text, got a hidden value/)
    expect(() => load(file)).not.toThrow(/12345/)
  })
})

describe('sinks', () => {
  it('come from file and environment, put together by name', () => {
    const config = load(
      { pumps: { myOut: { type: 'stdout', timeout: 5, meta: { Format: 'json', log_field_name: 'file' } } } },
      { TYK_PMP_PUMPS_MYOUT_META_LOGFIELDNAME: 'env', TYK_PMP_PUMPS_NEW_TYPE: 'Dummy' },
    )
    expect(config.sinks.map(({ name }) => name)).toEqual(['MYOUT', 'NEW'])
    expect(sinkNamed(config, 'MYOUT')?.options.timeout).toBe(5)
    expect(sinkNamed(config, 'MYOUT')?.meta).toMatchObject({ format: 'json', log_field_name: 'env' })
  })

  it('are of the type their variable is named after, whatever else is said', () => {
    const config = load({ pumps: { stdout: { type: 'csv' } } }, { TYK_PMP_PUMPS_STDOUT_TYPE: 'dummy' })
    expect(sinkNamed(config, 'STDOUT')?.definition.type).toBe('stdout')
  })

  it('of the file are of the type of their name when they have none', () => {
    expect(load({ pumps: { stdout: {} } }).sinks[0]?.definition.type).toBe('stdout')
  })

  it('are skipped with a line when their type is unknown or missing', () => {
    const config = load({ pumps: { ...DUMMY.pumps, a: { type: 'carrier-pigeon' } } }, { TYK_PMP_PUMPS_B_TIMEOUT: '3' })
    expect(config.sinks).toHaveLength(1)
    expect(messages(config)).toEqual(
      expect.arrayContaining([
        'TYPE Env var for pump B not found',
        'Pump load error (skipping): carrier-pigeon Not found',
      ]),
    )
  })

  it('of an unknown type are named, with the types there are', () => {
    const config = load({ pumps: { ...DUMMY.pumps, bird: { type: 'carrier-pigeon' } } })
    const notice = config.notices.find(({ message }) => message.startsWith('Pump load error'))
    expect(notice?.fields).toEqual({ pump: 'BIRD', known: 'elasticsearch, csv, stdout, sql, dummy' })
  })

  it('read their meta from the prefix of their type, from one of their own, or from their name', () => {
    const config = load(
      {
        pumps: {
          typed: { type: 'stdout' },
          custom: { type: 'stdout', meta: { meta_env_prefix: 'MY_OUT' } },
          named: { type: 'stdout' },
        },
      },
      { MY_OUT_LOGFIELDNAME: 'custom', TYK_PMP_PUMPS_NAMED_META_LOGFIELDNAME: 'named' },
    )
    const field = (name: string): unknown => sinkNamed(config, name)?.meta['log_field_name']
    expect([field('TYPED'), field('CUSTOM'), field('NAMED')]).toEqual(['tyk-analytics-record', 'custom', 'named'])
  })

  it('do not get the variables of another sink that is named after their type', () => {
    const config = load(
      { pumps: { other: { type: 'stdout', meta: { log_field_name: 'mine' } } } },
      { TYK_PMP_PUMPS_STDOUT_META_LOGFIELDNAME: 'yours' },
    )
    expect(sinkNamed(config, 'OTHER')?.meta).toMatchObject({ log_field_name: 'mine' })
    expect(sinkNamed(config, 'STDOUT')?.meta).toMatchObject({ log_field_name: 'yours' })
  })

  it('take their whole meta as JSON from one variable', () => {
    const config = load(null, { TYK_PMP_PUMPS_STDOUT_META: '{"format":"json"}' })
    expect(sinkNamed(config, 'STDOUT')?.meta).toMatchObject({ format: 'json' })
  })
})

describe('references', () => {
  const stores = { local: { type: 'inline', config: { data: { pw: 's3cret', json: '{"a":{"b/c":[1,true]}}' } } } }
  const storage = (password: string) => ({ ...DUMMY, kv: { stores }, analytics_storage_config: { password } })

  it.each([
    ['kv://local/pw', 's3cret'],
    ['kv://local/json#/a/b~1c/0', '1'],
    ['kv://local/json#a/b~1c', '[1,true]'],
    ['x-$kv{local:pw}-y', 'x-s3cret-y'],
    ['plain', 'plain'],
  ])('%s is %s', (text, value) => {
    expect(load(storage(text)).core.analytics_storage_config.password).toBe(value)
  })

  it('reach the environment and files, and the meta of sinks', () => {
    writeFileSync(join(dir, 'secret'), 'from-file\n')
    const more = {
      env: { type: 'env', config: { prefix: 'MYAPP_', uppercase: true } },
      files: { type: 'file', config: { base_path: dir } },
    }
    const file = {
      pumps: { stdout: { meta: { log_field_name: 'kv://files/secret' } } },
      statsd_prefix: 'kv://env/name',
    }
    const config = load(file, { TYK_PMP_KV_STORES: JSON.stringify(more), MYAPP_NAME: 'from-env' })
    expect(config.core.statsd_prefix).toBe('from-env')
    expect(config.sinks[0]?.meta).toMatchObject({ log_field_name: 'from-file' })
  })

  it.each<[string, object, RegExp]>([
    [
      'without stores',
      { ...DUMMY, statsd_prefix: 'kv://a/b' },
      /config contains KV references but no stores are configured/,
    ],
    ['to nothing', storage('kv://local/none'), /nothing is stored under none/],
    ['to a store that is not there', storage('kv://other/pw'), /nothing is stored under pw in the kv store other/],
    [
      'to a remote store',
      { ...DUMMY, kv: { stores: { v: { type: 'hashicorp_vault' } } } },
      /type hashicorp_vault is not supported/,
    ],
  ])('%s stop the start', (_, file, expected) => {
    expect(() => load(file)).toThrow(expected)
  })

  it('cannot leave the folder of a file store', () => {
    const file = {
      ...DUMMY,
      statsd_prefix: 'kv://f/../x',
      kv: { stores: { f: { type: 'file', config: { base_path: dir } } } },
    }
    expect(() => load(file)).toThrow(/leaves the kv store's folder/)
  })
})

describe('the article of 2020', () => {
  it('has a pump.json that loads without a word but about enable_sniffing at most', () => {
    const file = {
      analytics_storage_type: 'redis',
      analytics_storage_config: {
        type: 'redis',
        host: 'redis',
        port: 6379,
        optimisation_max_idle: 100,
        optimisation_max_active: 200,
        enable_cluster: false,
      },
      purge_delay: 5,
      pumps: {
        elasticsearch: {
          type: 'elasticsearch',
          meta: {
            index_name: 'tyk_analytics',
            elasticsearch_url: 'http://elasticsearch:9200',
            enable_sniffing: false,
            document_type: 'tyk_analytics',
            rolling_index: false,
            extended_stats: false,
            version: '6',
          },
        },
      },
      dont_purge_uptime_data: true,
    }
    expect(messages(load(file))).toEqual([])
  })
})

describe('variables that set nothing', () => {
  it('make one warning, with what may have been meant', () => {
    const env = {
      TYK_PMP_PURGE_DELAY: '5',
      TYK_PMP_NONSENSE: '',
      TYK_PMP_PUMPS_OUT_TYPE: 'csv',
      TYK_PMP_PUMPS_OUT_META_CSVDIRR: '/tmp',
      TYK_PMP_PUMPS_OUT_TIMEOUTS: '5',
    }
    expect(messages(load(DUMMY, env))).toContain(
      'unknown environment variables are ignored: TYK_PMP_NONSENSE, ' +
        'TYK_PMP_PUMPS_OUT_META_CSVDIRR (did you mean TYK_PMP_PUMPS_OUT_META_CSVDIR?), ' +
        'TYK_PMP_PUMPS_OUT_TIMEOUTS (did you mean TYK_PMP_PUMPS_OUT_TIMEOUT?), ' +
        'TYK_PMP_PURGE_DELAY (did you mean TYK_PMP_PURGEDELAY?)',
    )
  })

  it('are none of those that a key, a sink or the command line reads', () => {
    const env = {
      TYK_PMP_PURGEDELAY: '5',
      TYK_PMP_REDIS_HOST: 'r',
      TYK_PMP_TEMPORAL_STORAGE_PORT: '1',
      TYK_PMP_OMITCONFIGFILE: 'false',
      TYK_PMP_BUILDDEMODATA: '',
      TYK_PMP_PUMPS_OUT_TYPE: 'csv',
      TYK_PMP_PUMPS_OUT_META: '{"csv_dir":"/tmp"}',
      TYK_PMP_PUMPS_OUT_META_CSVDIR: '/tmp',
      TYK_PMP_PUMPS_OUT_FILTERS_RESPONSECODES: '500',
      TYK_PMP_PUMPS_CSV_META_CSVDIR: '/tmp',
      TYK_PMP_PUMPS_B_TIMEOUT: 'told about as a sink without a type',
    }
    expect(messages(load(DUMMY, env)).filter((message) => message.startsWith('unknown'))).toEqual([])
  })
})

describe('a configuration file that was named to a command', () => {
  const named = (confPath: string): PumpConfig => loadConfig({ confPath, confMustExist: true, env: {}, cwd: dir })

  it('must be there', () => {
    expect(() => named('/nope/pump.conf')).toThrow(
      /^failed to process config: 1 problem\n  --conf: open \/nope\/pump\.conf: no such file or directory; correct the path$/,
    )
  })

  it('must be a file', () => {
    expect(() => named(dir)).toThrow(/--conf: read .*: is a directory; correct the path$/)
  })

  it('is what the command works with', () => {
    writeFileSync(join(dir, 'named.conf'), JSON.stringify(DUMMY))
    expect(named('named.conf').sinks).toHaveLength(1)
  })
})
