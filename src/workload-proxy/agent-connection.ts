import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Clock } from '../runtime/clock.ts';

/** Where the agent is, and with what the pod shows who it is. */
export interface AgentConnectionSettings {
	/** `https://host:port/` */
	readonly agentUri: string;
	/** The name that the agent's certificate must carry. Default: the host of `agentUri`. */
	readonly serverName?: string;
	readonly tokenFile: string;
	readonly authorityFile: string;
	readonly clock: Clock;
}

/** One call of a module, as it came. */
export interface ModuleCall {
	readonly method: string;
	/** Path and query. */
	readonly target: string;
	readonly contentType: string | undefined;
	readonly body: Buffer;
}

/** What the agent says. */
export interface AgentAnswer {
	readonly status: number;
	readonly contentType: string | undefined;
	/** Seconds; absent: it does not say. */
	readonly retryAfter: number | undefined;
	readonly body: Buffer;
}

/** Milliseconds until an answer must be complete. */
const answerTimeout = 15_000;
const maxAnswerBytes = 1_048_576;

/**
 * Carries calls to the agent over TLS, with the pod's token. Token and authority are read for each
 * call: both rotate, and modules make one or two calls an hour.
 */
export class AgentConnection {
	readonly #settings: AgentConnectionSettings;

	constructor(settings: AgentConnectionSettings) {
		this.#settings = settings;
	}

	/** @throws whatever keeps the answer from coming. */
	async send(call: ModuleCall, signal: AbortSignal): Promise<AgentAnswer> {
		const { agentUri, serverName, tokenFile, authorityFile, clock } = this.#settings;
		const token = (await readFile(tokenFile, 'utf8')).trim();
		const ca = await readFile(authorityFile, 'utf8');
		const late = new AbortController();
		using _limit = clock.after(answerTimeout, () => late.abort(new Error('no answer in time')));
		const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
		const outgoing = request(
			new URL(call.target, agentUri),
			{
				method: call.method,
				agent: false,
				ca,
				...(serverName === undefined ? {} : { servername: serverName }),
				minVersion: 'TLSv1.2',
				signal: AbortSignal.any([signal, late.signal]),
				headers: {
					authorization: `Bearer ${token}`,
					'content-length': call.body.length,
					...(call.contentType === undefined ? {} : { 'content-type': call.contentType }),
				},
			},
			resolve,
		);
		outgoing.on('error', reject);
		outgoing.end(call.body);
		return answerOf(await promise);
	}
}

async function answerOf(response: IncomingMessage): Promise<AgentAnswer> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of response) {
		size += chunk.length;
		if (size > maxAnswerBytes) throw new Error('the answer is too large');
		chunks.push(chunk);
	}
	const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
	return {
		status: response.statusCode ?? 502,
		contentType: response.headers['content-type'],
		retryAfter: Number.isFinite(seconds) ? seconds : undefined,
		body: Buffer.concat(chunks),
	};
}
