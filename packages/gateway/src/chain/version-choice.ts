// Hot path.
import { toByteString } from '../byte-string.ts'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import { servedVersions } from '../api-definition/version.ts'
import { queryValue, withoutQueryParameter } from '../auth/query.ts'
import { gatewayErrors, type ErrorRow } from '../errors/catalogue.ts'
import { compileVersionSegment } from '../router/endpoint.ts'
import { stripListenPath } from '../proxy/upstream-url.ts'
import type { RequestContext } from './context.ts'
import { canonicalHeaderName } from './headers.ts'

/**
 * Reads which version a request asks for, takes it out of the request where the API says so, and points the context at
 * the version that serves it. Gives the error when none does.
 */
export type VersionChoice = (ctx: RequestContext) => ErrorRow | null

/** Null for an API whose requests do not choose a version. */
export function compileVersionChoice(api: CompiledApi): VersionChoice | null {
  const { version_data: data, definition: rules } = api.definition
  if (data.not_versioned) return null
  const indexes = new Map(servedVersions(api.definition).map(({ name }, i) => [toByteString(name), i]))
  const defaultIndex = indexes.get(toByteString(data.default_version)) ?? -1
  const take = compileVersionReader(api)
  return (ctx) => {
    const name = take(ctx)
    ctx.versionName = name
    if (name === '' && data.default_version === '') return gatewayErrors.versionNotFound
    let index = name === '' ? defaultIndex : (indexes.get(name) ?? -1)
    if (index === -1 && rules.fallback_to_default) index = defaultIndex
    if (index === -1) return gatewayErrors.versionDoesNotExist
    ctx.versionIndex = index
    ctx.upstream = api.versionUpstreams[index] ?? api.upstream
    return null
  }
}

function compileVersionReader(api: CompiledApi): (ctx: RequestContext) => string {
  const { location, key, strip_versioning_data: strips } = api.definition.definition
  switch (location) {
    case 'header': {
      const header = canonicalHeaderName(key)
      return (ctx) => {
        const name = ctx.headers.get(header) ?? ''
        if (strips) ctx.headers.delete(header)
        return name
      }
    }
    case 'url-param': {
      const parameter = toByteString(key)
      return (ctx) => {
        if (ctx.query === '') return ''
        const name = queryValue(ctx.query, parameter)
        if (strips) ctx.query = withoutQueryParameter(ctx.query, parameter)
        return name
      }
    }
    case 'url':
      return compileSegmentReader(api)
    default:
      return () => ''
  }
}

/** The first segment behind the listen path and, if it comes next, the API's slug. */
function compileSegmentReader(api: CompiledApi): (ctx: RequestContext) => string {
  const { slug, definition } = api.definition
  const { listenPath } = api.upstream
  const slugSegment = slug === '' ? '' : `/${toByteString(slug)}`
  const isStripped =
    definition.strip_versioning_data || definition.strip_path ? compileVersionSegment(api) : (): boolean => false
  return (ctx) => {
    const stripped = stripListenPath(ctx.path, listenPath)
    let start = startsWithSegment(stripped, slugSegment) ? slugSegment.length : 0
    while (stripped.charCodeAt(start) === 0x2f) start++
    const slash = stripped.indexOf('/', start)
    if (slash === -1) return stripped.slice(start)
    const name = stripped.slice(start, slash)
    if (isStripped(name)) removeSegment(ctx, ctx.path.length - stripped.length + start, name.length)
    return name
  }
}

function startsWithSegment(path: string, segment: string): boolean {
  if (!path.startsWith(segment)) return false
  return path.length === segment.length || path.charCodeAt(segment.length) === 0x2f
}

/**
 * Takes a segment and the slash behind it out of both forms of the path. Tyk takes out the first text that looks like
 * it, wherever it stands; a segment that ends the path stays, there and here.
 */
function removeSegment(ctx: RequestContext, at: number, length: number): void {
  const end = at + length + 1
  const { rawPath, path } = ctx
  ctx.rawPath = rawPath.slice(0, rawOffset(rawPath, at)) + rawPath.slice(rawOffset(rawPath, end))
  ctx.path = path.slice(0, at) + path.slice(end)
}

/** Where in a received path the character is that stands at an offset of the decoded one. */
function rawOffset(rawPath: string, offset: number): number {
  let at = 0
  for (let i = 0; i < offset; i++) at += rawPath.charCodeAt(at) === 0x25 ? 3 : 1
  return at
}
