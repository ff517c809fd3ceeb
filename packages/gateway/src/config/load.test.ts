import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createAuthority } from '../../../../test/support/certificates.ts'
import { type CliOptions, parseArgs } from '../cli.ts'
import { ConfigError } from './config-error.ts'
import { lintConfig } from './lint.ts'
import { type LoadedConfig, loadConfig } from './load.ts'
import { gatewayConfig } from './schema.ts'
import { isRow, type ConfigSection, type PlacedRow, rowsOf } from './section.ts'

const authority = await createAuthority()
afterAll(() => authority[Symbol.asyncDispose]())
/** A file with a certificate and its key. */
const { file: pem } = await authority.issue({ cn: 'a.b' })

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'gateway-config-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

/** What stops the warnings about keys no gateway can do without. */
const minimal = { listen_port: 8080, secret: 'top', template_path: 't', storage: { type: 'redis', host: 'r', port: 1 } }

function argsOf(...argv: string[]): CliOptions {
  const args = parseArgs(argv)
  if (args.kind === 'error') throw new Error(args.message)
  return args
}

function load(file: unknown, env: NodeJS.ProcessEnv = {}, args = argsOf()): LoadedConfig {
  writeFileSync(join(cwd, 'tyk.conf'), typeof file === 'string' ? file : JSON.stringify(file))
  return loadConfig({ args, env, cwd })
}

function errorOf(action: () => unknown): ConfigError {
  try {
    action()
  } catch (err) {
    if (err instanceof ConfigError) return err
    throw err
  }
  throw new Error('nothing was thrown')
}

function messageOf(action: () => unknown): string {
  return errorOf(action).message.replaceAll(cwd, '')
}

function valueAt(config: unknown, key: string): unknown {
  return key.split('.').reduce((node, name) => (node as Record<string, unknown>)[name], config)
}

describe('every variable sets its key', () => {
  const samples: Readonly<Record<string, readonly [string, unknown]>> = {
    string: ['from-env', 'from-env'],
    'go-int': ['0x309', 777],
    'go-float': ['7.25', 7.25],
    'go-duration': ['1m30s', 90_000],
    'string-list': ['a, b', ['a', ' b']],
    'string-map': ['a.b:1,c:2', { 'a.b': '1', c: '2' }],
    'certificate-list': [
      '[{"domain_name":"d","cert_file":"c","key_file":"k"}]',
      [{ domain_name: 'd', cert_file: 'c', key_file: 'k' }],
    ],
  }
  const special: Readonly<Record<string, readonly [string, unknown]>> = {
    log_level: ['debug', 'debug'],
    'storage.type': ['redis', 'redis'],
    'analytics_storage.type': ['redis', 'redis'],
    'http_server_options.max_version': ['772', 772],
    'http_server_options.min_version': ['770', 770],
    proxy_ssl_max_version: ['772', 772],
    proxy_ssl_min_version: ['770', 770],
    'analytics_config.records_buffer_size': ['5_000', 5000],
    'http_server_options.ssl_certificates': [pem, [pem]],
    'security.certificates.upstream': [`a.b:${pem}`, { 'a.b': pem }],
    'security.pinned_public_keys': [`a.b:${pem}`, { 'a.b': pem }],
    'kv.vault.address': ['http://v:1', 'http://v:1'],
    'kv.vault.agent_address': ['http://v:1', 'http://v:1'],
    'kv.vault.max_retries': ['0x9', 9],
    'kv.vault.kv_version': ['1', 1],
  }
  const sample = ({ key, row }: PlacedRow): readonly [string, unknown] => {
    if (special[key] !== undefined) return special[key]
    if (row.format === 'go-bool') return row.default === true ? ['F', false] : ['T', true]
    if (row.format === 'json' || row.format === 'json-merged') {
      return Array.isArray(row.default) ? ['[{"a.b":1}]', [{ 'a.b': 1 }]] : ['{"a.b":{"c":1}}', { 'a.b': { c: 1 } }]
    }
    if (typeof row.format === 'string') return samples[row.format] ?? ['', '']
    const last = row.format.at(-1) ?? ''
    return [last, last]
  }
  const settable = rowsOf(gatewayConfig).filter(({ row }) => row.env !== undefined && row.refused === undefined)

  test.each(settable)('$row.env', (placed) => {
    const [text, value] = sample(placed)
    expect(valueAt(load(minimal, { [placed.row.env as string]: text }).config, placed.key)).toEqual(value)
  })
})

