import { describe, expect, it } from 'vitest'
import { Progress } from './progress.ts'

function recorded(isTerminal: boolean) {
  const written: string[] = []
  let now = 0
  const progress = new Progress({ isTerminal, write: (text) => void written.push(text) }, () => now)
  const at = (ms: number, done: number, doing = 'letters'): void => {
    now = ms
    progress.report(doing, done, 1000)
  }
  return { written, progress, at }
}

describe('progress', () => {
  it.each([true, false])('says nothing of work that is done soon (terminal: %s)', (isTerminal) => {
    const { written, at, progress } = recorded(isTerminal)
    at(0, 1)
    at(900, 10)
    progress.clear()
    expect(written).toEqual([])
  })

  it('writes over its line on a terminal, and leaves none behind', () => {
    const { written, at, progress } = recorded(true)
    at(1000, 100)
    at(1100, 110)
    at(1300, 130)
    progress.clear()
    expect(written).toEqual(['\rletters: 100 of 1000', '\rletters: 130 of 1000', `\r${' '.repeat(20)}\r`])
  })

  it('writes a line every five seconds elsewhere', () => {
    const { written, at, progress } = recorded(false)
    for (let ms = 0; ms <= 12_000; ms += 500) at(ms, ms / 100)
    progress.clear()
    expect(written).toEqual(['letters: 10 of 1000\n', 'letters: 60 of 1000\n', 'letters: 110 of 1000\n'])
  })

  it('never counts beyond the whole', () => {
    const { written, at } = recorded(false)
    at(1000, 1200)
    expect(written).toEqual(['letters: 1200 of 1200\n'])
  })
})
