import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import type { Log } from '../log/log.ts'
import { createLog } from '../log/create-log.ts'
import { createInstrumentation, formatMs, metricLine, packLines } from './statsd.ts'

const silent: Log = createLog({ level: 'error', format: 'text' }, () => undefined)

it('names metrics without a leading dot, and replaces what StatsD would take for syntax', () => {
  expect(metricLine(['', 'record'], '1|c')).toBe('record:1|c\n')
  expect(metricLine(['pump', 'purge_time_CSV Pump'], '3|ms')).toBe('pump.purge_time_CSV$Pump:3|ms\n')
})

it('writes whole milliseconds from ten on', () => {
  expect([formatMs(3.2749), formatMs(10.9), formatMs(0)]).toEqual(['3.27', '10', '0.00'])
})

it('packs lines into datagrams of at most 1440 bytes', () => {
  const line = `${'x'.repeat(999)}\n`
  expect(packLines([line, 'a\n', line])).toEqual([`${line}a\n`, line])
  expect(packLines([])).toEqual([])
})

it('sends every event twice, and only when it is asked for by the environment', async () => {
  const server = createSocket('udp4')
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `127.0.0.1:${server.address().port}`
  createInstrumentation(address, 'off', {}, silent).records(1)
  const metrics = createInstrumentation(address, 'pump', { TYK_INSTRUMENTATION: '1' }, silent)
  metrics.records(1)
  metrics.timing('purge_time_all', 12.7)
  metrics.close()
  const [datagram] = (await once(server, 'message')) as [Buffer]
  expect(datagram.toString().split('\n')).toEqual([
    'pump.record:1|c',
    'pump.PumpRecordsPurge.record:1|c',
    'pump.purge_time_all:12|ms',
    'pump.PumpRecordsPurge.purge_time_all:12|ms',
    '',
  ])
  server.close()
})
