export interface Repeated {
  /** No further run; resolves when the one under way has ended. */
  stop(): Promise<void>
}

/** Runs a task now and then again and again, `intervalMs` after the start of the run before, never two at a time. */
export function repeat(intervalMs: number, task: () => Promise<void>): Repeated {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let running: Promise<void> = Promise.resolve()
  const run = (): void => {
    const startedAt = Date.now()
    running = task().finally(() => {
      if (stopped) return
      timer = setTimeout(run, Math.max(0, startedAt + intervalMs - Date.now()))
      timer.unref()
    })
  }
  run()
  return {
    stop: () => {
      stopped = true
      clearTimeout(timer)
      return running
    },
  }
}
