/** After so many turns of a loop V8 collects feedback for a function, and only with feedback does it look after prototypes. */
const READS = 3_000

/**
 * Keeps the methods of strings fast in this process, or worker thread. To be called once, before or after other modules are
 * loaded.
 *
 * A class that extends `String`, as ioredis has one, makes V8 turn `String.prototype` into a dictionary until something is read
 * of an object behind it. Texts are no objects, so where no such object is ever made it stays one: no method of a text is
 * inlined any more, `charCodeAt` takes six times as long (Node 24, bench/fast-strings.bench.ts), and a gateway answers a
 * tenth fewer requests (scenario keyless-analytics of the project's bench/). Reads made here turn it back, and mark it as one
 * that is to be fast.
 */
export function keepStringMethodsFast(): void {
  const behind = Object.create(String.prototype) as string
  for (let i = 0; i < READS; i++) void behind.length
}
