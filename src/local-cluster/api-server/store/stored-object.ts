import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';

/** An object as it is kept: never changed, and turned into text at most once. */
export class StoredObject {
	readonly object: KubernetesObject;
	#json: string | undefined;
	#event: { readonly type: string; readonly line: string } | undefined;

	constructor(object: KubernetesObject, json?: string) {
		this.object = object;
		this.#json = json;
	}

	/** The object as JSON. */
	get json(): string {
		this.#json ??= JSON.stringify(this.object);
		return this.#json;
	}

	/** The line of a watch; all watches of one kind share the text. */
	eventLine(type: string): string {
		if (this.#event?.type !== type) {
			this.#event = { type, line: `{"type":"${type}","object":${this.json}}\n` };
		}
		return this.#event.line;
	}
}
