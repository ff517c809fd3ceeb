import { expect, it } from 'vitest'
import { describeSink } from '../../../test/support/describe-sink.ts'
import { numberedBatch, sinkDeps } from '../../../test/support/sink-records.ts'
import { dummySink } from './index.ts'

describeSink(dummySink, {
  abilities: [],
  start: async () => ({ options: {}, [Symbol.asyncDispose]: async () => {} }),
})

it('counts records in the log', async () => {
  const deps = sinkDeps()
  await dummySink.create({}, deps).write(numberedBatch(3), new AbortController().signal)
  expect(deps.lines.at(-1)).toMatchObject({ msg: 'Writing  3  records' })
})
