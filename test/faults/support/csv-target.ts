import { mkdir, mkdtemp, open, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The folder of a csv sink: rows have no ids, so a record that was written twice is seen twice. */
export interface CsvTarget extends AsyncDisposable {
  readonly folder: string
  /** By path, how many rows the last `refresh` has found. */
  readonly rows: ReadonlyMap<string, number>
  refresh(): Promise<void>
  /** While it is away a file stands in its place, and nothing can be written. */
  away(isAway: boolean): Promise<void>
  /** Forgets the rows there are. */
  clear(): Promise<void>
}

const COLUMNS = 42
const PATH_COLUMN = 2
const HEADER_PATH = 'Path'
/** Read at a time. */
const PIECE_BYTES = 1024 * 1024

export async function createCsvTarget(): Promise<CsvTarget> {
  const root = await mkdtemp(join(tmpdir(), 'tek-rows-'))
  const [place, obstacle, folder] = [join(root, 'rows'), join(root, 'file'), join(root, 'here')]
  await mkdir(place)
  await writeFile(obstacle, '')
  const lead = async (to: string): Promise<void> => {
    const next = join(root, 'next')
    await symlink(to, next)
    // In one step, so that a pump never finds nothing there.
    await rename(next, folder)
  }
  await lead(place)

  const rows = new Map<string, number>()
  const files = new Map<string, RowReader>()
  // One after the other: each goes on where the one before has stopped.
  const refresh = inTurn(async () => {
    for (const name of await readdir(place)) {
      const reader = files.get(name) ?? new RowReader(join(place, name))
      files.set(name, reader)
      for (const path of await reader.readOn()) rows.set(path, (rows.get(path) ?? 0) + 1)
    }
  })
  return {
    folder,
    rows,
    refresh,
    away: (isAway) => lead(isAway ? obstacle : place),
    async clear() {
      await refresh()
      rows.clear()
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  }
}

function inTurn(work: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve()
  return () => {
    last = last.then(work, work)
    return last
  }
}

/** Reads a file that grows. */
class RowReader {
  readonly #path: string
  #position = 0
  #rest = ''

  constructor(path: string) {
    this.#path = path
  }

  /** The paths of the rows that have come since. */
  async readOn(): Promise<string[]> {
    const paths: string[] = []
    await using file = await open(this.#path)
    const piece = Buffer.allocUnsafe(PIECE_BYTES)
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, this.#position)
      if (bytesRead === 0) return paths
      this.#position += bytesRead
      const lines = (this.#rest + piece.toString('latin1', 0, bytesRead)).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) {
        const columns = line.split(',')
        // A row that a kill has torn is none. Nothing in the records of this suite has to be quoted.
        const path = columns.length === COLUMNS ? columns[PATH_COLUMN] : undefined
        if (path !== undefined && path !== HEADER_PATH) paths.push(path)
      }
    }
  }
}
