/**
 * A pump that spills, and kills itself at one call of the file system, if it is given one: `<op> before|amid|after|again`. Its
 * sink never answers (`away`), or writes each record's id and path to a file, always (`deliver`) or seldom (`seldom`).
 */
import { appendFileSync } from 'node:fs'
import { SinkUnavailableError } from '../../src/errors.ts'
import { DISK, type SpillFiles } from '../../src/spill/index.ts'
import { runPump } from './run-pump.ts'
import { createTestSink } from './test-sink.ts'

const [port, file = '', folder, mode, op, when] = process.argv.slice(2)

/** Folders are also synced before anything is spilled. */
let moved = false
let calls = 0

async function dieAround<T>(name: string, path: string, work: () => Promise<T>): Promise<T> {
  const counts = path.includes('.segment') || (name === 'syncFolder' && moved)
  if (counts && (name === 'rename' || name === 'remove')) moved = true
  const isCalled = counts && name === op
  if (isCalled) calls += 1
  if (isCalled && (when === 'before' || (when === 'again' && calls === 2))) process.kill(process.pid, 'SIGKILL')
  const result = await work()
  if (isCalled && when === 'after') process.kill(process.pid, 'SIGKILL')
  return result
}

const spillFiles: SpillFiles = {
  ...DISK,
  create: (path) =>
    dieAround('create', path, async () => {
      const writer = await DISK.create(path)
      return {
        write: (bytes) =>
          dieAround('write', path, async () => {
            // In two halves, so that there is a torn file to be found.
            await writer.write(bytes.subarray(0, bytes.length / 2))
            if (when === 'amid' && op === 'write' && path.includes('.segment')) process.kill(process.pid, 'SIGKILL')
            await writer.write(bytes.subarray(bytes.length / 2))
          }),
        sync: () => dieAround('sync', path, () => writer.sync()),
        close: () => writer.close(),
      }
    }),
  read: (path) => dieAround('read', path, () => DISK.read(path)),
  rename: (from, to) => dieAround('rename', to, () => DISK.rename(from, to)),
  remove: (path) => dieAround('remove', path, () => DISK.remove(path)),
  syncFolder: (path) => dieAround('syncFolder', path, () => DISK.syncFolder(path)),
}

const sink = createTestSink('a', { maxRecords: 10 })
sink.answer = (batch) => {
  if (mode === 'away' || (mode === 'seldom' && Math.random() < 0.8)) throw new SinkUnavailableError('away')
  appendFileSync(file, batch.map(({ record, id }) => `${id} ${record.path}\n`).join(''))
  return batch.map(() => 'delivered' as const)
}
await runPump({
  redisPort: Number(port),
  sinks: [sink],
  spillFiles,
  conf: { lease_cap: { policy: 'spill', max_records: 40, spill_dir: folder } },
})
