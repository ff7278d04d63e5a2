import type { HostileInput } from './hostile-input.ts';

/** Something that takes in what strangers send. */
export interface FuzzTarget {
	readonly name: string;
	/** Its part of all cases, relative to the others'. */
	readonly share: number;
	/**
	 * One case. Refusing the input with an EdgeError is right, every other error a finding.
	 * @throws Error where a promise about the result does not hold.
	 */
	readonly run: (input: HostileInput) => void | Promise<void>;
	/** Ends what the target has opened. */
	readonly close?: () => Promise<void>;
}

/** A promise about a result. @throws Error where it does not hold. */
export function promise(holds: boolean, what: string): void {
	if (!holds) throw new Error(`Not kept: ${what}`);
}