describe('precedence', () => {
  test('a file beats the default, the environment beats the file, --port beats both', () => {
    expect(load({ ...minimal, log_format: 'json' }).config.log_format).toBe('json')
    expect(load(minimal).config.listen_port).toBe(8080)
    expect(load(minimal, { TYK_GW_LISTENPORT: '9000' }).config.listen_port).toBe(9000)
    expect(load(minimal, { TYK_GW_LISTENPORT: '9000' }, argsOf('--port=9100')).config.listen_port).toBe(9100)
  })

  test('an empty variable overwrites text', () => {
    expect(load({ ...minimal, hostname: 'a' }, { TYK_GW_HOSTNAME: '' }).config.hostname).toBe('')
  })

  test('a list and a map from the environment replace those of the file', () => {
    const file = { ...minimal, analytics_config: { ignored_ips: ['9.9.9.9'] }, secrets: { a: '1' } }
    const { config } = load(file, { TYK_GW_ANALYTICSCONFIG_IGNOREDIPS: '10.0.0.1,10.0.0.2', TYK_GW_SECRETS: 'b:2' })
    expect(config.analytics_config.ignored_ips).toEqual(['10.0.0.1', '10.0.0.2'])
    expect(config.secrets).toEqual({ b: '2' })
  })

  test('the port whitelist from the environment is laid over that of the file, protocol by protocol', () => {
    const file = { ...minimal, ports_whitelist: { http: { ports: [1] }, tls: { ports: [2] } } }
    const { config } = load(file, { TYK_GW_PORTWHITELIST: '{"tls":{"ports":[3]}}' })
    expect(config.ports_whitelist).toEqual({ http: { ports: [1] }, tls: { ports: [3] } })
  })

  test('variables of Tyk that set no key here are ignored without a word', () => {
    const env = {
      TYK_GW_OAS_VALIDATE_EXAMPLES: 'x',
      TYK_GW_TRACER_OPTIONS_SERVICENAME: 'x',
      TYK_GW_OPTIMISATIONSUSEASYNCSESSIONWRITE: 'true',
      TYK_GW_ANALYTICSCONFIG_MONGOURL: 'mongodb://m',
      TYK_SECRET_A: 'x',
    }
    expect(load(minimal, env).warnings).toEqual([])
  })

  test('variables that nothing knows make one warning, with what may have been meant', () => {
    const env = { TYK_GW_LISTEN_PORT: '1', TYK_GW_HASHKEY: 'true', TYK_GW_NONSENSE: '', TYK_GW_STORAGE_HOSTT: 'r' }
    expect(load(minimal, env).warnings).toEqual([
      'Ignoring unknown environment variables: TYK_GW_HASHKEY (did you mean TYK_GW_HASHKEYS?), ' +
        'TYK_GW_LISTEN_PORT (did you mean TYK_GW_LISTENPORT?), TYK_GW_NONSENSE, ' +
        'TYK_GW_STORAGE_HOSTT (did you mean TYK_GW_STORAGE_HOST?)',
    ])
  })
})

describe('TLS settings', () => {
  const problems = (options: Record<string, unknown>): string =>
    messageOf(() => load({ ...minimal, http_server_options: options }))

  test('a version that does not exist stops the start', () => {
    expect(problems({ min_version: 700 })).toContain(
      'expected 769 (TLS 1.0), 770 (1.1), 771 (1.2) or 772 (1.3), got 700',
    )
  })

  test('a range that is empty stops the start', () => {
    expect(problems({ min_version: 772, max_version: 771 })).toContain('the lowest TLS version is above the highest')
  })

  test('a certificate that is no file stops the start', () => {
    expect(problems({ ssl_certificates: ['default0123'] })).toContain(
      '"default0123" is not a readable PEM file; ids of a certificate store are not supported in this version',
    )
  })

  test('the id of a public key is a pin without a file', () => {
    const id = `default${'0a'.repeat(32)}`
    const file = { ...minimal, security: { pinned_public_keys: { '*': id } } }
    expect(load(file).config.security.pinned_public_keys).toEqual({ '*': id })
  })
})

