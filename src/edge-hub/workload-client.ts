import type { IncomingMessage } from 'node:http';
import { encodeStrict } from '../protocol/sas-token.ts';
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { EdgeError, messageOf } from '../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import type { Logger } from '../runtime/logger.ts';
import { http } from '../runtime/node-http.ts';

/** A server certificate of the workload API. */
export interface WorkloadCertificate {
	/** PEM: the leaf, then the certificates that lead to the authority. */
	readonly certificate: string;
	/** PEM, PKCS#8. */
	readonly privateKey: string;
	/** Milliseconds since the epoch. */
	readonly expiresAt: number;
}

/** What the hub needs of the workload API, which acts for one module. */
export interface WorkloadApi {
	/** @returns base64 HMAC-SHA256 of the text with the module's key. */
	sign(data: string, signal?: AbortSignal): Promise<string>;
	createServerCertificate(commonName: string, signal?: AbortSignal): Promise<WorkloadCertificate>;
	/** @returns PEM of the authorities that the device's modules trust. */
	trustBundle(signal?: AbortSignal): Promise<string>;
	/** @returns what rules instead of twins in IoT Hub; null where those rule. Asked once, not repeated. */
	deployment(): Promise<LocalDeployment | null>;
}

/** A deployment that comes from the cluster instead of IoT Hub, as far as the hub is concerned. */
export interface LocalDeployment {
	/** For people: `EdgeDeployment factory, 4`. */
	readonly source: string;
	/** Desired properties of `$edgeHub`; null: its twin counts. */
	readonly hub: JsonObject | null;
	/** Desired properties of modules, by module id; of others their twins count. */
	readonly twins: Readonly<Record<string, JsonObject>>;
}

export interface WorkloadClientOptions {
	/** `http://host:port/` or `unix:///path`. */
	readonly uri: string;
	readonly moduleId: string;
	readonly generationId: string;
	readonly clock: Clock;
	readonly logger: Logger;
}

const apiVersion = '2019-01-30';
const requestTimeout = 10_000;
const maxAnswerBytes = 1_048_576;
/** Attempts of a call whose caller has no signal to give up with: some 15 seconds. */
const limitedAttempts = 6;

/**
 * The workload API over HTTP. A call that fails is repeated: without a signal a limited number of
 * times, with one until it is aborted.
 *
 * Every method throws EdgeError EDGE_WORKLOAD_FAILED, or the signal's reason.
 */
export class WorkloadClient implements WorkloadApi {
	readonly #options: WorkloadClientOptions;

	constructor(options: WorkloadClientOptions) {
		this.#options = options;
	}

	async sign(data: string, signal?: AbortSignal): Promise<string> {
		const body = {
			keyId: 'primary',
			algo: 'HMACSHA256',
			data: Buffer.from(data).toString('base64'),
		};
		const answer = await this.#call('POST', `${this.#modulePath}/sign`, 200, body, signal);
		return textOf(answer, 'digest');
	}

	async createServerCertificate(
		commonName: string,
		signal?: AbortSignal,
	): Promise<WorkloadCertificate> {
		const expiration = new Date(this.#options.clock.now() + 90 * 86_400_000).toISOString();
		const path = `${this.#modulePath}/certificate/server`;
		const answer = await this.#call('POST', path, 201, { commonName, expiration }, signal);
		const key = answer['privateKey'];
		return {
			certificate: textOf(answer, 'certificate'),
			privateKey: textOf(isJsonObject(key) ? key : {}, 'bytes'),
			expiresAt: Date.parse(textOf(answer, 'expiration')),
		};
	}

	async trustBundle(signal?: AbortSignal): Promise<string> {
		const answer = await this.#call('GET', '/trust-bundle', 200, undefined, signal);
		return textOf(answer, 'certificate');
	}

	async deployment(): Promise<LocalDeployment | null> {
		const answer = await this.#once('GET', `${this.#modulePath}/deployment`, 200, undefined);
		const deployment = readLocalDeployment(answer['deployment']);
		if (deployment === undefined) throw failed('The answer has no deployment.');
		return deployment;
	}

	get #modulePath(): string {
		const { moduleId, generationId } = this.#options;
		return `/modules/${encodeStrict(moduleId)}/genid/${encodeStrict(generationId)}`;
	}

