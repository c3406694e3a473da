// Loaded before Azurite. Every ten minutes it looks for bytes that nothing refers to any more, and answers nobody until it is done: minutes, after
// the many small appends of a long test. Some of what it frees may have been about to be referred to. So that time never comes.
'use strict';

const path = require('node:path');

const program = process.argv[1];
const constants = require(path.join(path.dirname(program), 'utils', 'constants.js'));
const longestTimerMs = 2 ** 31 - 1;
if (!('DEFAULT_GC_INTERVAL_MS' in constants)) {
  throw new Error('This version of Azurite has its interval elsewhere.');
}

constants.DEFAULT_GC_INTERVAL_MS = longestTimerMs;
