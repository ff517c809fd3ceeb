import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ConfigOf } from '../../config/section.ts'
import { SinkUnavailableError } from '../../errors.ts'
import type { PumpRecord, Rejection, Sink, SinkDeps, Verdict } from '../types.ts'
import { CSV_HEADER, csvFileName, encodeCsvRow } from './encode.ts'
import type { csvOptions } from './options.ts'

const LINE_FEED = 10
const HOUR_MS = 3_600_000

/** Of a file, looked through for a row that was just written. */
const LAST_BYTES = 16 * 1024 * 1024

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
    async find({ record }) {
      const row = encodeCsvRow(record)
      // It was written in this hour or, just now, in the one before.
      const hours = [now(), new Date(now().getTime() - HOUR_MS)]
      for (const path of hours.map((hour) => join(folder, csvFileName(hour)))) {
        if (await endsWith(path, row)) return { kind: 'found', where: path }
      }
      return { kind: 'missing', where: folder }
    },
    close: async () => void (await last),
  }
}

/** Whether one of the last rows of a file is this one. Others may have been appended to it meanwhile. */
async function endsWith(path: string, row: string): Promise<boolean> {
  try {
    await using file = await open(path, 'r')
    const { size } = await file.stat()
    const start = Math.max(0, size - LAST_BYTES)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start)
    return buffer.subarray(0, bytesRead).includes(row)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw new SinkUnavailableError(`reading ${path}: ${(error as Error).message}`, { cause: error })
  }
}

/** A record that has no row, e.g. a time beyond every calendar, is rejected alone. */
function encode({ record }: PumpRecord): string | Rejection {
  try {
    return encodeCsvRow(record)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { rejected: `the record cannot be encoded: ${reason}`, errorType: 'not_encodable' }
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
