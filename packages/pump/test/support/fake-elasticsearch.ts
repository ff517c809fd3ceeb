import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createFakeTemplates, type FakeTemplates, type Maker } from './fake-templates.ts'

/** What the next write is answered instead of the ordinary way. */
export interface ScriptedAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is; an object as JSON. */
  readonly body?: unknown
  /** Cuts the connection after half of the body. */
  readonly half?: true
  /** Cuts the connection before anything is answered. */
  readonly reset?: true
  /** Status and error of the item at a position. */
  readonly items?: Readonly<Record<number, { status: number; type?: string; reason?: string }>>
  /** Leaves items out of the answer from this position on. */
  readonly itemCount?: number
}

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface StoredDocument {
  readonly index: string
  readonly type: string | undefined
  readonly id: string
  readonly source: Readonly<Record<string, unknown>>
}

export interface FakeOptions {
  readonly version?: string
  readonly distribution?: 'opensearch'
  /** Whether answers carry the product header; default: from 7.14 on. */
  readonly product?: boolean
  /** Answers `GET /` with this status. */
  readonly rootStatus?: number
  readonly tls?: ServerOptions
  /** Refuses the media types of the official client, as servers do that are not Elasticsearch. */
  readonly refuseVendoredTypes?: boolean
  readonly publishAddress?: string
  /** Answers searches with 403, or finds nothing. */
  readonly search?: 'forbidden' | 'blind'
  /** Whether it has policies for the life of indices; default: yes. */
  readonly policies?: boolean
}

export interface FakeElasticsearch extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly requests: readonly SeenRequest[]
  readonly documents: readonly StoredDocument[]
  readonly templates: FakeTemplates
  /** Begins a new index behind a data stream. */
  rollOver(stream: string): void
  /** Requests that write, with bodies. */
  writes(): SeenRequest[]
  next(...answers: ScriptedAnswer[]): void
  /** Refuses the document with this API id for good. */
  refuse(apiId: string): void
  busyOnce(apiId: string): void
  /** Closes the port and every connection, or listens on it again. */
  away(isAway: boolean): Promise<void>
  hang(): void
}

