import type { Clock } from '../../../runtime/clock.ts';
import { EdgeError, messageOf } from '../../../runtime/edge-error.ts';
import type { JsonValue } from '../../../runtime/json.ts';
import { methodFault } from '../agent-methods.ts';

/** How blobs are written. */
export interface BlobContainerOptions {
	/** Address of a container with a shared access signature that may create blobs. It is a secret. */
	readonly sasUrl: URL;
	readonly clock: Clock;
	/** Default: the global `fetch`. */
	readonly fetch?: typeof globalThis.fetch;
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
		const { sasUrl, clock, fetch = globalThis.fetch } = this.#options;
		const url = new URL(sasUrl);
		const path = name.split('/').map(encodeURIComponent).join('/');
		url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`;
		const tooLong = new AbortController();
		using _timer = clock.after(uploadTimeout, () => tooLong.abort());
		try {
			const response = await fetch(url, {
				method: 'PUT',
				headers: { 'x-ms-blob-type': 'BlockBlob', 'content-type': contentType },
				body: content,
				signal: AbortSignal.any([signal, tooLong.signal]),
			});
			await response.arrayBuffer();
			if (!response.ok) throw refused(response, url.host);
		} catch (error) {
			if (error instanceof EdgeError) throw error;
			throw new EdgeError('EDGE_UPLOAD_FAILED', unreachable(url.host, error), { cause: error });
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

function refused({ status, headers }: Response, host: string): EdgeError {
	const why = headers.get('x-ms-error-code');
	const answer = why === null ? `${status}` : `${status} ${why}`;
	return new EdgeError('EDGE_UPLOAD_FAILED', `The storage at ${host} has answered ${answer}.`);
}

function unreachable(host: string, error: unknown): string {
	const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
	return `The storage at ${host} cannot be reached: ${messageOf(cause)}.`;
}
