import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { type LetterHead, formatLetter, headOf, parseHead, rawOf } from './letter.ts'
import type { DeadLetterStore, Found, Pushed } from './store.ts'

export interface FileStoreOptions {
  readonly path: string
  /** Of the file and the one before it together. */
  readonly maxBytes: number
}

const LINE_FEED = 10

/** It holds what clients sent. */
const FILE_MODE = 0o640

const FOUND_PER_PAGE = 500

/** A line that takes letters back which stand before it. */
interface Removal {
  readonly removed: readonly string[]
  readonly why: string
  readonly time: string
}

/**
 * NDJSON: one line per letter, and one per removal, because a pump may be appending while a command takes letters out. When
 * the file has half of the bytes it becomes `<file>.1`, and the one that had this name is given up.
 */
export function createFileStore({ path, maxBytes }: FileStoreOptions): DeadLetterStore {
  const previous = `${path}.1`
  let last: Promise<unknown> = Promise.resolve()

  /** One after the other: two at once could tear each other's lines. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work)
    last = turn.catch(() => undefined)
    return turn
  }

  const alive = async (): Promise<Map<string, LetterHead>> => {
    const heads = new Map<string, LetterHead>()
    for (const file of [previous, path]) await readFile(file, heads)
    return heads
  }

  let counted = { state: '', letters: 0 }

  /** Asked again and again by who watches the pump: the files are read only when they have changed. */
  const count = async (): Promise<number> => {
    const state = (await Promise.all([previous, path].map(stateOf))).join()
    if (state !== counted.state) counted = { state, letters: (await alive()).size }
    return counted.letters
  }

  /** Makes room, and tells how many letters that cost. */
  const rotate = async (coming: number): Promise<number> => {
    const size = await sizeOf(path)
    if (size === 0 || size + coming <= maxBytes / 2) return 0
    const kept = new Map<string, LetterHead>()
    await readFile(path, kept)
    const lost = [...(await alive()).keys()].filter((id) => !kept.has(id)).length
    await rename(path, previous)
    return lost
  }

  return {
    place: `the file ${path}`,
    push: (letters) =>
      inTurn(async (): Promise<Pushed> => {
        const now = new Date()
        const lines = letters.map((letter) => `${formatLetter(letter, now)}\n`)
        await mkdir(dirname(path), { recursive: true })
        const evicted = await rotate(lines.reduce((sum, line) => sum + line.length, 0))
        await append(path, lines)
        return { size: null, evicted }
      }),
    count,
    evicted: () => Promise.resolve(null),
    async *list() {
      const found = [...(await alive())].map(([id, head]): Found => ({ head, ref: id }))
      for (let at = 0; at < found.length; at += FOUND_PER_PAGE) yield found.slice(at, at + FOUND_PER_PAGE)
    },
    async read(found) {
      const raws = new Map<string, Buffer | null>()
      const wanted = new Set(found.map(({ head }) => keyOf(head)))
      for (const file of [previous, path]) {
        for await (const line of linesOf(file)) {
          const head = parseHead(headOf(line))
          if (head !== null && wanted.has(keyOf(head))) raws.set(keyOf(head), rawOf(line))
        }
      }
      return found.map(({ head }) => raws.get(keyOf(head)) ?? null)
    },
    remove: (found, why) =>
      inTurn(async () => {
        const heads = await alive()
        const removed = found.map(({ head }) => keyOf(head)).filter((key) => heads.has(key))
        const line: Removal = { removed, why, time: new Date().toISOString() }
        if (removed.length > 0) await append(path, [`${JSON.stringify(line)}\n`])
        return removed.length
      }),
    close: async () => void (await last),
  }
}

/** The id; for a line without one, made by hand, its time and reason. */
function keyOf({ id, time, reason }: LetterHead): string {
  return id === '' ? `${time} ${reason}` : id
}

/** Puts the letters of a file into the map, and takes out what it says is removed. A later letter of the same id counts. */
async function readFile(path: string, heads: Map<string, LetterHead>): Promise<void> {
  for await (const line of linesOf(path)) {
    if (line.startsWith('{"removed":')) {
      for (const key of removedBy(line)) heads.delete(key)
      continue
    }
    const head = parseHead(headOf(line))
    if (head !== null) heads.set(keyOf(head), head)
  }
}

function removedBy(line: string): readonly string[] {
  try {
    const { removed } = JSON.parse(line) as { removed?: unknown }
    return Array.isArray(removed) ? removed.map(String) : []
  } catch {
    return []
  }
}

/** The lines of a file; none when it does not exist. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const stream = createReadStream(path)
  try {
    await once(stream, 'open')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const failures: Error[] = []
  const lines = createInterface({ input: stream, crlfDelay: Infinity })
  // The iteration over lines ends at an error of the stream as if the file did.
  stream.on('error', (error) => {
    failures.push(error)
    lines.close()
  })
  try {
    yield* lines
  } finally {
    stream.destroy()
  }
  const [failure] = failures
  if (failure !== undefined) throw failure
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}

/**
 * Appends and waits until the disk has it: only then may the records leave Redis. After a failure the file is as long as
 * before.
 */
async function append(path: string, lines: readonly string[]): Promise<void> {
  // 'a+' may also read: the end of a file left by a crash is looked at.
  await using file = await open(path, 'a+', FILE_MODE)
  const { size } = await file.stat()
  try {
    if (size > 0 && (await isTorn(file, size))) await file.appendFile('\n')
    for (const line of lines) await file.appendFile(line)
    await file.datasync()
    if (size === 0) await syncFolder(dirname(path))
  } catch (error) {
    await file.truncate(size).catch(() => undefined)
    throw error
  }
}

/** A new file is safe once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

async function isTorn(file: FileHandle, size: number): Promise<boolean> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] !== LINE_FEED
}

/** Changes whenever the file does. */
async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path)
    return `${ino} ${size} ${mtimeMs}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
