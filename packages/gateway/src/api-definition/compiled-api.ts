import type { Middleware } from '../chain/types.ts'
import type { ApiEvents } from '../events/index.ts'
import type { ResponseStep } from '../response/types.ts'
import type { RequestContext } from '../chain/context.ts'
import type { UpstreamTransport } from '../proxy/transport.ts'
import type { UpstreamUrlRules } from '../proxy/upstream-url.ts'
import type { ApiDefinition } from './schema.ts'

/** One API in its run-time form: the definition, what was computed from it at load, and its chain. */
export interface CompiledApi {
  readonly definition: ApiDefinition
  readonly apiId: string
  readonly apiName: string
  readonly orgId: string
  /** Normalised: leading slash, cleaned; renamed on a collision. */
  readonly listenPath: string
  /** SHA-256 of the definition: an unchanged API keeps its chain and its connections over a reload. */
  readonly checksum: string
  /** File it came from, for log lines. */
  readonly file: string
  /** References to secrets stand in the definition that could not be resolved. */
  readonly lacksSecrets: boolean
  readonly upstream: UpstreamUrlRules
  /** By index of the version: an upstream of its own, or null. */
  readonly versionUpstreams: readonly (UpstreamUrlRules | null)[]
  readonly transport: UpstreamTransport
  readonly analytics: ApiAnalytics
  /** Null: nobody is told of its events. */
  readonly events: ApiEvents | null
  /** Enabled steps, in Tyk's order. Set once, right after construction. */
  chain: readonly Middleware[]
  /** What OPTIONS requests pass instead with `options_passthrough`; null: the chain as well. */
  optionsChain: readonly Middleware[] | null
  /** Steps that change the headers of an upstream's answer, in Tyk's order. */
  responseChain: readonly ResponseStep[]
  /** Milliseconds that the exchange with the upstream may take from its beginning to its last byte; 0: no limit. */
  exchangeTimeoutMs: ((ctx: RequestContext) => number) | null
}

/** What records of this API have in common. Text as byte strings, ready to be encoded. */
export interface ApiAnalytics {
  readonly tracked: boolean
  /** Every record holds the request and the answer: the definition or the configuration says so. */
  readonly detailed: boolean
  readonly apiId: string
  readonly apiName: string
  readonly orgId: string
  readonly listenPath: string
  readonly host: string
  /** Canonical header name and tag prefix of each entry of `tag_headers`. */
  readonly tagHeaders: readonly { readonly header: string; readonly prefix: string }[]
  readonly tags: readonly string[]
  /** Tags that end every record: `org-…` (when there is an organisation) and `api-…`. */
  readonly closingTags: readonly string[]
  readonly expireAfterSeconds: number
}
