/** What a module process needs to connect to the hub; passed as JSON in its first argument. */
export interface ModuleAccount {
	readonly hubPort: number;
	readonly iotHubHostName: string;
	readonly deviceId: string;
	readonly moduleId: string;
	readonly key: string;
	/** PEM of the authority that the hub's certificate comes from. */
	readonly authority: string;
	/** Messages a second, of a sender. */
	readonly rate: number;
	/** Seed of a sender's message sizes. */
	readonly seed: number;
}
