import type { IncomingMessage } from 'node:http';

/** @returns the whole body; undefined for one that is larger than allowed, of which the rest is not read */
export async function requestBody(
	request: IncomingMessage,
	maxBytes: number,
): Promise<Buffer | undefined> {
	if (Number(request.headers['content-length'] ?? 0) > maxBytes) return undefined;
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of request as AsyncIterable<Buffer>) {
		size += chunk.length;
		if (size > maxBytes) return undefined;
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}
