import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { requireBinary } from './binaries.ts'

const navigationTimeout = 15_000
const maximumErrors = 100

/** What a page is opened with. */
interface OpenPageOptions {
  /** What `prefers-color-scheme` answers. Default `light`. */
  colorScheme?: 'light' | 'dark'
  /** Size of the page in CSS pixels. Default 1280 × 800. */
  viewport?: { width: number, height: number }
}

/** A page in its own context: no cookies or storage shared with another one. */
interface OpenedPage {
  /** Playwright's page. */
  readonly page: Page
  /** Console errors, uncaught exceptions and failed requests of the page so far, at most 100. */
  readonly errors: string[]
  /** Closes the page and its context. */
  close: () => Promise<void>
}

/** A headless Chromium. */
export interface TestBrowser {
  /** Playwright's browser. */
  readonly browser: Browser
  /** Opens an address and resolves when its `load` event has fired. Rejects after 15 s. */
  openPage: (url: string, options?: OpenPageOptions) => Promise<OpenedPage>
  /** Ends the browser and all its pages. */
  close: () => Promise<void>
}

/**
 * Starts the machine's Chromium without a window.
 * @throws Error when Chromium is missing or does not start in 30 s
 */
export async function startBrowser(): Promise<TestBrowser> {
  const browser = await chromium.launch({
    executablePath: requireBinary('chromium'),
    headless: true,
    timeout: 30_000,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // A container's /dev/shm is often too small for it.
      '--disable-dev-shm-usage',
    ],
  })

  return {
    browser,
    openPage: async (url, { colorScheme = 'light', viewport = { width: 1280, height: 800 } } = {}) => {
      const context = await browser.newContext({ colorScheme, viewport })
      const page = await context.newPage()
      const errors: string[] = []
      const report = (error: string) => {
        if (errors.length < maximumErrors) {
          errors.push(error)
        }
      }
      page.on('console', message => message.type() === 'error' && report(message.text()))
      page.on('pageerror', error => report(error.message))
      page.on('requestfailed', request => report(`${request.url()}: ${request.failure()?.errorText}`))
      try {
        await page.goto(url, { waitUntil: 'load', timeout: navigationTimeout })
      }
      catch (error) {
        await context.close()
        throw error
      }
      return { page, errors, close: () => context.close() }
    },
    close: () => browser.close(),
  }
}
