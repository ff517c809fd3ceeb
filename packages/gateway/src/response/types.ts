import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { RequestContext } from '../chain/context.ts'
import type { HeaderList } from '../chain/headers.ts'
import type { ChainDeps } from '../chain/types.ts'

/**
 * Changes the headers of an upstream's answer before they go to the client, whatever its status. Answers that the
 * gateway makes itself do not pass here.
 */
export type ResponseStep = (ctx: RequestContext, headers: HeaderList) => void

export interface ResponseStepDefinition {
  readonly name: string
  /** Called once per load; null when the API has the step off, and then it costs nothing. */
  compile(api: CompiledApi, deps: ChainDeps): ResponseStep | null
}
