import type { ConnectionOptions } from 'node:tls'
import { toByteString } from '../analytics/byte-string.ts'
import { canonicalHeaderName } from '../chain/headers.ts'
import { CHAIN_ORDER } from '../chain/order.ts'
import type { ChainDeps, Middleware } from '../chain/types.ts'
import type { Log } from '../log/log.ts'
import type { UpstreamTransport } from '../proxy/transport.ts'
import { parseTarget } from '../proxy/upstream-url.ts'
import { cleanPath } from '../router/clean-path.ts'
import { compileListenPath } from '../router/listen-path.ts'
import type { ApiAnalytics, CompiledApi } from './compiled-api.ts'
import { pendingFeatures, unguardedReason } from './guards.ts'
import type { LoadedDefinition } from './load.ts'
import { resolveWholeReference } from './references.ts'
import type { ApiDefinition } from './schema.ts'
import { versionOf } from './version.ts'

/** An API cannot be served; the others are not concerned. */
export class ApiSkippedError extends Error {
  readonly code = 'GATEWAY_API_SKIPPED'
}

export interface CompileDeps extends ChainDeps {
  /** Opens the transport of an API, with its TLS settings. */
  createTransport(tls: ConnectionOptions): UpstreamTransport
}

/** Records of an API without `expire_analytics_after` live for a hundred years of 365 days. */
const HUNDRED_YEARS_S = 100 * 365 * 24 * 3600

/**
 * The listen path as routed: leading slash, clean, trailing slash kept.
 *
 * @throws ApiSkippedError when it is empty, holds a space or lacks its leading slash.
 */
export function normaliseListenPath(definition: ApiDefinition, deps: ChainDeps): string {
  const sources = { env: deps.env, secrets: deps.config.secrets }
  const text = resolveWholeReference(definition.proxy.listen_path, sources)
  if (text === '') throw new ApiSkippedError('Listen path is empty')
  if (text.includes(' ')) throw new ApiSkippedError('Listen path contains spaces, is invalid')
  if (!text.startsWith('/')) {
    throw new ApiSkippedError(`Listen path "${text}" does not begin with a slash: write "/${text}"`)
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
  const reason = unguardedReason(definition)
  if (reason !== null) throw new ApiSkippedError(reason)
  warnPending(definition, deps.log)
  const sources = { env: deps.env, secrets: deps.config.secrets }
  const api = attempt(() => {
    const target = parseTarget(resolveWholeReference(definition.proxy.target_url, sources))
    const compiled: CompiledApi = {
      definition,
      apiId: definition.api_id,
      apiName: definition.name,
      orgId: definition.org_id,
      listenPath,
      checksum: loaded.checksum,
      file: loaded.file,
      upstream: {
        target,
        listenPath: compileListenPath(listenPath),
        definition,
        skipTargetPathEscaping: deps.config.http_server_options.skip_target_path_escaping,
      },
      transport: deps.createTransport(upstreamTls(definition, deps)),
      omitForwardedFor: removesForwardedFor(definition),
      analytics: analyticsOf(definition, target.authority),
      chain: [],
    }
    return compiled
  })
  api.chain = attempt(() => compileChain(api, deps))
  return api
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (err) {
    throw new ApiSkippedError((err as Error).message, { cause: err })
  }
}

function compileChain(api: CompiledApi, deps: ChainDeps): Middleware[] {
  // The one `deps` of the process: steps keep what is shared between APIs, the rate of a key say, by it.
  return CHAIN_ORDER.map((step) => step.compile(api, deps)).filter((step) => step !== null)
}

function warnPending(definition: ApiDefinition, log: Log): void {
  const pending = pendingFeatures(definition)
  if (pending.length === 0) return
  log.warn({ api_id: definition.api_id, settings: pending.join(', ') }, 'API settings accepted, not in force yet')
}

function upstreamTls(definition: ApiDefinition, deps: ChainDeps): ConnectionOptions {
  const { transport } = definition.proxy
  const skip = transport.ssl_insecure_skip_verify || deps.config.proxy_ssl_insecure_skip_verify
  return { rejectUnauthorized: !skip }
}

function removesForwardedFor(definition: ApiDefinition): boolean {
  const version = versionOf(definition)
  if (version === null || version.global_headers_disabled) return false
  return version.global_headers_remove.some((name) => canonicalHeaderName(name) === 'X-Forwarded-For')
}

function analyticsOf(definition: ApiDefinition, authority: string): ApiAnalytics {
  const apiId = toByteString(definition.api_id)
  const orgId = toByteString(definition.org_id)
  return {
    tracked: !definition.do_not_track,
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
