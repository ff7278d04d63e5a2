/** Something of a message that a condition looks at, e.g. `level`, `$connectionDeviceId`, `$body.machine.t`. */
export interface MessageRead {
	readonly kind: 'property' | 'system-property' | 'body' | 'twin';
	/** As written, with its `$` where it has one. */
	readonly name: string;
}
