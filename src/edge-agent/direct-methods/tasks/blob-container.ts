import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { HubAgent } from '../../../iot-hub-client/hub-agent.ts';
import type { HubNetwork } from '../../../iot-hub-client/hub-network.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { EdgeError, messageOf } from '../../../runtime/edge-error.ts';
import type { JsonValue } from '../../../runtime/json.ts';
import { http } from '../../../runtime/node-http.ts';
import { methodFault } from '../agent-methods.ts';

/** How blobs are written. */
export interface BlobContainerOptions {
	/** Address of a container with a shared access signature that may create blobs. It is a secret. */
	readonly sasUrl: URL;
	readonly clock: Clock;
	/** The way there. */
	readonly network: HubNetwork;
}

/** How long one blob may take. Milliseconds. */
const uploadTimeout = 600_000;

/** A container of Azure Blob Storage to which a shared access signature gives access. */
export class BlobContainer {
	readonly #options: BlobContainerOptions;

	constructor(options: BlobContainerOptions) {
		this.#options = options;
	}

	/**
	 * Writes a block blob (Azure Storage documentation, "Put Blob").
	 *
	 * @throws EdgeError EDGE_UPLOAD_FAILED; its text does not contain the signature.
	 */
	async put(
		name: string,
		content: Uint8Array<ArrayBuffer>,
		contentType: string,
		signal: AbortSignal,
	): Promise<void> {
		const { sasUrl, clock } = this.#options;
		const url = new URL(sasUrl);
		const path = name.split('/').map(encodeURIComponent).join('/');
		url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`;
		const tooLong = new AbortController();
		using _timer = clock.after(uploadTimeout, () => tooLong.abort());
		try {
			const either = AbortSignal.any([signal, tooLong.signal]);
			const response = await this.#send(url, content, contentType, either);
			const { statusCode = 0 } = response;
			if (statusCode < 200 || statusCode >= 300) throw refused(response, url.host);
		} catch (error) {
			if (error instanceof EdgeError) throw error;
			const message = `The storage at ${url.host} cannot be reached: ${messageOf(error)}.`;
			throw new EdgeError('EDGE_UPLOAD_FAILED', message, { cause: error });
		}
	}

	/** @returns the answer, read to its end */
	async #send(
		url: URL,
		content: Uint8Array<ArrayBuffer>,
		contentType: string,
		signal: AbortSignal,
	): Promise<IncomingMessage> {
		const secure = url.protocol === 'https:';
		const agent = secure ? new HubAgent(this.#options.network, this.#options.clock) : undefined;
		const headers = {
			'x-ms-blob-type': 'BlockBlob',
			'content-type': contentType,
			'content-length': content.byteLength,
		};
		const request = (secure ? requestHttps : http.request)(url, {
			method: 'PUT',
			headers,
			signal,
			...(agent === undefined ? {} : { agent }),
		});
		try {
			request.end(content);
			const [response] = (await once(request, 'response')) as [IncomingMessage];
			response.resume();
			await once(response, 'end');
			return response;
		} finally {
			agent?.destroy();
		}
	}
}

/** The `sasUrl` of a payload. @throws EdgeError EDGE_METHOD_INVALID */
export function parseSasUrl(value: JsonValue | undefined): URL {
	if (typeof value !== 'string' || value.trim() === '') {
		throw methodFault('The payload has no sasUrl.');
	}
	const url = URL.canParse(value.trim()) ? new URL(value.trim()) : undefined;
	if (url === undefined || !/^https?:$/.test(url.protocol)) {
		throw methodFault('The sasUrl is not a URL of https.');
	}
	return url;
}

/** `yyyy-MM-dd--HH-mm-ss`, as names of uploads end. @param now wall time in milliseconds. */
export function blobTime(now: number): string {
	const [date = '', time = ''] = new Date(now).toISOString().slice(0, 19).split('T');
	return `${date}--${time.replaceAll(':', '-')}`;
}

function refused({ statusCode, headers }: IncomingMessage, host: string): EdgeError {
	const why = headers['x-ms-error-code'];
	const answer = why === undefined ? `${statusCode}` : `${statusCode} ${why}`;
	return new EdgeError('EDGE_UPLOAD_FAILED', `The storage at ${host} has answered ${answer}.`);
}
