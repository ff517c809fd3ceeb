/** A sink that deletes old records of a file in small steps until its test kills it, and says nothing. */
import { createSqlSink } from '../../src/sinks/sql/write.ts'
import { sqlSink } from '../../src/sinks/sql/index.ts'
import { optionsOf } from './sink-options.ts'
import { sinkDeps } from './sink-records.ts'

const options = optionsOf(sqlSink.options, {
  type: 'sqlite',
  connection_string: process.argv[2],
  retention_days: 1,
})
const sink = createSqlSink(options, sinkDeps(), { firstMs: 0, restMs: 20, logEveryMs: 0 })
await sink.check(new AbortController().signal)
setInterval(() => undefined, 1000)
