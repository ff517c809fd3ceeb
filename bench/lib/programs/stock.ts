import { fileURLToPath } from 'node:url'
import { freePort } from '../../../test/support/redis.ts'
import { listens, type Running, start, untilReady } from '../processes.ts'
import type { Stage } from '../stage.ts'

const script = fileURLToPath(new URL('../../peers/stock-http-proxy.mjs', import.meta.url))

/** @fastify/http-proxy as its documentation shows it, without analytics. */
export async function startStock(stage: Stage, { tls }: { tls: boolean }): Promise<{ port: number; process: Running }> {
  const port = await freePort()
  const { keyFile, certFile } = stage.certificate
  const files = tls ? [keyFile, certFile] : []
  const upstream = `http://127.0.0.1:${stage.upstream.port}`
  const process = stage.keep(
    start([globalThis.process.execPath, script, String(port), upstream, ...files], stage.testCores),
  )
  await untilReady(process, () => listens(port))
  return { port, process }
}
