import { request } from 'node:https';
import { createInterface } from 'node:readline';
import test from 'ava';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { hubRequest, runningEmulator, serviceToken } from '../support/running-emulator.ts';

async function append(emulator: IotHubEmulator, text: string): Promise<void> {
	await emulator.telemetry.append({
		enqueuedTime: Date.parse('2026-01-02T03:04:05Z'),
		identity: { deviceId: 'edge1', moduleId: 'filter' },
		systemProperties: { 'message-id': text },
		properties: { kind: 'test' },
		body: Buffer.from(JSON.stringify({ text })),
	});
}

test('telemetry can be read as lines of JSON, from a sequence number on', async (t) => {
	const emulator = await runningEmulator(t);
	for (const text of ['a', 'b', 'c']) await append(emulator, text);
	const { status, headers, text } = await hubRequest(emulator, {
		path: '/messages/events?fromSequenceNumber=1',
		policy: 'service',
	});
	t.is(status, 200);
	t.is(headers['content-type'], 'application/x-ndjson; charset=utf-8');
	const lines = text.trimEnd().split('\n');
	t.deepEqual(JSON.parse(lines[0] ?? ''), {
		sequenceNumber: 1,
		enqueuedTimeUtc: '2026-01-02T03:04:05.000Z',
		deviceId: 'edge1',
		moduleId: 'filter',
		systemProperties: { 'message-id': 'b' },
		properties: { kind: 'test' },
		body: { text: 'b' },
	});
	t.is(lines.length, 2);
	const denied = { path: '/messages/events', policy: 'registryReadWrite' };
	t.is((await hubRequest(emulator, denied)).status, 401);
	const bad = { path: '/messages/events?fromSequenceNumber=-1' };
	t.is((await hubRequest(emulator, bad)).status, 400);
});

test('a follower hears of messages as they come and is let go when the hub stops', async (t) => {
	const emulator = await runningEmulator(t);
	await append(emulator, 'a');
	const sent = request({
		host: 'localhost',
		port: emulator.port,
		ca: emulator.caCertificate,
		agent: false,
		path: '/messages/events?follow=true',
		headers: { authorization: serviceToken(emulator) },
	});
	const lines: string[] = [];
	const { promise: ended, resolve } = Promise.withResolvers<void>();
	const { promise: both, resolve: gotBoth } = Promise.withResolvers<void>();
	sent.on('response', (response) => {
		response.on('error', () => resolve());
		response.on('close', () => resolve());
		createInterface(response)
			.on('line', (line) => {
				lines.push(String(((JSON.parse(line) as JsonObject)['body'] as JsonObject)['text']));
				if (lines.length === 2) gotBoth();
			})
			.on('error', () => {});
		append(emulator, 'b').catch(() => t.fail());
	});
	sent.on('error', () => resolve());
	sent.end();
	await both;
	t.deepEqual(lines, ['a', 'b']);
	await emulator.stop();
	await ended;
	t.pass();
});
