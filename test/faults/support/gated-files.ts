/**
 * Loaded into a pump before its program: each step of its work on spill files is told to the test that started it, and is
 * done once the test lets it. So a signal from outside can kill the pump between any two of them, or within a write.
 */
import { promises } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { connect } from 'node:net'
import { basename } from 'node:path'
import type { FileOperation, FileStep } from './file-gate.ts'

type When = FileStep['when']

const { open, readFile, rename, unlink } = promises
const socket = connect({ host: '127.0.0.1', port: Number(process.env['TEK_FILE_GATE']), noDelay: true })
const waiting = new Map<number, () => void>()
let steps = 0
let rest = ''

// It must not keep the process.
socket.unref()
socket.on('data', (chunk) => {
  const lines = (rest + String(chunk)).split('\n')
  rest = lines.pop() ?? ''
  for (const line of lines) letPass(Number(line))
})
socket.on('error', () => undefined)
socket.on('close', () => {
  for (const step of waiting.keys()) letPass(step)
})

function letPass(step: number): void {
  waiting.get(step)?.()
  waiting.delete(step)
}

function pass(operation: FileOperation, when: When, path: string): Promise<void> {
  if (socket.destroyed) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const step = (steps += 1)
  waiting.set(step, resolve)
  socket.write(`${JSON.stringify({ step, operation, when, file: basename(path) })}\n`)
  return promise
}

async function gated<T>(operation: FileOperation, path: string, work: () => Promise<T>): Promise<T> {
  await pass(operation, 'before', path)
  const result = await work()
  await pass(operation, 'after', path)
  return result
}

const isSpill = (path: unknown): path is string => typeof path === 'string' && basename(path).includes('.segment')

type Handle = Awaited<ReturnType<typeof open>>

function gateHandle(handle: Handle, path: string): Handle {
  const write = handle.write.bind(handle)
  const sync = handle.sync.bind(handle)
  const inHalves = (bytes: Buffer, from = 0): Promise<{ bytesWritten: number; buffer: Buffer }> =>
    gated('write', path, async () => {
      const half = Math.ceil((bytes.length - from) / 2)
      const first = await write(bytes, from, half)
      if (first.bytesWritten < half) return first
      await pass('write', 'amid', path)
      const second = await write(bytes, from + half)
      return { bytesWritten: half + second.bytesWritten, buffer: bytes }
    })
  return Object.assign(handle, { write: inHalves, sync: () => gated('sync', path, sync) })
}

Object.assign(promises, {
  open: async (path: string, flags: string, mode?: number) => {
    if (!isSpill(path)) return open(path, flags, mode)
    return gateHandle(await gated('create', path, () => open(path, flags, mode)), path)
  },
  readFile: (path: string, ...options: []) => {
    return isSpill(path) ? gated('read', path, () => readFile(path, ...options)) : readFile(path, ...options)
  },
  rename: (from: string, to: string) => {
    return isSpill(to) ? gated('rename', to, () => rename(from, to)) : rename(from, to)
  },
  unlink: (path: string) => (isSpill(path) ? gated('remove', path, () => unlink(path)) : unlink(path)),
})
syncBuiltinESMExports()
