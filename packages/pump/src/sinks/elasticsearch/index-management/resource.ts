import type { NodeAnswer } from '../transport.ts'
import { type Mark, markOf, readMark, type Stored } from './mark.ts'

/** One thing that is installed: a template or a policy. */
export interface Resource {
  /** For people, e.g. `the index template tyk_analytics`. */
  readonly what: string
  readonly path: string
  readonly mark: Mark
  readonly body: object
  /** What a `GET` of it found. */
  readonly read: (answer: NodeAnswer) => Stored
  /** The privilege that installing it takes, in the words of the server. */
  readonly privilege: string
  /** More of the path for replacing what was read. */
  readonly replacing?: (answer: NodeAnswer) => string
  /** Made where it is missing, and a person's from then on. */
  readonly once?: true
  /** Not made where it is missing; what is there and a pump's is brought into this form. */
  readonly existing?: true
  /** What its making leaves to be done. */
  readonly afterCreate?: string
  /** What an update leaves to be done. */
  readonly afterUpdate?: string
}

export type Json = Readonly<Record<string, unknown>>

/** Settings, mappings and aliases, in a template of any kind. */
export interface TemplateParts {
  readonly settings?: Json
  readonly mappings?: Json
}

export interface IndexTemplate {
  readonly index_patterns: readonly string[]
  readonly priority: number
  readonly composed_of?: readonly string[]
  readonly data_stream?: Json
  readonly template?: TemplateParts
}

const TEMPLATES = 'the cluster privilege manage_index_templates'

/**
 * A composable template: Elasticsearch 7.8 and later, OpenSearch.
 *
 * @param policy - The mark of a policy, kept here: before version 7.16 a policy has no place for it.
 */
export function indexTemplate(name: string, definition: IndexTemplate, policy: Mark | null = null): Resource {
  const mark = markOf({ ...contentOf({ ...definition }), policy })
  return {
    what: `the index template ${name}`,
    path: `/_index_template/${encodeURIComponent(name)}`,
    mark,
    body: { ...definition, version: mark.version, _meta: { ...mark, ...(policy && { policy }) } },
    read: ({ body }) => {
      const found = first(body, 'index_templates', 'index_template')
      return { mark: readMark(found['_meta']), content: { ...contentOf(found), policy: policyIn(found) } }
    },
    privilege: TEMPLATES,
  }
}

/** With or without a mapping type, which an upgrade of the server takes away. */
export function readLegacy(body: unknown, name: string): Stored {
  const { version: _version, mappings: _all, order, settings, ...rest } = memberOf(body, name)
  const all = memberOf(memberOf(body, name), 'mappings')
  const inType = memberOf(all, Object.keys(all)[0] ?? '')
  const { _meta, ...mappings } = readMark(inType['_meta']) === null ? all : inType
  // 0 is what the order is when none was given.
  const more = { ...(order !== 0 && { order }), settings: flat(settings) }
  const policy = memberOf({ _meta }, '_meta')['policy']
  return { mark: readMark(_meta), content: { ...rest, ...more, mappings, policy } }
}

/** What a template of either kind says of a policy: its name in settings, and the mark that is kept of it. */
export function policyOf(stored: Stored | null): { readonly name: unknown; readonly mark: Mark | null } {
  const { settings, template, policy } = (stored?.content ?? {}) as Json
  const all = { ...memberOf({ settings }, 'settings'), ...memberOf(template, 'settings') }
  return { name: all[POLICY_SETTING], mark: readMark(policy) }
}

/** The policy that a composable template names in its own settings. */
export const policyNamedIn = (template: Json): string | null =>
  flat(memberOf(template, 'template')['settings'])[POLICY_SETTING] ?? null

export const POLICY_SETTING = 'index.lifecycle.name'

interface ComponentMore {
  readonly once?: true
  /** The mark of a policy, kept here: before version 7.16 a policy has no place for it. */
  readonly policy?: Mark
}

