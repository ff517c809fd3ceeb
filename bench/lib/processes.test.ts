import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { processTree } from './proc.ts'
import { BOTH_CORES, type Running, start } from './processes.ts'

/** A program with another one below it. */
const FAMILY = `
  require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  setInterval(() => {}, 1000)
`

async function startFamily(): Promise<{ family: Running; pids: number[] }> {
  const family = start([process.execPath, '-e', FAMILY], BOTH_CORES)
  const pids = await eventually(() => {
    const tree = processTree(family.pid)
    expect(tree).toHaveLength(2)
    return tree
  })
  return { family, pids }
}

/** `T` for a process that is held. */
const stateOf = (pid: number): string => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? ''
const areHeld = (pids: readonly number[]): boolean[] => pids.map((pid) => stateOf(pid) === 'T')

describe.runIf(process.platform === 'linux')('a program', () => {
  test('is held with all below it, and goes on', async () => {
    const { family, pids } = await startFamily()
    family.pause()
    await eventually(() => expect(areHeld(pids)).toEqual([true, true]))
    family.resume()
    await eventually(() => expect(areHeld(pids)).toEqual([false, false]))
    await family.stop()
  })

  test('is ended when it is held, and what was below it goes on', async () => {
    const { family, pids } = await startFamily()
    family.pause()
    await family.stop()
    expect(family.hasEnded()).toBe(true)
    const below = pids[1] as number
    expect(areHeld([below])).toEqual([false])
    process.kill(below)
  })

  test('ends with the process that started it, held or not', async () => {
    const script = `
      const { start, BOTH_CORES } = await import(${JSON.stringify(fileURLToPath(new URL('processes.ts', import.meta.url)))})
      const running = start(['sleep', '600'], BOTH_CORES)
      running.pause()
      process.stdout.write(String(running.pid))
      throw new Error('on purpose')
    `
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    const pid = Number(stdout)
    expect(pid).toBeGreaterThan(0)
    await eventually(() => expect(() => stateOf(pid)).toThrow('ENOENT'))
  })

  test('that has ended is neither held nor resumed', async () => {
    const running = start(['true'], BOTH_CORES)
    await eventually(() => expect(running.hasEnded()).toBe(true))
    running.pause()
    running.resume()
    await running.stop()
  })
})
