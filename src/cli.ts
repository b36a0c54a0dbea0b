#!/usr/bin/env node
/** Entry point of `npx nuxt-scale`. */
import { runCli } from './cli/run'

process.exitCode = await runCli(process.argv.slice(2))

// Functions of the app may have opened connection pools and not closed them. These must not keep the command running.
setTimeout(() => process.exit(), 1000).unref()
