import type { ServerResponse } from 'node:http'
import { type MortalServer, startMortalServer } from './mortal-server.ts'
import { readBody } from './upstream.ts'

export interface ScriptedElasticsearch extends MortalServer {
  /** How many searches wait for an answer now; who has asked may have gone. */
  held(): number
  /** Leaves searches without an answer that this is true of. */
  hold(when: (body: SearchBody) => boolean): void
  /** Answers again, what was held as well. */
  release(): void
}

export interface SearchBody {
  readonly size?: number
  readonly search_after?: readonly unknown[]
}

const DOCUMENTS = 2000

/** An Elasticsearch with 2,000 documents, as far as the Requests view and its export ask, that hangs and dies on demand. */
export async function startScriptedElasticsearch(): Promise<ScriptedElasticsearch> {
  let holds = (_body: SearchBody): boolean => false
  const held = new Map<ServerResponse, SearchBody>()
  const search = (response: ServerResponse, body: SearchBody): void => {
    if (!holds(body)) return void response.end(JSON.stringify(answerTo(body)))
    held.set(response, body)
    response.once('close', () => held.delete(response))
  }
  const server = await startMortalServer(async (request, response) => {
    const body = (await readBody(request)).toString()
    response.setHeader('content-type', 'application/json')
    response.setHeader('x-elastic-product', 'Elasticsearch')
    const path = (request.url ?? '').split('?')[0] ?? ''
    if (path === '/') response.end('{"version":{"number":"8.19.2"}}')
    else if (path.endsWith('/_field_caps')) response.end('{"indices":[],"fields":{}}')
    else search(response, JSON.parse(body) as SearchBody)
  })
  return {
    ...server,
    held: () => held.size,
    hold: (when) => void (holds = when),
    release() {
      holds = () => false
      for (const [response, body] of held) response.end(JSON.stringify(answerTo(body)))
    },
  }
}

function answerTo({ size = 0, search_after: after }: SearchBody): object {
  const ms = Date.now() - 5000
  // The store asks for one place more, and leaves out by its id the document that it knows of that.
  const begin = after === undefined ? 0 : DOCUMENTS - Number(after.at(-1)) + 2
  const hits = Array.from({ length: Math.min(size, DOCUMENTS - begin) }, (_, offset) => {
    const number = begin + offset
    const _source = {
      '@timestamp': new Date(ms).toISOString(),
      http_method: 'GET',
      request_uri: `/orders/${number}`,
      response_code: 200,
      api_name: 'orders',
    }
    // The place in the order; the newest is the first.
    return { _id: `document-${number}`, _index: 'tyk_analytics', _source, sort: [DOCUMENTS - number] }
  })
  const count = (digit: number): [string, object] => [`${digit}xx`, { doc_count: digit === 2 ? DOCUMENTS : 0 }]
  const classes = { buckets: Object.fromEntries([1, 2, 3, 4, 5].map(count)) }
  return {
    took: 1,
    timed_out: false,
    _shards: { total: 1, failed: 0 },
    hits: { total: { value: DOCUMENTS, relation: 'eq' }, hits },
    aggregations: {
      first: { value: ms },
      last: { value: ms },
      time: { buckets: [{ key: Math.floor(ms / 5000) * 5000, doc_count: DOCUMENTS, classes }] },
    },
  }
}
