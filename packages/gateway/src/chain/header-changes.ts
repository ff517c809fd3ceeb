// Hot path.
import type { RequestContext } from './context.ts'
import { canonicalHeaderName, type HeaderList } from './headers.ts'
import type { ChainDeps } from './types.ts'
import { compileTemplate, definitionSources, type Template } from './variables.ts'

/** Headers to delete and then to set, with variables in their values. */
export interface HeaderChanges {
  readonly remove: readonly string[]
  readonly set: readonly (readonly [name: string, value: Template])[]
}

/** These are made from the message itself; setting them has no effect. */
const FRAMING = new Set(['Host', 'Content-Length', 'Transfer-Encoding'])

/** Null when there is nothing to change. */
export function compileHeaderChanges(
  remove: readonly string[],
  set: Readonly<Record<string, string>>,
  deps: ChainDeps,
): HeaderChanges | null {
  const sources = definitionSources(deps)
  const spell = deps.config.ignore_canonical_mime_header_key ? (name: string) => name : canonicalHeaderName
  const changes = {
    remove: remove.map(spell),
    set: Object.entries(set)
      .filter(([name]) => !FRAMING.has(canonicalHeaderName(name)))
      .map(([name, value]) => [spell(name), compileTemplate(value, sources)] as const),
  }
  return changes.remove.length === 0 && changes.set.length === 0 ? null : changes
}

export function changeHeaders(headers: HeaderList, changes: HeaderChanges, ctx: RequestContext): void {
  for (const name of changes.remove) headers.delete(name)
  for (const [name, value] of changes.set) headers.set(name, value(ctx))
}
