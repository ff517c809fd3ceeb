import { parseArgs } from 'node:util'
import { benchKeyless } from './keyless.ts'
import { requirePrograms } from './lib/processes.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '64' },
  },
})

requirePrograms(['wrk', 'nginx'])
await benchKeyless({
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  connections: Number(values.connections),
})
