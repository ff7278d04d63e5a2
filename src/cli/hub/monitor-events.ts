import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { systemClock } from '../../runtime/clock.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import { exitCode } from '../exit-code.ts';
import { interruption } from '../interruption.ts';
import { plainText } from '../plain-text.ts';
import type { Terminal } from '../terminal.ts';
import { type HubAccess, type HubOptions, hubAccess } from './hub-access.ts';
import { requestHub } from './hub-request.ts';
import type { ResultOptions } from './hub-result.ts';

/** Options of `monitor-events`. */
export interface MonitorOptions extends HubOptions, ResultOptions {
	/** Only from this device. */
	readonly device?: string;
	/** Only from this module. */
	readonly module?: string;
	/** Events that are there already too. */
	readonly all?: boolean;
	/** Milliseconds. */
	readonly duration?: number;
	/** Ends after so many events. */
	readonly count?: number;
}

interface Event {
	readonly enqueuedTimeUtc: string;
	readonly deviceId: string;
	readonly moduleId: string | null;
	readonly properties: Readonly<Record<string, string>>;
	readonly body?: unknown;
	readonly bodyBase64?: string;
}

/**
 * Prints messages as the emulator receives them, one a line. A hub of Azure has an Event
 * Hubs-compatible endpoint instead, which this command does not read.
 */
export async function monitorEvents(options: MonitorOptions, terminal: Terminal): Promise<number> {
	const access = await hubAccess(options);
	if (/\.azure-devices\.(net|cn|us)$/i.test(access.hostName)) {
		throw new EdgeError('EDGE_HUB_REQUEST_FAILED', 'Only events of the emulator are read here.', {
			remedy: 'For a hub in Azure use `az iot hub monitor-events`.',
		});
	}
	using interrupted = interruption();
	const over = new AbortController();
	using _limit = systemClock.after(options.duration ?? 0x7fffffff, () => over.abort());
	const ended = AbortSignal.any([interrupted.signal, over.signal]);
	try {
		await printEvents(await openEvents(access, options, ended), options, terminal);
	} catch (error) {
		if (!ended.aborted) throw error;
	}
	return exitCode.ok;
}

async function printEvents(
	events: IncomingMessage,
	{ device, module, count = Number.POSITIVE_INFINITY, output }: MonitorOptions,
	terminal: Terminal,
): Promise<void> {
	let printed = 0;
	for await (const line of createInterface({ input: events })) {
		const event: Event = JSON.parse(line);
		if (device !== undefined && event.deviceId !== device) continue;
		if (module !== undefined && event.moduleId !== module) continue;
		terminal.write(`${output === 'json' ? line : describe(event, terminal)}\n`);
		printed += 1;
		if (printed < count) continue;
		events.destroy();
		return;
	}
}

function describe(event: Event, terminal: Terminal): string {
	const { enqueuedTimeUtc, deviceId, moduleId, properties, body, bodyBase64 } = event;
	const sender = moduleId === null ? deviceId : `${deviceId}/${moduleId}`;
	const text = body === undefined ? `${bodyBase64} (base64)` : JSON.stringify(body);
	const bag = Object.keys(properties).length === 0 ? '' : `  ${JSON.stringify(properties)}`;
	const time = terminal.style('dim', enqueuedTimeUtc.slice(11, 23));
	return `${time}  ${plainText(sender)}  ${plainText(text)}${terminal.style('dim', plainText(bag))}`;
}

async function openEvents(
	access: HubAccess,
	{ all = false }: MonitorOptions,
	signal: AbortSignal,
): Promise<IncomingMessage> {
	const from = all ? 0 : await nextSequenceNumber(access, signal);
	const path = `/messages/events?follow=true&fromSequenceNumber=${from}`;
	return requestHub(access, { path, signal });
}

/** One more than the last event that is there. */
async function nextSequenceNumber(access: HubAccess, signal: AbortSignal): Promise<number> {
	let next = 0;
	const events = await requestHub(access, { path: '/messages/events', signal });
	for await (const line of createInterface({ input: events })) {
		next = Number(JSON.parse(line).sequenceNumber) + 1;
	}
	return next;
}
