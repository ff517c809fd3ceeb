import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { takeLock } from './lock.ts'
import { parseOptions, PORTS } from './options.ts'
import { isRunning, markOf } from './process-mark.ts'

let dataDir = ''
let file = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'tek-lock-'))
  file = join(dataDir, 'start.lock')
})
afterEach(() => rmSync(dataDir, { recursive: true }))

it.each(['file', 'file/below', '/proc/nothing/there'])(
  'a folder %s that cannot be one is named, with what to do',
  (place) => {
    writeFileSync(join(dataDir, 'file'), '')
    const path = resolve(dataDir, place)
    expect(() => takeLock(path)).toThrow(new RegExp(`^${path} cannot be used: E[A-Z]+: .*\n.* --data-dir `))
  },
)

const idle = (): ChildProcess => spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])

async function kill(child: ChildProcess): Promise<number> {
  child.kill('SIGKILL')
  await once(child, 'exit')
  return child.pid as number
}

/** Takes the folder in another process, which dies without a farewell. */
async function takenAndKilled(...programs: readonly number[]): Promise<number> {
  const code = `
    import { takeLock } from ${JSON.stringify(new URL('./lock.ts', import.meta.url).href)}
    const lock = takeLock(${JSON.stringify(dataDir)})
    for (const pid of ${JSON.stringify(programs)}) lock.add('gateway', pid)
    console.log('taken')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code])
  await once(child.stdout, 'data')
  return kill(child)
}

describe('the lock of a state folder', () => {
  it('keeps a second npm start out, names the first and the way around, and is free again after', () => {
    const lock = takeLock(dataDir)
    expect(() => takeLock(dataDir)).toThrow(`npm start already runs with ${dataDir} (pid ${process.pid})`)
    expect(() => takeLock(dataDir)).toThrow('npm start -- --data-dir')
    lock.release()
    expect(existsSync(file)).toBe(false)
    takeLock(dataDir).release()
  })

  it('shows a command that takes no port of the first', () => {
    const lock = takeLock(dataDir)
    let message = ''
    try {
      takeLock(dataDir)
    } catch (error) {
      message = String(error)
    } finally {
      lock.release()
    }
    const args = /npm start -- (.*)$/.exec(message)?.[1]?.split(' ') ?? []
    const wanted = Object.entries(PORTS).map(([name, { fallback }]) => [`${name}Port`, fallback + 10_000])
    expect(parseOptions(args, {})).toMatchObject(Object.fromEntries(wanted) as object)
  })

  it('of a process that is gone is taken over', async () => {
    await takenAndKilled(await kill(idle()))
    expect(existsSync(file)).toBe(true)
    takeLock(dataDir).release()
  })

  it('of a process that is gone names the programs it left behind, until they end', async () => {
    const left = idle()
    try {
      const pid = await takenAndKilled(left.pid as number)
      expect(() => takeLock(dataDir)).toThrow(
        `gateway (pid ${left.pid}): left from an earlier npm start (pid ${pid}) that was killed`,
      )
      expect(() => takeLock(dataDir)).toThrow(`kill ${left.pid}`)
    } finally {
      await kill(left)
    }
    takeLock(dataDir).release()
  })

  it('is not held by a later process with the same id', () => {
    const { pid, startedAt } = markOf(process.pid)
    expect(isRunning({ pid, startedAt })).toBe(true)
    if (startedAt === null) return
    writeFileSync(file, JSON.stringify({ launcher: { pid, startedAt: 'another time' }, programs: [] }))
    takeLock(dataDir).release()
  })

  it('that nobody can read is taken over', () => {
    writeFileSync(file, '')
    takeLock(dataDir).release()
  })

  it('of another is not removed by its late owner', () => {
    const lock = takeLock(dataDir)
    writeFileSync(file, JSON.stringify({ launcher: { pid: 1, startedAt: null }, programs: [] }))
    lock.release()
    expect(readFileSync(file, 'utf8')).toContain('"pid":1')
  })
})
