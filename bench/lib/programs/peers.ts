import type { Contender } from '../rounds.ts'
import type { Stage } from '../stage.ts'
import type { Target } from '../target.ts'
import { startHaproxy } from './haproxy.ts'
import { startNginxProxy } from './nginx.ts'
import { startStock } from './stock.ts'

/** What the gateway is measured beside; `upstream` is nobody in between. */
export type PeerKind = 'nginx' | 'haproxy' | 'stock' | 'upstream'

const COMPILED_AHEAD = new Set<PeerKind>(['nginx', 'haproxy', 'upstream'])
const START = { nginx: startNginxProxy, haproxy: startHaproxy, stock: startStock } as const

export async function startPeer(
  stage: Stage,
  { name, peer, tls = false }: { name: string; peer: PeerKind; tls?: boolean | undefined },
  { path = 'get', ...request }: Partial<Target> & { path?: string },
): Promise<Contender> {
  const compiled = COMPILED_AHEAD.has(peer) ? ({ compiledAhead: true } as const) : {}
  const same = { name, records: null, ours: false, ...compiled }
  if (peer === 'upstream') {
    const target = { ...request, url: `http://127.0.0.1:${stage.upstream.port}/${path}` }
    return { ...same, process: stage.upstream.process, target, neededByOthers: true }
  }
  const { port, process } = await START[peer](stage, { tls })
  return {
    ...same,
    process,
    target: { ...request, url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/bench/${path}` },
  }
}