/** A server with the answers of Elasticsearch that can misbehave on demand. */
export async function startFakeElasticsearch(options: FakeOptions = {}): Promise<FakeElasticsearch> {
  const version = options.version ?? '8.19.0'
  const requests: SeenRequest[] = []
  const documents: StoredDocument[] = []
  const script: ScriptedAnswer[] = []
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const marked = major > 7 || (major === 7 && minor >= 16)
  const templates = createFakeTemplates({ known: options.policies ?? true, typedPaths: major < 8, marked })
  /** By name: how each index was made, for a data stream those behind it. */
  const made = new Map<string, Maker[]>()
  const generationOf = new WeakMap<StoredDocument, number>()
  const refused = new Set<unknown>()
  const busy = new Set<unknown>()
  let hanging = false

  const store = (meta: Record<string, string>, source: Record<string, unknown>): object => {
    const item = { _index: meta['_index'], _id: meta['_id'] }
    const failed = (status: number, type: string) => ({ ...item, status, error: { type, reason: `scripted ${type}` } })
    if (refused.has(source['api_id'])) return failed(400, 'document_parsing_exception')
    if (busy.delete(source['api_id'])) return failed(429, 'es_rejected_execution_exception')
    const name = meta['_index'] ?? ''
    if (!made.has(name)) made.set(name, [templates.makerOf(name)])
    const generation = made.get(name)?.length ?? 1
    // An id is unique in an index, not behind a data stream.
    if (documents.some((one) => one.index === name && one.id === meta['_id'] && generationOf.get(one) === generation)) {
      return failed(409, 'version_conflict_engine_exception')
    }
    const document = { index: name, type: meta['_type'], id: meta['_id'] ?? '', source }
    documents.push(document)
    generationOf.set(document, generation)
    return { ...item, result: 'created', status: 201 }
  }

  const bulk = (body: string, scripted: ScriptedAnswer): object => {
    const lines = body.split('\n').filter((line) => line !== '')
    const items = Array.from({ length: lines.length / 2 }, (_, i) => {
      const meta = (JSON.parse(lines[2 * i] ?? '') as { create: Record<string, string> }).create
      const forced = scripted.items?.[i]
      if (forced)
        return { create: { ...meta, status: forced.status, error: { type: forced.type, reason: forced.reason } } }
      return { create: store(meta, JSON.parse(lines[2 * i + 1] ?? '') as Record<string, unknown>) }
    })
    return { took: 1, errors: false, items: items.slice(0, scripted.itemCount) }
  }

  const answerWrite = (request: SeenRequest): { status: number; body: object } => {
    const path = request.url.split('?')[0] ?? ''
    if (path.endsWith('/_bulk')) return { status: 200, body: bulk(request.body, script.shift() ?? {}) }
    const [index, type, id] = path.slice(1).split('/').map(decodeURIComponent)
    const typed = type === '_create' ? {} : { _type: type ?? '' }
    const result = store(
      { _index: index ?? '', _id: id ?? '', ...typed },
      JSON.parse(request.body) as Record<string, unknown>,
    )
    return { status: (result as { status: number }).status, body: result }
  }

  const product = options.product ?? (!options.distribution && (major > 7 || (major === 7 && minor >= 14)))
  const headers = { 'content-type': 'application/json', ...(product && { 'x-elastic-product': 'Elasticsearch' }) }
  const json = (res: ServerResponse, status: number, body: unknown, more: object = {}): void => {
    res.writeHead(status, { ...headers, ...more })
    res.end(typeof body === 'string' ? body : JSON.stringify(body))
  }

  const misbehave = (res: ServerResponse, scripted: ScriptedAnswer): void => {
    if (scripted.reset) return void res.destroy()
    const body = typeof scripted.body === 'string' ? scripted.body : JSON.stringify(scripted.body ?? {})
    if (!scripted.half) return json(res, scripted.status ?? 200, body, scripted.headers)
    res.writeHead(200, { ...headers, 'content-length': body.length })
    res.write(body.slice(0, body.length / 2), () => res.destroy())
  }

  const find = (id: unknown): StoredDocument[] => {
    return options.search === 'blind' ? [] : documents.filter((document) => document.id === id)
  }

  /** `_refresh`, `_search` for one id, and `DELETE` of one document. */
  const answerOthers = (request: SeenRequest, res: ServerResponse): void => {
    const path = request.url.split('?')[0] ?? ''
    if (path.endsWith('/_refresh')) return json(res, 200, {})
    if (options.search === 'forbidden') {
      return json(res, 403, { error: { type: 'security_exception', reason: 'action is unauthorized' } })
    }
    if (request.method === 'DELETE') {
      const at = documents.indexOf(find(decodeURIComponent(path.split('/').at(-1) ?? ''))[0] as StoredDocument)
      if (at >= 0) documents.splice(at, 1)
      return json(res, at >= 0 ? 200 : 404, {})
    }
    const { size, query } = JSON.parse(request.body) as { size: number; query: { ids: { values: unknown[] } } }
    if (size > 10_000) return json(res, 400, { error: { type: 'illegal_argument_exception', reason: 'window' } })
    const found = query.ids.values.flatMap((id) => find(id)).slice(0, size)
    const hits = found.map(({ index, type, id }) => ({ _index: index, _type: type, _id: id }))
    json(res, 200, { hits: { hits } })
  }

  const behind = (stream: string, generation: number): string => `.ds-${stream}-${String(generation).padStart(6, '0')}`

  const answerIndex = ({ url }: SeenRequest, res: ServerResponse): void => {
    const name = decodeURIComponent(url.slice(1).split('?')[0] ?? '')
    const makers = made.get(name)
    if (makers === undefined) return json(res, 404, {})
    const shown = makers.map(({ makesStream, lifecycle }, i) => {
      const index = makesStream ? behind(name, i + 1) : name
      const policy = lifecycle !== undefined && { lifecycle: { name: lifecycle } }
      const settings = { index: { provided_name: index, ...policy } }
      return [index, { settings, ...(makesStream && { data_stream: name }) }] as const
    })
    json(res, 200, Object.fromEntries(shown))
  }

  /** Of the policies of OpenSearch. */
  const explain = ({ url }: SeenRequest, res: ServerResponse): void => {
    const index = decodeURIComponent(url.split('/').at(-1) ?? '')
    const all = [...made].flatMap(([name, makers]) => makers.map((maker, i) => [behind(name, i + 1), maker] as const))
    const policy = all.find(([name]) => name === index)?.[1].ism ?? null
    json(res, 200, { [index]: { 'index.plugins.index_state_management.policy_id': policy }, total_managed_indices: 1 })
  }

  const handle = (request: SeenRequest, res: ServerResponse): void => {
    if (hanging) return
    if (options.refuseVendoredTypes && /vnd\.elasticsearch/.test(`${request.headers['content-type']}`)) {
      return json(res, 406, { error: 'Content-Type header is not supported', status: 406 })
    }
    if (request.method === 'GET' && request.url.startsWith('/_nodes')) {
      return json(res, 200, { nodes: { n1: { http: { publish_address: options.publishAddress } } } })
    }
    const managed = templates.answer(request)
    if (managed) return json(res, managed.status, managed.body)
    if (request.url.startsWith('/_plugins/_ism/explain/')) return explain(request, res)
    if (request.method === 'GET' && /^\/[^_]/.test(request.url)) return answerIndex(request, res)
    if (request.method === 'GET') {
      const distribution = options.distribution && { distribution: options.distribution }
      const error = { error: { type: 'security_exception', reason: 'scripted' } }
      const body = options.rootStatus ? error : { version: { number: version, ...distribution } }
      return json(res, options.rootStatus ?? 200, body)
    }
    if (request.method === 'DELETE' || /\/_(?:refresh|search)\b/.test(request.url)) return answerOthers(request, res)
    const scripted = script[0]
    if (scripted && !scripted.items && scripted.itemCount === undefined) {
      script.shift()
      return misbehave(res, scripted)
    }
    const { status, body } = answerWrite(request)
    json(res, status, body)
  }

  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const request = {
        method: req.method ?? '',
        url: req.url ?? '',
        headers: req.headers,
        body: Buffer.concat(chunks).toString(),
      }
      requests.push(request)
      handle(request, res)
    })
  }
  const server: Server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener)
  const listen = async (port: number): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve())
    await promise
  }
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const { promise, resolve } = Promise.withResolvers<void>()
    server.close(() => resolve())
    server.closeAllConnections()
    await promise
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    requests,
    documents,
    templates,
    rollOver: (stream) => void made.get(stream)?.push(templates.makerOf(stream)),
    writes: () => requests.filter(({ method }) => method !== 'GET'),
    next: (...answers) => void script.push(...answers),
    refuse: (apiId) => void refused.add(apiId),
    busyOnce: (apiId) => void busy.add(apiId),
    away: (isAway) => (isAway ? stop() : listen(port)),
    hang: () => {
      hanging = true
    },
    [Symbol.asyncDispose]: stop,
  }
}
