import type { AuthenticationMechanism } from './authentication-mechanism.ts';

/** What the registry keeps of a device. */
export interface DeviceRecord {
	readonly deviceId: string;
	/** Differs from every earlier device of the same id. */
	readonly generationId: string;
	readonly etag: string;
	readonly status: 'enabled' | 'disabled';
	readonly statusReason: string | null;
	readonly statusUpdatedTime: string;
	readonly authentication: AuthenticationMechanism;
	readonly capabilities: { readonly iotEdge: boolean };
	/** An edge device's own scope, or the scope of a leaf's parent. */
	readonly deviceScope?: string;
	readonly parentScopes: readonly string[];
}

/** What the registry keeps of a module. */
export interface ModuleRecord {
	readonly deviceId: string;
	readonly moduleId: string;
	readonly managedBy: string | null;
	readonly generationId: string;
	readonly etag: string;
	readonly authentication: AuthenticationMechanism;
}

/** A time that never was, as IoT Hub writes it. */
export const never = '0001-01-01T00:00:00';

/** Makes generation ids: the time in ticks of 100 ns since the year 1, never the same twice. */
export class GenerationIds {
	#last = 0n;

	next(nowMs: number): string {
		const ticks = BigInt(Math.trunc(nowMs)) * 10_000n + 621_355_968_000_000_000n;
		this.#last = ticks > this.#last ? ticks : this.#last + 1n;
		return String(this.#last);
	}
}
