import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { SourceList } from '@tek/analytics-record'
import { PatientFiles, type SpillFiles, codeOf, isMissing } from './files.ts'
import {
  SPILL_MAGIC,
  type SpillHeader,
  type SpillTally,
  type SpilledRecord,
  encodeHeader,
  framePrefix,
} from './format.ts'

/** A file of spilled records, by what its name says. */
export interface SegmentFile {
  readonly name: string
  /** Of the segment. */
  readonly id: string
  /** The key of its source list. */
  readonly source: string
}

const SEGMENT = '.segment'
const WRITING = '.writing'
const ID_FILE = 'folder.id'

/** A file still being written that was not touched for so long is of a pump that was killed. */
export const ABANDONED_MS = 600_000

/** The folder with the files of spilled segments. */
export class SpillFolder {
  readonly path: string
  /** Names the folder wherever it is mounted. */
  readonly id: string
  readonly #files: PatientFiles

  private constructor(path: string, id: string, files: PatientFiles) {
    this.path = path
    this.id = id
    this.#files = files
  }

  /** Makes the folder if need be, and tries whether it can be written. @throws SpillFileError */
  static async open(path: string, plainFiles: SpillFiles): Promise<SpillFolder> {
    const files = new PatientFiles(plainFiles)
    await files.makeFolder(path)
    const trial = join(path, `trial-${randomBytes(6).toString('hex')}${WRITING}`)
    const writer = await files.create(trial)
    await writer.sync()
    await writer.close()
    await files.remove(trial)
    return new SpillFolder(path, await readId(path, files), files)
  }

  /** Where it is, for people. */
  get place(): string {
    return `${hostname()}:${this.path}`
  }

  /** Whether a place is this path, whatever the host: a container has a new name each time it is made. */
  isAt(place: string): boolean {
    return place.slice(place.indexOf(':') + 1) === this.path
  }

  /** The file system does not answer, and is not asked anything. */
  get hangs(): boolean {
    return this.#files.hangs
  }

  /** How long it may take for one call. */
  set patienceMs(ms: number) {
    this.#files.patienceMs = ms
  }

  pathOf({ name }: SegmentFile): string {
    return join(this.path, name)
  }

  /** The oldest first. */
  async list(): Promise<SegmentFile[]> {
    const names = await this.#files.list(this.path)
    return names.flatMap((name) => parseName(name) ?? []).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /**
   * Writes a file: first under another name, and under its own once the disk has all of it. Returns its bytes. After an
   * error there is no file of its name, unless it could not be removed or the disk hangs.
   *
   * @param tally - Of the records, once they were read; null: not known.
   */
  async write(
    header: SpillHeader,
    chunks: AsyncIterable<readonly SpilledRecord[]>,
    tally: () => SpillTally | null,
  ): Promise<SegmentFile & Written> {
    const file = fileOf(header.id, header.source)
    const temporary = join(this.path, `${file.name}.${randomBytes(6).toString('hex')}${WRITING}`)
    try {
      const written = await this.#writeTo(temporary, header, chunks, tally)
      await this.#files.rename(temporary, this.pathOf(file))
      await this.#files.syncFolder(this.path)
      return { ...file, ...written }
    } catch (error) {
      for (const path of [temporary, this.pathOf(file)]) {
        // What went wrong first says more than that the rest went wrong as well.
        await this.#discard(path).catch(() => undefined)
      }
      throw error
    }
  }

  async #writeTo(
    path: string,
    header: SpillHeader,
    chunks: AsyncIterable<readonly SpilledRecord[]>,
    tally: () => SpillTally | null,
  ): Promise<Written> {
    const writer = await this.#files.create(path)
    let [bytes, records] = [0, 0]
    const write = (part: Buffer): Promise<void> => {
      bytes += part.length
      return writer.write(part)
    }
    try {
      await write(Buffer.concat([SPILL_MAGIC, encodeHeader(header)]))
      for await (const chunk of chunks) {
        records += chunk.length
        const frames = chunk.flatMap(({ index, raw }) => [framePrefix(index, raw), raw])
        await write(Buffer.concat([...frames, encodeHeader(header)]))
      }
      const known = tally()
      await write(encodeHeader(known === null ? header : { ...header, tally: known }))
      await writer.sync()
    } finally {
      await writer.close()
    }
    return { bytes, records }
  }

