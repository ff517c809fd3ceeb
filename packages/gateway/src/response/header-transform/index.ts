// Hot path.
import { toByteString } from '../../byte-string.ts'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { canonicalHeaderName } from '../../chain/headers.ts'
import { parseTarget, stripListenPath, type UpstreamTarget } from '../../proxy/upstream-url.ts'
import { processorOptions } from '../processors.ts'
import type { ResponseStep, ResponseStepDefinition } from '../types.ts'

/** Puts the public address in place of the upstream's in headers such as `Location`: the `header_transform` processors. */
export const headerTransform: ResponseStepDefinition = {
  name: 'HeaderTransform',
  compile(api) {
    const steps = processorOptions(api.definition, 'header_transform')
      .map(({ rev_proxy_header_cleanup: cleanup }) => compileCleanup(cleanup.headers, cleanup.target_host, api))
      .filter((step) => step !== null)
    if (steps.length === 0) return null
    return (ctx, headers) => {
      for (const step of steps) step(ctx, headers)
    }
  },
}

function compileCleanup(names: readonly string[], publicUrl: string, api: CompiledApi): ResponseStep | null {
  if (names.length === 0) return null
  const shown = parseTarget(publicUrl)
  const { strip_listen_path: strips } = api.definition.proxy
  const listenPath = toByteString(api.listenPath)
  const canonical = names.map(canonicalHeaderName)
  return (ctx, headers) => {
    const { target } = api.upstream
    const path = strips ? stripListenPath(ctx.path, api.upstream.listenPath) : ctx.path
    for (const name of canonical) {
      const value = headers.get(name)
      if (value === null || value === '') continue
      const moved = withPublicOrigin(value, target, shown)
      headers.set(name, withPublicPath(moved, target, strips ? listenPath : null, path))
    }
  }
}

const withPublicOrigin = (value: string, target: UpstreamTarget, shown: UpstreamTarget): string =>
  value
    // Only where it is a scheme: Tyk also makes `httpss` of `https`.
    .replaceAll(`${target.scheme}://`, `${shown.scheme}://`)
    .replaceAll(toByteString(target.authority), toByteString(shown.authority))

/** A path of `/` is never replaced: in Tyk every slash of the value would become the listen path. */
function withPublicPath(value: string, { base }: UpstreamTarget, listenPath: string | null, path: string): string {
  const hasBase = base !== '' && base !== '/'
  if (listenPath === null) return hasBase ? value.replaceAll(base, '/') : value
  if (hasBase) return value.replaceAll(base, listenPath)
  return path === '/' ? value : value.replaceAll(path, listenPath + path)
}
