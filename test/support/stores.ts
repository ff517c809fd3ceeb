import { startFakeElasticsearch } from '../../packages/pump/test/support/fake-elasticsearch.ts'

export type Document = Record<string, unknown>

/** Where documents end up: a real server when one is named by environment, else a scripted one. */
export interface DocumentStore {
  readonly url: string
  /** Every stored document, or those that a search in Elasticsearch's query text finds. */
  documents(query?: string): Promise<Document[]>
  count(): Promise<number>
  close(): Promise<void>
}

export interface StoreKind {
  readonly name: string
  /** Whether it can answer a query. */
  readonly searches: boolean
  create(): Promise<DocumentStore>
}

const ENGINES = ['6', '7', '8', '9', 'opensearch2']
const INDEX = 'tyk_analytics'

/** The scripted server, and each engine that TEK_ELASTICSEARCH_<ENGINE>_URL names. */
export const storeKinds: readonly StoreKind[] = [
  { name: 'a scripted server', searches: false, create: scripted },
  ...ENGINES.flatMap((engine) => {
    const url = process.env[`TEK_ELASTICSEARCH_${engine.toUpperCase()}_URL`]
    return url === undefined ? [] : [{ name: `engine ${engine}`, searches: true, create: () => real(url) }]
  }),
]

async function scripted(): Promise<DocumentStore> {
  const fake = await startFakeElasticsearch({ version: '6.8.6' })
  return {
    url: fake.url,
    documents: async () => fake.documents.map(({ source }) => source),
    count: async () => fake.documents.length,
    close: async () => fake[Symbol.asyncDispose](),
  }
}

/** Works on the index of the walk-through, which is removed before and after. */
async function real(url: string): Promise<DocumentStore> {
  const index = `${url}/${INDEX}`
  const remove = async (): Promise<void> => void (await fetch(index, { method: 'DELETE' }))
  await remove()
  return {
    url,
    async documents(query) {
      await fetch(`${index}/_refresh`, { method: 'POST' })
      const search = new URLSearchParams({ size: '100', ...(query === undefined ? {} : { q: query }) })
      const answer = (await (await fetch(`${index}/_search?${search.toString()}`)).json()) as {
        hits?: { hits: { _source: Document }[] }
      }
      return answer.hits?.hits.map((hit) => hit._source) ?? []
    },
    async count() {
      await fetch(`${index}/_refresh`, { method: 'POST' })
      const answer = (await (await fetch(`${index}/_count`)).json()) as { count?: number }
      return answer.count ?? 0
    },
    close: remove,
  }
}
