import type { IncomingHttpHeaders } from 'node:http';
import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import { apiVersionOf, type ResourceKind } from '../kinds/resource-kind.ts';
import { asJson } from '../objects/object-writer.ts';
import { StatusError } from '../status-error.ts';
import type { StoredObject } from '../store/stored-object.ts';
import { type IncludeObject, partialMetadata, tableOf } from '../table/table.ts';

type Form = 'object' | 'table' | 'metadata';

/** How the client of a request wants to see objects. */
export class Representation {
	readonly #kind: ResourceKind;
	readonly #form: Form;
	readonly #include: IncludeObject;
	readonly #now: () => number;
	#columnsSent = false;

	/** @throws StatusError 406 when the client takes none of our forms. */
	constructor(
		kind: ResourceKind,
		headers: IncomingHttpHeaders,
		query: URLSearchParams,
		now: () => number,
	) {
		this.#kind = kind;
		this.#form = formOf(headers.accept ?? 'application/json');
		const include = query.get('includeObject');
		this.#include = include === 'None' || include === 'Object' ? include : 'Metadata';
		this.#now = now;
	}

	/** One object as JSON. */
	object(stored: StoredObject): string {
		if (this.#form === 'object') return this.#plain(stored);
		const { object } = stored;
		if (this.#form === 'metadata') return JSON.stringify(partialMetadata(object));
		const { resourceVersion = '' } = object.metadata;
		return JSON.stringify(this.#table([object], { resourceVersion }, true));
	}

	/** A list as JSON. @param metadata of the list: version, token of the next page. */
	list(items: readonly StoredObject[], metadata: JsonObject): string {
		if (this.#form === 'table') {
			return JSON.stringify(
				this.#table(
					items.map((item) => item.object),
					metadata,
					true,
				),
			);
		}
		const partial = this.#form === 'metadata';
		const kind = partial ? 'PartialObjectMetadataList' : `${this.#kind.kind}List`;
		const apiVersion = partial ? 'meta.k8s.io/v1' : apiVersionOf(this.#kind);
		const head = JSON.stringify({ kind, apiVersion, metadata });
		const texts = items.map((item) =>
			partial ? JSON.stringify(partialMetadata(item.object)) : this.#plain(item),
		);
		return `${head.slice(0, -1)},"items":[${texts.join(',')}]}`;
	}

	/** A line of a watch. */
	event(type: string, stored: StoredObject): string {
		if (this.#form === 'object' && this.#isOwn(stored)) return stored.eventLine(type);
		if (this.#form !== 'table') return `{"type":"${type}","object":${this.object(stored)}}\n`;
		const { resourceVersion = '' } = stored.object.metadata;
		const table = this.#table([stored.object], { resourceVersion }, !this.#columnsSent);
		this.#columnsSent = true;
		return `${JSON.stringify({ type, object: table })}\n`;
	}

	/** A line of a watch that only tells how far it is. */
	bookmark(revision: number, initialEventsEnd: boolean): string {
		const annotations = { 'k8s.io/initial-events-end': 'true' };
		const resourceVersion = String(revision);
		const metadata = initialEventsEnd ? { resourceVersion, annotations } : { resourceVersion };
		return `${JSON.stringify({ type: 'BOOKMARK', object: this.#empty(metadata) })}\n`;
	}

	#empty(metadata: JsonObject): JsonObject {
		switch (this.#form) {
			case 'table':
				return this.#table([], metadata, !this.#columnsSent);
			case 'metadata':
				return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
			case 'object':
				return { kind: this.#kind.kind, apiVersion: apiVersionOf(this.#kind), metadata };
		}
	}

	#table(objects: readonly KubernetesObject[], metadata: JsonObject, withColumns: boolean) {
		const options = { include: this.#include, now: this.#now(), metadata, withColumns };
		return tableOf(objects, this.#kind.columns, options);
	}

	#plain(stored: StoredObject): string {
		if (this.#isOwn(stored)) return stored.json;
		const { keptAs } = this.#kind;
		if (keptAs !== undefined) return JSON.stringify(keptAs.fromKept(asJson(stored.object)));
		return JSON.stringify({ ...stored.object, apiVersion: apiVersionOf(this.#kind) });
	}

	/** Objects of a custom kind may have been written as another version of it. */
	#isOwn(stored: StoredObject): boolean {
		const { custom, keptAs } = this.#kind;
		if (custom === undefined) return keptAs === undefined;
		return stored.object.apiVersion === apiVersionOf(this.#kind);
	}
}

function formOf(accept: string): Form {
	for (const range of accept.split(',')) {
		const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
		const as = parameters.find((part) => part.startsWith('as='))?.slice(3);
		const version = parameters.find((part) => part.startsWith('v='))?.slice(2) ?? 'v1';
		if (!/^(application\/json|application\/\*|\*\/\*)$/.test(type) || version !== 'v1') continue;
		if (as === undefined) return 'object';
		if (as === 'Table') return 'table';
		if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return 'metadata';
	}
	const message = 'only the following media types are accepted: application/json';
	throw new StatusError(406, 'NotAcceptable', message, {});
}
