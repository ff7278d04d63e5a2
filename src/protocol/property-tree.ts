import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';

type Branch = Map<string, JsonValue | Branch>;

/**
 * Desired properties that are set one by one, as the dotted members of a layered deployment do:
 * each takes the place of what stood there and makes the objects on the way to it. Takes time that
 * grows with the number of properties only, however many stand beside each other.
 */
export class PropertyTree {
	#root: Branch;

	constructor(properties: JsonObject = {}) {
		this.#root = branchOf(properties);
	}

	/** @param names path below the desired properties; empty for all of them. */
	set(names: readonly string[], value: JsonValue): void {
		const last = names.at(-1);
		if (last === undefined) {
			this.#root = branchOf(value);
			return;
		}
		let branch = this.#root;
		for (const name of names.slice(0, -1)) {
			const child = branch.get(name);
			const next = child instanceof Map ? child : branchOf(child);
			branch.set(name, next);
			branch = next;
		}
		branch.set(last, value);
	}

	/** Whether there is anything at a path. */
	has(names: readonly string[]): boolean {
		let at: JsonValue | Branch | undefined = this.#root;
		for (const name of names) {
			if (at instanceof Map) at = at.get(name);
			else at = isJsonObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
			if (at === undefined) return false;
		}
		return true;
	}

	toJson(): JsonObject {
		return jsonOf(this.#root);
	}
}

/** A map, as assignment would not make `__proto__` a member like any other. */
function branchOf(value: JsonValue | undefined): Branch {
	const branch: Branch = new Map();
	if (!isJsonObject(value)) return branch;
	for (const [name, member] of Object.entries(value)) {
		if (member !== undefined) branch.set(name, member);
	}
	return branch;
}

function jsonOf(branch: Branch): JsonObject {
	return Object.fromEntries(
		[...branch].map(([name, value]) => [name, value instanceof Map ? jsonOf(value) : value]),
	);
}