  read(file: SegmentFile): Promise<Buffer> {
    return this.#files.read(this.pathOf(file))
  }

  /** Bytes; 0 when it is gone. */
  async sizeOf(file: SegmentFile): Promise<number> {
    try {
      return (await this.#files.stat(this.pathOf(file))).sizeBytes
    } catch (error) {
      if (isMissing(error)) return 0
      throw error
    }
  }

  /** Removes a file so that it does not come back after a power cut. */
  async remove(file: SegmentFile): Promise<void> {
    await this.discard(file)
    await this.sync()
  }

  /** Removes a file. It is safe once the folder was synced. */
  discard(file: SegmentFile): Promise<void> {
    return this.#discard(this.pathOf(file))
  }

  sync(): Promise<void> {
    return this.#files.syncFolder(this.path)
  }

  /**
   * Keeps a file for a person to look at, under a name that is not read any more. Returns where; null: another pump that
   * shares the folder has done so. It is safe once the folder was synced.
   */
  async setAside(file: SegmentFile, why: 'damaged' | 'released' = 'damaged'): Promise<string | null> {
    const aside = `${this.pathOf(file)}.${why}`
    try {
      await this.#files.rename(this.pathOf(file), aside)
      return aside
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  }

  /** Removes what pumps left that were killed while they wrote: its records are in Redis. */
  async clean(): Promise<void> {
    for (const name of await this.#files.list(this.path)) {
      if (!name.endsWith(WRITING)) continue
      const path = join(this.path, name)
      try {
        const { modifiedMs } = await this.#files.stat(path)
        if (Date.now() - modifiedMs > ABANDONED_MS) await this.#files.remove(path)
      } catch (error) {
        if (!isMissing(error)) throw error
      }
    }
  }

  async #discard(path: string): Promise<void> {
    try {
      await this.#files.remove(path)
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
}

interface Written {
  readonly bytes: number
  readonly records: number
}

/** The file of a segment. Names of leases are not always ours: someone may have made one by hand. */
export function fileOf(id: string, source: SourceList['key']): SegmentFile {
  return { name: `${encodeURIComponent(id)}@${encodeURIComponent(source)}${SEGMENT}`, id, source }
}

function parseName(name: string): SegmentFile | null {
  if (!name.endsWith(SEGMENT)) return null
  try {
    const [id, source, ...more] = name.slice(0, -SEGMENT.length).split('@').map(decodeURIComponent)
    return id === undefined || source === undefined || more.length > 0 ? null : { name, id, source }
  } catch {
    return null
  }
}

/** Of pumps that make their first start at the same time one gives the folder its name, and the others read it. */
async function readId(path: string, files: SpillFiles): Promise<string> {
  const file = join(path, ID_FILE)
  const known = await idIn(file, files)
  if (known !== '') return known
  const id = randomBytes(8).toString('hex')
  const temporary = `${file}.${id}${WRITING}`
  const writer = await files.create(temporary)
  await writer.write(Buffer.from(`${id}\n`))
  await writer.sync()
  await writer.close()
  await giveName(temporary, file, files)
  await files.syncFolder(path)
  return idIn(file, files)
}

/** Empty: there is none. */
async function idIn(file: string, files: SpillFiles): Promise<string> {
  try {
    return String(await files.read(file)).trim()
  } catch (error) {
    if (isMissing(error)) return ''
    throw error
  }
}

async function giveName(temporary: string, file: string, files: SpillFiles): Promise<void> {
  try {
    await files.link(temporary, file)
  } catch (error) {
    const code = codeOf(error)
    if (code !== 'EEXIST' || (await idIn(file, files)) === '') {
      // A file system without links, or a file without a name in it.
      if (code !== 'EEXIST' && !NO_LINKS.has(code ?? '')) throw error
      return files.rename(temporary, file)
    }
  }
  await files.remove(temporary)
}

/** What file systems answer that know no links. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK'])