describe('the file', () => {
  test('matches keys in any letter case, and the last of equal names wins', () => {
    const { config } = load('{"Monitor":{"GLOBAL_trigger_limit":1},"Listen_Port":1,"listen_port":2,"secret":"x"}')
    expect(config.monitor.global_trigger_limit).toBe(1)
    expect(config.listen_port).toBe(2)
  })

  test('null leaves a key at its default, a section too', () => {
    const { config } = load({ ...minimal, monitor: null, min_token_length: null, hostname: null })
    expect([config.min_token_length, config.hostname, config.monitor.global_trigger_limit]).toEqual([3, '', 0])
  })

  test('ignores what follows the first value', () => {
    expect(load(`${JSON.stringify(minimal)} # end`).config.listen_port).toBe(8080)
  })

  test('keeps maps whose keys have dots, and nested maps', () => {
    const file = {
      ...minimal,
      storage: { ...minimal.storage, hosts: { 'a.b.c': '6379' } },
      override_messages: { 'auth.key_not_found': { message: 'no', code: 418 } },
      event_handlers: { events: { TokenCreated: [{ handler_name: 'eh_log_handler', handler_meta: { a: {} } }] } },
    }
    const { config } = load(file)
    expect(config.storage.hosts).toEqual({ 'a.b.c': '6379' })
    expect(config.override_messages).toEqual({ 'auth.key_not_found': { message: 'no', code: 418 } })
    expect(config.event_handlers.events).toEqual(file.event_handlers.events)
  })

  test('text that looks like a number or a boolean stays text', () => {
    const { config } = load({ ...minimal, hostname: 'false', version_header: '12' })
    expect([config.hostname, config.version_header]).toEqual(['false', '12'])
  })

  test('unknown keys make one warning, old ones none', () => {
    const { warnings } = load({
      ...minimal,
      listen_prot: 1,
      optimisations_use_async_session_write: true,
      analytics_config: { csv_dir: '/tmp', mongo_url: '', purge_delay: 10, nonsense: {} },
      dns_cache: { check_interval: 60 },
      private: { oauth_tokens_purge_interval: 1 },
    })
    expect(warnings).toEqual([
      'Ignoring unknown configuration keys: listen_prot (did you mean listen_port?), analytics_config.nonsense, private.oauth_tokens_purge_interval',
    ])
  })

  test.each([
    ['http_server_options.read_timeout', 0, 120],
    ['proxy_default_timeout', -1, 30],
    ['proxy_default_timeout', 0.5, 0.5],
    ['reload_interval', -5, 1],
    ['analytics_config.records_buffer_size', 999, 1000],
    ['analytics_config.storage_expiration_time', 0, 60],
    ['analytics_config.storage_expiration_time', -1, -1],
    ['health_check_endpoint_name', '', 'hello'],
    ['liveness_check.check_duration', 0, 10_000],
    ['storage.tls_min_version', '', '1.2'],
  ])('%s %j becomes %j', (key, written, value) => {
    const [section, name] = key.split('.')
    const part = name === undefined ? { [key]: written } : { [section as string]: { [name]: written } }
    expect(valueAt(load({ ...minimal, ...part }).config, key)).toBe(value)
  })

  test('is the first that exists, and only the given one with --conf', () => {
    writeFileSync(join(cwd, 'other.conf'), JSON.stringify({ ...minimal, hostname: 'other' }))
    expect(load(minimal).path).toBe(join(cwd, 'tyk.conf'))
    const other = load(minimal, {}, argsOf('--conf', 'other.conf'))
    expect([other.config.hostname, other.path]).toEqual(['other', join(cwd, 'other.conf')])
  })

  test('that is there but cannot be read stops the start', () => {
    expect(messageOf(() => load(minimal, {}, argsOf('--conf=.')))).toBe(
      "couldn't unmarshal config : 1 problem\n  cannot be read (EISDIR)",
    )
  })
})

