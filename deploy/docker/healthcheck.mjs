/** Health check of the images: `node healthcheck.mjs PORT_VARIABLE DEFAULT_PORT PATH`. Exit code 0 when it answers 200. */
const [variable = '', fallback = '', path = '/'] = process.argv.slice(2)
const port = process.env[variable] || fallback
try {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(4000) })
  process.exitCode = answer.status === 200 ? 0 : 1
} catch {
  process.exitCode = 1
}
