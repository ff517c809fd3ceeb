import type { Program } from '../../support/process.ts'
import type { Pump } from '../../support/pump.ts'
import { rssMb } from '../../support/usage.ts'

export interface SinkReport {
  readonly status: 'connecting' | 'ok' | 'failing' | 'held'
  readonly last_error: string | null
  readonly taken: number
  readonly delivered: number
  readonly filtered: number
  readonly dead_lettered: number
  readonly dropped: number
  readonly pending: number
}

export interface Ready {
  readonly ready: boolean
  readonly redis: { readonly status: 'up' | 'down'; readonly last_error: string | null }
  readonly lease_cap?: {
    readonly spilled: {
      readonly segments: number
      readonly records: number
      readonly damaged_records: number
      readonly missing_segments: number
    }
  }
  readonly sinks: Readonly<Record<'FIRST' | 'SECOND', SinkReport>>
}

/** A pump that is looked at all the time: what it says of itself, and how much memory it has. */
export interface WatchedPump extends Pump {
  readonly pid: number
  /** A signal is sent through this one alone: what it does to the pump decides which looks must succeed. */
  readonly program: Program
  ready(): Promise<Ready>
  /** Attempts of a sink to write, once for the start of each and once more if it failed. */
  attempts(sink: string): Promise<number>
  unwatch(): void
}

/** What has been seen of all pumps. */
export interface Findings {
  /** Highest resident memory of any of them. */
  peakRssMb: number
  /** What they said that cannot be. */
  readonly untruths: string[]
}

const WATCH_EVERY_MS = 150
/** Longer than the pump waits for anything before it answers, also where processors are short. */
const ANSWER_MS = 20_000
/** What a pump logs as soon as it can be looked at. */
const LISTENS = 'Serving health check endpoint'

/**
 * Looks at a pump from when it listens until it is told to end. Every look must succeed unless the pump slept meanwhile: one
 * that fails is among the findings, as is a pump that ends without having been told to.
 */
export function watchPump(pump: Pump, findings: Findings): WatchedPump {
  const { pid } = pump.program
  let looks = 0
  let isLooking = false
  let listens = false
  /** It has been told to end, or does not concern anybody any more. */
  let isOver = false
  let sleeps = false
  /** Times that it was put to sleep. A look during which that happened may fail. */
  let naps = 0

  const look = async (): Promise<void> => {
    // A process that has just died has no memory any more.
    findings.peakRssMb = Math.max(findings.peakRssMb, rssMb(pid) || 0)
    looks += 1
    if (looks % 2 === 0) {
      for (const line of (await metricsOf(pump)).split('\n')) {
        if (/^tyk_pump_identity_ok\{.*\} 0$/.test(line)) findings.untruths.push(line)
      }
      return
    }
    const response = await ask(pump, 'ready')
    const ready = (await response.json()) as Ready
    findings.untruths.push(...untruthsIn(ready, response.status))
  }

  const lookIfAwake = async (): Promise<void> => {
    listens ||= pump.program.output().includes(LISTENS)
    if (!listens || sleeps || isOver) return
    const before = naps
    try {
      await look()
    } catch (error) {
      if (isOver || naps !== before) return
      const { message, cause } = error as Error
      const why = cause instanceof Error ? `${message}, ${cause.message}` : message
      findings.untruths.push(`process ${pid} could not be looked at: ${why}`)
    }
  }

  const timer = setInterval(() => {
    if (isLooking) return
    isLooking = true
    void lookIfAwake().finally(() => {
      isLooking = false
    })
  }, WATCH_EVERY_MS)

  const unwatch = (): void => {
    isOver = true
    clearInterval(timer)
  }
  const kill = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGSTOP') {
      sleeps = true
      naps += 1
    } else if (signal === 'SIGCONT') sleeps = false
    else unwatch()
    pump.program.kill(signal)
  }

  const stop = (): Promise<void> => {
    unwatch()
    return pump.stop()
  }
  return {
    ...pump,
    pid,
    program: { ...pump.program, kill },
    stop,
    [Symbol.asyncDispose]: stop,
    ready: async () => (await (await ask(pump, 'ready')).json()) as Ready,
    async attempts(sink) {
      const metrics = await metricsOf(pump)
      return ['tyk_pump_batches_total', 'tyk_pump_batch_failures_total'].reduce((sum, name) => {
        return sum + Number(new RegExp(`^${name}\\{sink="${sink}"\\} (\\d+)$`, 'm').exec(metrics)?.[1])
      }, 0)
    },
    unwatch,
  }
}

function ask(pump: Pump, page: string): Promise<Response> {
  return fetch(`${pump.healthUrl}/${page}`, { signal: AbortSignal.timeout(ANSWER_MS) })
}

const metricsOf = async (pump: Pump): Promise<string> => (await ask(pump, 'metrics')).text()

/** Whatever a pump says must add up and fit together, at every moment. Nothing in this suite gives a pump leave to drop. */
function untruthsIn(report: Ready, httpStatus: number): string[] {
  const untruths: string[] = []
  const { ready, redis, sinks } = report
  for (const [name, of] of Object.entries(sinks)) {
    const sum = of.delivered + of.filtered + of.dead_lettered + of.dropped + of.pending
    const inTrouble = of.status === 'failing' || of.status === 'held'
    if (sum !== of.taken || of.pending < 0 || of.dropped > 0 || inTrouble !== (of.last_error !== null)) {
      untruths.push(`${name}: ${JSON.stringify(of)}`)
    }
  }
  const troubled = Object.values(sinks).some(({ status }) => status === 'failing' || status === 'held')
  if (ready !== (redis.status === 'up' && !troubled) || ready !== (httpStatus === 200)) {
    untruths.push(`HTTP ${httpStatus}: ${JSON.stringify(report)}`)
  }
  return untruths
}
