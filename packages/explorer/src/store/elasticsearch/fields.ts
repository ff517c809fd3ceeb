import type { Field } from '../../fields.ts'
import type { Connection } from './connection.ts'

/** How the fields of the flat document are found in an index. */
export interface IndexFields {
  /** Those that the mapping has. */
  readonly names: ReadonlySet<string>
  /** For exact values, orders and aggregations: the keyword twin of a text, or the field itself. */
  exact(name: string): string
  /** For words of a long text; null where there is no such field. */
  words(name: string): string | null
}

interface Capabilities {
  readonly fields: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

const TEXTS = ['text', 'match_only_text']

/** Asks what the mapping has. An index that is not there yet is taken for one of dynamic mapping. */
export async function readIndexFields(
  connection: Connection,
  index: string,
  fields: readonly Field[],
  signal: AbortSignal,
): Promise<IndexFields> {
  const flat = fields.flatMap(({ elasticsearch }) => elasticsearch ?? [])
  const asked = flat.flatMap((name) => [name, `${name}.keyword`]).join(',')
  const path = `/${index}/_field_caps?fields=${encodeURIComponent(asked)}&ignore_unavailable=true&allow_no_indices=true`
  const { fields: found } = (await connection.ask('GET', path, null, signal)) as Capabilities
  const isThere = (name: string): boolean => Object.keys(found[name] ?? {}).some((type) => type !== 'unmapped')
  const isEmpty = !flat.some(isThere)
  const isText = (name: string): boolean => TEXTS.some((type) => found[name]?.[type] !== undefined)
  const kinds = new Map(fields.map(({ name, kind }) => [name, kind]))
  const isWord = (name: string): boolean => !['number', 'date', 'boolean'].includes(kinds.get(name) ?? '')
  return {
    names: new Set(isEmpty ? flat : flat.filter(isThere)),
    exact(name) {
      if (!isWord(name)) return name
      const twin = `${name}.keyword`
      return isThere(twin) || isEmpty || isText(name) ? twin : name
    },
    words: (name) => (isEmpty || isText(name) ? name : null),
  }
}
