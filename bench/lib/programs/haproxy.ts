import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../../test/support/redis.ts'
import { listens, type Running, start, untilReady } from '../processes.ts'
import type { Stage } from '../stage.ts'

/** HAProxy with one thread: connections are kept on both sides, the prefix is cut off as the others do. */
export async function startHaproxy(
  stage: Stage,
  { tls }: { tls: boolean },
): Promise<{ port: number; process: Running }> {
  const port = await freePort()
  const file = join(stage.directory, 'haproxy.cfg')
  await writeFile(
    file,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:${port} backlog 4096${tls ? ` ssl crt ${stage.certificate.file}` : ''}
  http-request replace-path /bench(/.*) \\1
  default_backend up
backend up
  server one 127.0.0.1:${stage.upstream.port}
`,
  )
  const process = stage.keep(start(['haproxy', '-db', '-q', '-f', file], stage.testCores))
  await untilReady(process, () => listens(port))
  return { port, process }
}
