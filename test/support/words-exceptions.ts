/** Sentences that break a rule of words.ts on purpose. */
export const exceptions: { file: string, sentence: string, reason: string }[] = []
