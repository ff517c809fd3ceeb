import type { RequestContext } from '../../chain/context.ts'
import { forward, type ForwardOptions } from '../forward.ts'

/** How ordinary requests go upstream. */
export interface Lane {
  forward(ctx: RequestContext, options: ForwardOptions): void
  close(): Promise<void>
}

export type LaneName = 'direct' | 'http-proxy'

export async function createLane(name: LaneName): Promise<Lane> {
  if (name === 'direct') return { forward, close: () => Promise.resolve() }
  // Loaded when it is wanted: the plug-in and what it brings along need 150 ms.
  const { createHttpProxyLane } = await import('./http-proxy.ts')
  return createHttpProxyLane()
}
