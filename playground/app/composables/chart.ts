import { BarController, BarElement, CategoryScale, Chart, Legend, LinearScale, Tooltip } from 'chart.js'
import type { ChartConfiguration } from 'chart.js'

/**
 * Draws a bar chart on a canvas, in the colours of the page. It follows changes between the light and the dark mode.
 *
 * @returns the chart; undefined until the page is mounted
 */
export function useBarChart(canvas: Readonly<Ref<HTMLCanvasElement | null>>, configuration: () => ChartConfiguration<'bar'>) {
  const chart = shallowRef<Chart<'bar'>>()
  let dark: MediaQueryList | undefined

  function draw(): void {
    const { color, scales } = coloursOfPage()
    Chart.defaults.color = color
    Chart.defaults.borderColor = scales
    const old = chart.value
    const made = old ? { ...configuration(), data: old.data } : configuration()
    old?.destroy()
    chart.value = new Chart(canvas.value!, made)
  }

  onMounted(() => {
    Chart.register(BarController, BarElement, CategoryScale, Legend, LinearScale, Tooltip)
    dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', draw)
    draw()
  })
  onUnmounted(() => {
    dark?.removeEventListener('change', draw)
    chart.value?.destroy()
  })
  return chart
}

function coloursOfPage(): { color: string, scales: string } {
  const style = getComputedStyle(document.documentElement)
  return { color: style.getPropertyValue('--pico-color'), scales: style.getPropertyValue('--pico-muted-border-color') }
}
