import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import type { ConfigOf } from '../../config/section.ts'
import type { sqlOptions } from './options.ts'

const load = (env: NodeJS.ProcessEnv): ConfigOf<typeof sqlOptions> => {
  const config = loadConfig({
    confPath: join('none', 'pump.conf'),
    env: { TYK_PMP_PUMPS_SQL_TYPE: 'sql', TYK_PMP_OMITCONFIGFILE: 'true', ...env },
    cwd: '.',
  })
  return config.sinks[0]?.meta as ConfigOf<typeof sqlOptions>
}

describe('limits in the configuration', () => {
  it('are off, and come from their variables', () => {
    expect(load({})).toMatchObject({ retention_days: 0, max_size_bytes: 0, explorer_index: false })
    const env = {
      TYK_PMP_PUMPS_SQL_META_RETENTIONDAYS: '7',
      TYK_PMP_PUMPS_SQL_META_MAXSIZEBYTES: '2147483648',
      TYK_PMP_PUMPS_SQL_META_EXPLORERINDEX: 'true',
    }
    expect(load(env)).toMatchObject({ retention_days: 7, max_size_bytes: 2_147_483_648, explorer_index: true })
  })

  it.each([
    ['RETENTIONDAYS', 'retention_days', '-1', 'an integer from 0 to 36500'],
    ['RETENTIONDAYS', 'retention_days', '36501', 'an integer from 0 to 36500'],
    ['RETENTIONDAYS', 'retention_days', '7d', 'an integer'],
    ['RETENTIONDAYS', 'retention_days', '0.5', 'an integer'],
    ['RETENTIONDAYS', 'retention_days', '', 'an integer'],
    ['MAXSIZEBYTES', 'max_size_bytes', '-1', 'an integer from 0 to 9007199254740991'],
    ['MAXSIZEBYTES', 'max_size_bytes', '2GB', 'an integer'],
    ['EXPLORERINDEX', 'explorer_index', 'maybe', 'true or false'],
  ])('stop the start: %s, %s = "%s"', (suffix, key, text, expected) => {
    const variable = `TYK_PMP_PUMPS_SQL_META_${suffix}`
    expect(() => load({ [variable]: text })).toThrow(`pumps.SQL.meta.${key} (${variable}): expected ${expected}`)
  })
})
