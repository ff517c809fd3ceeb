import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { parseCoreTime, parseMemory, parseProcessTime, processTime, processTree, residentMb } from './proc.ts'

describe('what /proc says', () => {
  test('user and system time are added, those of ended children too, behind a name with a parenthesis', () => {
    const stat = '42 (a ) (b) R 1 42 42 0 -1 4194304 10 20 0 0 150 50 7 3 20 0 1 0 100 1000 200'
    expect(parseProcessTime(stat)).toBe(2.1)
  })

  test('the time of cores leaves out idling and waiting', () => {
    const stat = ['cpu  9 9 9 9 9 9 9 9 0 0', 'cpu0 100 0 50 900 30 1 2 7 0 0', 'cpu1 10 0 0 0 0 0 0 0 0 0', ''].join(
      '\n',
    )
    expect(parseCoreTime(stat, [0])).toBe(1.6)
    expect(parseCoreTime(stat, [0, 1])).toBe(1.7)
  })

  test('memory is read by its name', () => {
    expect(parseMemory('VmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\n', 'VmRSS')).toBeCloseTo(2.097152)
    expect(parseMemory('Name: x\n', 'VmRSS')).toBeNaN()
  })

  test.runIf(process.platform === 'linux')('a process is found with those below it', () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    expect(processTree(process.pid)).toEqual(expect.arrayContaining([process.pid, child.pid]))
    child.kill()
  })

  test.runIf(process.platform === 'linux')('threads that end while they are read are left out', async () => {
    const program = `const { Worker } = require('node:worker_threads')
      const next = () => new Worker('', { eval: true }).once('exit', next)
      for (let each = 0; each < 4; each++) next()
      process.stdout.write('ready')`
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    try {
      for (let look = 0; look < 1000; look++) expect(processTree(Number(child.pid))).toEqual([child.pid])
    } finally {
      child.kill()
    }
    expect(() => processTree(2 ** 30)).toThrow('ENOENT')
  })

  test.runIf(process.platform === 'linux')('children that end while they are read are left out', async () => {
    const program = `const { spawn } = require('node:child_process')
      const next = () => spawn('true').once('exit', next)
      for (let each = 0; each < 4; each++) next()
      process.stdout.write('ready')`
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    try {
      for (let look = 0; look < 500; look++) {
        expect(processTime(Number(child.pid))).toBeGreaterThan(0)
        expect(residentMb(Number(child.pid))).toBeGreaterThan(0)
      }
    } finally {
      child.kill()
    }
  })
})
