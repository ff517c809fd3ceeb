import { SinkRefusedError } from '../../errors.ts'
import type { Log } from '../../log/log.ts'
import { type Ask, type Asked, type NodePool, readSniffed } from './nodes.ts'
import { recogniseServer, type Server } from './server.ts'
import type { NodeAddress, Settings } from './settings.ts'
import type { NodeAnswer } from './transport.ts'
import { busyError, errorOf } from './verdicts.ts'

const SNIFF_INTERVAL_MS = 15 * 60_000

export interface DetectionDeps {
  readonly settings: Settings
  readonly pool: NodePool
  readonly log: Log
  readonly now: () => number
  /** `GET` over plain HTTP, which every server understands. */
  readonly get: (path: string, node: NodeAddress) => Promise<NodeAnswer>
  readonly askNodes: (ask: Ask) => Promise<Asked>
}

/** Knows what kind of server is on the other side, and where its nodes are. */
export interface Detection {
  /** What is known, after a look if nothing is or the list of nodes is old. */
  current(): Promise<Server> | Server
  look(): Promise<Server>
  /** Replaces what is known: null makes the next use look again. */
  set(server: Server | null): void
}

export function createDetection({ settings, pool, log, now, get, askNodes }: DetectionDeps): Detection {
  let known: Server | null = null
  let looking: Promise<Server> | null = null
  let sniffedAt = -Infinity
  const sniffDue = (): boolean => settings.sniffing && now() - sniffedAt >= SNIFF_INTERVAL_MS

  const sniff = async (seed: NodeAddress): Promise<void> => {
    sniffedAt = now()
    try {
      const found = readSniffed((await get('/_nodes/http', seed)).body, seed)
      if (found.length === 0) throw new Error('no published HTTP address in the answer')
      pool.replace(found)
      log.info({ nodes: found.map(({ origin }) => origin) }, 'Elasticsearch nodes found by sniffing')
    } catch (err) {
      log.warn({ err }, 'Elasticsearch sniffing failed, the configured nodes stay in use')
    }
  }

  const lookOnce = async (): Promise<Server> => {
    const { answer, node } = await askNodes((one) => get('/', one))
    if (answer.status === 401) throw new SinkRefusedError(`Elasticsearch refused the credentials: ${errorOf(answer)}`)
    if (answer.status === 429 || answer.status >= 500) throw busyError(answer)
    const server = recogniseServer(answer, settings.version)
    if (JSON.stringify(server) !== JSON.stringify(known)) logServer(server, log)
    if (sniffDue()) await sniff(node)
    known = server
    return server
  }

  /** Writes that come at the same time share one look. */
  const look = (): Promise<Server> => {
    looking ??= lookOnce().finally(() => {
      looking = null
    })
    return looking
  }

  return {
    current: () => (known === null || sniffDue() ? look() : known),
    look,
    set: (server) => {
      known = server
    },
  }
}

function logServer({ version, distribution, official }: Server, log: Log): void {
  log.info({ version, distribution, client: official ? 'official' : 'http' }, 'Elasticsearch server recognised')
}
