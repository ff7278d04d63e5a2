import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { BlobRight } from '../files/blob-signature.ts';
import { type Blob, blobContainers } from '../files/blobs.ts';
import type { RouteContext } from './route-context.ts';

interface BlobRoute {
	Params: { '*': string };
}

/** Bytes of one request at most: a block that the SDKs send has 4 or 8 MB. */
const maxBlockBytes = 64 * 1024 * 1024;

/**
 * As much of the interface of Azure Blob Storage as clients use to put a file and get it back (Azure
 * Storage documentation, "Put Blob", "Put Block", "Put Block List", "Get Blob"). Bodies are buffers.
 */
export function addBlobRoutes({ app, hub }: RouteContext): void {
	for (const container of Object.values(blobContainers)) addContainer({ app, hub }, container);
}

function addContainer({ app, hub }: Pick<RouteContext, 'app' | 'hub'>, container: string): void {
	const path = `/${container}/*`;
	const open = (request: FastifyRequest<BlobRoute>, right: BlobRight) => {
		const query = new URLSearchParams(request.url.slice(request.url.indexOf('?') + 1));
		const name = request.params['*'];
		hub.blobSignature.require(query, container, name, right, hub.clock.now());
		return { query, name };
	};

	const limits = {
		bodyLimit: maxBlockBytes,
		// Nobody's bytes are read before it is known that they may be written.
		onRequest: async (request: FastifyRequest<BlobRoute>) => {
			open(request, 'w');
		},
	};
	app.put<BlobRoute>(path, limits, async (request, reply) => {
		const { query, name } = open(request, 'w');
		const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
		const contentType =
			request.headers['x-ms-blob-content-type'] ?? request.headers['content-type'];
		const type = typeof contentType === 'string' ? contentType : undefined;
		if (query.get('comp') === 'block') {
			await hub.blobs.putBlock(container, name, query.get('blockid') ?? '', body);
			return reply.code(201).header('x-ms-request-server-encrypted', 'false').send();
		}
		const blob =
			query.get('comp') === 'blocklist'
				? await hub.blobs.putBlockList(container, name, blockIds(body), type)
				: await hub.blobs.put(container, name, Readable.from([body]), type);
		return withBlobHeaders(reply, blob).code(201).send();
	});
	app.get<BlobRoute>(path, async (request, reply) => {
		const blob = hub.blobs.get(container, open(request, 'r').name);
		withBlobHeaders(reply, blob).header('content-length', blob.size);
		const bytes = Readable.from(hub.blobs.read(blob), { objectMode: false });
		return reply.type(blob.contentType).send(bytes);
	});
	app.delete<BlobRoute>(path, async (request, reply) => {
		await hub.blobs.delete(container, open(request, 'd').name);
		return reply.code(202).send();
	});
}

/** Ids in the order of the list: `<BlockList><Latest>…</Latest></BlockList>`. */
function blockIds(body: Buffer): string[] {
	const ids = body.toString().matchAll(/<(Latest|Uncommitted|Committed)>([^<]+)<\/\1>/g);
	return [...ids].map(([, , id = '']) => id.trim());
}

function withBlobHeaders(reply: FastifyReply, blob: Blob): FastifyReply {
	return reply.headers({
		etag: `"${blob.etag}"`,
		'last-modified': new Date(blob.lastModified).toUTCString(),
		'x-ms-blob-type': 'BlockBlob',
		'x-ms-version': '2021-08-06',
	});
}
