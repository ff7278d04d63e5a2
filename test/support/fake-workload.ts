import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import type {
	LocalDeployment,
	WorkloadApi,
	WorkloadCertificate,
} from '../../src/edge-hub/workload-client.ts';
import { sign } from '../../src/protocol/sas-token.ts';

/** The workload API of one edge device, with a key for each module; also over HTTP for the SDKs. */
export class FakeWorkload {
	readonly authority: CertificateAuthority;
	readonly #keyOf: (moduleId: string) => string;
	/** Days that the next server certificate lives. */
	certificateDays = 30;
	certificates = 0;
	/** What rules instead of IoT Hub's twins; undefined: the agent does not answer. */
	deployment: LocalDeployment | null | undefined = null;

	private constructor(authority: CertificateAuthority, keyOf: (moduleId: string) => string) {
		this.authority = authority;
		this.#keyOf = keyOf;
	}

	static async create(keyOf: (moduleId: string) => string): Promise<FakeWorkload> {
		return new FakeWorkload(
			await CertificateAuthority.create({ commonName: 'Test workload', days: 1000 }),
			keyOf,
		);
	}

	/** The API as one module sees it. */
	for(moduleId: string): WorkloadApi {
		return {
			sign: async (data) => sign(this.#keyOf(moduleId), data),
			createServerCertificate: () => this.issue(),
			trustBundle: async () => this.authority.certificate,
			deployment: async () => {
				if (this.deployment === undefined) throw new Error('The agent is away.');
				return this.deployment;
			},
		};
	}

	async issue(): Promise<WorkloadCertificate> {
		this.certificates += 1;
		const issued = await this.authority.issue({
			commonName: `localhost ${this.certificates}`,
			dnsNames: ['localhost'],
			ipAddresses: ['127.0.0.1'],
			usages: ['server'],
			days: this.certificateDays,
		});
		return { ...issued, expiresAt: issued.notAfter.getTime() };
	}

	/** Serves every module over HTTP. @returns the URI and what stops it */
	async listen(): Promise<{ uri: string; requests: string[]; stop: () => void }> {
		const requests: string[] = [];
		const server = createServer(async (request, response) => {
			requests.push(`${request.method} ${request.url}`);
			const chunks: Buffer[] = [];
			for await (const chunk of request) chunks.push(chunk as Buffer);
			const text = Buffer.concat(chunks).toString();
			const [status, answer] = await this.#answer(request.url ?? '', text);
			response.writeHead(status, { 'content-type': 'application/json' });
			response.end(JSON.stringify(answer));
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		const { port } = server.address() as AddressInfo;
		const stop = () => {
			server.close();
			server.closeAllConnections();
		};
		return { uri: `http://127.0.0.1:${port}/`, requests, stop };
	}

	async #answer(url: string, body: string): Promise<[number, object]> {
		if (url.startsWith('/trust-bundle?')) return [200, { certificate: this.authority.certificate }];
		const match = /^\/modules\/([^/]+)\/genid\/[^/]+\/(sign|certificate\/server)\?/.exec(url);
		if (match === null) return [404, { message: 'not found' }];
		const moduleId = decodeURIComponent(match[1] ?? '');
		if (match[2] === 'sign') {
			const data = Buffer.from(JSON.parse(body).data, 'base64').toString();
			return [200, { digest: sign(this.#keyOf(moduleId), data) }];
		}
		const { certificate, privateKey, expiresAt } = await this.issue();
		return [
			201,
			{
				certificate,
				privateKey: { type: 'key', bytes: privateKey },
				expiration: new Date(expiresAt).toISOString(),
			},
		];
	}
}
