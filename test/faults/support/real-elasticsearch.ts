import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import type { Fault, FaultyElasticsearch, HeldWrite, Moment } from './elasticsearch.ts'

/** What can be done to a real server from outside. */
export const REAL_FAULTS = [
  'refuses connections',
  'hangs',
  'resets before it answers',
  'resets in the middle of its answer',
  'answers 403 to every item',
] as const satisfies readonly Fault[]

/** Of a real server only these can be told apart. */
export const REAL_MOMENTS = ['received', 'stored', 'half answered'] as const satisfies readonly Moment[]

type RealFault = (typeof REAL_FAULTS)[number]

interface Hold {
  readonly moment: Moment
  readonly reach: (cut: () => void) => void
}

const MOST_DOCUMENTS = 10_000
const isBulk = (chunk: Buffer): boolean => chunk.toString('latin1', 0, 100).startsWith('POST /_bulk')

/** A real server behind a proxy that cuts, hangs and holds. `stored` is what the last `refresh` found. */
export async function faceRealElasticsearch(url: string, index: string): Promise<FaultyElasticsearch> {
  const { hostname, port } = new URL(url)
  const stored = new Map<string, string[]>()
  const sockets = new Set<Socket>()
  let fault: RealFault | null = null
  let next: Hold | null = null

  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${url}/${index}${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    })
    return answer.json()
  }

  const block = (blocked: boolean): Promise<unknown> =>
    ask('PUT', '/_settings', { 'index.blocks.read_only_allow_delete': blocked ? true : null })

  /** True when the write stays where it is. */
  const holdAt = (moment: Moment, cut: () => void): boolean => {
    if (next?.moment !== moment) return false
    const { reach } = next
    next = null
    reach(cut)
    return true
  }

  const server = createServer((client) => {
    if (fault === 'refuses connections') return void client.destroy()
    const engine = connect({ host: hostname, port: Number(port), noDelay: true })
    const cut = (): void => {
      client.destroy()
      engine.destroy()
    }
    let bulk = false
    let held = false
    for (const socket of [client, engine]) {
      sockets.add(socket)
      socket.on('error', cut)
      socket.once('close', () => {
        sockets.delete(socket)
        cut()
      })
    }
    client.on('data', (chunk) => {
      if (isBulk(chunk)) bulk = true
      held ||= bulk && holdAt('received', cut)
      if (!held && fault !== 'hangs') engine.write(chunk)
    })
    engine.on('data', (chunk) => {
      held ||= bulk && holdAt('stored', cut)
      if (held || fault === 'hangs') return
      if (bulk && fault === 'resets before it answers') return cut()
      const half = chunk.subarray(0, chunk.length / 2)
      if (bulk && next?.moment === 'half answered') {
        held = true
        client.write(half, () => holdAt('half answered', cut))
      } else if (bulk && fault === 'resets in the middle of its answer') client.write(half, cut)
      else client.write(chunk)
    })
  })
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', resolve)
  await listening

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stored,
    conflicts: 0,
    async refresh() {
      await ask('POST', '/_refresh')
      const body = { size: MOST_DOCUMENTS, _source: ['request_uri'], query: { match_all: {} } }
      const { hits } = (await ask('POST', '/_search', body)) as Found
      stored.clear()
      for (const { _id: id, _source: source } of hits?.hits ?? []) {
        stored.set(source.request_uri, [...(stored.get(source.request_uri) ?? []), id])
      }
    },
    async misbehave(wanted) {
      fault = REAL_FAULTS.find((candidate) => candidate === wanted) ?? null
      if (fault === null) throw new Error(`a real server cannot be made to do this: ${wanted}`)
      if (fault === 'answers 403 to every item') await block(true)
      if (fault === 'refuses connections') for (const socket of sockets) socket.destroy()
    },
    async heal() {
      if (fault === 'answers 403 to every item') await block(false)
      fault = null
      for (const socket of sockets) socket.destroy()
    },
    hold(moment): HeldWrite {
      const { promise: reached, resolve: reachedBy } = Promise.withResolvers<void>()
      let cutHeld = (): void => undefined
      const mine: Hold = {
        moment,
        reach: (cut) => {
          cutHeld = cut
          reachedBy()
        },
      }
      next = mine
      return {
        reached,
        drop: () => {
          if (next === mine) next = null
          cutHeld()
        },
      }
    },
    async clear() {
      stored.clear()
      await ask('DELETE', '')
    },
    async [Symbol.asyncDispose]() {
      await ask('DELETE', '')
      const { promise, resolve: closed } = Promise.withResolvers<void>()
      server.close(() => closed())
      for (const socket of sockets) socket.destroy()
      await promise
    },
  }
}

interface Found {
  readonly hits?: {
    readonly hits: readonly { readonly _id: string; readonly _source: { readonly request_uri: string } }[]
  }
}
