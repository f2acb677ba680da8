import { choiceFlag } from '../../runtime/flags.ts';

export const outputFlag = choiceFlag({
  short: 'o',
  help: 'table for people, wide with everything in full, json for programs.',
  choices: ['table', 'wide', 'json'],
  default: 'table',
});
