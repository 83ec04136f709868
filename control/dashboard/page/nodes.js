// The nodes of the chosen service: state and why, load, sessions and copies, and what may be done with each.

import { by, cell, el, keyed, lasting, number, rate, STATES, text } from './dom.js'
import { confirm } from './confirm.js'

const LABELS = ['', 'State', 'For', 'In flight', 'Queue', 'Requests/s', 'Errors/s', 'Sessions', 'Copies', 'Weight',
  'The last hour', 'Actions']
const COMMANDS = ['drain', 'ready', 'maint']
const open = new Set() // nodes that show more
const most = new Map() // by draining node: the most sessions that were left, for its progress

export function showNodes (state, nodes, charts) {
  const items = nodes.flatMap(node => open.has(key(node)) ? [{ node }, { node, more: true }] : [{ node }])
  keyed(by('nodes').tBodies[0], items, item => key(item.node) + (item.more ? ' more' : ''), item => {
    return item.more ? el('tr', { class: 'more' }, el('td', { colspan: LABELS.length }, el('dl'))) : made(item.node)
  }, (row, item) => item.more ? fillMore(row, item.node) : fill(row, item.node, state, charts))
  by('acts-note').hidden = state.acts
}

function key (node) {
  return `${node.service}/${node.node}`
}

function made (node) {
  const row = el('tr')
  const classes = { 1: 'wide', 10: 'wide', 11: 'wide actions' }
  LABELS.forEach((label, at) => row.append(cell(label, classes[at] || (at > 2 && at < 10 ? 'n' : ''))))
  const more = el('button', { type: 'button', class: 'plain', title: 'Show more of it', 'aria-expanded': 'false' }, node.node)
  more.addEventListener('click', () => {
    open.delete(key(node)) || open.add(key(node))
    more.setAttribute('aria-expanded', String(open.has(key(node))))
  })
  row.cells[0].append(more, el('small'))
  row.cells[1].append(el('span', { class: 'state' }), el('small'), el('progress', { hidden: true, 'aria-label': 'Sessions moved' }))
  for (const command of COMMANDS) {
    const button = el('button', { type: 'button', 'data-command': command, 'aria-label': `${command} ${node.node}` }, command)
    button.addEventListener('click', () => confirm(command, button.closest('tr').node))
    row.cells[11].append(button, ' ')
  }
  return row
}

function fill (row, node, state, charts) {
  row.node = node
  text(row.cells[0].querySelector('small'), node.backup ? `${node.address}, backup` : node.address)
  const word = row.cells[1].querySelector('.state')
  word.className = `state ${node.state}`
  text(word, `${STATES[node.state] || '?'} ${node.state}`)
  text(row.cells[1].querySelector('small'), why(node))
  fillProgress(row.cells[1].querySelector('progress'), node)
  const queue = node.max_connections === null ? number(node.queue) : `${number(node.queue)} (max ${node.max_connections})`
  const weight = node.share === node.weight ? `${node.weight}` : `${node.weight} (now ${node.share.toFixed(1)})`
  const values = [lasting(state.time - node.since), number(node.inflight), queue, rate(node.requests_per_second),
    rate(node.errors_per_second), number(node.sessions_served ?? node.sessions), number(node.copies_held), weight]
  values.forEach((value, at) => text(row.cells[at + 2], value))
  row.cells[6].classList.toggle('bad', node.errors_per_second > 0)
  charts.spark(row.cells[10], key(node))
  for (const button of row.cells[11].children) {
    button.disabled = !state.acts || button.dataset.command === node.mode
  }
}

function why (node) {
  if (node.sessions_left === null || !node.sessions_left) return node.why
  return `${node.why}: ${number(node.sessions_left)} sessions left`
}

function fillProgress (bar, node) {
  const left = node.sessions_left
  bar.hidden = left === null || node.mode === 'ready'
  if (bar.hidden) {
    most.delete(key(node))
    return
  }
  most.set(key(node), Math.max(most.get(key(node)) || 0, left))
  bar.max = Math.max(1, most.get(key(node)))
  bar.value = most.get(key(node)) ? most.get(key(node)) - left : 1
}

function fillMore (row, node) {
  const { busy, idle, opening } = node.connections
  const answers = Object.entries(node.answers).filter(([, count]) => count)
  const facts = [
    ['Answers', answers.map(([kind, count]) => `${kind}: ${number(count)}`).join(', ') || 'none yet'],
    ['Connections', `${busy} busy, ${idle} idle, ${opening} opening`],
    ['Asked for', node.mode],
    ['Ejections', number(node.ejections)],
    ['Session contract', node.contract ? 'yes' : 'no: its sessions cannot move'],
    ['Sessions seen lately', number(node.sessions)]
  ]
  keyed(row.querySelector('dl'), facts.flatMap(([name, value]) => [{ name }, { name, value }]),
    item => item.name + ('value' in item ? ' value' : ''),
    item => el('value' in item ? 'dd' : 'dt'),
    (element, item) => text(element, 'value' in item ? item.value : item.name))
}
