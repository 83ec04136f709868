// The last hour of the chosen service, and a small line for each node. Scales begin at 0.

import { el, milliseconds, number, rate, svg, text } from './dom.js'

const WIDTH = 600
const HEIGHT = 84
const LEAST = 24 // points that fill the width, while there are fewer
const KINDS = [
  { title: 'Requests/s', line: 'requests_per_second', second: 'errors_per_second', show: rate, word: 'errors' },
  { title: 'p99', line: 'p99_ms', second: 'p50_ms', show: milliseconds, word: 'p50' },
  { title: 'Sessions lost', line: 'lost', second: null, show: number, word: '' }
]

const SERVICE_LINES = ['requests_per_second', 'errors_per_second', 'p50_ms', 'p99_ms', 'sessions', 'lost']
const NODE_LINES = ['requests_per_second', 'errors_per_second']

export class Charts {
  constructor (place) {
    this.services = null
    this.nodes = null
    this.figures = KINDS.map(kind => {
      const now = el('span')
      const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', height: HEIGHT })
      place.append(el('div', { class: 'chart' }, el('p', {}, kind.title, now), picture))
      return { kind, now, picture }
    })
    this.since = el('p', { class: 'quiet' })
    place.append(this.since)
    this.service = null
    this.falls = [] // when which service's nodes went down
  }

  mark (news) {
    this.falls.push(...news.filter(event => event.kind === 'state' && event.level === 'warning'))
    this.falls.splice(0, this.falls.length - 100)
  }

  begin (history) {
    if (!history) return
    this.services = history.services
    this.nodes = history.nodes
    if (this.service) this.draw()
  }

  add (told) {
    if (!this.services) return
    grow(this.services, told.time, told.services, SERVICE_LINES)
    if (Object.keys(told.nodes).length) grow(this.nodes, told.time, told.nodes, NODE_LINES)
    if (this.service) this.draw()
  }

  show (service) {
    if (this.service === service) return
    this.service = service
    this.draw()
  }

  draw () {
    const lines = this.services?.lines[this.service]
    for (const { kind, now, picture } of this.figures) {
      const main = lines ? lines[kind.line] : []
      const second = lines && kind.second ? lines[kind.second] : []
      const most = Math.max(kind.line === 'lost' ? 4 : 1, ...main, ...second)
      const last = main.at(-1) ?? null
      text(now, `${kind.show(last)} now, at most ${kind.show(most === 1 && !main.some(Boolean) ? 0 : Math.max(0, ...main))}`)
      picture.setAttribute('aria-label', `${kind.title}: ${now.textContent}`)
      picture.replaceChildren(svg('path', { class: 'base', d: `M0 ${HEIGHT - 1}H${WIDTH}` }),
        svg('path', { class: 'area', d: area(main, most) }),
        svg('path', { class: 'line', d: path(main, most) }),
        svg('path', { class: kind.word === 'errors' ? 'line errors' : 'line second', d: path(second, most) }),
        ...this.marks())
    }
    const began = this.services?.times[0]
    text(this.since, began ? `From ${new Date(began * 1000).toLocaleTimeString([], { hour12: false })} until now. ` +
      'Red: errors, and dashed where a node went down; violet: p50.' : '')
  }

  marks () {
    const { times, step } = this.services || { times: [] }
    const seconds = Math.max(times.length, LEAST) * step
    return this.falls.filter(event => event.service === this.service).map(event =>
      WIDTH * (1 - (times.at(-1) - event.time) / seconds)).filter(x => x > 0 && x <= WIDTH).map(x =>
      svg('path', { class: 'mark', d: `M${x.toFixed(1)} 0V${HEIGHT}` }))
  }

  spark (place, node) {
    const line = this.nodes?.lines[node]?.requests_per_second || []
    if (place.dataset.drawn === String(line.length) + line.at(-1)) return
    place.dataset.drawn = String(line.length) + line.at(-1)
    const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', class: 'spark', role: 'img',
      'aria-label': 'Requests a second over the last hour' },
    svg('path', { class: 'line', d: path(line, Math.max(1, ...line)) }))
    place.replaceChildren(picture)
  }
}

// The next point of a history; the oldest is forgotten after an hour.
function grow ({ times, lines, step }, time, points, names) {
  const full = times.length >= 3600 / step
  for (const [thing, values] of Object.entries(points)) {
    lines[thing] ??= Object.fromEntries(names.map(name => [name, times.map(() => null)]))
    names.forEach((name, at) => {
      lines[thing][name].push(values[at])
      if (full) lines[thing][name].shift()
    })
  }
  times.push(time)
  if (full) times.shift()
}

// The latest point is at the right, and the whole of what is known fills the width.
function points (line, most) {
  const full = Math.max(line.length, LEAST)
  return line.map((value, at) => value === null
    ? null
    : [((at + full - line.length) / (full - 1) * WIDTH).toFixed(1), (HEIGHT - 2 - value / most * (HEIGHT - 6)).toFixed(1)])
}

function path (line, most) {
  let drawing = false
  return points(line, most).map(point => {
    const step = point ? `${drawing ? 'L' : 'M'}${point[0]} ${point[1]}` : ''
    drawing = point !== null
    return step
  }).join('')
}

function area (line, most) {
  const known = points(line, most).filter(Boolean)
  if (known.length < 2) return ''
  return `M${known[0][0]} ${HEIGHT - 1}` + known.map(([x, y]) => `L${x} ${y}`).join('') + `L${known.at(-1)[0]} ${HEIGHT - 1}Z`
}
