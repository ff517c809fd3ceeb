/** Runs the sample upstream: `node main.ts --port 8081 [--host 127.0.0.1]`. */
import { parseArgs } from 'node:util'
import { createSampleUpstream } from './server.ts'

const { values } = parseArgs({
  options: { port: { type: 'string', default: '8081' }, host: { type: 'string', default: '127.0.0.1' } },
})
const app = createSampleUpstream()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close())
console.log(`Sample upstream listening on ${await app.listen({ port: Number(values.port), host: values.host })}`)
