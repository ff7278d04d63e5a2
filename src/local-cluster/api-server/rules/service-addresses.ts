/** Hands out cluster IPs and node ports. What is taken is seen from the Services, nothing is kept here. */
export class ServiceAddresses {
	readonly #block: string;
	readonly #nodePorts: readonly [first: number, last: number];

	/**
	 * @param block three numbers of a /24 network, as `127.80.1`.
	 * @param nodePorts first and last port for NodePort and LoadBalancer Services.
	 */
	constructor(block: string, nodePorts: readonly [first: number, last: number]) {
		this.#block = block;
		this.#nodePorts = nodePorts;
	}

	/** The address of the API server's own Service. */
	get first(): string {
		return `${this.#block}.1`;
	}

	/** Whether an address may be given to a Service. */
	contains(address: string): boolean {
		const prefix = `${this.#block}.`;
		if (!address.startsWith(prefix)) return false;
		const host = Number(address.slice(prefix.length));
		return Number.isInteger(host) && host >= 1 && host <= 254;
	}

	/** The range in the notation of CIDR, for messages. */
	get range(): string {
		return `${this.#block}.0/24`;
	}

	/** @returns undefined when all are taken. */
	freeAddress(taken: ReadonlySet<string>): string | undefined {
		for (let host = 2; host <= 254; host += 1) {
			const address = `${this.#block}.${host}`;
			if (!taken.has(address)) return address;
		}
		return undefined;
	}

	/** @returns undefined when all are taken. */
	freePort(taken: ReadonlySet<number>): number | undefined {
		for (let port = this.#nodePorts[0]; port <= this.#nodePorts[1]; port += 1) {
			if (!taken.has(port)) return port;
		}
		return undefined;
	}

	/** Whether a port may be asked for. */
	isNodePort(port: number): boolean {
		return port >= this.#nodePorts[0] && port <= this.#nodePorts[1];
	}

	get portRange(): string {
		return this.#nodePorts.join('-');
	}
}
