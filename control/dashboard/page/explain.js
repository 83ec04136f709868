// The box that says of a cookie or an id who holds the session, where it would go next, and why.

import { ask, by, el, lasting, number } from './dom.js'

const ROLES = { none: 'nothing', ended: 'remembers its end', silent: 'no answer', away: 'not asked: it is away' }

export function listenToExplain () {
  by('explain').addEventListener('submit', async event => {
    event.preventDefault()
    const answer = by('answer')
    try {
      const { found } = await ask('api/explain', { session: by('asked').value.trim() })
      answer.replaceChildren(...found.map(shown))
      if (!found.length) {
        answer.replaceChildren(el('p', {}, 'No service knows it: forged, foreign, or sealed with other secrets.'))
      }
    } catch (error) {
      answer.replaceChildren(el('p', { class: 'bad' }, error.message))
    }
  })
}

function shown (told) {
  const now = Date.now() / 1000
  const facts = [
    ['Service', told.service],
    ['Known by', `${told.known_by}, flag ${told.flag}`],
    ['In the log', told.session || '–'],
    ['Pinned to', told.pin ? `${told.pin}${told.pin_state ? `, which is ${told.pin_state}` : ''}` : '–'],
    ['Would go to', `${told.node || 'nobody'} (${told.reason})`],
    ['Its order', told.order.join(', ') || '–']
  ]
  if (told.first_seen !== null) {
    facts.push(['Token', `first seen ${lasting(now - told.first_seen)} ago, made ${lasting(now - told.last_seen)} ago`])
  }
  for (const holder of told.holders || []) facts.push([`On ${holder.where}`, role(holder)])
  const list = el('dl')
  for (const [name, value] of facts) list.append(el('dt', {}, name), el('dd', {}, value))
  return el('div', { class: 'found' }, el('p', {}, told.because), list)
}

function role (holder) {
  if (holder.answer !== 'held') return ROLES[holder.answer] || holder.answer
  return `${holder.serving ? 'serves it' : 'a copy'}, version ${holder.version}, ${number(holder.bytes)} bytes`
}
