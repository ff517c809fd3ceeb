import type { TopTable } from '../../api/types.ts'
import { CountTable } from '../../components/count-table.tsx'
import { Others } from '../../components/states.tsx'
import { topTitle } from '../../format/fields.ts'

/** Who and what has most requests: a small table for each field. */
export function TopTables({ tables, total }: { readonly tables: readonly TopTable[]; readonly total: number }) {
  return (
    <div class="top-tables">
      {tables.map(({ field, values, others }) => (
        <section key={field} class="card top-table">
          <CountTable title={topTitle(field)} field={field} rows={values} total={total} />
          {values.length === 0 && <p class="others">No record has one.</p>}
          <Others value={others} what="in others" />
        </section>
      ))}
    </div>
  )
}
