import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JsonObject } from '../../../runtime/json.ts';
import { issuer, type ServiceAccountTokens } from '../access/service-account-tokens.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import { methodNotAllowed, StatusError } from '../status-error.ts';
import { binaryOpenApi, binaryOpenApiType, wantsBinaryOpenApi } from './binary-open-api.ts';
import {
	aggregatedDiscovery,
	coreVersions,
	groupList,
	groupOf,
	kubernetesVersion,
	resourcesOf,
} from './discovery.ts';
import { OpenApiPages } from './open-api-pages.ts';
import type { RequestInfo } from './request-info.ts';
import { sendJson, sendPlain } from './response.ts';

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

const keySetType = 'application/jwk-set+json';

/** Answers for paths that are no resources: health, version, discovery, schemas, token keys. */
export class ClusterPages {
	readonly #registry: KindRegistry;
	readonly #tokens: ServiceAccountTokens;
	readonly #address: string;
	readonly #openApi: OpenApiPages;

	/** @param address `host:port` for clients. */
	constructor(registry: KindRegistry, tokens: ServiceAccountTokens, address: string) {
		this.#registry = registry;
		this.#tokens = tokens;
		this.#address = address;
		this.#openApi = new OpenApiPages(registry);
	}

	answer(request: IncomingMessage, info: RequestInfo, response: ServerResponse): void {
		if (info.method !== 'GET' && info.method !== 'HEAD') throw methodNotAllowed();
		const path = info.path.replace(/\/$/, '');
		if (/^\/(healthz|livez|readyz)(\/|$)/.test(path)) {
			sendPlain(response, 200, 'ok');
			return;
		}
		const accept = request.headers.accept ?? '';
		if (path === '/openapi/v2' && wantsBinaryOpenApi(accept)) {
			response.writeHead(200, { 'content-type': binaryOpenApiType });
			response.end(binaryOpenApi);
			return;
		}
		if ((path === '/api' || path === '/apis') && wantsAggregated(accept)) {
			const text = JSON.stringify(aggregatedDiscovery(this.#registry, path === '/api'));
			response.writeHead(200, { 'content-type': aggregatedType, vary: 'Accept' });
			response.end(text);
			return;
		}
		if (path === '/openid/v1/jwks') {
			sendKeySet(response, accept, this.#tokens.keySet());
			return;
		}
		const page = this.#page(path);
		if (page === undefined) {
			throw new StatusError(404, 'NotFound', `there is no page ${info.path}`, {});
		}
		sendJson(response, 200, page);
	}

	#page(path: string): JsonObject | undefined {
		switch (path) {
			case '':
				return { paths: ['/api', '/apis', '/healthz', '/openapi/v2', '/openapi/v3', '/version'] };
			case '/version':
				return { ...kubernetesVersion, platform: `${process.platform}/${process.arch}` };
			case '/api':
				return coreVersions(this.#address);
			case '/apis':
				return groupList(this.#registry);
			case '/.well-known/openid-configuration':
				return openIdConfiguration(this.#address);
			default:
				return this.#groupPage(path) ?? this.#openApi.page(path);
		}
	}

	#groupPage(path: string): JsonObject | undefined {
		const [, root, first = '', second, ...rest] = path.split('/');
		if (rest.length > 0) return undefined;
		if (root === 'api' && second === undefined) return resourcesOf(this.#registry, '', first);
		if (root !== 'apis') return undefined;
		return second === undefined
			? groupOf(this.#registry, first)
			: resourcesOf(this.#registry, first, second);
	}
}

/** The one page that the API server gives in no other form. */
function sendKeySet(response: ServerResponse, accept: string, keySet: JsonObject): void {
	if (accept !== '' && !/application\/(jwk-set\+json|\*)|\*\/\*/.test(accept)) {
		const message = `Not Acceptable\n\nAvailable representations: ${keySetType}`;
		throw new StatusError(406, 'NotAcceptable', message, {});
	}
	response.writeHead(200, { 'content-type': keySetType });
	response.end(JSON.stringify(keySet));
}

function wantsAggregated(accept: string): boolean {
	return /as=APIGroupDiscoveryList/.test(accept) && /v=v2(?!beta)/.test(accept);
}

function openIdConfiguration(address: string): JsonObject {
	return {
		issuer,
		jwks_uri: `https://${address}/openid/v1/jwks`,
		response_types_supported: ['id_token'],
		subject_types_supported: ['public'],
		id_token_signing_alg_values_supported: ['ES256'],
	};
}
