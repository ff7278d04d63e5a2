import type { JsonObject, JsonValue } from '../../src/runtime/json.ts';
import type { SeededRandom } from '../faults/seeded-random.ts';

/** Pieces that parsers trip over. */
const pieces = [
	...['\0', '\ufeff', '\ud800', '%', '%2', '%zz', '%00', '$', '$.', '#', '+', '/', '//', '?', '&'],
	...['=', ';', '"', "'", '\\', '{', '}', '[', ']', '(', ')', '-', '.', ' ', '\n', '🙂', 'é'],
	...['__proto__', 'constructor', 'prototype', 'NaN', '1e999', '-0', '9'.repeat(30)],
	...['null', 'undefined', 'true', 'AND', 'OR', 'NOT', '/*', '*/', '$body.', '$edgeHub', '..'],
];

/** Member names, among them those that must stay without effect. */
const names = [
	...[
		'a',
		'b',
		'name',
		'modules',
		'settings',
		'image',
		'createOptions',
		'env',
		'routes',
		'desired',
	],
	...[
		'__proto__',
		'constructor',
		'toString',
		'$version',
		'$metadata',
		'',
		'a.b',
		'$',
		'x'.repeat(600),
	],
];

/** Makes inputs that are nearly right, and some that are not at all. */
export class HostileInput {
	readonly random: SeededRandom;

	constructor(random: SeededRandom) {
		this.random = random;
	}

	/** One of the valid texts with a few changes, or noise. */
	text(valid: readonly string[]): string {
		const { random } = this;
		let text = random.chance(0.05) ? this.#noise() : random.pick(valid);
		for (let change = random.below(4); change > 0; change -= 1) text = this.#changed(text, valid);
		return text;
	}

	/** A valid byte string with a few changes, or noise. */
	bytes(valid: readonly Buffer[]): Buffer {
		const { random } = this;
		if (random.chance(0.1)) {
			return Buffer.from(Array.from({ length: 1 + random.below(60) }, () => random.below(256)));
		}
		const bytes = Buffer.from(random.pick(valid));
		for (let change = random.below(4); change > 0; change -= 1) {
			bytes[random.below(bytes.length)] = random.below(256);
		}
		return random.chance(0.1) ? bytes.subarray(0, 1 + random.below(bytes.length)) : bytes;
	}

	/** A JSON document with some of its values and members changed. */
	document(valid: JsonObject): JsonObject {
		const changed = this.#changedJson(valid, 4);
		return typeof changed === 'object' && changed !== null && !Array.isArray(changed)
			? changed
			: valid;
	}

	/** Any JSON value. */
	json(depth: number): JsonValue {
		const { random } = this;
		const kind = random.below(depth > 0 ? 9 : 7);
		if (kind === 7) return Array.from({ length: random.below(4) }, () => this.json(depth - 1));
		if (kind === 8) return this.object(depth);
		const scalars = [null, true, -1, 2 ** 60, 1.5, random.pick(pieces), random.pick(names)];
		return scalars[kind] ?? null;
	}

	object(depth: number): JsonObject {
		const members = Array.from({ length: this.random.below(5) }, () => {
			return [this.random.pick(names), this.json(depth - 1)] as const;
		});
		return Object.fromEntries(members);
	}

	#changed(text: string, valid: readonly string[]): string {
		const { random } = this;
		const at = random.below(text.length + 1);
		const until = Math.min(text.length, at + random.below(8));
		switch (random.below(5)) {
			case 0:
				return text.slice(0, at) + random.pick(pieces) + text.slice(at);
			case 1:
				return text.slice(0, at) + text.slice(until);
			case 2:
				return text.slice(0, until) + text.slice(at);
			case 3:
				return text.slice(0, at) + random.pick(valid).slice(random.below(20));
			default:
				return text.slice(0, at) + random.pick(pieces).repeat(random.below(50)) + text.slice(until);
		}
	}

	#noise(): string {
		return Array.from({ length: this.random.below(30) }, () => this.random.pick(pieces)).join('');
	}

	#changedJson(value: JsonValue, depth: number): JsonValue {
		const { random } = this;
		if (random.chance(0.04)) return this.json(3);
		if (typeof value === 'string' && random.chance(0.08)) return this.text([value]);
		if (depth === 0 || typeof value !== 'object' || value === null) return value;
		if (Array.isArray(value)) return value.map((item) => this.#changedJson(item, depth - 1));
		const members = Object.entries(value).flatMap(([name, member]) =>
			random.chance(0.03) ? [] : [[name, this.#changedJson(member ?? null, depth - 1)] as const],
		);
		const extra = random.chance(0.1) ? [[random.pick(names), this.json(2)] as const] : [];
		return Object.fromEntries([...members, ...extra]);
	}
}
