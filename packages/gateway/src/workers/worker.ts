import cluster from 'node:cluster'
import { createGateway, type GatewayProcess } from '../gateway.ts'
import { createLogger } from '../log/logger.ts'
import type { BucketGrant, ParentCalls, StartOrder, WorkerCalls } from './calls.ts'
import { gatedLog } from './gated-log.ts'
import type { GatewayState, Part } from './part.ts'
import { createPeer, type Peer } from './peer.ts'
import { createSharedBuckets } from './shared-buckets.ts'

/** How long a reload that the control API asked for may take. */
const RELOAD_DEADLINE_MS = 300_000
const SHARE_DEADLINE_MS = 5000
const FIGURES_DEADLINE_MS = 5000
/** How often the parent hears what was counted: so much is lost when this process dies. */
const COUNTED_MS = 1000
/** How soon the parent hears that Redis is away. */
const LOOK_MS = 250

/** Signals are the parent's: a terminal and a supervisor send them to every process of a group. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

/** One worker: does what the parent says until it says that it is over, or is gone. Resolves with the exit code. */
export function runWorker(): Promise<number> {
  for (const signal of SIGNALS) process.on(signal, () => {})
  // Otherwise Node ends the process at once when the parent is gone, with its records unwritten.
  if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let worker: RunningWorker | null = null
  let state: GatewayState | null = null
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work)
    turn = done.catch(() => {})
    return done
  }
  const running = (): RunningWorker => {
    if (worker === null) throw new Error('the worker has not been started')
    return worker
  }
  let closing = false
  const close = async (): Promise<void> => {
    if (closing) return
    closing = true
    await inTurn(async () => worker?.close()).then(() => resolve(0), reject)
  }
  const line = {
    send: (message: object): void => {
      if (process.connected) process.send?.(message, undefined, undefined, () => {})
    },
    onMessage: (listener: (message: unknown) => void): void => void process.on('message', listener),
  }
  const peer = createPeer<WorkerCalls, ParentCalls>(line, {
    start: (order) =>
      inTurn(async () => {
        worker = await startWorker(order, () => state ?? order.state, peer)
        return null
      }),
    load: () => inTurn(() => running().gateway.load()),
    adopt: (set) => inTurn(async () => (await running().gateway.adopt(set), null)),
    listen: () => inTurn(() => running().listen()),
    state: (next) => ((state = next), null),
    speak: () => (worker?.speak(), null),
    notice: async (notice) => (await worker?.gateway.takeNotice(notice), null),
    grant: (grants) => (worker?.grant(grants), null),
    figures: () => running().gateway.figures(),
    close: async () => (await close(), null),
  })
  process.once('disconnect', () => {
    peer.close()
    void close()
  })
  return promise
}

interface RunningWorker {
  readonly gateway: GatewayProcess
  grant(grants: readonly BucketGrant[]): void
  listen(): Promise<null>
  speak(): void
  close(): Promise<void>
}

async function startWorker(
  order: StartOrder,
  state: () => GatewayState,
  peer: Peer<ParentCalls>,
): Promise<RunningWorker> {
  let { speaks } = order
  // Until the listeners are open every worker has the same to say.
  let isQuiet = !speaks
  const whole = createLogger(order.log)
  const log = gatedLog(whole, (level) => !isQuiet || (order.isReplacement && level === 'error'))
  const buckets = createSharedBuckets({
    now: Date.now,
    count: order.count,
    // Figures that clients are shown have to be those of the whole gateway.
    keepsReserves: order.config.rate_limit_response_headers !== 'rate_limits',
    take: (requests) => peer.tell('take', requests),
    giveBack: (returns) => peer.tell('giveBack', returns),
  })
  const part: Part = {
    index: order.index,
    count: order.count,
    state,
    requestReload: async () => void (await peer.ask('reload', null, RELOAD_DEADLINE_MS)),
    notifyGroup: async () => void (await peer.ask('notifyGroup', null, SHARE_DEADLINE_MS)),
    share: async (notice) => void (await peer.ask('share', notice, SHARE_DEADLINE_MS)),
    figures: () => peer.ask('figures', null, FIGURES_DEADLINE_MS),
    crew: {
      sharedLog: gatedLog(whole, () => speaks),
      mutedLog: gatedLog(whole, () => false),
      quietly(work) {
        const before = isQuiet
        isQuiet = true
        try {
          return work()
        } finally {
          isQuiet = before
        }
      },
      buckets,
    },
  }
  const gateway = await createGateway({ config: order.config, log, env: process.env, part })
  reportRedis(gateway, peer)
  const tellCounted = (): void => peer.tell('counted', gateway.figures())
  const counted = order.config.enable_metrics ? setInterval(tellCounted, COUNTED_MS).unref() : null
  return {
    gateway,
    grant: (grants) => buckets.grant(grants),
    async listen() {
      await gateway.listen()
      isQuiet = false
      return null
    },
    speak: () => void (speaks = true),
    async close() {
      await gateway.close()
      if (counted === null) return
      clearInterval(counted)
      tellCounted()
    },
  }
}

function reportRedis(gateway: GatewayProcess, peer: Peer<ParentCalls>): void {
  let told = true
  const look = (): void => {
    const { redisIsUp } = gateway
    if (redisIsUp !== told) peer.tell('redis', redisIsUp)
    told = redisIsUp
  }
  setInterval(look, LOOK_MS).unref()
}
