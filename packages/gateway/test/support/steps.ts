import type { IncomingMessage, ServerResponse } from 'node:http'
import { pino } from 'pino'
import type { CompiledApi } from '../../src/api-definition/compiled-api.ts'
import { decodeDefinition } from '../../src/api-definition/decode.ts'
import { createCertificateStore } from '../../src/auth/certificate-store.ts'
import { createExternalServices } from '../../src/external-services/index.ts'
import { createPasswords } from '../../src/auth/passwords.ts'
import { RequestContext } from '../../src/chain/context.ts'
import type { Answer, ChainDeps, Middleware, MiddlewareDefinition } from '../../src/chain/types.ts'
import { gatewayConfig, type GatewayConfig } from '../../src/config/schema.ts'
import { rowsOf } from '../../src/config/section.ts'
import type { Events } from '../../src/events/index.ts'
import { createLimiter } from '../../src/limits/create-limiter.ts'
import type { Log } from '../../src/log/log.ts'
import type { RedisStores } from '../../src/redis/stores.ts'
import { parseTarget } from '../../src/proxy/upstream-url.ts'
import { compileListenPath } from '../../src/router/listen-path.ts'
import { createSecretStores } from '../../src/secrets/create-stores.ts'
import { createSecretValues, type SecretValues } from '../../src/secrets/secret-values.ts'
import { createOrganisations } from '../../src/session/organisations.ts'
import { createPolicyStore } from '../../src/session/policies.ts'
import { readPolicy } from '../../src/session/policy.ts'
import { createSessionStore } from '../../src/session/store.ts'

/** Every key at its default, with some replaced: nested objects are merged. */
export function configWith(overrides: Record<string, unknown> = {}): GatewayConfig {
  const config: Record<string, unknown> = {}
  for (const { key, row } of rowsOf(gatewayConfig)) put(config, key.split('.'), row.default)
  for (const [key, value] of Object.entries(overrides)) put(config, key.split('.'), value)
  return config as GatewayConfig
}

function put(object: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first, ...rest] = path as [string, ...string[]]
  if (rest.length === 0) object[first] = value
  else put((object[first] ??= {}) as Record<string, unknown>, rest, value)
}

/** One API with listen path `/app/`, id and name `app`, organisation `default`. */
export function apiWith(definition: Record<string, unknown>): CompiledApi {
  const decoded = decodeDefinition({
    api_id: 'app',
    name: 'app',
    org_id: 'default',
    version_data: { not_versioned: true, versions: { Default: { name: 'Default' } } },
    proxy: { listen_path: '/app/' },
    ...definition,
  })
  const api = {
    definition: decoded,
    apiId: decoded.api_id,
    apiName: decoded.name,
    orgId: decoded.org_id,
    listenPath: decoded.proxy.listen_path,
    upstream: {
      listenPath: compileListenPath(decoded.proxy.listen_path),
      target: parseTarget('http://upstream.test/base'),
      definition: decoded,
      skipTargetPathEscaping: false,
    },
    versionUpstreams: [],
    chain: [],
  }
  // What steps of this kind do not touch (transport, analytics) is left out.
  return api as unknown as CompiledApi
}

/** Redis that is not there. */
export const redisAway = { main: null, isUp: false } as unknown as RedisStores

/** A clock that a test moves. */
export interface TestClock {
  ms: number
}

export interface TestDepsOptions {
  readonly config?: Record<string, unknown>
  readonly redis?: RedisStores
  readonly clock?: TestClock
  readonly policies?: Record<string, Record<string, unknown>>
  readonly log?: Log
  readonly events?: Events
  /** Gateways that share limits. */
  readonly gateways?: number
}

/** Nobody is told of anything. */
const noEvents: Events = {
  forApi: () => null,
  fireToken: () => {},
  monitors: { keys: null, organisations: null },
  close: () => Promise.resolve(),
}

/** Stores that nobody has set up. */
const noSecrets: SecretValues = createSecretValues({
  stores: createSecretStores(configWith().kv, '/', {}),
  env: {},
  secrets: {},
  log: pino({ level: 'silent' }),
  onArrival: () => {},
})

export function depsWith(options: TestDepsOptions = {}): ChainDeps {
  const config = configWith(options.config)
  const redis = options.redis ?? redisAway
  const clock = options.clock ?? { ms: Date.now() }
  const log = options.log ?? pino({ level: 'silent' })
  const now = (): number => clock.ms
  const policies = createPolicyStore()
  policies.replace(Object.entries(options.policies ?? {}).map(([id, policy]) => readPolicy(policy, id)))
  const sessions = createSessionStore({ redis, config, log, now })
  const organisations = createOrganisations({ redis, config, log, now })
  const events = options.events ?? noEvents
  const limiter = createLimiter({ config, redis, log, now, gateways: () => options.gateways ?? 1 })
  const certificateStore = createCertificateStore({ redis, log, now })
  const externalServices = createExternalServices({ config, env: {}, certificateStore, log })
  const passwords = createPasswords({ hashFunction: config.basic_auth_hash_key_function, env: {} })
  return {
    config,
    log,
    redis,
    policies,
    now,
    env: {},
    secretValues: noSecrets,
    sessions,
    organisations,
    events,
    passwords,
    certificateStore,
    externalServices,
    limiter,
  }
}

export interface TestRequest {
  readonly method?: string
  readonly path?: string
  readonly query?: string
  readonly headers?: readonly string[]
}

export function contextFor(
  api: CompiledApi,
  { method = 'GET', path = '/app/x', query = '', headers = [] }: TestRequest = {},
): RequestContext {
  const request = { method, rawHeaders: headers, socket: { destroyed: false } } as unknown as IncomingMessage
  const target = { rawPath: path, path, query, bareQuestionMark: false, host: 'gateway.test' }
  const ctx = new RequestContext(request, {} as ServerResponse, api, 0, target, '127.0.0.1', 0, false)
  if (api.definition.enable_context_vars) ctx.variables = new Map()
  return ctx
}

export function stepsOf(api: CompiledApi, deps: ChainDeps, definitions: readonly MiddlewareDefinition[]): Middleware[] {
  return definitions.map((definition) => definition.compile(api, deps)).filter((step) => step !== null)
}

/** Runs steps until one answers. */
export async function runSteps(steps: readonly Middleware[], ctx: RequestContext): Promise<Answer | undefined> {
  for (const step of steps) {
    const answer = await step(ctx)
    if (answer !== undefined) return answer
  }
  return undefined
}

/** Status and message of an error answer as `status message`; `passed` for none. */
export function outcomeOf(answer: Answer | undefined): string {
  if (answer === undefined) return 'passed'
  return answer.kind === 'error' ? `${answer.error.status} ${answer.error.message}` : `reply ${answer.status}`
}
