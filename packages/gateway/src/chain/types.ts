import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { CertificateStore } from '../auth/certificate-store.ts'
import type { Passwords } from '../auth/passwords.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { ErrorRow } from '../errors/catalogue.ts'
import type { Events } from '../events/index.ts'
import type { ExternalServices } from '../external-services/index.ts'
import type { Limiter } from '../limits/limiter.ts'
import type { Log } from '../log/log.ts'
import type { RedisStores } from '../redis/stores.ts'
import type { SecretValues } from '../secrets/secret-values.ts'
import type { Organisations } from '../session/organisations.ts'
import type { PolicyStore } from '../session/policies.ts'
import type { SessionStore } from '../session/store.ts'
import type { RequestContext } from './context.ts'

/**
 * An answer the gateway makes itself.
 *
 * `error` goes through the error templates and leaves an error record; `reply` is sent as it is and leaves none.
 */
export type Answer =
  | { readonly kind: 'error'; readonly error: ErrorRow; readonly headers?: readonly string[] }
  | {
      readonly kind: 'reply'
      readonly status: number
      /** Flat name, value list. */
      readonly headers: readonly string[]
      readonly body: string | Uint8Array
    }

/** Returns an answer to stop the chain, nothing to go on. Returns a promise only when it must wait. */
export type Middleware = (ctx: RequestContext) => Answer | undefined | Promise<Answer | undefined>

export interface MiddlewareDefinition {
  /** As Tyk logs it in `mw`, e.g. `KeyExpired`. */
  readonly name: string
  /** Called once per load; null when the API has the step off, and then it is not in the chain. */
  compile(api: CompiledApi, deps: ChainDeps): Middleware | null
}

/** What steps may use. Shared by every API; lives as long as the process. */
export interface ChainDeps {
  readonly config: GatewayConfig
  readonly log: Log
  readonly redis: RedisStores
  readonly policies: PolicyStore
  readonly sessions: SessionStore
  readonly passwords: Passwords
  readonly certificateStore: CertificateStore
  /** Handlers of events and monitors. */
  readonly events: Events
  /** Connections for calls that the gateway makes itself. */
  readonly externalServices: ExternalServices
  /** Sessions of organisations. */
  readonly organisations: Organisations
  /** Counts rates, over all APIs and reloads. */
  readonly limiter: Limiter
  /** Milliseconds since 1970; passed in so that tests can move it. */
  readonly now: () => number
  /** Environment for `$secret_env.` and `env://` references. */
  readonly env: NodeJS.ProcessEnv
  /** What is known of Consul, Vault and files, for variables. */
  readonly secretValues: SecretValues
}
