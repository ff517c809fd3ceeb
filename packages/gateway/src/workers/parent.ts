import type { GatewayConfig } from '../config/schema.ts'
import { createDuties, type Duties } from '../duties.ts'
import type { Gateway } from '../gateway.ts'
import type { Log } from '../log/log.ts'
import type { LogSettings } from '../log/settings.ts'
import type { GatewayFigures } from '../metrics/gateway-figures.ts'
import { createRedisStores, type RedisStores } from '../redis/stores.ts'
import { BucketOwner } from './bucket-owner.ts'
import type { ParentCalls, StartOrder } from './calls.ts'
import { WorkersLostError } from './errors.ts'
import { listen, listenAll } from './listening.ts'
import { createNotices, type Notices } from './notices.ts'
import type { GatewayState } from './part.ts'
import type { Handlers } from './peer.ts'
import { ReloadAll } from './reload-all.ts'
import { Roster, type Member } from './roster.ts'
import { SharedState } from './shared-state.ts'
import { WholeLines } from './whole-lines.ts'
import { WorkerFigures } from './worker-figures.ts'
import { forkWorker, setUpWorkers } from './worker-process.ts'

export interface WorkersOptions {
  readonly config: GatewayConfig
  readonly log: Log
  readonly settings: LogSettings
  readonly count: number
}

/** Of building a worker. */
const START_DEADLINE_MS = 60_000
/** What a worker gets beyond the time for requests in flight: records are written, connections closed. */
const CLOSE_SLACK_MS = 10_000

/** A gateway of several processes; see `Parent`. */
export const createWorkers = (options: WorkersOptions): Gateway => new Parent(options)

/** Serves no request: it starts the workers, replaces them, and does what a gateway does once. */
class Parent implements Gateway {
  readonly failed: Promise<never>
  readonly #options: WorkersOptions
  readonly #main: Log
  readonly #redis: RedisStores
  readonly #lines = new WholeLines(process.stderr)
  readonly #roster: Roster
  readonly #reloads: ReloadAll
  readonly #notices: Notices
  readonly #buckets: BucketOwner
  readonly #duties: Duties
  readonly #state: SharedState
  readonly #figures = new WorkerFigures()
  /** Writes the lines that all would write. */
  #speaker: Member | null = null
  #everyoneServed = false
  #shuttingDown = false

