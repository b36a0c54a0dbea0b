import { readFile } from 'node:fs/promises'

/** Linux counts processor time in these. */
const TICKS_PER_SECOND = 100

/** Processor time a process has used, in seconds; NaN where the system does not tell. */
export async function processorSeconds(pid: number): Promise<number> {
  if (process.platform !== 'linux') return Number.NaN
  const status = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The fields follow the command name, which is in brackets and may hold blanks.
  const fields = status.slice(status.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
