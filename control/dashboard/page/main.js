// Connects the page with what Limpet tells: a stream of states, rings, points of the history, and events.

import { ask, by, number, rate, text } from './dom.js'
import { Charts } from './charts.js'
import { showEvents, showFailovers } from './events.js'
import { listenToExplain } from './explain.js'
import { showNodes } from './nodes.js'
import { Ring } from './ring.js'
import { showMore, showServices } from './services.js'
import { showWorkers } from './workers.js'

const ring = new Ring(by('ring'), by('legend'))
const charts = new Charts(by('charts'))
const rings = new Map()
let state = null
let acts = false // whether a page may change anything
let chosen = null // the service that ring, charts and nodes are of

function show () {
  if (!state) return
  if (!state.services.some(service => service.service === chosen)) chosen = state.services[0]?.service ?? null
  const nodes = state.nodes.filter(node => node.service === chosen)
  const service = state.services.find(each => each.service === chosen)
  showSummary()
  showServices(state, chosen, choose)
  for (const [id, title] of [['ring-title', 'Ring'], ['chart-title', 'The last hour'], ['nodes-title', 'Nodes']]) {
    text(by(id), state.services.length > 1 ? `${title} of ${chosen}` : title)
  }
  if (service) {
    showMore(service)
    ring.show(service, nodes, rings.get(chosen))
    charts.show(chosen)
    showNodes({ ...state, acts }, nodes, charts)
  }
  showWorkers(state)
  showFailovers(state.failovers)
}

function choose (service) {
  chosen = service
  show()
}

function showSummary () {
  const up = state.nodes.filter(node => node.state === 'up').length
  const requests = state.services.reduce((sum, service) => sum + service.requests_per_second, 0)
  const lost = state.services.reduce((sum, service) => sum + service.lost, 0)
  text(by('summary'), `${up} of ${state.nodes.length} nodes up · ${rate(requests)} requests/s · ` +
    `${number(state.connections)} connections · ${number(lost)} sessions lost`)
  text(by('version'), `Limpet ${state.version}`)
  const stores = state.stores.map(store => `${store.store} is ${store.up ? 'up' : 'down'}`)
  const notes = [
    stores.length && `Stores: ${stores.join(', ')}`,
    state.rejected && `Refused before a service was found: ${number(state.rejected)}`
  ]
  text(by('stores'), notes.filter(Boolean).join(' · '))
  const troubles = [
    state.stopping && 'Limpet is stopping: it accepts nobody, and lets what is under way end.',
    !state.config.ok && `The file was refused when it was last read; what was there before goes on. ${state.config.problems.join(' ')}`,
    state.stores.some(store => !store.up) && 'A store does not answer: sessions may have fewer copies.',
    ...state.discovery.filter(each => !each.up).map(each =>
      `The nodes of ${each.service} cannot all be found (${each.source}: ${each.problem}): ${number(each.nodes)} are known.`)
  ].filter(Boolean)
  by('banner').hidden = !troubles.length
  text(by('banner'), troubles.join(' '))
}

function live (word) {
  by('live').className = word === 'live' ? '' : 'waiting'
  text(by('live').querySelector('b'), word)
}

function connect () {
  const stream = new EventSource('api/stream')
  const read = (kind, take) => stream.addEventListener(kind, event => take(JSON.parse(event.data)))
  read('state', told => {
    state = told
    live('live')
    show()
  })
  read('rights', told => { acts = told.acts })
  read('ring', told => { rings.set(told.service, told); show() })
  read('point', told => charts.add(told))
  read('events', news => {
    showEvents(news)
    charts.mark(news)
  })
  stream.onopen = async () => charts.begin(await ask('api/history').catch(() => null))
  stream.onerror = () => {
    live('reconnecting')
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 3000)
  }
}

const THEMES = ['auto', 'light', 'dark']

function theme (name) {
  document.documentElement.dataset.theme = name
  text(by('theme'), `Theme: ${name}`)
  try { localStorage.setItem('limpet-theme', name) } catch {} // a browser may keep nothing: then it does not
}

by('theme').addEventListener('click', () => {
  theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length])
})
document.addEventListener('keydown', event => {
  if (event.key !== '/' || event.target.closest('input, dialog') || event.ctrlKey || event.metaKey) return
  event.preventDefault()
  by('asked').focus()
})

let kept = null
try { kept = localStorage.getItem('limpet-theme') } catch {}
theme(THEMES.includes(kept) ? kept : 'auto')
listenToExplain()
connect()