  constructor(options: WorkersOptions) {
    const { config, log, count } = options
    const lost = Promise.withResolvers<never>()
    this.failed = lost.promise
    this.failed.catch(() => {})
    this.#options = options
    this.#main = log.child({ prefix: 'main' })
    this.#redis = createRedisStores(config, this.#main)
    this.#roster = new Roster({
      count,
      log: this.#main,
      fork: (index) => forkWorker(index, this.#lines, this.#handlersFor(index)),
      bringUp: (member) => this.#bringUp(member),
      onEnd: (member) => this.#onEnd(member),
      onLost: () => lost.reject(new WorkersLostError('no worker process can be started')),
    })
    this.#reloads = new ReloadAll(this.#roster, this.#main)
    this.#notices = createNotices(this.#roster, this.#main)
    this.#buckets = new BucketOwner({
      now: Date.now,
      workers: count,
      grant: (index, grants) => this.#memberAt(index)?.peer.tell('grant', grants),
    })
    this.#duties = createDuties({
      config,
      log,
      redis: this.#redis,
      reload: () => this.#reloads.reload(),
      onNotice: (notice) => this.#notices.announce(notice),
    })
    this.#state = new SharedState(this.#roster, this.#main, () => this.#ownState())
  }

  async start(): Promise<void> {
    setUpWorkers()
    try {
      await this.#startAll()
    } catch (err) {
      // A signal has come meanwhile: `close` says how this ends.
      if (this.#shuttingDown) return this.failed
      await this.#roster.close((member) => member.kill(), CLOSE_SLACK_MS)
      await this.#redis.close()
      throw err
    }
    this.#main.info({ workers: this.#options.count }, 'Worker processes started')
    this.#duties.start()
  }

  async close(): Promise<void> {
    this.#shuttingDown = true
    this.#state.look()
    await this.#duties.close()
    const drainMs = this.#options.config.graceful_shutdown_timeout_duration * 1000
    const failures = await this.#roster.close(({ peer }) => peer.tell('close', null), drainMs + CLOSE_SLACK_MS)
    this.#state.close()
    await this.#redis.close()
    if (failures > 0) throw new Error(`${failures} worker processes did not end as they should`)
    this.#main.info('All services gracefully shut down')
  }

  async #startAll(): Promise<void> {
    const members = this.#roster.fill()
    this.#speaker = members[0] ?? null
    await Promise.all([this.#duties.begin(), ...members.map((member) => this.#order(member, false))])
    await this.#reloads.begin(members)
    await listenAll(members)
    this.#everyoneServed = true
    this.#state.look()
    this.#roster.watch()
  }

  /** Has one that takes the place of another serve. */
  async #bringUp(member: Member): Promise<void> {
    await this.#order(member, true)
    await this.#reloads.give(member)
    await listen(member)
    if (this.#speaker === null) this.#letSpeak(member)
  }

  async #order(member: Member, isReplacement: boolean): Promise<void> {
    const { config, count, settings } = this.#options
    const order: StartOrder = {
      index: member.index,
      count,
      config,
      log: { ...settings, isTty: process.stderr.isTTY },
      state: this.#state.current,
      speaks: member === this.#speaker,
      isReplacement,
    }
    await member.peer.ask('start', order, START_DEADLINE_MS)
  }

  #onEnd(member: Member): void {
    this.#state.forget(member)
    this.#buckets.forget(member.index)
    this.#figures.forget(member)
    if (member === this.#speaker) this.#letSpeak(this.#roster.members.find(({ serves }) => serves) ?? null)
  }

  #letSpeak(member: Member | null): void {
    this.#speaker = member
    member?.peer.tell('speak', null)
  }

  #memberAt(index: number): Member | undefined {
    return this.#roster.members.find((member) => member.index === index)
  }

  /** As the parent sees it. */
  #ownState(): GatewayState {
    return {
      redisCheck: this.#duties.redisCheck,
      redisIsUp: this.#redis.isUp,
      loadedOnce: this.#everyoneServed && this.#reloads.loadedOnce,
      shuttingDown: this.#shuttingDown,
      gateways: this.#duties.gateways,
    }
  }

  async #allFigures(): Promise<GatewayFigures> {
    const serving = this.#roster.members.filter(({ serves }) => serves)
    const { apiIds } = this.#reloads
    const total = await this.#figures.collect(serving, apiIds)
    return {
      total: { ...total, residentBytes: total.residentBytes + process.memoryUsage.rss() },
      processes: this.#roster.members.filter(({ serves }) => serves).length,
      processesLost: this.#figures.lost,
      redisIsUp: this.#state.current.redisIsUp,
      apisLoaded: apiIds.size,
      reloadsDone: this.#duties.reloader.done,
      reloadsFailed: this.#duties.reloader.failed,
    }
  }

  #handlersFor(index: number): Handlers<ParentCalls> {
    return {
      reload: async () => (await this.#duties.reloader.request(), null),
      notifyGroup: async () => (await this.#duties.publish('GroupReload'), null),
      share: async (notice) => (await this.#notices.share(notice, this.#memberAt(index)), null),
      redis: (isUp) => (this.#state.noteRedis(this.#memberAt(index), isUp), null),
      take: (requests) => (this.#buckets.take(index, requests), null),
      giveBack: (returns) => (this.#buckets.giveBack(index, returns), null),
      counted: (figures) => (this.#figures.note(this.#memberAt(index), figures), null),
      figures: () => this.#allFigures(),
    }
  }
}
