import { Connection, type ConnectionEvents } from './connection.ts'
import { Histogram } from './histogram.ts'

export interface GeneratorJob {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly perSecond: number
  readonly seconds: number
  /** Seconds before those, at the same rate and not measured: the generator is a new program and slow at first. */
  readonly leadSeconds: number
  readonly connections: number
}

export interface GeneratorReport {
  /** All that were answered. */
  readonly requests: number
  /** Errors of all. */
  readonly errors: number
  /** What follows is of the measured seconds. */
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  /** How late requests left, in milliseconds: part of the latencies above. */
  readonly lateP50Ms: number
  readonly lateP99Ms: number
  /** Processor time of the generator itself for each request. */
  readonly ownCpuMicros: number
}

/** The requests of one load, each sent when it is due. */
export class Requests implements ConnectionEvents {
  readonly #job: GeneratorJob
  readonly #request: Buffer
  readonly #total: number
  readonly #idle: Connection[] = []
  readonly #all = new Set<Connection>()
  readonly #lateness = new Histogram()
  readonly #latency = new Histogram()
  #startMs = 0
  #measuredFromMs = 0
  #sent = 0
  #settled = 0
  #errors = 0

  constructor(job: GeneratorJob) {
    const { host, pathname } = new URL(job.url)
    const fields = Object.entries(job.headers).map(([name, value]) => `${name}: ${value}\r\n`)
    this.#request = Buffer.from(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${fields.join('')}\r\n`, 'latin1')
    this.#total = Math.round(job.perSecond * (job.leadSeconds + job.seconds))
    this.#job = job
  }

  get finished(): boolean {
    return this.#settled === this.#total
  }

  get answered(): number {
    return this.#settled
  }

  start(startMs: number): void {
    this.#startMs = startMs
    this.#measuredFromMs = startMs + this.#job.leadSeconds * 1000
    for (let i = 0; i < this.#job.connections; i++) this.#open()
  }

  /** What finds no idle connection waits for one; its time runs. */
  sendDue(): void {
    const nowMs = performance.now()
    while (this.#sent < this.#total) {
      const intendedMs = this.#startMs + (this.#sent * 1000) / this.#job.perSecond
      const connection = intendedMs <= nowMs ? this.#idle.pop() : undefined
      if (connection === undefined) return
      this.#sent++
      connection.send(this.#request, intendedMs)
      if (intendedMs >= this.#measuredFromMs) this.#lateness.record((nowMs - intendedMs) * 1000)
    }
  }

  onAnswer(connection: Connection, status: number): void {
    const { intendedMs } = connection
    if (intendedMs >= this.#measuredFromMs) this.#latency.record((performance.now() - intendedMs) * 1000)
    if (status < 200 || status > 299) this.#errors++
    this.#settled++
    connection.intendedMs = NaN
    this.#idle.push(connection)
    this.sendDue()
  }

  onBroken(connection: Connection): void {
    this.#all.delete(connection)
    if (connection.isBusy) {
      this.#errors++
      this.#settled++
    } else this.#idle.splice(this.#idle.indexOf(connection), 1)
    if (!this.finished) this.#open()
  }

  #open(): void {
    const { hostname, port } = new URL(this.#job.url)
    const connection = new Connection(hostname, Number(port), this)
    this.#all.add(connection)
    this.#idle.push(connection)
  }

  close(ownCpuMicros: number): GeneratorReport {
    for (const connection of this.#all) connection.close()
    const latency = this.#latency
    return {
      requests: this.#settled,
      errors: this.#errors + (this.#total - this.#settled),
      perSecond: latency.total / this.#job.seconds,
      p50Ms: latency.percentileMs(50),
      p99Ms: latency.percentileMs(99),
      p999Ms: latency.percentileMs(99.9),
      maxMs: latency.maxMs,
      lateP50Ms: this.#lateness.percentileMs(50),
      lateP99Ms: this.#lateness.percentileMs(99),
      ownCpuMicros,
    }
  }
}
