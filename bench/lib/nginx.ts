import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { start, type Running } from './processes.ts'

/** nginx with one worker and a configuration of ours. */
export function startNginx(directory: string, server: string, core: number, port: number): Promise<Running> {
  mkdirSync(directory, { recursive: true })
  const file = path.join(directory, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
  ${server}
}`,
  )
  return start(['nginx', '-c', file, '-p', directory], core, port)
}

export const staticServer = (port: number): string => `server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { default_type application/json; return 200 '{"hello":"world","padding":"0123456789012345678901234567890123456789"}'; }
  }`

export const proxyServer = (
  port: number,
  upstreamPort: number,
): string => `upstream up { server 127.0.0.1:${upstreamPort}; keepalive 256; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location /bench/ { proxy_pass http://up/; proxy_http_version 1.1; proxy_set_header Connection ''; }
  }`
