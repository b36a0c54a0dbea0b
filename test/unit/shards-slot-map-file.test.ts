import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { shardsSettings } from '../../src/runtime/server/shards/settings'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { followSlotMapFile, readSlotMapFile } from '../../src/runtime/server/shards/slot-map-file'
import { serializeSlotMap } from '../../src/runtime/server/shards/stored-map'
import { createTemporaryDirectory } from '../support/temporary-directory'
import type { TemporaryDirectory } from '../support/temporary-directory'
import { waitFor } from '../support/wait'

let directory: TemporaryDirectory
let file: string
const map = firstSlotMap(['eu', 'us'], 64)
const settings = () => shardsSettings.resolveGiven({ map: { eu: 'A', us: 'B' }, slotMapFile: file })

beforeEach(() => {
  directory = createTemporaryDirectory('map')
  file = join(directory.path, 'shards.json')
  writeFileSync(file, serializeSlotMap(map))
})

afterEach(() => directory.remove())

/** As the command line does it: another file in its place. */
function store(text: string): void {
  writeFileSync(`${file}.tmp`, text)
  renameSync(`${file}.tmp`, file)
}

it('the map of a file is a stored one', () => {
  expect(settings()).toMatchObject({ slotMapFile: file, stored: true })
  expect(readSlotMapFile(settings()).slotMap).toEqual(map)
  rmSync(file)
  expect(() => readSlotMapFile(settings())).toThrow(`scale.shards.slotMapFile is ${file}, which cannot be read where the server starts: ENOENT.`)
  writeFileSync(file, serializeSlotMap(firstSlotMap(['mars'], 64)))
  expect(() => readSlotMapFile(settings())).toThrow(`${file} contains the shard mars, which is missing in scale.shards.map: add it to scale.shards.map.`)
})

it('a newer map is taken over, what is older or none is not', { timeout: 60_000 }, async () => {
  const versions: number[] = []
  const refused: string[] = []
  const stop = followSlotMapFile(readSlotMapFile(settings()), { onChange: ({ slotMap }) => versions.push(slotMap.version), onRefused: sentence => refused.push(sentence), interval: 10 })
  try {
    store(serializeSlotMap({ ...map, version: 5 }))
    await waitFor(() => versions.length === 1, { timeout: 10_000 })
    store(serializeSlotMap({ ...map, version: 4 }))
    await waitFor(() => refused.length === 1, { timeout: 10_000 })
    store('{ "version": 6')
    await waitFor(() => refused.length === 2, { timeout: 10_000 })
    rmSync(file)
    await waitFor(() => refused.length === 3, { timeout: 10_000 })
    store(serializeSlotMap({ ...map, version: 7 }))
    await waitFor(() => versions.length === 2, { timeout: 10_000 })
    expect(versions).toEqual([5, 7])
    expect(refused).toEqual([
      `${file} contains version 4, which is older than the version in use (5): the newer one stays in use. Store a map with a higher version.`,
      `${file} is not valid JSON: restore the slot map that was stored last.`,
      `${file} cannot be read: ENOENT. The last valid map stays in use.`,
    ])
  }
  finally {
    stop()
  }
})
