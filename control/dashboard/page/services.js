// The services side by side: one row each, and the one that is chosen is what the rest of the page is about.

import { by, bytes, cell, el, keyed, milliseconds, number, rate, text } from './dom.js'

const LABELS = ['', 'Strategy', 'Nodes', 'Requests/s', 'Errors/s', 'p50', 'p99', 'Sessions', 'Copies', 'Writes',
  'Unprotected', 'Lost', 'Stale', 'Copied']

const SOURCES = { own: 'their node', peer: 'a copy', store: 'the store', nobody: 'nobody (never written, or lost)' }

export function showServices (state, chosen, choose) {
  keyed(by('services').tBodies[0], state.services, fact => fact.service, fact => made(fact, choose), (row, fact) => {
    row.className = fact.service === chosen && state.services.length > 1 ? 'chosen' : ''
    row.querySelector('button').setAttribute('aria-pressed', String(fact.service === chosen))
    fill(row, fact)
  })
}

// What is asked for less often, of the service that is chosen.
export function showMore (fact) {
  const parts = [
    `${number(fact.requests)} requests: ${counts(fact.decisions)}`,
    fact.writes && `writes: ${counts(fact.writes)}`,
    fact.moves && `moved, with state from: ${counts(fact.moves, SOURCES)}`,
    `retries: ${number(fact.retries)}`,
    fact.conflicts && `conflicts: ${number(fact.conflicts)}`,
    fact.oversized_cookies && `cookies too long for browsers: ${number(fact.oversized_cookies)}`,
    `${bytes(fact.bytes_in)} in, ${bytes(fact.bytes_out)} out`
  ]
  text(by('more'), `${fact.service}: ${parts.filter(Boolean).join(' · ')}`)
}

function counts (named, words = {}) {
  const some = Object.entries(named).filter(([, count]) => count)
  return some.map(([name, count]) => `${number(count)} ${words[name] || name}`).join(', ') || 'none'
}

function made (fact, choose) {
  const row = el('tr')
  LABELS.forEach((label, at) => row.append(cell(label, at > 2 ? 'n' : '')))
  row.cells[0].append(el('button', { type: 'button', class: 'plain', onclick: () => choose(fact.service) }, fact.service))
  return row
}

function fill (row, fact) {
  const copies = fact.copies
  const values = [
    fact.store ? `${fact.strategy} (${fact.store})` : fact.strategy,
    `${fact.available} of ${fact.nodes}`,
    rate(fact.requests_per_second),
    rate(fact.errors_per_second),
    milliseconds(fact.p50_ms),
    milliseconds(fact.p99_ms),
    number(fact.sessions),
    copies ? `${number(copies['0'])} / ${number(copies['1'])} / ${number(copies['2+'])}` : '–',
    fact.writes ? number(Object.values(fact.writes).reduce((sum, count) => sum + count, 0)) : '–',
    number(fact.unprotected),
    number(fact.lost),
    number(fact.stale),
    bytes(fact.copied_bytes)
  ]
  values.forEach((value, at) => text(row.cells[at + 1], value))
  mark(row.cells[2], fact.available === 0)
  mark(row.cells[4], fact.errors_per_second > 0)
  mark(row.cells[10], fact.unprotected > 0)
  mark(row.cells[11], fact.lost > 0)
  mark(row.cells[12], fact.stale > 0)
}

function mark (cell, bad) {
  cell.classList.toggle('bad', bad)
}
