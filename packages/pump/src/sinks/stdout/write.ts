import type { Writable } from 'node:stream'
import type { AnalyticsRecord } from '@tek/analytics-record'
import type { ConfigOf } from '../../config/section.ts'
import { SinkUnavailableError } from '../../errors.ts'
import type { Rejection, Sink, SinkDeps, Verdict } from '../types.ts'
import { createLineEncoder, encodeStdoutRecord } from './encode.ts'
import type { stdoutOptions } from './options.ts'

/** @param output Standard output of the process; another stream in tests. */
export function createStdoutSink(options: ConfigOf<typeof stdoutOptions>, deps: SinkDeps, output: Writable): Sink {
  const { log } = deps
  const fieldName = options.log_field_name || 'tyk-analytics-record'
  const encodeLine = createLineEncoder(fieldName)
  const asJson = options.format === 'json'

  // A reader that goes away makes the stream emit 'error', which would end the process if nobody listened. Each write
  // reports its own failure through its callback.
  const ignoreError = (): void => {}
  output.on('error', ignoreError)
  log.info('Stdout Pump Initialized')

  return {
    async write(batch, signal) {
      if (signal.aborted) throw new SinkUnavailableError('write to standard output aborted')
      const now = new Date()
      const verdicts: Verdict[] = []
      const lines: string[] = []
      for (const { record } of batch) {
        const json = encode(record, options.use_legacy_payload_format)
        verdicts.push(typeof json === 'string' ? 'delivered' : json)
        if (typeof json !== 'string') continue
        if (asJson) lines.push(encodeLine(json, now))
        else log.info({ [fieldName]: JSON.parse(json) as unknown })
      }
      if (lines.length > 0) await writeAll(output, lines.join(''))
      return verdicts
    },
    check: async () => {},
    close: async () => void output.off('error', ignoreError),
  }
}

/** A record that has no JSON form is rejected alone. */
function encode(record: AnalyticsRecord, legacy: boolean): string | Rejection {
  try {
    return encodeStdoutRecord(record, legacy)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { rejected: `the record cannot be encoded: ${reason}`, errorType: 'not_encodable' }
  }
}

/** Resolves when the system has taken the text, so that a slow reader slows the sink and nothing piles up. */
function writeAll(output: Writable, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  output.write(text, (cause) => {
    if (cause) reject(new SinkUnavailableError(`writing to standard output: ${cause.message}`, { cause }))
    else resolve()
  })
  return promise
}
