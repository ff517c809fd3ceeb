// A load generator with a constant arrival rate, run as a program of its own. Its one argument is a GeneratorJob in JSON,
// its output a GeneratorReport. Requests leave when they are due, not when an answer came: a program that stands still for
// 100 ms has kept every request of those 100 ms waiting, and all of them count, from the time they were due.
import { type GeneratorJob, type GeneratorReport, Requests } from './requests.ts'

const LAST_ANSWER_MS = 5000
const START_AFTER_MS = 200

async function generate(job: GeneratorJob): Promise<GeneratorReport> {
  const requests = new Requests(job)
  const startMs = performance.now() + START_AFTER_MS
  const before = process.cpuUsage()
  requests.start(startMs)
  const deadlineMs = startMs + (job.leadSeconds + job.seconds) * 1000 + LAST_ANSWER_MS
  while (!requests.finished && performance.now() < deadlineMs) {
    requests.sendDue()
    doze()
    await eventLoop()
  }
  const cpu = process.cpuUsage(before)
  return requests.close((cpu.user + cpu.system) / Math.max(1, requests.answered))
}

const never = new Int32Array(new SharedArrayBuffer(4))
const DOZE_MS = 0.1

/**
 * Lets others have the core. Timers of the event loop know whole milliseconds only, in which ten requests would leave at
 * once; a thread of its own that wakes it costs more. Answers are seen up to this much later than they came.
 */
function doze(): void {
  Atomics.wait(never, 0, 0, DOZE_MS)
}

const eventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

process.stdout.write(JSON.stringify(await generate(JSON.parse(process.argv[2] as string) as GeneratorJob)))
