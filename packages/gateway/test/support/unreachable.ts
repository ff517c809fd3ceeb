import { readFileSync } from 'node:fs'
import net from 'node:net'
import { once } from 'node:events'
import { eventually } from '../../../../test/support/eventually.ts'
import { startProgram } from '../../../../test/support/process.ts'

/** A port that neither takes nor refuses a connection. */
export interface SilentPort extends AsyncDisposable {
  readonly port: number
}

const LISTEN = `
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log('port', server.address().port))`

/** Works on Linux only, which drops what its queue has no room for. */
export const silentPortSkipReason = (): string | undefined =>
  process.platform === 'linux' ? undefined : 'no way to a port that is silent is known here'

/** A process that listens and is stopped, so that nobody takes connections out of its queue, which is full. */
export async function startSilentPort(): Promise<SilentPort> {
  const program = startProgram(process.execPath, ['-e', LISTEN])
  const port = Number((await program.waitForLine(/^port \d+/)).slice('port '.length))
  program.kill('SIGSTOP')
  await eventually(() => {
    if (!/\) T /.test(readFileSync(`/proc/${program.pid}/stat`, 'utf8'))) throw new Error('the process still runs')
  })
  const waiting = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')]
  for (const socket of waiting) {
    socket.on('error', () => {})
    await once(socket, 'connect')
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of waiting) socket.destroy()
      program.kill('SIGKILL')
      await program.exited()
    },
  }
}
