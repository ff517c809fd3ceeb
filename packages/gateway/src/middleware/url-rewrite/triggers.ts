// Hot path.
import type { RE2JS } from 're2js'
import { toByteString } from '../../byte-string.ts'
import type { ApiVersion } from '../../api-definition/schema.ts'
import { queryValues } from '../../auth/query.ts'
import { contextVariable } from '../../chain/context-variables.ts'
import type { RequestContext } from '../../chain/context.ts'
import { canonicalHeaderName } from '../../chain/headers.ts'
import type { Log } from '../../log/log.ts'
import { allGroupsOf, compilePattern, groupsOf } from './match.ts'

type TriggerEntry = ApiVersion['extended_paths']['url_rewrites'][number]['triggers'][number]
type MatchEntry = TriggerEntry['options']['payload_matches']

/** A condition under which a rewrite goes somewhere else. What its patterns find becomes variables of the request. */
export interface Trigger {
  readonly needsPayload: boolean
  /** @param payload - The body as a byte string; null: there is none to look at. */
  fires(ctx: RequestContext, payload: string | null): boolean
}

type Condition = (ctx: RequestContext, payload: string | null) => boolean

/** Of the matches in a body, so many become variables. */
const MAX_PAYLOAD_MATCHES = 100

/** @param index - Its place among the triggers of the rewrite, which is part of its variables' names. */
export function compileTrigger({ on, options }: TriggerEntry, index: number, log: Log): Trigger {
  const any = on === 'any'
  const prefix = `trigger-${index}-`
  const payload = compilePayload(options.payload_matches, prefix, log)
  const conditions = SOURCES.map((source) => compileCondition(source, options, any, prefix, log))
  const active = [...conditions, payload].filter((condition) => condition !== null)
  return {
    needsPayload: payload !== null,
    fires: any
      ? (ctx, body) => active.some((condition) => condition(ctx, body))
      : (ctx, body) => active.map((condition) => condition(ctx, body)).every(Boolean),
  }
}

/** One kind of condition: where it finds the values to search. */
interface Source {
  readonly option: Exclude<keyof TriggerEntry['options'], 'payload_matches'>
  nameOf(given: string): string
  valuesOf(ctx: RequestContext, name: string): readonly string[]
  /** Its variable's name: by the value's index, by hits so far, or only by name. */
  readonly numbered: 'by-value' | 'by-hit' | 'not'
}

const SOURCES: readonly Source[] = [
  {
    option: 'header_matches',
    nameOf: canonicalHeaderName,
    valuesOf: (ctx, name) => ctx.headers.getAll(name),
    numbered: 'by-value',
  },
  {
    option: 'query_val_matches',
    nameOf: toByteString,
    valuesOf: (ctx, name) => queryValues(ctx.query, name),
    numbered: 'by-value',
  },
  {
    option: 'path_part_matches',
    nameOf: (label) => label,
    valuesOf: (ctx) => ctx.path.split('/'),
    numbered: 'by-hit',
  },
  {
    option: 'session_meta_matches',
    nameOf: (key) => key,
    valuesOf: (ctx, key) => textOnly(ctx.session?.meta_data?.[key]).map(toByteString),
    numbered: 'not',
  },
  {
    option: 'request_context_matches',
    nameOf: (key) => key,
    valuesOf: (ctx, key) => textOnly(ctx.triggerVariables?.get(key) ?? contextVariable(ctx, key)),
    numbered: 'not',
  },
]

const textOnly = (value: unknown): string[] => (typeof value === 'string' ? [value] : [])

function compileCondition(
  source: Source,
  options: TriggerEntry['options'],
  any: boolean,
  prefix: string,
  log: Log,
): Condition | null {
  const entries = Object.entries(options[source.option])
  if (entries.length === 0) return null
  const matches = entries.flatMap(([given, entry]) => {
    const pattern = compileMatch(entry, log)
    return pattern === null ? [] : [{ name: source.nameOf(given), pattern, reverse: entry.reverse }]
  })
  // With `all`, every entry should hit; as in Tyk it is hits that are counted, and one entry can have several.
  const wanted = any ? 1 : entries.length
  return (ctx) => {
    let hits = 0
    for (const { name, pattern, reverse } of matches) {
      const values = source.valuesOf(ctx, name)
      for (let i = 0; i < values.length; i++) {
        const groups = groupsOf(pattern, values[i] as string)
        if ((groups === null) !== reverse) continue
        if (groups !== null) {
          const number = source.numbered === 'by-value' ? i : hits
          remember(ctx, source.numbered === 'not' ? prefix + name : `${prefix}${name}-${number}`, groups)
        }
        hits++
      }
    }
    return hits >= wanted
  }
}

function compilePayload(entry: MatchEntry, prefix: string, log: Log): Condition | null {
  if (entry.match_rx === '') return null
  const pattern = compileMatch(entry, log)
  if (pattern === null) return () => false
  return (ctx, payload) => {
    if (payload === null) return false
    const found = allGroupsOf(pattern, payload, MAX_PAYLOAD_MATCHES)
    const [first] = found
    if ((first === undefined) !== entry.reverse) return false
    if (first !== undefined) remember(ctx, `${prefix}payload`, first.slice(0, 1))
    found.forEach((groups, i) => remember(ctx, `${prefix}payload-${i}`, groups))
    return true
  }
}

function compileMatch(entry: MatchEntry, log: Log): RE2JS | null {
  const pattern = compilePattern(entry.match_rx)
  if (pattern === null) log.error({ match_rx: entry.match_rx }, 'URL rewrite trigger: not a regular expression')
  return pattern
}

/** The whole match under the name itself, each group under the name and its number from 0. */
function remember(ctx: RequestContext, name: string, groups: readonly string[]): void {
  const variables = (ctx.triggerVariables ??= new Map())
  groups.forEach((group, i) => variables.set(i === 0 ? name : `${name}-${i - 1}`, group))
}
