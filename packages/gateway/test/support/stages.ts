/** Gateways with an upstream each, started together for a test file. */
import { afterAll, beforeAll } from 'vitest'
import { startGateway, type Gateway, type GatewayOptions } from '../../../../test/support/gateway.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../../../../test/support/redis.ts'
import { exchange, requestText, type WireMessage } from './wire.ts'
import { startWireUpstream, type WireAnswer, type WireUpstream } from './wire-upstream.ts'

/** How ordinary requests go upstream: both lanes must look the same to client and upstream. */
export const LANES = ['direct', 'http-proxy'] as const
export type Lane = (typeof LANES)[number]

export interface StagePlan {
  /** Definitions by file name. */
  apis(upstreamUrl: string): Record<string, unknown>
  readonly conf?: GatewayOptions['conf']
  readonly env?: Readonly<Record<string, string>>
}

export interface Stage {
  readonly gateway: Gateway
  readonly upstream: WireUpstream
  readonly redis: RedisServer
  /** Sends a request to the gateway on a connection of its own; returns the answer. */
  ask(method: string, path: string, lines?: readonly string[], body?: string): Promise<WireMessage>
  /** Sends a request whose upstream answers as told; returns what the upstream saw. */
  seenUpstream(method: string, path: string, lines?: readonly string[], body?: string): Promise<WireMessage>
  /** The answer to a GET of this path, when the upstream answers as told. */
  answered(path: string, upstreamAnswer: WireAnswer, lines?: readonly string[]): Promise<WireMessage>
}

interface Parts {
  readonly gateway: Gateway
  readonly upstream: WireUpstream
}

/** The same plan on each lane. */
export const onEachLane = (plan: StagePlan): Record<Lane, StagePlan> => ({
  direct: { ...plan, env: { ...plan.env, TYK_GW_UPSTREAMTRANSPORT: 'direct' } },
  'http-proxy': { ...plan, env: { ...plan.env, TYK_GW_UPSTREAMTRANSPORT: 'http-proxy' } },
})

/** Starts the stages before the first test of the file and ends them after the last; their Redis is one. */
export function useStages<Name extends string>(plans: Readonly<Record<Name, StagePlan>>): Record<Name, Stage> {
  const resources = new AsyncDisposableStack()
  const parts = new Map<string, Parts>()
  let redis: RedisServer | undefined

  beforeAll(async () => {
    if (redisSkipReason() !== undefined) return
    const shared = resources.use(await startRedis())
    redis = shared
    const start = async ([name, plan]: [string, StagePlan]): Promise<void> => {
      const upstream = resources.use(await startWireUpstream())
      const { apis, conf, env } = plan
      const options = { redisPort: shared.port, apis: apis(upstream.url), ...(conf && { conf }), ...(env && { env }) }
      parts.set(name, { upstream, gateway: resources.use(await startGateway(options)) })
    }
    const waiting = Object.entries<StagePlan>(plans)
    // Two at a time: each start keeps a core busy.
    const startAll = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await start(next)
    }
    await Promise.all([startAll(), startAll()])
  })
  afterAll(() => resources.disposeAsync())

  const stageOf = (name: string): Stage => {
    const part = (): Parts => {
      const found = parts.get(name)
      if (found === undefined) throw new Error(`the stage ${name} has not started`)
      return found
    }
    const ask: Stage['ask'] = (method, path, lines, body) =>
      exchange(part().gateway.port, requestText(method, path, lines, body))
    return {
      get gateway() {
        return part().gateway
      },
      get upstream() {
        return part().upstream
      },
      get redis() {
        return redis as RedisServer
      },
      ask,
      async seenUpstream(method, path, lines, body) {
        const before = part().upstream.requests.length
        const answer = await ask(method, path, lines, body)
        const seen = part().upstream.requests.slice(before)
        if (seen.length !== 1) throw new Error(`${seen.length} requests upstream, answered: ${answer.raw}`)
        return seen[0] as WireMessage
      },
      answered(path, upstreamAnswer, lines) {
        part().upstream.answerWith(upstreamAnswer)
        return ask('GET', path, lines)
      },
    }
  }
  const names = Object.keys(plans) as Name[]
  return Object.fromEntries(names.map((name) => [name, stageOf(name)])) as Record<Name, Stage>
}
