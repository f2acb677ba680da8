import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventNote } from '../../../src/api/event-note.ts';

describe('the note of an Event', () => {
  it('is the whole text where the API server takes it', () => {
    assert.equal(eventNote(''), '');
    assert.equal(eventNote('x'.repeat(1024)), 'x'.repeat(1024));
    assert.equal(eventNote('ä'.repeat(512)), 'ä'.repeat(512));
  });

  it('is cut by bytes, and at no half of a character', () => {
    for (const [text, kept] of [
      ['x'.repeat(1025), 'x'.repeat(1021)],
      ['ä'.repeat(513), 'ä'.repeat(510)],
      ['😀'.repeat(300), '😀'.repeat(255)],
    ] as const) {
      assert.equal(eventNote(text), `${kept}…`);
      assert.ok(Buffer.byteLength(eventNote(text)) <= 1024);
    }
  });
});
