import { itemPath, memberPath } from '../../manifest/json-path.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { apiValue, textMembers } from './api-value.ts';
import type { Placed } from './create-options.ts';
import { type ExtensionName, extensionNames, extensionTable } from './extension-table.ts';
import { foldedMembers } from './folded-members.ts';
import type { ModuleProblems } from './module-problems.ts';
import { kindOf, shapeNames, shapeOf } from './option-shape.ts';

/** Members that hold names of the author's choice instead of fields of the API. */
const authorsOwn: ReadonlySet<ExtensionName> = new Set<ExtensionName>([
	'nodeSelector',
	'serviceAccountAnnotations',
	'podLabels',
	'podAnnotations',
	'resources',
	'storage',
]);

/** What a module asks of Kubernetes beyond Docker's options. */
export class Extension {
	readonly #members = new Map<ExtensionName, Placed<JsonValue>>();

	/** Reports unknown and misshapen members to `problems`. */
	constructor(createOptions: JsonObject, path: string, problems: ModuleProblems) {
		const previewNames = extensionNames.filter((name) => extensionTable[name].preview);
		this.#addSection('k8s-experimental', previewNames, createOptions, path, problems);
		this.#addSection('k8s-extensions', extensionNames, createOptions, path, problems);
	}

	string(name: ExtensionName): string | undefined {
		return this.#members.get(name)?.value as string | undefined;
	}

	integer(name: ExtensionName): number | undefined {
		return this.#members.get(name)?.value as number | undefined;
	}

	boolean(name: ExtensionName): boolean {
		return this.#members.get(name)?.value === true;
	}

	object(name: ExtensionName): JsonObject | undefined {
		return this.#members.get(name)?.value as JsonObject | undefined;
	}

	/** An object whose values become strings, as labels and annotations are. */
	strings(name: ExtensionName): Record<string, string> {
		return textMembers(this.object(name) ?? {});
	}

	list(name: ExtensionName): Placed<JsonValue>[] {
		const member = this.#members.get(name);
		if (member === undefined) return [];
		const items = member.value as JsonValue[];
		return items.map((value, index) => ({ value, path: itemPath(member.path, index) }));
	}

	/** The items of a list that are objects; others are reported. */
	objects(name: ExtensionName, problems: ModuleProblems): Placed<JsonObject>[] {
		return this.list(name).filter((item): item is Placed<JsonObject> => {
			if (isJsonObject(item.value)) return true;
			problems.refuse('EDGE_EXTENSION_INVALID', item.path, 'This is no object.');
			return false;
		});
	}

	pathOf(name: ExtensionName): string {
		return this.#members.get(name)?.path ?? '';
	}

	#addSection(
		section: string,
		names: readonly ExtensionName[],
		createOptions: JsonObject,
		parent: string,
		problems: ModuleProblems,
	): void {
		for (const [key, value] of Object.entries(createOptions)) {
			if (key.toLowerCase() !== section || value === null || value === undefined) continue;
			const path = memberPath(parent, key);
			if (!isJsonObject(value)) {
				if (value !== '') problems.refuse('EDGE_EXTENSION_INVALID', path, `"${key}" is no object.`);
				continue;
			}
			const members = foldedMembers(value, names, path, problems, 'EDGE_EXTENSION_UNKNOWN');
			for (const [name, member] of members)
				this.#add(name, member, memberPath(path, name), problems);
		}
	}

	#add(name: ExtensionName, value: JsonValue, path: string, problems: ModuleProblems): void {
		if (typeof value === 'object' && Object.keys(value ?? {}).length === 0) return;
		const { shape } = extensionTable[name];
		const shaped = shapeOf(value, shape);
		if (shaped !== undefined) {
			const isOwn = authorsOwn.has(name);
			this.#members.set(name, { value: isOwn ? shaped : apiValue(shaped), path });
			return;
		}
		const message = `"${name}" takes ${shapeNames[shape]}, not ${kindOf(value)}.`;
		problems.refuse('EDGE_EXTENSION_INVALID', path, message);
	}
}
