import { describe, expect, test } from 'vitest'
import { type CliOptions, parseArgs } from './cli.ts'

const options: CliOptions = {
  kind: 'options',
  command: 'start',
  conf: null,
  port: null,
  debug: false,
  json: false,
  warnings: [],
}

describe('accepts', () => {
  test.each<[string, Partial<CliOptions>]>([
    ['', {}],
    ['start', {}],
    ['tyk', {}],
    ['tyk start', {}],
    ['tyk --conf=a.conf', { conf: 'a.conf' }],
    ['--conf=a=b.conf', { conf: 'a=b.conf' }],
    ['--conf a.conf start', { conf: 'a.conf' }],
    ['start --conf a.conf --port 9000', { conf: 'a.conf', port: 9000 }],
    ['--port=0', { port: 0 }],
    ['--debug', { debug: true }],
    ['--version', { command: 'version-line' }],
    ['version', { command: 'version' }],
    ['version --json', { command: 'version', json: true }],
    ['--help', { command: 'help' }],
    ['-h start', { command: 'help' }],
    ['lint', { command: 'lint' }],
    ['--conf=a.conf lint', { command: 'lint', conf: 'a.conf' }],
    ['--port=abc', { warnings: ['Ignoring --port: expected a number from 0 to 65535, got "abc"'] }],
    ['--port=70000', { warnings: ['Ignoring --port: expected a number from 0 to 65535, got "70000"'] }],
    ['--httpprofile', { warnings: ['Ignoring --httpprofile: there are no Go profiles; use node --inspect'] }],
    [
      '--memprofile --log-instrumentation',
      {
        warnings: [
          'Ignoring --memprofile: there are no Go profiles; use node --heap-prof',
          'Ignoring --log-instrumentation: StatsD is not in force yet',
        ],
      },
    ],
  ])('tyk %s', (line, expected) => {
    expect(parseArgs(line.split(' ').filter(Boolean))).toEqual({ ...options, ...expected })
  })
})

describe('refuses', () => {
  test.each([
    ['tyk tyk', 'unexpected tyk'],
    ['serve', 'unexpected serve'],
    ['start now', 'unexpected now'],
    ['--conf', "expected argument for flag '--conf'"],
    ['--conf=a --conf=b', "flag 'conf' cannot be repeated"],
    ['--nonsense=1', "unknown long flag '--nonsense'"],
    ['-x', "unknown flag '-x'"],
    ['--debug=true', "flag 'debug' takes no value"],
    ['--json', "unknown long flag '--json'"],
    ['--constructor', "unknown long flag '--constructor'"],
    ['constructor', 'unexpected constructor'],
    ['import --swagger=x', 'import: importing Swagger, API Blueprint or WSDL files is not supported'],
    ['tyk bundle build', 'bundle: plugin bundles are not supported'],
    ['plugin load', 'plugin: Go plugins are not supported'],
  ])('%s', (line, message) => {
    expect(parseArgs(line.split(' '))).toEqual({ kind: 'error', message: `${message}, try --help` })
  })
})
