import { describe, expect, it } from 'vitest'

/**
 * Real servers, one per engine, named by environment: TEK_ELASTICSEARCH_8_URL=http://127.0.0.1:9200 and so on. An engine
 * without a URL is passed by on a developer's machine; in CI every one must be there.
 */
const ENGINES = ['6', '7', '8', '9', 'opensearch2'] as const

/** Describes the same for each engine that is at hand. */
export function forEachEngine(describeEngine: (engine: string, url: string) => void): void {
  for (const engine of ENGINES) {
    const url = urlOf(engine)
    if (url === undefined) continue
    describe(`engine ${engine}`, () => {
      describeEngine(engine, url)
    })
  }
  // Keeps a file valid where no engine is at hand.
  it('knows which engines there are to test', () => expect(ENGINES).toHaveLength(5))
}

function urlOf(engine: string): string | undefined {
  const name = `TEK_ELASTICSEARCH_${engine.toUpperCase()}_URL`
  const url = process.env[name]
  if (url) return url
  if (process.env['CI']) throw new Error(`${name} is not set: CI must test every engine`)
  console.log(`engine ${engine} is not tested: ${name} is not set`)
  return undefined
}

export interface Hit {
  readonly id: string
  readonly source: Readonly<Record<string, unknown>>
}

/** What a test asks of an engine directly. */
export interface Engine {
  /** Makes an index with these fields. `dynamic` as Elasticsearch knows it. */
  create(index: string, properties: object, more?: object): Promise<void>
  search(index: string, query?: string): Promise<Hit[]>
  count(index: string, query?: string): Promise<number>
  request(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }>
}

export function createEngine(engine: string, url: string): Engine {
  const request: Engine['request'] = async (method, path, body) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    return { status: answer.status, body: await answer.json().catch(() => null) }
  }
  const refresh = (index: string) => request('POST', `/${index}/_refresh`)
  return {
    request,
    async create(index, properties, more = {}) {
      const mapping = { ...more, properties }
      const mappings = engine === '6' ? { tyk_analytics: mapping } : mapping
      const { status, body } = await request('PUT', `/${index}`, { mappings })
      if (status !== 200) throw new Error(`making ${index}: ${JSON.stringify(body)}`)
    },
    async search(index, query = '*') {
      await refresh(index)
      const { body } = await request('GET', `/${index}/_search?size=100&q=${encodeURIComponent(query)}`)
      const { hits } = (body as { hits: { hits: { _id: string; _source: Record<string, unknown> }[] } }).hits
      return hits.map(({ _id: id, _source: source }) => ({ id, source }))
    },
    async count(index, query = '*') {
      await refresh(index)
      const { status, body } = await request('GET', `/${index}/_count?q=${encodeURIComponent(query)}`)
      return status === 404 ? 0 : (body as { count: number }).count
    },
  }
}
