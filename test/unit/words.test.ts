import { expect, it } from 'vitest'
import { checkWords, wordFiles } from '../support/words'
import { exceptions } from '../support/words-exceptions'

it('documentation, comments and messages use the vocabulary of the project, and sentences of the documentation are short', () => {
  const files = wordFiles()
  expect(files.length).toBeGreaterThan(300)
  expect(files.flatMap(checkWords).map(({ file, line, rule, sentence }) => `${file}:${line} [${rule}] ${sentence}`)).toEqual([])
})

it('each exception has a reason', () => {
  expect(exceptions.filter(({ reason }) => reason.split(' ').length < 3)).toEqual([])
})
