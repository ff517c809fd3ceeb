import type { RequestContext } from '../../chain/context.ts'
import { forward, type ForwardOptions } from '../forward.ts'
import { createHttpProxyLane } from './http-proxy.ts'

/** How ordinary requests go upstream. */
export interface Lane {
  forward(ctx: RequestContext, options: ForwardOptions): void
  close(): Promise<void>
}

export type LaneName = 'direct' | 'http-proxy'

export function createLane(name: LaneName): Promise<Lane> {
  if (name === 'http-proxy') return createHttpProxyLane()
  return Promise.resolve({ forward, close: () => Promise.resolve() })
}
