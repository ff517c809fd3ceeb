import { link, mkdir, open, readFile, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SpillFileError } from '../errors.ts'

/** A file that is being written. */
export interface SpillWriter {
  write(bytes: Buffer): Promise<void>
  /** Resolves when the disk has it. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** What spilling asks of the file system. Tests put their own in place, to fail or to end the process at any call. */
export interface SpillFiles {
  /** @throws when there is such a file. */
  create(path: string): Promise<SpillWriter>
  read(path: string): Promise<Buffer>
  rename(from: string, to: string): Promise<void>
  /** Gives a file a second name. @throws when there is a file of that name. */
  link(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Makes what was created, renamed or removed in a folder safe. */
  syncFolder(path: string): Promise<void>
  list(path: string): Promise<readonly string[]>
  stat(path: string): Promise<{ readonly sizeBytes: number; readonly modifiedMs: number }>
  makeFolder(path: string): Promise<void>
}

/** It holds what clients sent. */
const FILE_MODE = 0o640
const FOLDER_MODE = 0o750

export const DISK: SpillFiles = {
  async create(path) {
    const handle = await open(path, 'wx', FILE_MODE)
    return {
      write: async (bytes) => {
        for (let done = 0; done < bytes.length;) done += (await handle.write(bytes, done)).bytesWritten
      },
      sync: () => handle.sync(),
      close: () => handle.close(),
    }
  },
  read: (path) => readFile(path),
  rename,
  link,
  remove: (path) => unlink(path),
  async syncFolder(path) {
    await using handle = await open(path, 'r')
    await handle.sync()
  },
  list: (path) => readdir(path),
  async stat(path) {
    const { size, mtimeMs } = await stat(path)
    return { sizeBytes: size, modifiedMs: mtimeMs }
  },
  async makeFolder(path) {
    const made = await mkdir(path, { recursive: true, mode: FOLDER_MODE })
    // A new folder is safe once the one that holds it is.
    if (made !== undefined) await this.syncFolder(dirname(made))
  },
}

/** How long the file system may take for one call, by default. */
export const DISK_PATIENCE_MS = 10_000

/**
 * The same files, whose errors can be told from those of Redis, and that answer in time: a call that takes too long counts as
 * refused. As long as such a call has not come back no other is made: each would hold one of the few threads of the process.
 */
export class PatientFiles implements SpillFiles {
  readonly #files: SpillFiles
  /** Of one call. */
  patienceMs = DISK_PATIENCE_MS
  /** Calls that were given up and have not come back, and the last of them. */
  #late = 0
  #lateCall: Promise<unknown> = Promise.resolve()

  constructor(files: SpillFiles) {
    this.#files = files
  }

  /** The file system does not answer. */
  get hangs(): boolean {
    return this.#late > 0
  }

  async create(path: string): Promise<SpillWriter> {
    const closeLate = (writer: SpillWriter): void => void writer.close().catch(() => undefined)
    const writer = await this.#call('create', () => this.#files.create(path), closeLate)
    return {
      write: (bytes) => this.#call('write', () => writer.write(bytes)),
      sync: () => this.#call('sync', () => writer.sync()),
      close: async () => {
        if (!this.hangs) return this.#call('close', () => writer.close())
        void this.#lateCall.then(() => closeLate(writer))
      },
    }
  }

  read(path: string): Promise<Buffer> {
    return this.#call('read', () => this.#files.read(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call('rename', () => this.#files.rename(from, to))
  }

  link(from: string, to: string): Promise<void> {
    return this.#call('link', () => this.#files.link(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#call('remove', () => this.#files.remove(path))
  }

  syncFolder(path: string): Promise<void> {
    return this.#call('sync of the folder', () => this.#files.syncFolder(path))
  }

  list(path: string): Promise<readonly string[]> {
    return this.#call('list', () => this.#files.list(path))
  }

  stat(path: string): Promise<{ readonly sizeBytes: number; readonly modifiedMs: number }> {
    return this.#call('stat', () => this.#files.stat(path))
  }

  makeFolder(path: string): Promise<void> {
    return this.#call('make the folder', () => this.#files.makeFolder(path))
  }

  async #call<T>(what: string, work: () => Promise<T>, onLate?: (result: T) => void): Promise<T> {
    if (this.hangs) throw new SpillFileError(`${what}: the disk does not answer an earlier call`)
    const working = work()
    const { promise: tooLate, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      this.#late += 1
      this.#lateCall = working
        .then(onLate, () => undefined)
        .finally(() => {
          this.#late -= 1
        })
      reject(new Error(`${what}: no answer from the disk in ${this.patienceMs} ms`))
    }, this.patienceMs)
    timer.unref()
    try {
      return await Promise.race([working, tooLate])
    } catch (cause) {
      throw new SpillFileError(cause instanceof Error ? cause.message : String(cause), { cause })
    } finally {
      clearTimeout(timer)
    }
  }
}

/** What the system calls an error of the file system. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof SpillFileError ? (error.cause as NodeJS.ErrnoException | undefined)?.code : undefined
}

export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT'
}
