// The processes that serve clients, where there are several.

import { by, cell, el, keyed, lasting, number, text } from './dom.js'

const LABELS = ['', 'State', 'For', 'Process', 'Connections', 'In flight', 'Restarts']
const SIGNS = { serving: '●', starting: '↻', ending: '◐', ended: '✕' }

export function showWorkers (state) {
  by('workers-section').hidden = state.workers.length < 2
  keyed(by('workers').tBodies[0], state.workers, fact => String(fact.worker), made, (row, fact) => fill(row, fact, state.time))
}

function made () {
  const row = el('tr')
  LABELS.forEach((label, at) => row.append(cell(label, at > 2 ? 'n' : '')))
  row.cells[1].append(el('span', { class: 'state' }))
  return row
}

function fill (row, fact, now) {
  const word = row.cells[1].firstChild
  word.className = `state ${fact.state}`
  text(word, `${SIGNS[fact.state] || '?'} ${fact.state}`)
  const since = fact.since === null ? '–' : lasting(now - fact.since)
  text(row.cells[0], `worker ${fact.worker}`)
  text(row.cells[2], since)
  text(row.cells[3], fact.pid === null ? '–' : String(fact.pid))
  text(row.cells[4], number(fact.connections))
  text(row.cells[5], number(fact.inflight))
  text(row.cells[6], number(fact.restarts))
}
