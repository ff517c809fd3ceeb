/** One `npm start` per state folder: two would write one Redis log, one SQLite file and one configuration. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PORTS } from './options.ts'
import { isRunning, markOf, type ProcessMark } from './process-mark.ts'

/** Somebody uses the folder, or nobody can. The message says who or why, and the ways out. */
export class LockedError extends Error {
  readonly code = 'START_LOCKED'
}

export interface Lock {
  /** Notes a program of this stack, so that a later start can name it if it was left behind. */
  add(name: string, pid: number): void
  /** Gives the folder free; also done when the process exits. */
  release(): void
}

interface NamedMark extends ProcessMark {
  readonly name: string
}

interface Holder {
  readonly launcher: ProcessMark
  readonly programs: readonly NamedMark[]
}

/**
 * Takes the folder for this process. The lock of a process that is gone is taken over.
 *
 * @throws LockedError when another `npm start` runs there, or programs of one that was killed still do, or it is no folder
 * that can be written.
 */
export function takeLock(dataDir: string): Lock {
  const file = join(dataDir, 'start.lock')
  const launcher = markOf(process.pid)
  let programs: readonly NamedMark[] = []
  while (!createIn(dataDir, file, { launcher, programs })) {
    const problem = problemOf(read(file), dataDir)
    if (problem !== undefined) throw new LockedError(problem)
    rmSync(file, { force: true })
  }
  const release = (): void => {
    process.off('exit', release)
    if (read(file)?.launcher.pid === process.pid) rmSync(file, { force: true })
  }
  process.on('exit', release)
  return {
    add(name, pid) {
      programs = [...programs, { name, ...markOf(pid) }]
      renameSync(write(file, { launcher, programs }), file)
    },
    release,
  }
}

function createIn(dataDir: string, file: string, holder: Holder): boolean {
  try {
    makeFolder(dataDir)
    return create(file, holder)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new LockedError(
      `${dataDir} cannot be used: ${why}\nGive a folder that can be written: npm start -- --data-dir …`,
      {
        cause: error,
      },
    )
  }
}

/** With all above it. Node's own way never ends in /proc, which has no room for folders and does not say so. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  makeFolder(dirname(path))
  try {
    mkdirSync(path)
  } catch (error) {
    // Another `npm start` was faster.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}

/** Linking a finished file, unlike writing one in place, never lets anybody read half of it. */
function create(file: string, holder: Holder): boolean {
  const draft = write(file, holder)
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft)
  }
}

function write(file: string, holder: Holder): string {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(holder, null, 2)}\n`)
  return draft
}

/** Undefined when there is no lock, or one that nobody wrote in this form. */
function read(file: string): Holder | undefined {
  try {
    const { launcher, programs } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Holder>
    return typeof launcher?.pid === 'number' && Array.isArray(programs) ? { launcher, programs } : undefined
  } catch {
    return undefined
  }
}

function problemOf(holder: Holder | undefined, dataDir: string): string | undefined {
  if (holder === undefined) return undefined
  const { pid } = holder.launcher
  if (isRunning(holder.launcher)) {
    const ports = Object.values(PORTS).map(({ flag, fallback }) => `${flag} ${fallback + 10_000}`)
    return [
      `npm start already runs with ${dataDir} (pid ${pid}).`,
      `Stop it:       Ctrl-C in its terminal, or: ${killLine([pid])}`,
      `Run another:   npm start -- --data-dir .data2 ${ports.join(' ')}`,
    ].join('\n')
  }
  const left = holder.programs.filter((program) => isRunning(program))
  if (left.length === 0) return undefined
  const names = left.map((program) => `${program.name} (pid ${program.pid})`).join(', ')
  return [
    `${names}: left from an earlier npm start (pid ${pid}) that was killed; they still use ${dataDir}.`,
    `End them:      ${killLine(left.map((program) => program.pid))}`,
    'Run another:   npm start -- --data-dir .data2   and other ports, see --help',
  ].join('\n')
}

function killLine(pids: readonly number[]): string {
  return process.platform === 'win32'
    ? `taskkill /F ${pids.map((pid) => `/PID ${pid}`).join(' ')}`
    : `kill ${pids.join(' ')}`
}
