import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A file that is written to the disk under a temporary name. */
export interface PreparedFile {
  /** Renames the file to its final name. */
  commit: () => Promise<void>
  /** Removes the temporary file, unless it was committed. */
  discard: () => Promise<void>
}

/** Writes a temporary file next to the file that it will replace. */
export async function prepareFile(path: string, text: string): Promise<PreparedFile> {
  await mkdir(dirname(path), { recursive: true })
  const next = `${path}.${process.pid}.tmp`
  const discard = () => rm(next, { force: true })
  try {
    const file = await open(next, 'w', 0o644)
    try {
      await file.writeFile(text)
      await file.sync()
    }
    finally {
      await file.close()
    }
  }
  catch (error) {
    await discard()
    throw error
  }
  return { commit: () => rename(next, path), discard }
}

/** Writes a file atomically: readers see the old or the new content, never a part of it, even after a crash. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const prepared = await prepareFile(path, text)
  try {
    await prepared.commit()
  }
  finally {
    await prepared.discard()
  }
}
