import type { NodeAddress, Settings } from './settings.ts'
import type { NodeTransport } from './transport.ts'

/** One transport per node and client, made when it is used first. */
export interface Transports {
  of(node: NodeAddress, official: boolean): Promise<NodeTransport>
  close(): Promise<void>
}

export function createTransports(settings: Settings): Transports {
  const made = new Map<string, Promise<NodeTransport>>()
  return {
    of(node, official) {
      const key = `${official ? 'client' : 'http'} ${node.origin}${node.prefix}`
      const transport = made.get(key) ?? create(node, official, settings)
      made.set(key, transport)
      return transport
    },
    async close() {
      const open = [...made.values()]
      made.clear()
      await Promise.allSettled(open.map(async (transport) => (await transport).close()))
    },
  }
}

async function create(node: NodeAddress, official: boolean, settings: Settings): Promise<NodeTransport> {
  // Each is loaded when it is needed: 100 and 350 ms that the health check's port and a pump without it need not wait for.
  if (!official) {
    const { createHttpTransport } = await import('./http-transport.ts')
    return createHttpTransport(node, settings)
  }
  const { createClientTransport } = await import('./client-transport.ts')
  return createClientTransport(node, settings)
}
