import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VolumeError } from '../../../../src/driver/volume/volume-error.ts';
import {
  advance,
  isLive,
  requestsOf,
  type Volume,
  type VolumeEvent,
} from '../../../../src/driver/volume/volume.ts';
import { newKey } from '../support/authority.ts';
import { specOf } from '../support/builders.ts';

const key = await newKey();
const spec = specOf();
const generation = { serialNumber: '01', notBefore: 0, notAfter: 100, trust: undefined };
const failure = new VolumeError('denied', 'no');

const volumes: Record<Volume['state'], Volume> = {
  requested: { state: 'requested', spec, request: 'r1', key },
  refused: { state: 'refused', spec, request: 'r1', failure, at: 5 },
  waiting: { state: 'waiting', spec, failedRenewals: 2, next: undefined },
  live: { state: 'live', spec, request: 'r1', generation, renewAt: 66, failedRenewals: 2 },
  renewing: {
    state: 'renewing',
    spec,
    request: 'r1',
    generation,
    renewAt: 66,
    failedRenewals: 2,
    next: { request: 'r2', key },
  },
};
const events: Record<VolumeEvent['type'], VolumeEvent> = {
  refused: { type: 'refused', failure, at: 5 },
  issued: { type: 'issued', request: 'r2', generation: { ...generation, serialNumber: '02' }, renewAt: 166 },
  retrusted: { type: 'retrusted', trust: { issuedAt: 1, own: undefined, federated: [] } },
  'renewal-started': { type: 'renewal-started', next: { request: 'r2', key } },
  'renewal-delayed': { type: 'renewal-delayed' },
  'renewal-refused': { type: 'renewal-refused' },
};

/** The state that each event leads to; undefined where it cannot happen. */
const table: Record<Volume['state'], Record<VolumeEvent['type'], Volume['state'] | undefined>> = {
  requested: {
    issued: 'live',
    refused: 'refused',
    'renewal-started': undefined,
    retrusted: undefined,
    'renewal-delayed': undefined,
    'renewal-refused': undefined,
  },
  refused: {
    issued: 'live',
    refused: undefined,
    'renewal-started': undefined,
    retrusted: undefined,
    'renewal-delayed': undefined,
    'renewal-refused': undefined,
  },
  waiting: {
    issued: 'live',
    refused: undefined,
    'renewal-started': 'waiting',
    retrusted: undefined,
    'renewal-delayed': 'waiting',
    'renewal-refused': 'waiting',
  },
  live: {
    issued: 'live',
    refused: undefined,
    'renewal-started': 'renewing',
    retrusted: 'live',
    'renewal-delayed': 'live',
    'renewal-refused': 'live',
  },
  renewing: {
    issued: 'live',
    refused: undefined,
    'renewal-started': undefined,
    retrusted: 'renewing',
    'renewal-delayed': 'renewing',
    'renewal-refused': 'live',
  },
};

describe('the life of a volume', () => {
  for (const [state, row] of Object.entries(table) as [Volume['state'], (typeof table)['live']][]) {
    for (const [type, next] of Object.entries(row) as [VolumeEvent['type'], Volume['state'] | undefined][]) {
      it(`${state} and ${type} make ${next ?? 'an error'}`, () => {
        const volume = volumes[state];
        const before = structuredClone({ ...volume, key: 0, next: 0, failure: 0 });
        if (next === undefined) assert.throws(() => advance(volume, events[type]), /cannot take/);
        else assert.equal(advance(volume, events[type]).state, next);
        assert.deepEqual(structuredClone({ ...volume, key: 0, next: 0, failure: 0 }), before, 'pure');
      });
    }
  }

  it('counts failed renewals until one succeeds', () => {
    const delayed = advance(volumes.renewing, events['renewal-delayed']);
    assert.ok(isLive(delayed) && delayed.failedRenewals === 3);
    const issued = advance(delayed, events.issued);
    assert.ok(isLive(issued) && issued.failedRenewals === 0 && issued.renewAt === 166);
  });

  it('keeps no key but one that a request stands for', () => {
    for (const volume of [
      advance(volumes.requested, events.refused),
      advance(volumes.requested, events.issued),
      advance(volumes.renewing, events.issued),
      advance(volumes.renewing, events['renewal-refused']),
    ]) {
      assert.ok(!('key' in volume) && !('next' in volume), volume.state);
    }
  });

  it('keeps the request under way of a pod that runs without a certificate, until it is refused', () => {
    const started = advance(volumes.waiting, events['renewal-started']);
    assert.deepEqual(requestsOf(advance(started, events['renewal-delayed'])), ['r2']);
    assert.deepEqual(requestsOf(advance(started, events['renewal-refused'])), []);
  });

  it('needs the request of the present certificate, and that of a renewal under way', () => {
    assert.deepEqual(Object.values(volumes).map(requestsOf), [['r1'], ['r1'], [], ['r1'], ['r1', 'r2']]);
  });
});
