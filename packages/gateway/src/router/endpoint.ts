// Hot path.
import { RE2JS } from 're2js'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { ApiVersion } from '../api-definition/schema.ts'
import { fromByteString } from '../byte-string.ts'
import type { ChainDeps } from '../chain/types.ts'
import { stripListenPath } from '../proxy/upstream-url.ts'
import { compilePathPattern, type PathTest } from './path-pattern.ts'

/** What every entry of `extended_paths` has. */
export interface EndpointEntry {
  readonly path: string
  readonly method: string
  readonly disabled: boolean
}

/** The value of the first entry that a method and a decoded path fall under; null: none. */
export type EndpointFinder<T> = (method: string, path: string) => T | null

/** A setting that cannot be compiled; the API is not served. */
export class EndpointError extends Error {
  readonly code = 'GATEWAY_ENDPOINT'
}

type ExtendedPaths = ApiVersion['extended_paths']
type EndpointKind = {
  [K in keyof ExtendedPaths]: ExtendedPaths[K][number] extends EndpointEntry ? K : never
}[keyof ExtendedPaths]

/** Enabled entries of one kind; none where the version does not use `extended_paths`. */
export function entriesOf<K extends EndpointKind>(version: ApiVersion, kind: K): ExtendedPaths[K][number][] {
  if (!version.use_extended_paths) return []
  const entries: readonly (ExtendedPaths[K][number] & EndpointEntry)[] = version.extended_paths[kind]
  return entries.filter((entry) => !entry.disabled)
}

/**
 * Compiles the entries of one kind, in the order of the definition; null when there are none.
 *
 * @param valueOf - What the finder is to give for an entry.
 * @param formsOf - Forms of the path to search; those of a request's own path unless given.
 */
export function compileEndpoints<E extends EndpointEntry, T>(
  entries: readonly E[],
  api: CompiledApi,
  deps: ChainDeps,
  valueOf: (entry: E) => T,
  formsOf: PathForms = compileEndpointForms(api),
): EndpointFinder<T> | null {
  const endpoints = entries.flatMap((entry) => {
    const test = compileEndpointPath(entry.path, false, api, deps)
    return test === null ? [] : [{ method: entry.method, test, value: valueOf(entry) }]
  })
  if (endpoints.length === 0) return null
  return (method, path) => {
    let forms: readonly string[] | null = null
    for (const endpoint of endpoints) {
      if (endpoint.method !== method) continue
      forms ??= formsOf(path)
      if (matchesAny(endpoint.test, forms)) return endpoint.value
    }
    return null
  }
}

/** Null, with an error in the log, for a path that is no regular expression: its entry has no effect. */
export function compileEndpointPath(
  path: string,
  ignoreCase: boolean,
  api: CompiledApi,
  deps: ChainDeps,
): PathTest | null {
  const { enable_path_prefix_matching: prefix, enable_path_suffix_matching: suffix } = deps.config.http_server_options
  const test = compilePathPattern(path, { prefix, suffix }, ignoreCase || deps.config.ignore_endpoint_case)
  if (test === null) {
    deps.log.error({ api_id: api.apiId, path }, 'Endpoint path is not a regular expression, entry skipped')
  }
  return test
}

export function matchesAny(test: PathTest, forms: readonly string[]): boolean {
  for (const form of forms) if (test(form)) return true
  return false
}

/** The forms of a decoded path in which a pattern is searched. */
export type PathForms = (path: string) => readonly string[]

/**
 * Forms for the lists of the version check: without listen path and version segment, without listen path, and as it is.
 *
 * @throws EndpointError for a `url_versioning_pattern` that is no regular expression.
 */
export function compileListForms(api: CompiledApi): PathForms {
  const { listenPath } = api.upstream
  const withoutVersion = compileVersionCut(api)
  return (path) => {
    const stripped = stripListenPath(path, listenPath)
    const forms = stripped === path ? [path] : [stripped, path]
    const cut = withoutVersion?.(stripped) ?? null
    if (cut !== null) forms.unshift(cut)
    return forms
  }
}

/** Forms for everything else: those of the path whose listen path was taken away once before. */
function compileEndpointForms(api: CompiledApi): PathForms {
  const { listenPath } = api.upstream
  const formsOf = compileListForms(api)
  return (path) => formsOf(listenPath.text === '/' ? path : stripListenPath(path, listenPath))
}

/** Takes the first segment away where the API strips its version from the path and another segment follows. */
function compileVersionCut(api: CompiledApi): ((path: string) => string | null) | null {
  const { strip_versioning_data: strips, strip_path: stripsPath } = api.definition.definition
  if (!strips && !stripsPath) return null
  const isVersion = compileVersionSegment(api)
  return (path) => {
    const slash = path.indexOf('/', 1)
    return slash === -1 || !isVersion(path.slice(1, slash)) ? null : path.slice(slash)
  }
}

/** Whether a segment may be taken for a version by `url_versioning_pattern`; without a pattern any may. */
export function compileVersionSegment(api: CompiledApi): (segment: string) => boolean {
  const { url_versioning_pattern: text } = api.definition.definition
  if (text === '') return () => true
  try {
    const pattern = RE2JS.compile(text)
    return (segment) => pattern.test(fromByteString(segment))
  } catch (err) {
    throw new EndpointError('definition.url_versioning_pattern is not a regular expression', { cause: err })
  }
}
