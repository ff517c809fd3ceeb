import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/**
 * Runs a program in the foreground and passes signals on to it.
 *
 * A Ctrl-C on a terminal reaches the child by itself; this process only has to outlive it. Signals sent to this process
 * alone are handed on.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 * @returns {Promise<number>} the exit code, 128 + n after a signal
 */
export function runInForeground(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options })
    const handOn = (signal) => child.kill(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, handOn)
    const watch = orphaned(() => handOn('SIGTERM'))
    const tidy = () => {
      clearInterval(watch)
      for (const signal of signals) process.off(signal, handOn)
    }
    child.once('error', (error) => {
      tidy()
      reject(error)
    })
    child.once('close', (code, signal) => {
      tidy()
      resolve(code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 9))
    })
  })
}

/**
 * npm passes a SIGTERM on to its shell only, which dies and leaves this process behind: losing the parent then means the
 * same. Outside npm a parent may end for any reason, and nothing follows from it.
 */
function orphaned(then) {
  const parent = process.ppid
  if (!process.env.npm_lifecycle_event || process.platform === 'win32') return undefined
  return setInterval(() => {
    if (process.ppid !== parent) then()
  }, 500).unref()
}

/**
 * Runs a program and shows its output only when it fails.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 * @returns {Promise<{code: number, output: string}>} code 127 when the program is not there
 */
export function runQuietly(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk) => {
      output += chunk
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    child.once('error', (error) => resolve({ code: 127, output: output + error.message }))
    child.once('close', (code) => resolve({ code: code ?? 1, output }))
  })
}