	async #call(
		method: 'GET' | 'POST',
		path: string,
		expected: number,
		body: JsonObject | undefined,
		signal: AbortSignal | undefined,
	): Promise<JsonObject> {
		const { clock, logger } = this.#options;
		const backoff = new Backoff({ initial: 250, max: 15_000 });
		for (;;) {
			try {
				signal?.throwIfAborted();
				return await this.#once(method, path, expected, body);
			} catch (error) {
				signal?.throwIfAborted();
				if (signal === undefined && backoff.failures + 1 >= limitedAttempts) throw error;
				logger.warn('the workload API is tried again', { path, reason: messageOf(error) });
				await clock.sleep(backoff.next(), signal);
			}
		}
	}

	async #once(
		method: 'GET' | 'POST',
		path: string,
		expected: number,
		body: JsonObject | undefined,
	): Promise<JsonObject> {
		const { status, text } = await this.#exchange(
			method,
			`${path}?api-version=${apiVersion}`,
			body,
		);
		let answer: unknown;
		try {
			answer = JSON.parse(text);
		} catch (cause) {
			throw failed(`The answer, of status ${status}, is not JSON.`, cause);
		}
		if (!isJsonObject(answer)) throw failed(`The answer, of status ${status}, is not an object.`);
		if (status === expected) return answer;
		throw failed(`The answer has status ${status}: ${String(answer['message'] ?? '')}`);
	}

	async #exchange(method: string, path: string, body: JsonObject | undefined) {
		const { clock } = this.#options;
		const late = new AbortController();
		using _limit = clock.after(requestTimeout, () => late.abort(new Error('no answer in time')));
		const payload = body === undefined ? undefined : JSON.stringify(body);
		const headers =
			payload === undefined
				? {}
				: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
		try {
			const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
				const address = addressOf(this.#options.uri);
				const outgoing = http.request({ ...address, method, path, headers, signal: late.signal });
				outgoing.on('error', reject);
				outgoing.on('response', resolve);
				outgoing.end(payload);
			});
			return { status: incoming.statusCode ?? 0, text: await textOfBody(incoming) };
		} catch (error) {
			const cause = late.signal.aborted ? late.signal.reason : error;
			throw failed(`There is no answer: ${messageOf(cause)}.`, cause);
		}
	}
}

/** @returns undefined for anything that is none. */
export function readLocalDeployment(value: unknown): LocalDeployment | null | undefined {
	if (value === null) return null;
	if (!isJsonObject(value)) return undefined;
	const { source, hub, twins } = value;
	if (typeof source !== 'string' || !isJsonObject(twins)) return undefined;
	const known = Object.entries(twins).filter(([, desired]) => isJsonObject(desired));
	return {
		source,
		hub: isJsonObject(hub) ? hub : null,
		twins: Object.fromEntries(known) as Record<string, JsonObject>,
	};
}

function addressOf(uri: string) {
	const url = new URL(uri);
	if (url.protocol === 'unix:') return { socketPath: decodeURIComponent(url.pathname) };
	return {
		host: url.hostname.replace(/^\[|\]$/g, ''),
		port: url.port === '' ? 80 : Number(url.port),
	};
}

async function textOfBody(incoming: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of incoming as AsyncIterable<Buffer>) {
		size += chunk.length;
		if (size > maxAnswerBytes) throw new RangeError('the answer is too large');
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString();
}

function textOf(answer: JsonObject, name: string): string {
	const value = answer[name];
	if (typeof value === 'string') return value;
	throw failed(`The answer has no ${name}.`);
}

function failed(message: string, cause?: unknown): EdgeError {
	return new EdgeError('EDGE_WORKLOAD_FAILED', `The workload API failed. ${message}`, { cause });
}
