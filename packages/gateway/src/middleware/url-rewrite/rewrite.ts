// Hot path.
import type { RE2JS } from 're2js'
import type { ApiVersion } from '../../api-definition/schema.ts'
import type { RequestContext, RewrittenUrl } from '../../chain/context.ts'
import type { Answer, ChainDeps } from '../../chain/types.ts'
import { compileTemplate, definitionSources, type SecretSources, type Template } from '../../chain/variables.ts'
import { errorRow } from '../../errors/catalogue.ts'
import { encodedPath, unescapePath } from '../../proxy/escape.ts'
import { parseTarget } from '../../proxy/upstream-url.ts'
import { compilePattern, groupsOf } from './match.ts'
import { compileTrigger } from './triggers.ts'

export type RewriteEntry = ApiVersion['extended_paths']['url_rewrites'][number]

/** A new URL, why the one that came out cannot be used, or an answer. */
export type RewriteOutcome =
  | { readonly kind: 'url'; readonly url: RewrittenUrl }
  | { readonly kind: 'unusable'; readonly reason: string }
  | Extract<Answer, { kind: 'error' }>

export interface Rewrite {
  /** A trigger looks at the body. */
  readonly needsPayload: boolean
  /**
   * @param payload - The body as a byte string; null: there is none to look at.
   * @returns null when the pattern does not match.
   */
  apply(ctx: RequestContext, payload: string | null): RewriteOutcome | null
}

/** A rewrite as the entry describes it; an entry with a broken pattern answers an error. */
export function compileRewrite(entry: RewriteEntry, deps: ChainDeps): Rewrite {
  const sources = definitionSources(deps)
  const pattern = compilePattern(entry.match_pattern)
  if (pattern === null) {
    deps.log.error({ path: entry.path, match_pattern: entry.match_pattern }, 'URL rewrite: not a regular expression')
    const error = errorRow(500, `URLRewrite regexp error ${entry.match_pattern}`)
    return { needsPayload: false, apply: () => ({ kind: 'error', error }) }
  }
  const otherwise = compileRewriteTarget(entry.rewrite_to, sources)
  const triggers = entry.triggers.map((trigger, i) => ({
    trigger: compileTrigger(trigger, i, deps.log),
    target: compileRewriteTarget(trigger.rewrite_to, sources),
  }))
  return {
    needsPayload: triggers.some(({ trigger }) => trigger.needsPayload),
    apply(ctx, payload) {
      const target = triggers.find(({ trigger }) => trigger.fires(ctx, payload))?.target ?? otherwise
      const groups = matchUrl(pattern, ctx)
      return groups === null ? null : parseRewritten(target(ctx, groups), ctx)
    },
  }
}

/** The groups of the first match in the URL as it was received, or else in its decoded form. */
function matchUrl(pattern: RE2JS, ctx: RequestContext): readonly string[] | null {
  const path = encodedPath(ctx.rawPath, ctx.path, false)
  const url = ctx.query === '' ? path : `${path}?${ctx.query}`
  const groups = groupsOf(pattern, url)
  if (groups !== null || !url.includes('%')) return groups
  const decoded = unescapePath(url)
  return decoded === null ? null : groupsOf(pattern, decoded)
}

type RewriteTarget = (ctx: RequestContext, groups: readonly string[]) => string

/**
 * A target with `$0`, `$1` … for the groups and variables, whose values are escaped. Only what stands in the
 * configured text is filled in: a group that looks like a variable, or like `$1` before another digit, is not.
 */
function compileRewriteTarget(text: string, sources: SecretSources): RewriteTarget {
  const parts: (Template | number)[] = []
  let at = 0
  for (const match of text.matchAll(/\$(\d+)/g)) {
    parts.push(compileTemplate(text.slice(at, match.index), sources, 'url'), Number(match[1]))
    at = match.index + match[0].length
  }
  parts.push(compileTemplate(text.slice(at), sources, 'url'))
  return (ctx, groups) => {
    let url = ''
    for (const part of parts) url += typeof part === 'number' ? (groups[part] ?? '') : part(ctx)
    return url
  }
}

function parseRewritten(text: string, ctx: RequestContext): RewriteOutcome {
  if (/[\0-\x1f\x7f]/.test(text)) return { kind: 'unusable', reason: 'control character' }
  const origin = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/.exec(text)?.[0] ?? ''
  const hash = text.indexOf('#')
  const rest = text.slice(origin.length, hash === -1 ? undefined : Math.max(hash, origin.length))
  const question = rest.indexOf('?')
  const rawPath = question === -1 ? rest : rest.slice(0, question)
  const path = unescapePath(rawPath)
  if (path === null) return { kind: 'unusable', reason: 'broken percent escape' }
  const query = question === -1 ? '' : rest.slice(question + 1)
  if (origin === '') return { kind: 'url', url: { rawPath, path, query, target: null } }
  try {
    const target = parseTarget(origin)
    const elsewhere = target.authority !== ctx.upstream.target.authority
    return { kind: 'url', url: { rawPath, path, query, target: elsewhere ? target : null } }
  } catch (err) {
    return { kind: 'unusable', reason: (err as Error).message }
  }
}
