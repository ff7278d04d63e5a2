import { isIP } from 'node:net';
import type { NetworkEndpoint } from '../protocol/host-name.ts';

/** An HTTP proxy that tunnels TCP connections (CONNECT). */
export interface HttpProxy extends NetworkEndpoint {
	/** Whether the proxy itself is spoken to over TLS. */
	readonly secure: boolean;
	/** Value of `Proxy-Authorization`. A secret. */
	readonly authorization?: string;
}

const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/**
 * Reads `http://[user:password@]host[:port]`; without a scheme it is `http`.
 *
 * @throws RangeError that does not quote the text, which may hold a password
 */
export function parseProxy(text: string): HttpProxy {
	const address = text.includes('://') ? text : `http://${text}`;
	const url = URL.canParse(address) ? new URL(address) : undefined;
	const defaultPort = url && defaultPorts[url.protocol];
	if (url === undefined || defaultPort === undefined || url.hostname === '') {
		throw new RangeError('The value must be `http://[user:password@]host[:port]`.');
	}
	const { hostname, protocol, username, password } = url;
	const userInfo = `${decoded(username)}:${decoded(password)}`;
	return {
		host: hostname.replace(/^\[|\]$/g, ''),
		port: url.port === '' ? defaultPort : Number(url.port),
		secure: protocol === 'https:',
		...(username === ''
			? {}
			: { authorization: `Basic ${Buffer.from(userInfo).toString('base64')}` }),
	};
}

/**
 * Whether a host is reached without the proxy: `no_proxy` is `*`, or lists the host, or a domain
 * that it is in (`example.com` and `.example.com` alike). An entry with a port holds for that port.
 */
export function bypassesProxy(noProxy: readonly string[], endpoint: NetworkEndpoint): boolean {
	const host = endpoint.host.toLowerCase();
	return noProxy.some((entry) => {
		if (entry === '*') return true;
		const [, name = '', port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
		const isAddress = isIP(entry) !== 0;
		if (!isAddress && port !== undefined && Number(port) !== endpoint.port) return false;
		const domain = (isAddress ? entry.toLowerCase() : name).replace(/^\*?\./, '');
		return host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`));
	});
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}
