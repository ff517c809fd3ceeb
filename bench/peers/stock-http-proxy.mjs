// Stock @fastify/http-proxy, as its documentation shows it: the peer that a Node.js team would otherwise write.
// Arguments: port, upstream, and for TLS the files of key and certificate.
import { readFileSync } from 'node:fs'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'

const [, , port, upstream, keyFile, certFile] = process.argv
const https = keyFile ? { key: readFileSync(keyFile), cert: readFileSync(certFile) } : null
const fastify = Fastify({ logger: false, https })
await fastify.register(httpProxy, { upstream, prefix: '/bench' })
await fastify.listen({ port: Number(port), host: '127.0.0.1' })
process.on('SIGTERM', () => process.exit(0))
