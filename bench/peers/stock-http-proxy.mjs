// Stock @fastify/http-proxy, as its documentation shows it: the peer that a Node.js team would otherwise write.
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'

const [, , port, upstream] = process.argv
const fastify = Fastify({ logger: false })
await fastify.register(httpProxy, { upstream, prefix: '/bench' })
await fastify.listen({ port: Number(port), host: '127.0.0.1' })
process.on('SIGTERM', () => process.exit(0))
