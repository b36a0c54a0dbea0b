#!/usr/bin/env node
/** `npx nuxt-scale …` */
import { runCli } from './cli/run'

process.exitCode = await runCli(process.argv.slice(2))

// What a function of the app has opened, such as a pool of connections, must not keep the command line from ending.
setTimeout(() => process.exit(), 1000).unref()
