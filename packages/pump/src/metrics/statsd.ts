import { createSocket } from 'node:dgram'
import type { Log } from '../log/log.ts'

/** Tyk's instrumentation of the pump itself: StatsD lines over UDP. */
export interface Instrumentation {
  records(count: number): void
  /** @param event - e.g. `purge_time_all`. */
  timing(event: string, durationMs: number): void
  close(): void
}

const JOB = 'PumpRecordsPurge'
const MAX_DATAGRAM_BYTES = 1440
const FLUSH_MS = 100

const OFF: Instrumentation = { records: () => undefined, timing: () => undefined, close: () => undefined }

/** On only with TYK_INSTRUMENTATION=1 and an address. */
export function createInstrumentation(
  address: string,
  prefix: string,
  env: NodeJS.ProcessEnv,
  log: Log,
): Instrumentation {
  if (env['TYK_INSTRUMENTATION'] !== '1') return OFF
  if (address === '') {
    log.error('Instrumentation is enabled, but no connectionstring set for statsd')
    return OFF
  }
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? []
  if (port === '') {
    log.error(`statsd_connection_string (TYK_PMP_STATSDCONNECTIONSTRING): expected host:port, got "${address}"`)
    return OFF
  }
  log.info(`Sending stats to: ${address} with prefix: ${prefix}`)
  log.info('StatsD instrumentation sink started')
  return createSender(host || 'localhost', Number(port), prefix)
}

function createSender(host: string, port: number, prefix: string): Instrumentation {
  const socket = createSocket('udp4')
  // Nobody has to listen; metrics are lost then, and nothing else.
  socket.on('error', () => undefined)
  socket.unref()
  let waiting: string[] = []
  const flush = (): void => {
    for (const datagram of packLines(waiting)) socket.send(datagram, port, host)
    waiting = []
  }
  const timer = setInterval(flush, FLUSH_MS)
  timer.unref()
  const add = (event: string, value: string): void => {
    waiting.push(metricLine([prefix, event], value), metricLine([prefix, JOB, event], value))
  }
  return {
    records: (count) => {
      for (let i = 0; i < count; i++) add('record', '1|c')
    },
    timing: (event, durationMs) => add(event, `${formatMs(durationMs)}|ms`),
    close: () => {
      clearInterval(timer)
      flush()
      // After the datagrams above were handed over.
      setImmediate(() => socket.close())
    },
  }
}

/** Lines joined to datagrams of at most 1440 bytes. */
export function packLines(lines: readonly string[]): string[] {
  const datagrams: string[] = []
  let current = ''
  for (const line of lines) {
    if (current !== '' && current.length + line.length > MAX_DATAGRAM_BYTES) {
      datagrams.push(current)
      current = ''
    }
    current += line
  }
  return current === '' ? datagrams : [...datagrams, current]
}

export function metricLine(parts: readonly string[], value: string): string {
  const name = parts.filter((part) => part !== '').join('.')
  return `${name.replace(/[^A-Za-z0-9_.-]/g, '$$')}:${value}\n`
}

/** From 10 ms on whole milliseconds, below that two decimals. */
export function formatMs(ms: number): string {
  return ms >= 10 ? String(Math.trunc(ms)) : ms.toFixed(2)
}
