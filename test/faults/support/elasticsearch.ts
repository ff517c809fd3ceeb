import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readBody } from '../../support/upstream.ts'

/** What a server does to every write until it is healed. */
export type Fault =
  | 'refuses connections'
  | 'hangs'
  | 'resets before it answers'
  | 'resets in the middle of its answer'
  | 'answers one byte per second'
  | 'answers 429'
  | 'answers 429 to every seventh item'
  | 'answers 400 to the fourth item'
  | 'answers 401'
  | 'answers 403 to every item'
  | 'answers 413 to more than eight items'
  | 'answers 503'
  | 'answers what is no JSON'
  | 'answers fewer items than it was sent'
  | 'answers 409 to what it has just stored'

/** Up to where a write has come when it is held. */
export type Moment = 'received' | 'half stored' | 'stored' | 'half answered' | 'answered'

export interface HeldWrite {
  /** Resolves when a write has come that far. It stays there. */
  readonly reached: Promise<void>
  /** Cuts the connection of the held write, or holds none any more. */
  drop(): void
}

/** A server with the answers of Elasticsearch that keeps documents by id, and misbehaves for as long as it is told to. */
export interface FaultyElasticsearch extends AsyncDisposable {
  readonly url: string
  /** By `request_uri`, the ids of the documents that hold it. */
  readonly stored: ReadonlyMap<string, readonly string[]>
  /** Documents that came although they were there. */
  readonly conflicts: number
  /** @param stores - Whether what comes is stored although the answer does not say so. */
  misbehave(fault: Fault, stores?: boolean): Promise<void>
  heal(): Promise<void>
  /** Holds the next write at a moment. */
  hold(moment: Moment): HeldWrite
  /** Brings `stored` up to date; of a scripted server it always is. */
  refresh(): Promise<void>
  clear(): Promise<void>
}

interface Item {
  readonly id: string
  readonly uri: string
}

/** Records with this in their path are refused for good. */
export const REFUSED = 'refused'

interface Hold {
  readonly moment: Moment
  readonly reach: (res: ServerResponse) => void
}

const WHOLE: Partial<Record<Fault, { readonly status: number; readonly body: string }>> = {
  'answers 429': { status: 429, body: errorBody('es_rejected_execution_exception') },
  'answers 401': { status: 401, body: errorBody('security_exception') },
  'answers 503': { status: 503, body: errorBody('unavailable_shards_exception') },
  'answers what is no JSON': { status: 200, body: '<html><body>It works!</body></html>' },
}

const CUT_AT = 'resets in the middle of its answer'

function errorBody(type: string): string {
  return JSON.stringify({ error: { type, reason: 'scripted' } })
}

