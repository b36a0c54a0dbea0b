import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Writes a file so that a reader, or a crash, finds the old text or the new one, never a part. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const next = `${path}.${process.pid}.tmp`
  try {
    const file = await open(next, 'w', 0o644)
    try {
      await file.writeFile(text)
      await file.sync()
    }
    finally {
      await file.close()
    }
    await rename(next, path)
  }
  catch (error) {
    await rm(next, { force: true })
    throw error
  }
}
