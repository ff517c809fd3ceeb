import { expect, test } from 'vitest'
import { logLevelProblem, logSettings } from './settings.ts'

test.each([
  [{}, {}, false, 'info', 'text'],
  [{ log_level: 'error', log_format: 'json' }, {}, false, 'error', 'json'],
  [{ log_level: 'DEBUG', log_format: 'legacy' }, {}, false, 'debug', 'legacy'],
  [{ log_format: 'default' }, {}, false, 'info', 'text'],
  [{ log_level: 'error' }, { TYK_LOGLEVEL: 'Warn' }, false, 'warn', 'text'],
  [{ log_level: 'error' }, { TYK_LOGLEVEL: 'nonsense' }, false, 'info', 'text'],
  [{ log_level: 'error' }, { TYK_LOGLEVEL: '' }, false, 'error', 'text'],
  [{ log_format: 'json' }, { TYK_LOGFORMAT: 'legacy' }, false, 'info', 'legacy'],
  [{ log_level: 'error' }, { TYK_LOGLEVEL: 'warn' }, true, 'debug', 'text'],
])('%j with %j, debug %j: level %s, format %s', (config, env, debug, level, format) => {
  expect(logSettings({ log_level: '', log_format: '', ...config }, env, debug)).toEqual({ level, format })
})

test('an unknown level in the configuration is a problem unless something else decides', () => {
  const problem = 'Invalid log level "warning" specified in config, must be error, warn, debug or info.'
  expect(logLevelProblem('warning', {}, false)).toBe(problem)
  expect(logLevelProblem('warning', { TYK_LOGLEVEL: 'x' }, false)).toBeUndefined()
  expect(logLevelProblem('warning', {}, true)).toBeUndefined()
  for (const level of ['', 'debug', 'info', 'warn', 'error']) expect(logLevelProblem(level, {}, false)).toBeUndefined()
})