export async function startFaultyElasticsearch(version = '8.19.0'): Promise<FaultyElasticsearch> {
  const byId = new Map<string, string>()
  const stored = new Map<string, string[]>()
  const refused = new Set<string>()
  let fault: Fault | null = null
  let stores = true
  let next: Hold | null = null
  let conflicts = 0
  const product = version.startsWith('8') ? { 'x-elastic-product': 'Elasticsearch' } : {}
  const headers = { 'content-type': 'application/json', ...product }

  const send = (res: ServerResponse, status: number, body: string): void => {
    res.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
    res.end(body)
  }

  const store = ({ id, uri }: Item): number => {
    if (byId.has(id)) {
      conflicts += 1
      return 409
    }
    byId.set(id, uri)
    const ids = stored.get(uri)
    if (ids === undefined) stored.set(uri, [id])
    else ids.push(id)
    return 201
  }

  const statusOf = (item: Item, at: number): number => {
    if (item.uri.includes(REFUSED) || refused.has(item.id)) return 400
    if (fault === 'answers 429 to every seventh item' && at % 7 === 6) return 429
    // What is there is there, and what was refused will be again: a document does not become another one on its way.
    if (fault === 'answers 400 to the fourth item' && at === 3 && !byId.has(item.id)) {
      refused.add(item.id)
      return 400
    }
    if (fault === 'answers 403 to every item') return 403
    const status = store(item)
    return fault === 'answers 409 to what it has just stored' ? 409 : status
  }

  const answerOf = (items: readonly Item[]): string => {
    const answered = items.map((item, at) => itemAnswer(item, statusOf(item, at)))
    const short = fault === 'answers fewer items than it was sent' && items.length > 1
    const shown = short ? answered.slice(0, Math.ceil((2 * items.length) / 3) - 1 || 1) : answered
    const errors = answered.some((text) => text.includes('"error"'))
    return `{"took":1,"errors":${errors},"items":[${shown.join(',')}]}`
  }

  /** True when the write stays where it is. */
  const holdAt = (moment: Moment, res: ServerResponse): boolean => {
    if (next?.moment !== moment) return false
    const { reach } = next
    next = null
    reach(res)
    return true
  }

  const write = (res: ServerResponse, items: readonly Item[]): void => {
    if (holdAt('received', res)) return
    if (next?.moment === 'half stored') {
      for (const item of items.slice(0, Math.ceil(items.length / 2))) statusOf(item, 0)
      if (holdAt('half stored', res)) return
    }
    const body = answerOf(items)
    if (holdAt('stored', res)) return
    if (next?.moment === 'half answered') return cut(res, body, () => void holdAt('half answered', res))
    send(res, 200, body)
    // Held means here: nothing more is done, and whoever waits for it acts while the answer arrives.
    holdAt('answered', res)
  }

  const cut = (res: ServerResponse, body: string, then: () => void): void => {
    res.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(body) })
    res.write(body.slice(0, body.length / 2), then)
  }

  const drip = (res: ServerResponse, body: string): void => {
    res.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(body) })
    let at = 0
    const timer = setInterval(() => res.write(body[at++] ?? ''), 1000)
    res.once('close', () => clearInterval(timer))
  }

  /** True when the fault was all there is to the answer. */
  const misbehaves = (res: ServerResponse, items: readonly Item[]): boolean => {
    const whole = fault === null ? undefined : WHOLE[fault]
    const transport = fault === 'hangs' || fault === 'answers one byte per second' || fault?.startsWith('resets')
    const tooLarge = fault === 'answers 413 to more than eight items' && items.length > 8
    if (tooLarge) send(res, 413, '')
    if (!whole && !transport) return tooLarge
    const body = stores && items.length > 0 ? answerOf(items) : '{"took":1,"errors":false,"items":[]}'
    if (whole) send(res, whole.status, whole.body)
    else if (fault === 'resets before it answers') res.destroy()
    else if (fault === CUT_AT) cut(res, body, () => res.destroy())
    else if (fault === 'answers one byte per second') drip(res, body)
    return true
  }

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const body = await readBody(req)
    if (req.method === 'GET') {
      const looked = fault === 'answers what is no JSON' || fault === 'answers 429' ? false : misbehaves(res, [])
      if (!looked) send(res, 200, JSON.stringify({ version: { number: version } }))
      return
    }
    const items = readItems(body.toString())
    if (next === null && misbehaves(res, items)) return
    write(res, items)
  }

  const server = createServer((req, res) => {
    // A killed pump leaves half a request behind.
    handle(req, res).catch(() => res.destroy())
  })
  const listen = async (port: number): Promise<number> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
    await promise
    return (server.address() as AddressInfo).port
  }
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const { promise, resolve } = Promise.withResolvers<void>()
    server.close(() => resolve())
    server.closeAllConnections()
    await promise
  }
  const port = await listen(0)
  return {
    url: `http://127.0.0.1:${port}`,
    stored,
    get conflicts() {
      return conflicts
    },
    async misbehave(wanted, storing = true) {
      fault = wanted
      stores = storing
      if (wanted === 'refuses connections') await close()
    },
    async heal() {
      fault = null
      // What hung before hangs for good otherwise.
      server.closeAllConnections()
      if (!server.listening) await listen(port)
    },
    hold(moment) {
      const { promise: reached, resolve } = Promise.withResolvers<void>()
      let response: ServerResponse | null = null
      const mine: Hold = {
        moment,
        reach: (res) => {
          response = res
          resolve()
        },
      }
      next = mine
      return {
        reached,
        drop: () => {
          if (next === mine) next = null
          response?.destroy()
        },
      }
    },
    refresh: () => Promise.resolve(),
    async clear() {
      byId.clear()
      stored.clear()
    },
    [Symbol.asyncDispose]: close,
  }
}

function itemAnswer({ id }: Item, status: number): string {
  // As the real server orders it: the status comes last unless there is an error.
  if (status === 201) return `{"create":{"_index":"records","_id":"${id}","result":"created","status":201}}`
  const type = ERROR_TYPES[status] ?? 'scripted_exception'
  const error = {
    type,
    reason: status === 403 ? 'index [records] blocked by: [FORBIDDEN/12/index read-only]' : 'scripted',
  }
  return JSON.stringify({ create: { _index: 'records', _id: id, status, error } })
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'document_parsing_exception',
  403: 'cluster_block_exception',
  409: 'version_conflict_engine_exception',
  429: 'es_rejected_execution_exception',
}

function readItems(body: string): Item[] {
  const lines = body.split('\n')
  return Array.from({ length: Math.floor(lines.length / 2) }, (_, i) => {
    const { create } = JSON.parse(lines[2 * i] ?? '') as { create: { _id: string } }
    return { id: create._id, uri: /"request_uri":"([^"]*)"/.exec(lines[2 * i + 1] ?? '')?.[1] ?? '' }
  })
}
