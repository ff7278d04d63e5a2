import { resourceName } from '../status-error.ts';
import { apiVersionOf, keptKind, type ResourceKind } from './resource-kind.ts';

/** The kinds that are served: the built-in ones, and those of definitions that come and go. */
export class KindRegistry {
	readonly #builtin: readonly ResourceKind[];
	readonly #custom = new Map<string, readonly ResourceKind[]>();
	#byResource = new Map<string, ResourceKind>();
	#version = 0;

	constructor(builtin: readonly ResourceKind[]) {
		this.#builtin = builtin;
		this.#index();
	}

	/** Grows when kinds come or go, for what is derived from them. */
	get version(): number {
		return this.#version;
	}

	/** All kinds, in the order of discovery. */
	all(): ResourceKind[] {
		return [...this.#builtin, ...[...this.#custom.values()].flat()];
	}

	/** The kind behind a path such as `/apis/apps/v1/deployments`. */
	find(group: string, version: string, plural: string): ResourceKind | undefined {
		return this.#byResource.get(`${group}/${version}/${plural}`);
	}

	/** The kind of an object. */
	ofObject(apiVersion: string, kind: string): ResourceKind | undefined {
		return this.all().find((item) => item.kind === kind && apiVersionOf(item) === apiVersion);
	}

	/** Whether a group has this version. */
	hasGroupVersion(group: string, version: string): boolean {
		return this.all().some((kind) => kind.group === group && kind.version === version);
	}

	/** Serves, or no longer serves, the versions of one definition. */
	setCustom(definition: string, kinds: readonly ResourceKind[]): void {
		if (kinds.length === 0) this.#custom.delete(definition);
		else this.#custom.set(definition, kinds);
		this.#index();
	}

	#index(): void {
		this.#version += 1;
		this.#byResource = new Map(
			this.all().map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]),
		);
	}
}

/** Where the store keeps the objects of a kind: all versions of a kind are kept together. */
export function storageOf(kind: ResourceKind): string {
	return resourceName(keptKind(kind));
}
