import { expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway } from '../../../test/support/gateway.ts'
import { apiAt } from './support/api.ts'
import { startCountingUpstream } from './support/counting-upstream.ts'

test.each(['direct', 'http-proxy'])(
  'APIs share connections (%s), and a reload ends those that none needs any more',
  async (lane) => {
    await using shared = await startCountingUpstream()
    await using left = await startCountingUpstream()
    await using gateway = await startGateway({
      apis: {
        'a.json': apiAt('a', shared.url),
        'b.json': apiAt('b', `${shared.url}/base/`),
        'c.json': apiAt('c', left.url),
      },
      conf: { enable_analytics: false, upstream_transport: lane },
    })
    const ask = async (name: string): Promise<string> => (await fetch(`${gateway.url}/${name}/`)).text()
    for (const name of ['a', 'b', 'a', 'c', 'c']) expect(await ask(name)).toBe('1')

    await gateway.writeApi('b.json', apiAt('b', shared.url, { name: 'renamed' }))
    await gateway.writeApi('c.json', apiAt('c', shared.url))
    await gateway.reload()
    await eventually(() => expect(left.open()).toBe(0))
    for (const name of ['b', 'c', 'a']) expect(await ask(name)).toBe('1')
    expect(shared.open()).toBe(1)
  },
)
