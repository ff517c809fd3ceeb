import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describeSink } from '../../../test/support/describe-sink.ts'
import { optionsOf } from '../../../test/support/sink-options.ts'
import { keylessRecord, numberedBatch, pumpRecord, sinkDeps } from '../../../test/support/sink-records.ts'
import { SinkUnavailableError } from '../../errors.ts'
import { CSV_HEADER } from './encode.ts'
import { csvSink } from './index.ts'
import { createCsvSink } from './write.ts'

const never = new AbortController().signal

async function startFolder() {
  const root = await mkdtemp(join(tmpdir(), 'tek-csv-'))
  const dir = join(root, 'a', 'b')
  const texts = async (): Promise<string[]> => {
    const names = await readdir(dir).catch(() => [])
    return Promise.all(names.sort((a, b) => a.localeCompare(b)).map((name) => readFile(join(dir, name), 'utf8')))
  }
  const rows = async () => (await texts()).flatMap((text) => text.split('\n').slice(1, -1))
  const apiIdAt = CSV_HEADER.split(',').indexOf('APIID')
  return {
    root,
    dir,
    options: optionsOf(csvSink.options, { csv_dir: dir }),
    texts,
    rows,
    stored: async () => (await rows()).map((row) => row.split(',')[apiIdAt] ?? ''),
    // A file stands where the folder should be.
    away: async (isAway: boolean) => {
      await rm(join(root, 'a'), { recursive: true, force: true })
      if (isAway) await writeFile(join(root, 'a'), '')
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  }
}

describeSink(csvSink, { abilities: ['away'], start: startFolder })

describe('csv files', () => {
  it('begin with the header once and go on with the hour', async () => {
    await using folder = await startFolder()
    let now = new Date(2026, 2, 4, 15, 59)
    const sink = createCsvSink(folder.options, sinkDeps(), () => now)
    await sink.write(numberedBatch(1), never)
    await sink.write(numberedBatch(2), never)
    now = new Date(2026, 2, 4, 16, 0)
    await sink.write(numberedBatch(1), never)
    expect((await readdir(folder.dir)).sort()).toEqual(['2026-March-4-15.csv', '2026-March-4-16.csv'])
    const [first, second] = await folder.texts()
    expect(first?.split(CSV_HEADER)).toHaveLength(2)
    expect(first?.split('\n')).toHaveLength(1 + 3 + 1)
    expect(second?.split('\n')).toHaveLength(1 + 1 + 1)
  })

  it('lie in the working directory when no folder is given', async () => {
    await using folder = await startFolder()
    await mkdir(folder.dir, { recursive: true })
    await createCsvSink(optionsOf(csvSink.options), sinkDeps(folder.dir)).write(numberedBatch(1), never)
    expect(await folder.stored()).toEqual(['api0'])
  })

  it('do not continue a row that a crash has torn', async () => {
    await using folder = await startFolder()
    const now = () => new Date(2026, 2, 4, 15)
    const sink = createCsvSink(folder.options, sinkDeps(), now)
    await sink.write(numberedBatch(1), never)
    await appendFile(join(folder.dir, '2026-March-4-15.csv'), 'GET,httpb')
    await sink.write(numberedBatch(2), never)
    const rows = await folder.rows()
    expect(rows).toHaveLength(4)
    expect(rows[1]).toBe('GET,httpb')
  })

  it('hold whole rows when writes overlap', async () => {
    await using folder = await startFolder()
    const sink = createCsvSink(folder.options, sinkDeps())
    await Promise.all(Array.from({ length: 5 }, () => sink.write(numberedBatch(3), never)))
    expect(await folder.stored()).toEqual(Array.from({ length: 15 }, (_, i) => `api${i % 3}`))
    await sink.close()
  })

  it('leave out a record that has no row, and only that', async () => {
    await using folder = await startFolder()
    const broken = pumpRecord(keylessRecord({ timestamp: { seconds: 1e15, nanos: 0 } }), 'broken')
    const verdicts = await createCsvSink(folder.options, sinkDeps()).write([broken, ...numberedBatch(1)], never)
    const rejected = expect.stringContaining('cannot be encoded') as string
    expect(verdicts).toEqual([{ rejected, errorType: 'not_encodable' }, 'delivered'])
    expect(await folder.stored()).toEqual(['api0'])
  })

  it('keep the batch for later when the folder cannot be made', async () => {
    await using folder = await startFolder()
    await folder.away(true)
    const sink = createCsvSink(folder.options, sinkDeps())
    await expect(sink.write(numberedBatch(1), never)).rejects.toThrow(/writing CSV files in .*a\/b: /)
    await expect(sink.check(never)).rejects.toBeInstanceOf(SinkUnavailableError)
  })
})
