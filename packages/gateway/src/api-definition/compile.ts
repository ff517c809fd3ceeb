import { toByteString } from '../byte-string.ts'
import {
  usesAuthToken,
  usesBasicAuth,
  usesExternalOauth,
  usesJwt,
  usesOpenId,
  usesSignatures,
} from '../auth/supported.ts'
import { UnusableAuthError } from '../auth/unusable-auth-error.ts'
import { canonicalHeaderName } from '../chain/headers.ts'
import { compileVersionChoice } from '../chain/version-choice.ts'
import { CHAIN_ORDER } from '../chain/order.ts'
import { compileRateLimits } from '../chain/rate-limits.ts'
import type { ChainDeps, Middleware } from '../chain/types.ts'
import type { Log } from '../log/log.ts'
import { certificateCheckMiddleware } from '../middleware/certificate-check/index.ts'
import { compileExchangeTimeout } from '../proxy/exchange-timeout.ts'
import type { UpstreamTransport } from '../proxy/transport.ts'
import { parseTarget, type UpstreamUrlRules } from '../proxy/upstream-url.ts'
import { RESPONSE_ORDER } from '../response/order.ts'
import { reportUnknownProcessors } from '../response/processors.ts'
import { cleanPath } from '../router/clean-path.ts'
import { compileListenPath } from '../router/listen-path.ts'
import { createOrganisationRecords } from '../session/organisation-records.ts'
import type { ApiAnalytics, CompiledApi } from './compiled-api.ts'
import { domainProblem } from './domain.ts'
import { pendingFeatures, unguardedReason } from './guards.ts'
import { listenerProblem } from './listener.ts'
import type { LoadedDefinition } from './load.ts'
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
 * The listen path as routed: leading slash, clean, trailing slash kept. It may have come from a store of secrets:
 * messages do not show it.
 *
 * @throws WithdrawnApiError when it is empty, holds a space or lacks its leading slash.
 */
export function normaliseListenPath(definition: ApiDefinition): string {
  const text = definition.proxy.listen_path
  if (text === '') throw new WithdrawnApiError('Listen path is empty')
  if (text.includes(' ')) throw new WithdrawnApiError('Listen path contains spaces, is invalid')
  if (!text.startsWith('/')) {
    throw new WithdrawnApiError('Listen path does not begin with a slash: write one before proxy.listen_path')
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
  const problem = domainProblem(definition, deps.config)
  if (problem !== null) throw new ApiSkippedError(problem)
  warnPending(definition, deps.log)
  return attempt(() => {
    const target = parseTarget(definition.proxy.target_url, 'proxy.target_url')
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
      lacksSecrets: loaded.lacksSecrets === true,
      upstream,
      versionUpstreams: upstreamsOfVersions(upstream),
      analytics: analyticsOf(definition, target.authority, deps),
      events: deps.events.forApi(definition),
      // Last of those that may throw: it has to be closed.
      transport: deps.createTransport(definition),
      chain: [],
      optionsChain: null,
      responseChain: [],
      exchangeTimeoutMs: null,
    }
    try {
      compileSteps(api, deps)
    } catch (err) {
      void api.transport.close()
      throw err
    }
    return api
  })
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (err) {
    const { message } = err as Error
    if (err instanceof UnusableAuthError) throw new WithdrawnApiError(message, { cause: err })
    throw new ApiSkippedError(message, { cause: err })
  }
}

/** Fills in what is compiled from the rest of the API. */
function compileSteps(api: CompiledApi, deps: CompileDeps): void {
  const log = deps.log.child({ api_id: api.apiId, api_name: api.apiName, org_id: api.orgId })
  const stepDeps: ChainDeps = { ...deps, log }
  reportUnknownProcessors(api.definition, log)
  const compiled = new Map(CHAIN_ORDER.map((step) => [step, step.compile(api, stepDeps)]))
  const rateLimits = compileRateLimits(api, stepDeps, (step) => compiled.get(step) ?? null)
  api.chain = [rateLimits, ...compiled.values()].filter((step) => step !== null)
  if (api.definition.CORS.options_passthrough) api.optionsChain = compileOptionsChain(api, stepDeps)
  api.responseChain = RESPONSE_ORDER.map((step) => step.compile(api, stepDeps)).filter((step) => step !== null)
  api.exchangeTimeoutMs = compileExchangeTimeout(api, stepDeps)
}

/**
 * Of the steps only mutual TLS takes part: a client that may not connect must not get through with another method. Which
 * version is asked for still decides about the upstream.
 */
function compileOptionsChain(api: CompiledApi, deps: ChainDeps): Middleware[] {
  const steps: Middleware[] = []
  const choose = compileVersionChoice(api)
  if (choose !== null) {
    steps.push((ctx) => {
      choose(ctx)
      return undefined
    })
  }
  const checkCertificate = certificateCheckMiddleware.compile(api, deps)
  if (checkCertificate !== null) steps.push(checkCertificate)
  return steps
}

/** `override_target` counts only where requests choose a version. */
function upstreamsOfVersions(upstream: UpstreamUrlRules): (UpstreamUrlRules | null)[] {
  const { definition } = upstream
  if (definition.version_data.not_versioned) return []
  return servedVersions(definition).map(({ name, version }) => {
    if (version.override_target === '') return null
    const target = parseTarget(version.override_target, `version_data.versions.${name}.override_target`)
    return Object.assign({}, upstream, { target })
  })
}

function warnPending(definition: ApiDefinition, log: Log): void {
  const pending = pendingFeatures(definition)
  if (pending.length === 0) return
  log.warn({ api_id: definition.api_id, settings: pending.join(', ') }, 'API settings accepted, not in force yet')
}

function analyticsOf(definition: ApiDefinition, authority: string, deps: ChainDeps): ApiAnalytics {
  const { config } = deps
  const apiId = toByteString(definition.api_id)
  const orgId = toByteString(definition.org_id)
  const analytics: ApiAnalytics = {
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
  return withOrganisation(analytics, definition, deps)
}

/** Where the configuration says so, the session of the organisation decides instead of API and configuration. */
function withOrganisation(
  analytics: ApiAnalytics,
  definition: ApiDefinition,
  { config, organisations }: ChainDeps,
): ApiAnalytics {
  const { enforce_org_data_age: decidesAge, enforce_org_data_detail_logging: decidesDetail } = config
  if (!decidesAge && !decidesDetail) return analytics
  const records = createOrganisationRecords(definition.org_id, organisations)
  return {
    ...analytics,
    get expireAfterSeconds() {
      return decidesAge ? (records.dataAgeSeconds() ?? HUNDRED_YEARS_S) : analytics.expireAfterSeconds
    },
    get detailed() {
      if (!decidesDetail || definition.enable_detailed_recording) return analytics.detailed
      return records.wantsDetail() ?? analytics.detailed
    },
  }
}

/** What the lines `Checking security policy: …` say of an API: one for each way of authentication, in their order. */
export function securityPoliciesOf(definition: ApiDefinition): string[] {
  if (definition.use_keyless) return ['Open']
  const ways: [string, boolean][] = [
    ['External OAuth', usesExternalOauth(definition)],
    ['Basic', usesBasicAuth(definition)],
    ['HMAC', usesSignatures(definition)],
    ['JWT', usesJwt(definition)],
    ['OpenID', usesOpenId(definition)],
    ['Token', usesAuthToken(definition)],
  ]
  return ways.filter(([, used]) => used).map(([name]) => name)
}
