/**
 * Lets Azure SDKs use a hub whose host name carries a port, e.g. `localhost:41234`. The service SDK
 * takes the text behind `HostName=` for a name to look up and always connects to port 443; the
 * WebSocket transports append `:443` to it. Loaded with `node --import`, this module connects such a
 * name to its port instead; the certificate is checked for the name. Connections to other hosts are
 * not touched.
 *
 * It has no type annotations: what runs in other processes, also of Node 20, is this very text.
 */
import { syncBuiltinESMExports } from 'node:module';
import tls from 'node:tls';
import url from 'node:url';

const hostWithPort = /^([^:[\]]+):(\d{1,5})$/;

tls.connect = new Proxy(tls.connect, {
	// `https` and the SDKs call `tls.connect(options[, callback])`.
	apply(connect, self, [options, ...rest]) {
		const [, host, port] = hostWithPort.exec(options?.host ?? '') ?? [];
		if (host === undefined) return Reflect.apply(connect, self, [options, ...rest]);
		// What `https` makes of a host with a port is no name for SNI or a certificate.
		const named = options.servername && !options.servername.includes(':');
		const servername = named ? options.servername : host;
		const changed = { ...options, host, port: Number(port), servername };
		return Reflect.apply(connect, self, [changed, ...rest]);
	},
});

/** `wss://localhost:41234:443/…` is a URL with the port that was meant before the one appended. */
const twoPorts = /^(wss?:\/\/[^/:[\]]+:\d{1,5}):443(?=\/|$)/i;

url.URL = new Proxy(url.URL, {
	construct: (target, [text, ...rest], newTarget) =>
		Reflect.construct(target, [String(text).replace(twoPorts, '$1'), ...rest], newTarget),
});
url.parse = new Proxy(url.parse, {
	apply(parse, self, [text, ...rest]) {
		const once = typeof text === 'string' ? text.replace(twoPorts, '$1') : text;
		// The SDKs' use of it is not warned of; called from here it would be.
		const noDeprecation = process.noDeprecation === true;
		process.noDeprecation = true;
		try {
			return Reflect.apply(parse, self, [once, ...rest]);
		} finally {
			process.noDeprecation = noDeprecation;
		}
	},
});

syncBuiltinESMExports();
