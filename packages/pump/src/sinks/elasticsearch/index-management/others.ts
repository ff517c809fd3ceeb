import type { Ask } from './install.ts'
import { isAsInstalled, readMark } from './mark.ts'
import { covers } from './patterns.ts'
import { type Json, memberOf, policyNamedIn, readLegacy } from './resource.ts'

export interface OtherTemplate {
  readonly name: string
  /** For people, e.g. `the index template mine`. */
  readonly what: string
  readonly patterns: readonly string[]
  /** The highest one is followed. */
  readonly priority: number
  readonly makesStreams: boolean
  /** Named in its own settings. */
  readonly policy: string | null
  /** It has the pump's mark. */
  readonly ofPump: boolean
}

/** All composable templates; none where they may not be seen. */
export async function composableTemplates(ask: Ask): Promise<OtherTemplate[]> {
  // Without a filter, which may take an empty `data_stream` for nothing.
  const answer = await ask('GET', '/_index_template')
  const { index_templates: list = [] } = (answer.body ?? {}) as {
    index_templates?: { name: string; index_template: Json }[]
  }
  return list.map(({ name, index_template: template }) => ({
    name,
    what: `the index template ${name}`,
    patterns: patternsOf(template),
    priority: Number(template['priority'] ?? 0),
    makesStreams: template['data_stream'] !== undefined,
    policy: policyNamedIn(template),
    ofPump: readMark(template['_meta']) !== null,
  }))
}

/** Templates of the older kind for one of the indices. That of a pump is one of its own until somebody edits it. */
export async function olderTemplates(names: readonly string[], ask: Ask): Promise<OtherTemplate[]> {
  const answer = await ask('GET', '/_template?filter_path=*.index_patterns')
  const all = answer.status === 200 ? Object.keys(answer.body ?? {}) : []
  const covering = all.filter((name) => covers(patternsOf(memberOf(answer.body, name)), names))
  const found: OtherTemplate[] = []
  for (const name of covering) {
    const { body } = await ask('GET', `/_template/${encodeURIComponent(name)}`)
    found.push({
      name,
      what: `the older template ${name}`,
      patterns: patternsOf(memberOf(body, name)),
      priority: 0,
      makesStreams: false,
      policy: null,
      ofPump: isAsInstalled(readLegacy(body, name)),
    })
  }
  return found
}

function patternsOf({ index_patterns: patterns }: Json): string[] {
  return Array.isArray(patterns) ? patterns.map(String) : []
}
