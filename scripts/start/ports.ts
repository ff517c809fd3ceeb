import { createServer } from 'node:net'
import type { PortChoice } from './options.ts'

/** Tries to listen for a moment. Returns the error code when the port cannot be had. */
export function probePort(port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const probe = createServer()
  probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(undefined)))
  return promise
}

/** What to tell somebody whose port is taken: which, for whom, how to find the holder, how to move away. */
export function portHelp(choice: PortChoice, port: number, code: string, platform = process.platform): string {
  const why = code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be used (${code})`
  const finders: Partial<Record<NodeJS.Platform, string>> = {
    linux: `ss -ltnp 'sport = :${port}'`,
    win32: `netstat -ano | findstr :${port}`,
  }
  return [
    `Port ${port} for ${choice.owner} ${why}.`,
    `Who has it:   ${finders[platform] ?? `lsof -nP -iTCP:${port} -sTCP:LISTEN`}`,
    `Use another:  npm start -- ${choice.flag} ${port + 10_000 > 65_535 ? port - 1000 : port + 10_000}   (or ${choice.env}=…)`,
    'A second npm start needs a folder of its own too:  --data-dir .data2',
  ].join('\n')
}
