import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { startProgram } from './support/process.ts'
import { readBody, startUpstream } from './support/upstream.ts'

const script = fileURLToPath(new URL('../deploy/kibana/setup.mjs', import.meta.url))

async function run(url: string): Promise<{ code: number | NodeJS.Signals; output: string }> {
  await using program = startProgram(process.execPath, [script], { env: { ...process.env, KIBANA_URL: url } })
  const code = await program.exited()
  return { code, output: program.output() }
}

describe('deploy/kibana/setup.mjs', () => {
  it('creates the data view once, however often it runs', async () => {
    const views: { title: string }[] = []
    await using kibana = await startUpstream(async (req, res) => {
      const route = `${req.method} ${req.url}`
      if (route === 'GET /api/status') return res.end('{"status":{"overall":{"level":"available"}}}')
      if (route === 'GET /api/data_views') return res.end(JSON.stringify({ data_view: views }))
      const body = JSON.parse((await readBody(req)).toString()) as { data_view?: { title: string } }
      if (body.data_view && req.headers['kbn-xsrf']) views.push(body.data_view)
      return res.end('{}')
    })
    expect(await run(kibana.url)).toMatchObject({ code: 0, output: expect.stringContaining('created') as string })
    expect(await run(kibana.url)).toMatchObject({ code: 0, output: expect.stringContaining('already') as string })
    expect(views).toMatchObject([{ title: 'tyk_analytics*', timeFieldName: '@timestamp', allowNoIndex: true }])
  })
})