/** A part of composable templates. */
export function componentTemplate(name: string, template: TemplateParts, more: ComponentMore | null = null): Resource {
  const { once, policy } = more ?? {}
  const mark = markOf({ ...contentOf({ template }), policy })
  return {
    what: `the component template ${name}`,
    path: componentPath(name),
    mark,
    body: { template, version: mark.version, _meta: { ...mark, ...(policy && { policy }) } },
    read: (answer) => {
      const found = componentIn(answer)
      return { mark: readMark(found['_meta']), content: { ...contentOf(found), policy: policyIn(found) } }
    },
    privilege: TEMPLATES,
    ...(once && { once }),
  }
}

/** The mark of a policy that a component template keeps. */
export const keptMark = (answer: NodeAnswer): Mark | null => readMark(policyIn(componentIn(answer)))

export const componentPath = (name: string): string => `/_component_template/${encodeURIComponent(name)}`

const componentIn = ({ body }: NodeAnswer): Json => first(body, 'component_templates', 'component_template')

const policyIn = (component: Json): unknown => memberOf(component, '_meta')['policy']

interface LegacyTemplate {
  readonly patterns: Json
  readonly settings: Json
  readonly mappings: Json
  /** The mapping type, null on servers without types. */
  readonly type: string | null
  /** The mark of a policy, kept here. */
  readonly policy: Mark | null
}

/** A template of the kind that older servers have. There is no place for a mark but in the mapping. */
export function legacyTemplate(name: string, template: LegacyTemplate): Resource {
  const { patterns, settings, mappings, type, policy } = template
  const mark = markOf({ ...patterns, settings: flat(settings), mappings, policy })
  const marked = { _meta: { ...mark, ...(policy && { policy }) }, ...mappings }
  return {
    what: `the template ${name}`,
    path: `/_template/${encodeURIComponent(name)}`,
    mark,
    body: { ...patterns, settings, version: mark.version, mappings: type === null ? marked : { [type]: marked } },
    read: ({ body }) => readLegacy(body, name),
    privilege: TEMPLATES,
  }
}

/** What servers add: when, and what a data stream is by default. */
const ADDED = /^(?:_meta|version|(?:created|modified)_date(?:_millis)?)$/

/** Of a composable or a component template, read back or about to be sent. */
function contentOf(found: Json): Json {
  const { template, data_stream: stream, ...others } = found
  const rest = Object.entries(others).filter(([name, value]) => !ADDED.test(name) && value !== false)
  const parts = (template ?? {}) as TemplateParts
  return {
    ...Object.fromEntries(rest),
    template: { ...parts, settings: flat(parts.settings) },
    ...(stream !== undefined && { data_stream: `a stream${streamOptions(stream as Json)}` }),
  }
}

function streamOptions(stream: Json): string {
  const chosen = Object.entries(stream).filter(
    ([name, value]) =>
      value !== false && !(name === 'timestamp_field' && memberOf(stream, name)['name'] === '@timestamp'),
  )
  return chosen.length === 0 ? '' : ` with ${JSON.stringify(chosen)}`
}

/** Settings come back in objects, with a name in front, as texts. */
function flat(settings: unknown): Record<string, string> {
  const found: Record<string, string> = {}
  const walk = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [name, member] of Object.entries(value)) walk(member, path === '' ? name : `${path}.${name}`)
      return
    }
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    found[path.startsWith('index.') ? path : `index.${path}`] = text
  }
  walk(settings ?? {}, '')
  return found
}

export function memberOf(value: unknown, name: string): Json {
  const member = ((value ?? {}) as Json)[name]
  return typeof member === 'object' && member !== null ? (member as Json) : {}
}

function first(body: unknown, list: string, member: string): Json {
  const entries = ((body ?? {}) as Json)[list]
  return Array.isArray(entries) ? memberOf(entries[0], member) : {}
}
