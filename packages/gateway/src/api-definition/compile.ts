import { toByteString } from '../analytics/byte-string.ts'
import { canonicalHeaderName } from '../chain/headers.ts'
import { compileVersionChoice } from '../chain/version-choice.ts'
import { CHAIN_ORDER } from '../chain/order.ts'
import type { ChainDeps, Middleware } from '../chain/types.ts'
import type { Log } from '../log/log.ts'
import { compileExchangeTimeout } from '../proxy/exchange-timeout.ts'
import type { UpstreamTransport } from '../proxy/transport.ts'
import { parseTarget, type UpstreamUrlRules } from '../proxy/upstream-url.ts'
import { RESPONSE_ORDER } from '../response/order.ts'
import { reportUnknownProcessors } from '../response/processors.ts'
import { cleanPath } from '../router/clean-path.ts'
import { compileListenPath } from '../router/listen-path.ts'
import type { ApiAnalytics, CompiledApi } from './compiled-api.ts'
import { pendingFeatures, unguardedReason } from './guards.ts'
import { listenerProblem } from './listener.ts'
import type { LoadedDefinition } from './load.ts'
import { resolveWholeReference, type ReferenceSources } from './references.ts'
import type { ApiDefinition } from './schema.ts'
import { servedVersions } from './version.ts'

/** An API cannot be served; the others are not concerned. */
export class ApiSkippedError extends Error {
  readonly code = 'GATEWAY_API_SKIPPED'
}

/**
 * Neither the definition nor an older form of it may be served: it asks for a protection that is not in force, or has
 * moved to where no request can reach it.
 */
export class WithdrawnApiError extends ApiSkippedError {}

export interface CompileDeps extends ChainDeps {
  /** Opens the transport of an API; throws when its TLS or proxy settings cannot be used. */
  createTransport(definition: ApiDefinition): UpstreamTransport
}

/** Records of an API without `expire_analytics_after` live for a hundred years of 365 days. */
const HUNDRED_YEARS_S = 100 * 365 * 24 * 3600

/**
 * The listen path as routed: leading slash, clean, trailing slash kept.
 *
 * @throws WithdrawnApiError when it is empty, holds a space or lacks its leading slash.
 */
export function normaliseListenPath(definition: ApiDefinition, deps: ChainDeps): string {
  const sources = { env: deps.env, secrets: deps.config.secrets }
  const text = resolveWholeReference(definition.proxy.listen_path, sources)
  if (text === '') throw new WithdrawnApiError('Listen path is empty')
  if (text.includes(' ')) throw new WithdrawnApiError('Listen path contains spaces, is invalid')
  if (!text.startsWith('/')) {
    throw new WithdrawnApiError(`Listen path "${text}" does not begin with a slash: write "/${text}"`)
  }
  return cleanPath(text)
}

/**
 * Compiles one definition into its run-time form.
 *
 * @param listenPath - Normalised, and renamed if it collided with another API's.
 * @throws ApiSkippedError naming what is wrong or not in force.
 */
export function compileApi(loaded: LoadedDefinition, listenPath: string, deps: CompileDeps): CompiledApi {
  const { definition } = loaded
  const reason = unguardedReason(definition) ?? listenerProblem(definition)
  if (reason !== null) throw new WithdrawnApiError(reason)
  warnPending(definition, deps.log)
  const sources = { env: deps.env, secrets: deps.config.secrets }
  return attempt(() => {
    const target = parseTarget(resolveWholeReference(definition.proxy.target_url, sources))
    const upstream: UpstreamUrlRules = {
      target,
      listenPath: compileListenPath(listenPath),
      definition,
      skipTargetPathEscaping: deps.config.http_server_options.skip_target_path_escaping,
    }
    const api: CompiledApi = {
      definition,
      apiId: definition.api_id,
      apiName: definition.name,
      orgId: definition.org_id,
      listenPath,
      checksum: loaded.checksum,
      file: loaded.file,
      upstream,
      versionUpstreams: upstreamsOfVersions(upstream, sources),
      transport: deps.createTransport(definition),
      analytics: analyticsOf(definition, target.authority, deps),
      chain: [],
      optionsChain: null,
      responseChain: [],
      exchangeTimeoutMs: null,
    }
    compileSteps(api, deps)
    return api
  })
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (err) {
    throw new ApiSkippedError((err as Error).message, { cause: err })
  }
}

/** Fills in what is compiled from the rest of the API. */
function compileSteps(api: CompiledApi, deps: CompileDeps): void {
  const log = deps.log.child({ api_id: api.apiId, api_name: api.apiName, org_id: api.orgId })
  const stepDeps: ChainDeps = { ...deps, log }
  reportUnknownProcessors(api.definition, log)
  api.chain = CHAIN_ORDER.map((step) => step.compile(api, stepDeps)).filter((step) => step !== null)
  if (api.definition.CORS.options_passthrough) api.optionsChain = compileOptionsChain(api)
  api.responseChain = RESPONSE_ORDER.map((step) => step.compile(api, stepDeps)).filter((step) => step !== null)
  api.exchangeTimeoutMs = compileExchangeTimeout(api, stepDeps)
}

/** No step takes part; which version is asked for still decides about the upstream. */
function compileOptionsChain(api: CompiledApi): Middleware[] {
  const choose = compileVersionChoice(api)
  if (choose === null) return []
  return [
    (ctx) => {
      choose(ctx)
      return undefined
    },
  ]
}

/** `override_target` counts only where requests choose a version. */
function upstreamsOfVersions(upstream: UpstreamUrlRules, sources: ReferenceSources): (UpstreamUrlRules | null)[] {
  const { definition } = upstream
  if (definition.version_data.not_versioned) return []
  return servedVersions(definition).map(({ version }) => {
    if (version.override_target === '') return null
    const target = parseTarget(resolveWholeReference(version.override_target, sources))
    return Object.assign({}, upstream, { target })
  })
}

function warnPending(definition: ApiDefinition, log: Log): void {
  const pending = pendingFeatures(definition)
  if (pending.length === 0) return
  log.warn({ api_id: definition.api_id, settings: pending.join(', ') }, 'API settings accepted, not in force yet')
}

function analyticsOf(definition: ApiDefinition, authority: string, { config }: ChainDeps): ApiAnalytics {
  const apiId = toByteString(definition.api_id)
  const orgId = toByteString(definition.org_id)
  return {
    tracked: !definition.do_not_track,
    detailed: definition.enable_detailed_recording || config.analytics_config.enable_detailed_recording,
    apiId,
    apiName: toByteString(definition.name),
    orgId,
    listenPath: toByteString(definition.proxy.listen_path),
    host: toByteString(authority),
    tagHeaders: definition.tag_headers.map((name) => ({
      header: canonicalHeaderName(name),
      prefix: `${name.toLowerCase()}-`,
    })),
    tags: definition.tags.map(toByteString),
    closingTags: [...(orgId === '' ? [] : [`org-${orgId}`]), `api-${apiId}`],
    expireAfterSeconds: definition.expire_analytics_after || HUNDRED_YEARS_S,
  }
}

/** What `Checking security policy: …` says of an API. */
export function securityPolicyOf(definition: ApiDefinition): string {
  if (definition.use_keyless) return 'Open'
  return definition.enable_jwt ? 'JWT' : 'Token'
}
