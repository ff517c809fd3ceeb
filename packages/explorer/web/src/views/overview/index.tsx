import { useEffect } from 'preact/hooks'
import { useResource } from '../../api/resource.ts'
import type { Overview as OverviewAnswer } from '../../api/types.ts'
import { LatencyChart } from '../../charts/latency-chart.tsx'
import { TrafficChart } from '../../charts/traffic-chart.tsx'
import { announce } from '../../components/announce.tsx'
import { Empty } from '../../components/states.tsx'
import { ViewFrame } from '../../components/view.tsx'
import { count, percent, share } from '../../format/number.ts'
import { viewPath } from '../../state/view-path.ts'
import { NumberCards } from './numbers.tsx'
import { Reloads } from './reloads.tsx'
import { TopTables } from './top-tables.tsx'

/** Is something wrong, and since when? */
export function Overview() {
  const resource = useResource<OverviewAnswer>(viewPath('/overview')).value
  const { data } = resource
  useEffect(() => {
    if (data === null) return
    const { requests, serverErrors } = data.numbers
    announce(`${count(requests)} requests, ${percent(share(serverErrors, requests))} failed in a server`)
  }, [data?.range.from, data?.numbers.requests])
  return (
    <ViewFrame
      resource={resource}
      title="Overview"
      skeleton={['numbers', 'chart', 'charts', 'tables']}
      isEmpty={isEmpty}
    >
      {(answer) => (isEmpty(answer) ? <Empty /> : <Whole answer={answer} />)}
    </ViewFrame>
  )
}

const isEmpty = ({ numbers }: OverviewAnswer): boolean => numbers.requests === 0

function Whole({
  answer: { numbers, before, range, traffic, latency, top, reloads },
}: {
  readonly answer: OverviewAnswer
}) {
  const parts = (['total', 'gateway', 'upstream'] as const).filter(
    (part) => part === 'total' || latency.some((bucket) => bucket[part] !== null),
  )
  return (
    <>
      <NumberCards numbers={numbers} before={before} />
      <TrafficChart range={range} traffic={traffic} reloads={reloads} size="large" group="overview" />
      <Reloads reloads={reloads} />
      <div class={`chart-row parts-${parts.length}`}>
        {parts.map((part) => (
          <LatencyChart key={part} range={range} latency={latency} reloads={reloads} part={part} group="overview" />
        ))}
      </div>
      <TopTables tables={top} total={numbers.requests} />
    </>
  )
}
