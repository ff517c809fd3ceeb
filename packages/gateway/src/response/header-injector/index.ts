// Hot path.
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { ApiVersion } from '../../api-definition/schema.ts'
import { changeHeaders, compileHeaderChanges, type HeaderChanges } from '../../chain/header-changes.ts'
import type { ChainDeps } from '../../chain/types.ts'
import { compilePerVersion } from '../../chain/versioned.ts'
import { compileEndpoints, entriesOf } from '../../router/endpoint.ts'
import { processorOptions } from '../processors.ts'
import type { ResponseStep, ResponseStepDefinition } from '../types.ts'

/**
 * Removes and sets response headers, with variables: those of the endpoint, those of the whole version, then those of
 * the `header_injector` processors. The path and method are the client's, before any rewriting.
 */
export const headerInjector: ResponseStepDefinition = {
  name: 'ResponseHeaderInjector',
  compile(api, deps) {
    const injected = processorOptions(api.definition, 'header_injector').map(
      ({ add_headers: set, remove_headers: remove }) => compileHeaderChanges(remove, set, deps),
    )
    return compilePerVersion(api.definition, undefined, (version) => compileStep(version, injected, api, deps))
  },
}

function compileStep(
  version: ApiVersion,
  injected: readonly (HeaderChanges | null)[],
  api: CompiledApi,
  deps: ChainDeps,
): ResponseStep | null {
  const find = compileEndpoints(entriesOf(version, 'transform_response_headers'), api, deps, (entry) =>
    compileHeaderChanges(entry.delete_headers, entry.add_headers, deps),
  )
  // Switched off, the headers of the whole version take those of the processors with them.
  const whole = version.global_response_headers_disabled
    ? []
    : [
        compileHeaderChanges(version.global_response_headers_remove, version.global_response_headers, deps),
        ...injected,
      ].filter((changes) => changes !== null)
  if (whole.length === 0 && find === null) return null
  return (ctx, headers) => {
    const endpoint = find === null ? null : find(ctx.method, ctx.path)
    if (endpoint !== null) changeHeaders(headers, endpoint, ctx)
    for (const changes of whole) changeHeaders(headers, changes, ctx)
  }
}
