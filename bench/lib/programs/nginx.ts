import { mkdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../../test/support/redis.ts'
import { listens, type Running, start, untilReady } from '../processes.ts'
import type { Stage } from '../stage.ts'

const SMALL_ANSWER = '{"hello":"world","padding":"0123456789012345678901234567890123456789"}'
const LARGE_BYTES = 1_000_000

/** The upstream of all programs: a small fixed answer everywhere, one megabyte at `/large`. */
export async function startUpstream(
  directory: string,
  cores: readonly number[],
  workers: number,
): Promise<{ port: number; process: Running }> {
  const port = await freePort()
  const files = join(directory, 'files')
  await mkdir(files, { recursive: true })
  await writeFile(join(files, 'large'), 'x'.repeat(LARGE_BYTES))
  const server = `server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { default_type application/json; return 200 '${SMALL_ANSWER}'; }
    location = /large { root ${files}; sendfile on; tcp_nopush on; }
  }`
  return { port, process: await startNginx(directory, server, { cores, workers, port }) }
}

/** nginx as a proxy, tuned as one would: connections to the upstream are kept, answers never touch the disk. */
export async function startNginxProxy(
  stage: Stage,
  { tls }: { tls: boolean },
): Promise<{ port: number; process: Running }> {
  const port = await freePort()
  const { certFile, keyFile } = stage.certificate
  const server = `upstream up { server 127.0.0.1:${stage.upstream.port}; keepalive 256; }
  server {
    listen 127.0.0.1:${port} backlog=4096${tls ? ` ssl; ssl_certificate ${certFile}; ssl_certificate_key ${keyFile}` : ''};
    proxy_http_version 1.1; proxy_set_header Connection '';
    proxy_buffers 16 64k; proxy_max_temp_file_size 0;
    location /bench/ { proxy_pass http://up/; }
  }`
  const process = await startNginx(join(stage.directory, 'nginx'), server, { cores: stage.testCores, workers: 1, port })
  return { port, process: stage.keep(process) }
}

interface NginxOptions {
  readonly cores: readonly number[]
  readonly workers: number
  readonly port: number
}

async function startNginx(directory: string, server: string, { cores, workers, port }: NginxOptions): Promise<Running> {
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'nginx.conf')
  await writeFile(file, configuration(directory, server, workers))
  const process = start(['nginx', '-c', file, '-p', directory, '-e', join(directory, 'error.log')], cores)
  await untilReady(process, () => listens(port))
  return process
}

const configuration = (directory: string, server: string, workers: number): string => `
daemon off; user ${userInfo().username}; worker_processes ${workers}; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
  ${server}
}
`
