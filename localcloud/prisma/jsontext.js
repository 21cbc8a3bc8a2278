'use strict';
/**
 * JSON handled as text. JSON.parse would turn 0.0 into 0 and round integers above 2^53; the callers of the engine
 * are Python programs, where 0.0 and 0 differ and integers have no bound.
 */

const STRING = /"(?:[^"\\]|\\.)*"/y;
const BRACKET_OR_STRING = /"(?:[^"\\]|\\.)*"|[[\]{}]/g;
const SCALAR_END = /[,\]}]/g;

/** Index just behind the value that starts at `start`. The text must be compact, valid JSON. */
function valueEnd(text, start) {
  const first = text[start];
  if (first === '"') {
    STRING.lastIndex = start;
    STRING.exec(text);
    return STRING.lastIndex;
  }
  if (first !== '{' && first !== '[') {
    SCALAR_END.lastIndex = start;
    const match = SCALAR_END.exec(text);
    return match ? match.index : text.length;
  }
  let depth = 0;
  BRACKET_OR_STRING.lastIndex = start;
  for (;;) {
    const match = BRACKET_OR_STRING.exec(text);
    if (!match) throw new SyntaxError('unfinished JSON value');
    const mark = match[0];
    if (mark === '{' || mark === '[') depth += 1;
    else if (mark === '}' || mark === ']') depth -= 1;
    if (depth === 0) return BRACKET_OR_STRING.lastIndex;
  }
}

/** The items of a JSON array, as texts. */
function items(text) {
  const found = [];
  for (let at = 1; at < text.length - 1;) {
    const end = valueEnd(text, at);
    found.push(text.slice(at, end));
    at = end + 1;
  }
  return found;
}

/** The members of a JSON object, as [name, value text] pairs. */
function members(text) {
  const found = [];
  for (let at = 1; at < text.length - 1;) {
    const nameEnd = valueEnd(text, at);
    const end = valueEnd(text, nameEnd + 1);
    found.push([JSON.parse(text.slice(at, nameEnd)), text.slice(nameEnd + 1, end)]);
    at = end + 1;
  }
  return found;
}

module.exports = { items, members };
