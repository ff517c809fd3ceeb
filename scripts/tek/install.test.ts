import { describe, expect, it } from 'vitest'
import { installHelp } from './install.mjs'

describe('a failed install', () => {
  it.each([
    [127, 'spawn npm ENOENT', 'npm was not found on the PATH'],
    [1, 'ERR_PNPM_META_FETCH_FAIL  GET x: getaddrinfo EAI_AGAIN x', 'The package registry could not be reached'],
    [1, 'ERR_PNPM_OUTDATED_LOCKFILE  Cannot install', 'does not belong to the package.json files'],
    [1, 'ERR_PNPM_UNSUPPORTED_PLATFORM  Unsupported platform', 'There is no ready Node.js 24 for this platform'],
    [3, 'something else', 'Installing the dependencies failed (exit code 3'],
  ])('with code %i and "%s" says what to do', (code, output, message) => {
    expect(installHelp(code, output)).toContain(message)
  })
})
