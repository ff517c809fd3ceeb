import type { ComponentChildren } from 'preact'
import type { Resource } from '../api/resource.ts'
import type { Quality, Range } from '../api/types.ts'
import { FailedView, QualityNote, Skeleton, StaleNote } from './states.tsx'

/** The states that all views share: skeleton, failed, older than the question, incomplete. */
export function ViewFrame<T extends { readonly range: Range; readonly quality?: Quality }>({
  resource,
  skeleton,
  title,
  isEmpty,
  children,
}: {
  readonly resource: Resource<T>
  readonly skeleton: Parameters<typeof Skeleton>[0]['blocks']
  /** Heading for screen readers; what is seen says it by itself. */
  readonly title: string
  /** Whether there is nothing in an answer; what is said of that does not hold for a later question that failed. */
  readonly isEmpty?: (data: T) => boolean
  readonly children: (data: T) => ComponentChildren
}) {
  const { loading, problem, cancelled } = resource
  const hasFailed = problem !== null || cancelled
  const data = hasFailed && isEmptyAnswer(resource, isEmpty) ? null : resource.data
  const stale = data !== null && (loading || hasFailed)
  return (
    <>
      <h1 class="visually-hidden">{title}</h1>
      {data === null && loading && <Skeleton blocks={skeleton} />}
      {data === null && !loading && <FailedView resource={resource} />}
      {data !== null && (
        <>
          <StaleNote resource={resource} />
          {data.quality !== undefined && <QualityNote quality={data.quality} />}
          <div class={`view-body ${stale ? 'stale' : ''}`} aria-busy={loading}>
            {children(data)}
          </div>
        </>
      )}
    </>
  )
}

/** Whether there is no answer with something in it. */
export function isEmptyAnswer<T>({ data }: Resource<T>, isEmpty?: (data: T) => boolean): boolean {
  return data === null || isEmpty?.(data) === true
}
