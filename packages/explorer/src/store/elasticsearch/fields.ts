import type { Field } from '../../fields.ts'
import type { Connection } from './connection.ts'

/** How the fields of a request are found in the indices: Tyk's flat documents, those of the pump's data stream, or both. */
export interface IndexFields {
  /** There is no index yet. */
  readonly isEmpty: boolean
  /** Those that the mapping has, by the names of `fields.ts`. */
  readonly names: ReadonlySet<string>
  /** Where exact values, orders and aggregations look: the keyword twin of a text, or the field itself. */
  exact(name: string): string
  /** Where words of a long text are looked for; null where there is no such field. */
  words(name: string): string | null
}

interface Capabilities {
  readonly fields: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

const TEXTS = ['text', 'match_only_text']
/** What has other fields below it, as `user_agent` in the data stream, has no value of its own. */
const NO_VALUES: ReadonlySet<string> = new Set(['unmapped', 'object', 'nested'])

/**
 * Asks what the mapping has. An index that is not there yet is taken for one of dynamic mapping.
 *
 * A data stream of the pump knows the flat names as aliases, so these come first: they hold for both kinds of documents.
 */
export async function readIndexFields(
  connection: Connection,
  index: string,
  fields: readonly Field[],
  signal: AbortSignal,
): Promise<IndexFields> {
  const asked = fields.flatMap(({ elasticsearch: flat, dataStream }) => [
    ...(flat === null ? [] : [flat, `${flat}.keyword`]),
    ...(dataStream === null ? [] : [dataStream]),
  ])
  const names = encodeURIComponent([...new Set(asked)].join(','))
  const caps = `/${index}/_field_caps?fields=${names}&ignore_unavailable=true&allow_no_indices=true`
  const { fields: found } = (await connection.ask('GET', caps, null, signal)) as Capabilities
  const isThere = (path: string): boolean => Object.keys(found[path] ?? {}).some((type) => !NO_VALUES.has(type))
  const isText = (path: string): boolean => TEXTS.some((type) => found[path]?.[type] !== undefined)
  const isEmpty = !asked.some(isThere)

  const find = ({ name, kind, elasticsearch: flat, dataStream }: Field): Found | null => {
    const own = [flat, dataStream].filter((path) => path !== null)
    const text = own.find(isText) ?? null
    if (isEmpty) return flat === null ? null : isWord(kind) ? { exact: `${flat}.keyword`, words: flat } : one(name)
    const twin = isWord(kind) ? `${flat}.keyword` : ''
    if (isThere(twin)) return { exact: twin, words: text }
    const first = own.find(isThere)
    if (first === undefined) return null
    return text === null ? one(first) : { exact: `${text}.keyword`, words: text }
  }

  const paths = new Map(
    fields.flatMap((field) => {
      const place = find(field)
      return place === null ? [] : [[field.name, place] as const]
    }),
  )
  return {
    isEmpty,
    names: new Set(paths.keys()),
    exact: (name) => paths.get(name)?.exact ?? name,
    words: (name) => paths.get(name)?.words ?? null,
  }
}

interface Found {
  readonly exact: string
  readonly words: string | null
}

const one = (path: string): Found => ({ exact: path, words: null })
const isWord = (kind: Field['kind']): boolean => !['number', 'date', 'boolean'].includes(kind)
