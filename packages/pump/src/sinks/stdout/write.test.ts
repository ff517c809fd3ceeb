import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { describeSink } from '../../../test/support/describe-sink.ts'
import { optionsOf } from '../../../test/support/sink-options.ts'
import { keylessRecord, numberedBatch, pumpRecord, sinkDeps } from '../../../test/support/sink-records.ts'
import { SinkUnavailableError } from '../../errors.ts'
import { stdoutSink } from './index.ts'
import { createStdoutSink } from './write.ts'

const never = new AbortController().signal

/** The reading end of standard output, which can go away. */
function startReader() {
  let text = ''
  let isAway = false
  const output = new Writable({
    autoDestroy: false,
    write(chunk: Buffer, _encoding, done) {
      if (!isAway) text += chunk.toString()
      done(isAway ? Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }) : null)
    },
  })
  const away = async (value: boolean): Promise<void> => {
    isAway = value
  }
  const lines = () => text.split('\n').filter((line) => line !== '')
  return { output, lines, away }
}

const jsonOptions = optionsOf(stdoutSink.options, { format: 'json' })

let current = startReader()
describeSink(
  { ...stdoutSink, create: (options, deps) => createStdoutSink(options, deps, current.output) },
  {
    abilities: [],
    start: async () => {
      const reader = (current = startReader())
      const apiId = (line: string) =>
        (JSON.parse(line) as { 'tyk-analytics-record': { api_id: string } })['tyk-analytics-record'].api_id
      return {
        options: jsonOptions,
        stored: async () => reader.lines().map(apiId),
        [Symbol.asyncDispose]: async () => {},
      }
    },
  },
)

it('prints one JSON line per record', async () => {
  const reader = startReader()
  const sink = createStdoutSink(jsonOptions, sinkDeps(), reader.output)
  await sink.write(numberedBatch(2), never)
  expect(reader.lines()).toHaveLength(2)
  expect(reader.lines()[0]).toMatch(
    /^\{"level":"info","msg":"","time":"[^"]+Z","tyk-analytics-record":\{"method":"GET",/,
  )
})

it('reports a reader that went away instead of ending the process', async () => {
  const reader = startReader()
  const sink = createStdoutSink(jsonOptions, sinkDeps(), reader.output)
  await reader.away(true)
  await expect(sink.write(numberedBatch(1), never)).rejects.toBeInstanceOf(SinkUnavailableError)
})

it.each([
  [false, 'H: 1 {"a":1}'],
  [true, 'H: 1\r\n\r\n{ "a": 1 }'],
])('with use_legacy_payload_format %s prints raw texts as %j', async (legacy, expected) => {
  const reader = startReader()
  const options = optionsOf(stdoutSink.options, { format: 'json', use_legacy_payload_format: legacy })
  const record = keylessRecord({ rawRequest: 'H: 1\r\n\r\n{ "a": 1 }' })
  await createStdoutSink(options, sinkDeps(), reader.output).write([pumpRecord(record, 'x')], never)
  expect(JSON.parse(reader.lines()[0] ?? '')).toMatchObject({ 'tyk-analytics-record': { raw_request: expected } })
})

it("writes into the pump's log when the format is text", async () => {
  const reader = startReader()
  const deps = sinkDeps()
  const sink = createStdoutSink(optionsOf(stdoutSink.options), deps, reader.output)
  expect(await sink.write(numberedBatch(1), never)).toEqual(['delivered'])
  expect(reader.lines()).toEqual([])
  expect(deps.lines.at(-1)).toMatchObject({ 'tyk-analytics-record': { api_id: 'api0' } })
})
