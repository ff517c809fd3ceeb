import type { Ask } from './install.ts'
import { memberOf } from './resource.ts'

/** What answers to a name; `alias` for one of indices or of data streams, `unknown` where we may not look. */
export type Sight =
  | { readonly kind: 'none' | 'index' | 'alias' | 'unknown' }
  | {
      readonly kind: 'stream'
      /** That records go into. */
      readonly writeIndex: string
      /** Named in its settings, which Elasticsearch follows. */
      readonly policy: string | null
    }

const FIELDS = '*.data_stream,*.settings.index.provided_name,*.settings.index.lifecycle.name'

export async function lookAt(name: string, ask: Ask): Promise<Sight> {
  const { status, body } = await ask('GET', `/${encodeURIComponent(name)}?filter_path=${FIELDS}`)
  if (status === 404) return { kind: 'none' }
  if (status !== 200) return { kind: 'unknown' }
  const indices = Object.keys(body ?? {})
  if (indices.includes(name)) return { kind: 'index' }
  const behind = indices.filter((index) => memberOf(body, index)['data_stream'] === name)
  // Names end with the number of the generation.
  const writeIndex = behind.sort((a, b) => generationOf(a) - generationOf(b)).at(-1)
  if (writeIndex === undefined) return { kind: 'alias' }
  const settings = memberOf(memberOf(body, writeIndex), 'settings')
  const { name: policy } = memberOf(memberOf(settings, 'index'), 'lifecycle')
  return { kind: 'stream', writeIndex, policy: typeof policy === 'string' ? policy : null }
}

const generationOf = (index: string): number => Number(/\d+$/.exec(index)?.[0] ?? 0)
