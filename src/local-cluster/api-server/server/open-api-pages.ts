import type { JsonObject } from '../../../runtime/json.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import { openApiV2, openApiV3 } from '../schema/open-api.ts';

/** `/openapi/v2` and `/openapi/v3`: the schemas of all kinds, made when they are asked for. */
export class OpenApiPages {
	readonly #registry: KindRegistry;
	readonly #made = new Map<string, JsonObject>();
	#version = -1;

	constructor(registry: KindRegistry) {
		this.#registry = registry;
	}

	page(path: string): JsonObject | undefined {
		this.#forgetOld();
		const made = this.#made.get(path) ?? this.#make(path);
		if (made !== undefined) this.#made.set(path, made);
		return made;
	}

	/** Custom kinds come and go. */
	#forgetOld(): void {
		if (this.#version === this.#registry.version) return;
		this.#version = this.#registry.version;
		this.#made.clear();
	}

	#make(path: string): JsonObject | undefined {
		if (path === '/openapi/v2') return openApiV2(this.#registry.all());
		if (path === '/openapi/v3') return { paths: this.#index() };
		const parts = /^\/openapi\/v3\/(?:api\/([^/]+)|apis\/([^/]+)\/([^/]+))$/.exec(path);
		if (parts === null) return undefined;
		const group = parts[2] ?? '';
		const version = parts[1] ?? parts[3] ?? '';
		if (!this.#registry.hasGroupVersion(group, version)) return undefined;
		const kinds = this.#registry
			.all()
			.filter((kind) => kind.group === group && kind.version === version);
		return openApiV3(kinds);
	}

	#index(): JsonObject {
		const paths = this.#registry
			.all()
			.map(({ group, version }) => (group === '' ? `api/${version}` : `apis/${group}/${version}`));
		const index = [...new Set(paths)].map((path) => [
			path,
			{ serverRelativeURL: `/openapi/v3/${path}?hash=${this.#registry.version}` },
		]);
		return Object.fromEntries(index);
	}
}
