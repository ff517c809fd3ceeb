import { describe, expect, it } from 'vitest'
import { parseCommand } from './arguments.ts'

const parse = (args: string[], env: NodeJS.ProcessEnv = {}) => parseCommand(args, env, 'v9.9.9')

describe('the command line', () => {
  it.each<[string[], object]>([
    [[], { kind: 'run', confPath: 'pump.conf', debug: false }],
    [['--conf=/etc/pump.json'], { kind: 'run', confPath: '/etc/pump.json' }],
    [['--conf', 'x', '--debug'], { kind: 'run', confPath: 'x', debug: true }],
    [['-c', 'x'], { kind: 'run', confPath: 'x' }],
    [['-cx'], { kind: 'run', confPath: 'x' }],
    [['--version'], { kind: 'print', text: 'v9.9.9\n' }],
    [['-h'], { kind: 'print', text: expect.stringContaining('--demo-records-per-hour') as unknown }],
    [['--demo=org'], { kind: 'refuse', message: expect.stringContaining('not in this version') as unknown }],
    [['--colour'], { kind: 'refuse' }],
    [['stray'], { kind: 'refuse', message: 'unknown command "stray" (try --help)' }],
    [['leases', 'list', '-cx'], { kind: 'leases', confPath: 'x', release: null }],
    [['leases', 'release', '--sink=es'], { kind: 'leases', release: { sink: 'ES', missing: null, confirmed: false } }],
    [
      ['leases', 'release', '--sink', 'ES', '--yes'],
      { kind: 'leases', release: { sink: 'ES', missing: null, confirmed: true } },
    ],
    [
      ['leases', 'release', '--missing', '--sink=es'],
      { kind: 'leases', release: { sink: 'ES', missing: 'files', confirmed: false } },
    ],
    [
      ['leases', 'release', '--folder=h:/x', '--yes'],
      { kind: 'leases', release: { sink: null, missing: { folder: 'h:/x' }, confirmed: true } },
    ],
    [
      ['leases', 'release', '--folder=x', '--missing'],
      { kind: 'refuse', message: expect.stringMatching(/^--folder needs the name of a folder/) as unknown },
    ],
    [
      ['leases', 'release'],
      { kind: 'refuse', message: 'leases release needs --sink=NAME, --missing or --folder=NAME (try --help)' },
    ],
    [['leases'], { kind: 'refuse', message: 'leases needs one of: list, release (try --help)' }],
    [
      ['--yes'],
      { kind: 'refuse', message: expect.stringMatching(/^--yes belongs to leases release, dead/) as unknown },
    ],
    [['constructor'], { kind: 'refuse', message: 'unknown command "constructor" (try --help)' }],
    [['check'], { kind: 'check', confPath: 'pump.conf', confMustExist: false, json: false }],
    [['check', '-c', 'x'], { kind: 'check', confPath: 'x', confMustExist: true }],
    [['check', '--json', '--debug'], { kind: 'check', json: true, debug: true }],
    [['check', 'es'], { kind: 'refuse' }],
    [
      ['dead-letters'],
      { kind: 'refuse', message: expect.stringMatching(/^dead-letters needs one of: list, show/) as unknown },
    ],
    [['dead-letters', 'purge'], { kind: 'refuse', message: 'unknown command "dead-letters purge" (try --help)' }],
    [['dead-letters', 'list'], { action: 'list', limit: 50, json: false, selection: { ids: [], sink: null } }],
    [['dead-letters', 'list', '--limit=0'], { limit: Infinity }],
    [['dead-letters', 'list', '--limit=few'], { kind: 'refuse' }],
    [['dead-letters', 'list', '--yes'], { kind: 'refuse' }],
    [['dead-letters', 'show', 'ab', 'cd', '--raw'], { action: 'show', raw: true, selection: { ids: ['ab', 'cd'] } }],
    [['dead-letters', 'show'], { kind: 'refuse' }],
    [['dead-letters', 'drop', '--yes'], { kind: 'refuse' }],
    [['dead-letters', 'drop', '--all', '--yes'], { action: 'drop', confirmed: true }],
    [
      ['dead-letters', 'replay', '--sink=es', '--reason=x', '--older-than=2h', '--newer-than=7d'],
      {
        action: 'replay',
        confirmed: false,
        selection: { sink: 'ES', reason: 'x', olderThanMs: 7_200_000, newerThanMs: 604_800_000 },
      },
    ],
    [['dead-letters', 'replay', '--older-than=2 h'], { kind: 'refuse' }],
  ])('%j', (args, expected) => {
    expect(parse(args)).toMatchObject(expected)
  })

  it('refuses demo data asked for by the environment', () => {
    expect(parse([], { TYK_PMP_BUILDDEMODATA: 'org' }).kind).toBe('refuse')
  })
})
