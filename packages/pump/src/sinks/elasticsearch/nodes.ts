import type { NodeAddress } from './settings.ts'
import type { NodeAnswer } from './transport.ts'

/** How long a node that failed comes after the others. */
const DEAD_MS = 60_000

export interface NodePool {
  /** Every node once: live ones in turn, then those that failed, the longest dead first. */
  candidates(): readonly NodeAddress[]
  markDead(node: NodeAddress): void
  markAlive(node: NodeAddress): void
  /** The cluster's own list takes the place of the seeds, which remain as the last resort. */
  replace(found: readonly NodeAddress[]): void
}

/**
 * Whom to ask, round robin. A dead node is never left out altogether: when all have failed, the next attempt tries them
 * all, so nothing has to be revived by a timer.
 */
export function createNodePool(seeds: readonly NodeAddress[], now: () => number): NodePool {
  let nodes = seeds
  let turn = 0
  const deadSince = new Map<string, number>()
  const keyOf = (node: NodeAddress): string => node.origin + node.prefix
  const isDead = (node: NodeAddress): boolean => now() - (deadSince.get(keyOf(node)) ?? -Infinity) < DEAD_MS

  return {
    candidates() {
      const rotated = nodes.map((_, i) => nodes[(turn + i) % nodes.length] as NodeAddress)
      turn = (turn + 1) % nodes.length
      const dead = rotated
        .filter(isDead)
        .sort((a, b) => (deadSince.get(keyOf(a)) ?? 0) - (deadSince.get(keyOf(b)) ?? 0))
      const known = new Set(nodes.map(keyOf))
      const lastResort = seeds.filter((seed) => !known.has(keyOf(seed)))
      return [...rotated.filter((node) => !isDead(node)), ...dead, ...lastResort]
    },
    markDead: (node) => void deadSince.set(keyOf(node), now()),
    markAlive: (node) => void deadSince.delete(keyOf(node)),
    replace(found) {
      nodes = found.length > 0 ? found : seeds
      turn = 0
    },
  }
}

export type Ask = (node: NodeAddress) => Promise<NodeAnswer>

export interface Asked {
  readonly answer: NodeAnswer
  readonly node: NodeAddress
  /** Every node was in trouble; this is the last answer. */
  readonly busy: boolean
}

/** Asks one node after the other until one gives an answer that is worth reading. Throws the last failure. */
export async function askInTurn(pool: NodePool, ask: Ask, signal: AbortSignal): Promise<Asked> {
  let failure: unknown = null
  let busy: Asked | null = null
  for (const node of pool.candidates()) {
    try {
      const answer = await ask(node)
      if (!isNodeTrouble(answer.status)) {
        pool.markAlive(node)
        return { answer, node, busy: false }
      }
      busy = { answer, node, busy: true }
    } catch (error) {
      if (signal.aborted) throw error
      failure = error
    }
    pool.markDead(node)
  }
  if (busy) return busy
  throw failure
}

/** Statuses that say more about the node, or the proxy before it, than about the request. */
const isNodeTrouble = (status: number): boolean => status === 502 || status === 503 || status === 504

/** Reads `GET /_nodes/http`. Nodes keep the scheme and the credentials of the seed that was asked. */
export function readSniffed(body: unknown, seed: NodeAddress): NodeAddress[] {
  const nodes = (body as { nodes?: Record<string, { http?: { publish_address?: unknown } }> } | null | undefined)?.nodes
  if (typeof nodes !== 'object' || nodes === null) return []
  const scheme = new URL(seed.origin).protocol
  return Object.values(nodes).flatMap((node) => {
    const address = node?.http?.publish_address
    if (typeof address !== 'string') return []
    const url = URL.parse(`${scheme}//${hostAndPort(address)}`)
    return url ? [{ origin: url.origin, prefix: '', authorization: seed.authorization }] : []
  })
}

/** `10.0.0.1:9200`, or `name/10.0.0.1:9200` where the name is what certificates are made for. */
function hostAndPort(address: string): string {
  const slash = address.indexOf('/')
  if (slash <= 0) return address.slice(slash + 1)
  return address.slice(0, slash) + address.slice(address.lastIndexOf(':'))
}
