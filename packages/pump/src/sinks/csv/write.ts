import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ConfigOf } from '../../config/section.ts'
import { SinkUnavailableError } from '../../errors.ts'
import type { PumpRecord, Sink, SinkDeps, Verdict } from '../types.ts'
import { CSV_HEADER, csvFileName, encodeCsvRow } from './encode.ts'
import type { csvOptions } from './options.ts'

const LINE_FEED = 10

export function createCsvSink(
  options: ConfigOf<typeof csvOptions>,
  deps: SinkDeps,
  now: () => Date = () => new Date(),
): Sink {
  const { log } = deps
  const folder = resolve(deps.workingDirectory, options.csv_dir)
  let last: Promise<unknown> = Promise.resolve()
  log.info('CSV Initialized')

  /** One after the other, even when a caller has given up on the one before: two at once could tear each other's rows. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }

  return {
    async write(batch, signal) {
      if (signal.aborted) throw new SinkUnavailableError('write to the CSV file aborted')
      const encoded = batch.map(encode)
      const rows = encoded.filter((row) => typeof row === 'string')
      if (rows.length > 0) {
        const append = async (): Promise<void> => {
          await mkdir(folder, { recursive: true })
          await appendRows(join(folder, csvFileName(now())), rows.join(''))
        }
        await reporting(`writing CSV files in ${folder}`, () => inTurn(append))
      }
      return encoded.map((row): Verdict => (typeof row === 'string' ? 'delivered' : row))
    },
    check: () => reporting(`creating ${folder}`, async () => void (await mkdir(folder, { recursive: true }))),
    close: async () => void (await last),
  }
}

/** A record that has no row, e.g. a time beyond every calendar, is rejected alone. */
function encode({ record }: PumpRecord): string | { rejected: string } {
  try {
    return encodeCsvRow(record)
  } catch (error) {
    return { rejected: `the record cannot be encoded: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/**
 * Appends and waits until the disk has it: only then may the records leave Redis. After a failure the file is as long
 * as before, so that a full disk leaves no half row and the retry no doubled ones.
 */
async function appendRows(path: string, rows: string): Promise<void> {
  // 'a+' may also read: the end of a file left by a crash is looked at.
  await using file = await open(path, 'a+')
  const { size } = await file.stat()
  const start = size === 0 ? CSV_HEADER : (await isTorn(file, size)) ? '\n' : ''
  try {
    await file.appendFile(start + rows)
    await file.datasync()
  } catch (error) {
    await file.truncate(size).catch(() => {})
    throw error
  }
}

/** A pump that was killed in the middle of a write leaves a torn row; the next one must not continue it. */
async function isTorn(file: FileHandle, size: number): Promise<boolean> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] !== LINE_FEED
}

/** Whatever the file system refuses may be put right (space, permissions, a mount): the batch is tried again. */
async function reporting(doing: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    throw new SinkUnavailableError(`${doing}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
