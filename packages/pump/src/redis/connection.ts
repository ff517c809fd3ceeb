import { Cluster, Redis } from 'ioredis'
import { followFailovers } from './follow-failovers.ts'
import type { RedisTarget } from './options.ts'

export interface RedisConnection {
  readonly client: Redis | Cluster
  /** True while commands can be sent. */
  readonly isUp: () => boolean
  /** Why it is not up, or what went wrong last. */
  readonly lastError: () => string | null
  /** Names the reason a command failed: the connection's own trouble rather than the client library's words for it. */
  readonly explain: (error: unknown) => string
  close(): void
}

/** Connects in the background and for ever; nothing waits for it and nothing fails because of it. */
export function openRedis(target: RedisTarget): RedisConnection {
  const client = target.kind === 'cluster' ? new Cluster(target.nodes, target.options) : openSingle(target.options)
  let lastError: string | null = null
  client.on('error', (error: Error) => {
    lastError = describe(error)
    if (!isRefusedDatabase(error) || client instanceof Cluster) return
    lastError = `database ${client.options.db} cannot be had, correct "database" (TYK_PMP_ANALYTICSSTORAGECONFIG_DATABASE): ${lastError}`
    // The client would go on with the records of database 0.
    client.disconnect(true)
  })
  client.on('ready', () => {
    lastError = null
  })
  const isUp = (): boolean => client.status === 'ready'
  return {
    client,
    isUp,
    lastError: () => lastError,
    explain: (error) => (isUp() || lastError === null ? describe(error) : lastError),
    close: () => client.disconnect(),
  }
}

function openSingle(options: Extract<RedisTarget, { kind: 'single' }>['options']): Redis {
  const client = new Redis(options)
  if (options.sentinels !== undefined) followFailovers(client, options)
  return client
}

const isRefusedDatabase = (error: Error): boolean =>
  (error as { command?: { name?: string } }).command?.name === 'select'

/** An error over several addresses has an empty message of its own. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ')
  if (!(error instanceof Error)) return String(error)
  const inner = (error as { lastNodeError?: unknown }).lastNodeError
  return inner instanceof Error ? `${error.message} ${inner.message}` : error.message || error.name
}
