// Hot path.
import type { RequestContext } from './context.ts'
import type { Answer, Middleware } from './types.ts'

/**
 * Runs the steps in order and hands over to `done` with the first answer, or undefined when every step let the request
 * pass. Waits only for steps that return a promise.
 */
export function runChain(
  chain: readonly Middleware[],
  ctx: RequestContext,
  done: (ctx: RequestContext, answer: Answer | undefined) => void,
  failed: (ctx: RequestContext, err: unknown) => void,
): void {
  step(chain, 0, ctx, done, failed)
}

function step(
  chain: readonly Middleware[],
  from: number,
  ctx: RequestContext,
  done: (ctx: RequestContext, answer: Answer | undefined) => void,
  failed: (ctx: RequestContext, err: unknown) => void,
): void {
  let answer: Answer | undefined
  try {
    for (let i = from; i < chain.length; i++) {
      const result = (chain[i] as Middleware)(ctx)
      if (result === undefined) continue
      if (result instanceof Promise) {
        result
          .then((settled) => (settled === undefined ? step(chain, i + 1, ctx, done, failed) : done(ctx, settled)))
          .catch((err: unknown) => failed(ctx, err))
        return
      }
      answer = result
      break
    }
  } catch (err) {
    failed(ctx, err)
    return
  }
  done(ctx, answer)
}
