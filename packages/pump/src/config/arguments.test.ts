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
    [['leases', 'release', '--sink=es'], { kind: 'leases', release: { sink: 'ES', confirmed: false } }],
    [['leases', 'release', '--sink', 'ES', '--yes'], { kind: 'leases', release: { sink: 'ES', confirmed: true } }],
    [['leases', 'release'], { kind: 'refuse', message: 'leases release needs --sink=NAME (try --help)' }],
    [['leases'], { kind: 'refuse' }],
    [['--yes'], { kind: 'refuse' }],
  ])('%j', (args, expected) => {
    expect(parse(args)).toMatchObject(expected)
  })

  it('refuses demo data asked for by the environment', () => {
    expect(parse([], { TYK_PMP_BUILDDEMODATA: 'org' }).kind).toBe('refuse')
  })
})