describe('without a file', () => {
  test('writes the built-in values, nothing of the environment, and starts with both', () => {
    const env = { TYK_GW_SECRET: 'only-in-env', TYK_GW_LISTENPORT: '9000' }
    const { config, path, warnings, notes, pendingSet } = loadConfig({ args: argsOf(), env, cwd })
    expect(path).toBe(join(cwd, 'tyk.conf'))
    expect(warnings).toEqual([`No config file found, writing default to ${path}`])
    expect(notes).toEqual(['Loading default configuration...'])
    expect([config.secret, config.listen_port, config.app_path]).toEqual(['only-in-env', 9000, 'apps/'])
    expect(pendingSet).toEqual([])
    const text = readFileSync(join(cwd, 'tyk.conf'), 'utf8')
    expect(text).toMatch(/^\{\n {4}"listen_address": "",\n {4}"listen_port": 8080,\n/)
    expect(text).not.toContain('only-in-env')
    expect(statSync(join(cwd, 'tyk.conf')).mode & 0o133).toBe(0)
  })

  test('the written file loads to the same values without a warning', () => {
    const first = loadConfig({ args: argsOf(), env: {}, cwd })
    const second = loadConfig({ args: argsOf(), env: {}, cwd })
    expect(second.config).toEqual(first.config)
    expect([second.warnings, second.pendingSet]).toEqual([[], []])
  })

  const openDoor =
    'The default file is not safe to be reached: its secret (TYK_GW_SECRET) is publicly known and opens the control API, ' +
    'and listen_address (TYK_GW_LISTENADDRESS) is every interface, port 8080'

  test('says that a file given by name is not there, and what the defaults leave open', () => {
    const { warnings } = loadConfig({ args: argsOf('--conf=my.conf'), env: {}, cwd })
    const path = join(cwd, 'my.conf')
    expect(warnings).toEqual([
      `--conf ${path} does not exist: writing a default file there and starting with it`,
      openDoor,
    ])
  })

  test.each([{ TYK_GW_SECRET: 'own' }, { TYK_GW_LISTENADDRESS: '127.0.0.1' }])(
    'does not call %j open to everybody',
    (env) => {
      expect(loadConfig({ args: argsOf(), env, cwd }).warnings).toHaveLength(1)
    },
  )

  test('goes on when the file cannot be written', () => {
    const { config, warnings } = loadConfig({ args: argsOf('--conf=missing/tyk.conf'), env: {}, cwd })
    expect(config.listen_port).toBe(8080)
    expect(warnings[1]).toBe(`Could not write ${join(cwd, 'missing/tyk.conf')} (ENOENT), going on with the defaults`)
  })
})

describe('TYK_GW_OMITCONFIGFILE', () => {
  const seven = {
    TYK_GW_LISTENPORT: '8080',
    TYK_GW_SECRET: 's',
    TYK_GW_STORAGE_TYPE: 'redis',
    TYK_GW_STORAGE_HOST: 'r',
    TYK_GW_STORAGE_PORT: '6379',
    TYK_GW_TEMPLATEPATH: 't',
    TYK_GW_APPPATH: 'a',
  }

  test.each(['true', 'TRUE', 'True'])('%s leaves the file aside', (value) => {
    const { config, path, warnings } = load({ ...minimal, hostname: 'x' }, { ...seven, TYK_GW_OMITCONFIGFILE: value })
    expect([config.hostname, config.app_path, path, warnings]).toEqual(['', 'a', null, []])
  })

  test.each(['1', 'T', 'yes', ''])('%j does not', (value) => {
    expect(load({ ...minimal, hostname: 'x' }, { TYK_GW_OMITCONFIGFILE: value }).config.hostname).toBe('x')
  })

  test('does not write a file', () => {
    loadConfig({ args: argsOf(), env: { ...seven, TYK_GW_OMITCONFIGFILE: 'true' }, cwd })
    expect(statSync(join(cwd, 'tyk.conf'), { throwIfNoEntry: false })).toBeUndefined()
  })
})

describe('what no gateway can do without', () => {
  test('gets the built-in value and a warning, when the file leaves it out', () => {
    const { config, warnings } = load({})
    expect(config.listen_port).toBe(8080)
    expect(config.secret).toBe('352d20ee67be67f6340b4c0605b044b7')
    expect(config.template_path).toBe('templates')
    expect(config.storage).toMatchObject({ type: 'redis', host: 'localhost', port: 6379 })
    expect(warnings).toEqual([
      'listen_port (TYK_GW_LISTENPORT) is not set, using 8080',
      'secret (TYK_GW_SECRET) is not set, using its well-known default',
      'storage.type (TYK_GW_STORAGE_TYPE) is not set, using "redis"',
      'storage.host (TYK_GW_STORAGE_HOST) is not set, using "localhost"',
      'storage.port (TYK_GW_STORAGE_PORT) is not set, using 6379',
      'template_path (TYK_GW_TEMPLATEPATH) is not set, using "templates"',
    ])
  })

  test('leaves host and port alone when addresses are given', () => {
    const { config } = load({ ...minimal, storage: { type: 'redis', addrs: ['a:1'] } })
    expect([config.storage.host, config.storage.port]).toEqual(['', 0])
  })

  test('uses the working directory when it has error templates', () => {
    writeFileSync(join(cwd, 'error.json'), '{}')
    expect(load({ ...minimal, template_path: '' }).config.template_path).toBe('')
  })
})

describe('problems', () => {
  test('are reported all at once, each with key, variable, what was expected and what came', () => {
    const file = { ...minimal, storage: { port: '6379a' }, hash_keys: 'yes', policies: [], secret: 7 }
    const env = { TYK_GW_STORAGE_PORT: '6379a', TYK_GW_ENABLEANALYTICS: 'yes', TYK_GW_SECRETS: 'hunter2' }
    expect(messageOf(() => load(file, env))).toBe(
      [
        "couldn't unmarshal config /tyk.conf: 4 problems",
        '  secret (TYK_GW_SECRET): expected a string, got a value that is not shown',
        '  storage.port (TYK_GW_STORAGE_PORT): expected an integer from 0 to 65535, got "6379a"',
        '  hash_keys (TYK_GW_HASHKEYS): expected true or false, got "yes"',
        '  policies: expected an object, got a list',
        'failed to process config env vars: 3 problems',
        '  storage.port (TYK_GW_STORAGE_PORT): expected an integer from 0 to 65535, got "6379a"',
        '  enable_analytics (TYK_GW_ENABLEANALYTICS): expected true or false (also 1 t T 0 f F), got "yes"',
        '  secrets (TYK_GW_SECRETS): expected k1:v1,k2:v2 with one colon in each part, got a value that is not shown',
      ].join('\n'),
    )
  })

  test('name an empty port', () => {
    expect(messageOf(() => load(minimal, { TYK_GW_LISTENPORT: '' }))).toBe(
      'failed to process config env vars: 1 problem\n' +
        '  listen_port (TYK_GW_LISTENPORT): expected an integer from 0 to 65535, got ""',
    )
  })

  test('carry a code and the single lines', () => {
    expect(errorOf(() => load('{'))).toMatchObject({
      code: 'GATEWAY_CONFIG',
      problems: ['not valid JSON: expected a string in double quotes at line 1, column 2, but the text ends'],
    })
  })

  test.each<[string, object, string]>([
    [
      'the Dashboard mode',
      { use_db_app_configs: true },
      'use_db_app_configs (TYK_GW_USEDBAPPCONFIGS): there is no Dashboard mode; API definitions come from app_path',
    ],
    [
      'policies of a Dashboard',
      { policies: { policy_source: 'service' } },
      'policies.policy_source (TYK_GW_POLICIES_POLICYSOURCE): policies come from files only, got "service"',
    ],
    [
      'another storage than Redis',
      { storage: { type: 'mongo' } },
      'storage.type (TYK_GW_STORAGE_TYPE): expected "redis", got "mongo"',
    ],
    [
      'TLS bounds that exclude each other',
      { http_server_options: { min_version: 772, max_version: 771 } },
      'http_server_options.min_version (TYK_GW_HTTPSERVEROPTIONS_MINVERSION): the lowest TLS version is above the highest (http_server_options.max_version)',
    ],
    [
      'a health endpoint at the path of metrics',
      { enable_metrics: true, readiness_check_endpoint_name: 'metrics' },
      'readiness_check_endpoint_name (TYK_GW_READINESSCHECKENDPOINTNAME): /metrics is taken by enable_metrics (TYK_GW_ENABLEMETRICS): choose another name',
    ],
    [
      'an unknown log level',
      { log_level: 'warning' },
      'Invalid log level "warning" specified in config, must be error, warn, debug or info.',
    ],
    [
      'a rate limiter that is not here',
      { enable_token_bucket_rate_limiter: true },
      'enable_token_bucket_rate_limiter (TYK_GW_ENABLETOKENBUCKETRATELIMITER): this algorithm is not here; use enable_redis_rolling_limiter, enable_fixed_window_rate_limiter or enable_sentinel_rate_limiter, or none of them',
    ],
    [
      'a stored certificate for calls of the gateway',
      { external_services: { oauth: { mtls: { cert_id: 'x' } } } },
      'external_services.oauth.mtls.cert_id (TYK_GW_EXTERNALSERVICES_OAUTH_MTLS_CERTID): the certificate store holds no private keys in this version; use cert_file and key_file',
    ],
    [
      'a Redis for rate limits alone',
      { rate_limiter_storage: { type: 'redis', host: 'r2' } },
      'rate_limiter_storage: rates are counted in the Redis of storage, for all gateways that share it',
    ],
    [
      'a reference to a store that is not set up',
      { secret: 'vault://secret/gw.key' },
      'secret (TYK_GW_SECRET): vault://secret/gw.key: kv.vault.address (TYK_GW_KV_VAULT_ADDRESS) is not set',
    ],
    [
      'a reference without a field',
      { secret: 'vault://secret/gw', kv: { vault: { address: 'http://v:1' } } },
      'secret (TYK_GW_SECRET): vault://secret/gw: name a field of the secret, as in path/to/secret.field',
    ],
    [
      'an address without a scheme',
      { kv: { vault: { address: 'vault:8200' } } },
      'kv.vault.address (TYK_GW_KV_VAULT_ADDRESS): expected a URL such as https://host:port, without path, query and credentials',
    ],
    [
      'an address with credentials in it',
      { kv: { consul: { address: 'http://ann:pw@consul:8500' } } },
      'kv.consul.address (TYK_GW_KV_CONSUL_ADDRESS): expected host:port or a URL such as https://host:port, without path, query and credentials',
    ],
    [
      'a token that no header may have',
      { kv: { vault: { token: 's.1\n' } } },
      'kv.vault.token (TYK_GW_KV_VAULT_TOKEN): a token has no blanks and only ASCII characters; this one has others',
    ],
    [
      'an authority that cannot be read',
      { kv: { consul: { address: 'consul:8501', scheme: 'https', tls_config: { ca_file: '/nowhere/ca.pem' } } } },
      'kv.consul.tls_config.ca_file (TYK_GW_KV_CONSUL_TLSCONFIG_CAFILE): cannot be used (ENOENT)',
    ],
    [
      'a certificate without a key',
      { kv: { consul: { address: 'https://consul:8501', tls_config: { cert_file: pem } } } },
      'kv.consul.tls_config.key_file (TYK_GW_KV_CONSUL_TLSCONFIG_KEYFILE): certificate and key are needed together',
    ],
    [
      'TLS settings of a server that is spoken to in the clear',
      { kv: { consul: { address: 'consul:8500', tls_config: { ca_file: authority.certFile } } } },
      'kv.consul.scheme (TYK_GW_KV_CONSUL_SCHEME): kv.consul.tls_config has no effect over http: set https',
    ],
  ])('%s is refused', (_name, part, problem) => {
    expect(messageOf(() => load({ ...minimal, ...part }))).toBe(`configuration refused: 1 problem\n  ${problem}`)
  })

  test('an unknown log level does not matter when TYK_LOGLEVEL or --debug decides', () => {
    expect(load({ ...minimal, log_level: 'x' }, { TYK_LOGLEVEL: 'info' }).config.log_level).toBe('x')
    expect(load({ ...minimal, log_level: 'x' }, {}, argsOf('--debug')).config.log_level).toBe('x')
  })
})

test('references are resolved in the fields that may have one, and in no other', () => {
  const file = {
    ...minimal,
    secret: 'env://gw',
    node_secret: 'secrets://node',
    hostname: 'env://gw',
    secrets: { node: 'n1' },
  }
  const { config } = load(file, { TYK_SECRET_GW: 's3' })
  expect([config.secret, config.node_secret, config.hostname]).toEqual(['s3', 'n1', 'env://gw'])
})

test('references to Consul and Vault stay until somebody asks there', () => {
  const file = {
    ...minimal,
    secret: 'vault://secret/gw.key',
    node_secret: 'n-$kv{consul:gw/node}',
    kv: { vault: { token: 't', timeout: 30 }, consul: { address: 'consul:8500', wait_time: 10 } },
  }
  const { config, storedValues } = load(file)
  expect(storedValues.map(({ placed, text }) => [placed.key, text])).toEqual([
    ['secret', 'vault://secret/gw.key'],
    ['node_secret', 'n-$kv{consul:gw/node}'],
  ])
  // Examples for Tyk have small numbers here, which as nanoseconds no request could keep to.
  expect([config.kv.vault.timeout, config.kv.consul.wait_time]).toEqual([10_000, 10_000])
  expect([config.kv.vault.kv_version, config.kv.vault.max_retries]).toEqual([2, 2])
})

test('a secret whose reference leads to nothing is refused: no well-known one stands in for it', () => {
  const file = {
    ...minimal,
    secret: 'env://admin',
    node_secret: 'secrets://node',
    secrets: { node: ' ' },
    storage: { ...minimal.storage, password: 'env://none' },
  }
  expect(messageOf(() => load(file))).toBe(
    [
      'configuration refused: 2 problems',
      '  secret (TYK_GW_SECRET): env://admin is empty: set TYK_SECRET_ADMIN',
      '  node_secret (TYK_GW_NODESECRET): secrets://node is empty: give node a value in the secrets map',
    ].join('\n'),
  )
  expect(load(file, { TYK_SECRET_ADMIN: 's3', TYK_GW_NODESECRET: 'n' }).config.secret).toBe('s3')
})

test('pending keys are listed when they were set to something, wherever', () => {
  const file = { ...minimal, enable_http_profiler: true, health_check: { enable_health_checks: true } }
  const env = { TYK_GW_HEALTHCHECK_ENABLEHEALTHCHECKS: 'false', TYK_GW_COPROCESSOPTIONS_ENABLECOPROCESS: 'true' }
  expect(load(file, env).pendingSet).toEqual(['enable_http_profiler', 'coprocess_options.enable_coprocess'])
})

test('the result is frozen all the way down', () => {
  const { config } = load({ ...minimal, override_messages: { a: { message: 'm', code: 1 } } })
  for (const value of [config, config.storage, config.storage.addrs, config.override_messages['a']]) {
    expect(Object.isFrozen(value)).toBe(true)
  }
})

test('the result has a value for every key and no other keys', () => {
  const compare = (section: ConfigSection, value: object): void => {
    expect(Object.keys(value).toSorted()).toEqual(Object.keys(section).toSorted())
    for (const [name, node] of Object.entries(section)) {
      if (!isRow(node)) compare(node, (value as Record<string, object>)[name] ?? {})
    }
  }
  compare(gatewayConfig, load({}).config)
})

test('an old standalone file and the variables of a chart start without a problem', () => {
  const file = {
    listen_address: '',
    listen_port: 8080,
    secret: '352d20ee67be67f6340b4c0605b044b7',
    template_path: '/opt/tyk-gateway/templates',
    tyk_js_path: '/opt/tyk-gateway/js/tyk.js',
    middleware_path: '/opt/tyk-gateway/middleware',
    use_db_app_configs: false,
    app_path: '/opt/tyk-gateway/apps/',
    storage: { type: 'redis', host: 'redis', port: 6379, username: '', password: '', database: 0 },
    enable_analytics: false,
    analytics_config: { type: 'csv', csv_dir: '/tmp', mongo_url: '', purge_delay: -1, ignored_ips: [] },
    health_check: { enable_health_checks: true, health_check_value_timeouts: 60 },
    optimisations_use_async_session_write: true,
    policies: { policy_source: 'file', policy_record_name: '/opt/tyk-gateway/policies/policies.json' },
    hash_keys: true,
    allow_insecure_configs: true,
    coprocess_options: { enable_coprocess: true, coprocess_grpc_server: '' },
    bundle_base_url: '',
    global_session_lifetime: 100,
    enable_jsvm: true,
  }
  const env = {
    TYK_GW_ENABLEANALYTICS: 'true',
    TYK_GW_HEALTHCHECK_ENABLEHEALTHCHECKS: 'false',
    TYK_GW_LOGFORMAT: 'default',
    TYK_GW_ANALYTICSCONFIG_TYPE: '',
    TYK_GW_USEDBAPPCONFIGS: 'false',
    TYK_GW_STREAMING_ENABLED: 'false',
    TYK_GW_TRACER_ENABLED: 'false',
    TYK_GW_STORAGE_TLSMINVERSION: '',
    REDIGOCLUSTER_SHARDCOUNT: '128',
  }
  const { config, warnings } = load(file, env)
  expect(warnings).toEqual([])
  expect(config.enable_analytics).toBe(true)
})

describe('lint', () => {
  const lint = (env: NodeJS.ProcessEnv = {}): ReturnType<typeof lintConfig> =>
    lintConfig({ args: argsOf('lint'), env, cwd })

  test('finds no issues and leaves the file as it is', () => {
    const text = JSON.stringify(minimal)
    writeFileSync(join(cwd, 'tyk.conf'), text)
    expect(lint()).toMatchObject({ path: join(cwd, 'tyk.conf'), issues: [], remarks: [] })
    expect(readFileSync(join(cwd, 'tyk.conf'), 'utf8')).toBe(text)
  })

  test('finds the problems that would stop a start', () => {
    writeFileSync(join(cwd, 'tyk.conf'), '{"hash_keys":1}')
    expect(lint()).toEqual({
      loaded: null,
      path: join(cwd, 'tyk.conf'),
      issues: ['hash_keys (TYK_GW_HASHKEYS): expected true or false, got 1'],
      remarks: [],
    })
  })

  test('counts unknown keys and variables as issues, and what is filled in as a remark', () => {
    const { secret: _secret, ...file } = { ...minimal, listen_prot: 1, hashing: true }
    writeFileSync(join(cwd, 'tyk.conf'), JSON.stringify(file))
    const { issues, remarks } = lint({ TYK_GW_NONSENSE: '1' })
    expect(issues).toEqual([
      'unknown: listen_prot (did you mean listen_port?)',
      'unknown: hashing',
      'unknown: TYK_GW_NONSENSE',
    ])
    expect(remarks).toEqual(['secret (TYK_GW_SECRET) is not set, using its well-known default'])
  })

  test('reports a missing file instead of writing one', () => {
    expect(lint()).toMatchObject({ path: join(cwd, 'tyk.conf'), issues: ['no such file'] })
    expect(statSync(join(cwd, 'tyk.conf'), { throwIfNoEntry: false })).toBeUndefined()
  })
})
