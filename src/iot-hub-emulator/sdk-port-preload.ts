/**
 * Lets Azure SDKs use a hub whose host name carries a port, e.g. `localhost:41234`. The service SDK
 * takes the text behind `HostName=` for a name to look up and always connects to port 443 (AMQP:
 * 5671). Loaded with `node --import`, this module connects such a name to its port instead; the
 * certificate is checked for the name. Connections to other hosts are not touched.
 */
import { syncBuiltinESMExports } from 'node:module';
import tls, { type ConnectionOptions } from 'node:tls';

type Connect = (...args: unknown[]) => tls.TLSSocket;

const connect = tls.connect as Connect;

/** `tls.connect` as `https` and the SDKs call it: `(options[, callback])`. */
const connectToPort: Connect = (...args) => {
	const [options, ...rest] = args;
	if (typeof options !== 'object' || options === null) return connect(...args);
	return connect(withPort(options as ConnectionOptions), ...rest);
};

tls.connect = connectToPort as typeof tls.connect;
syncBuiltinESMExports();

function withPort(options: ConnectionOptions): ConnectionOptions {
	const [, host, port] = /^([^:[\]]+):(\d{1,5})$/.exec(options.host ?? '') ?? [];
	if (host === undefined || port === undefined) return options;
	const { servername } = options;
	return {
		...options,
		host,
		port: Number(port),
		// What `https` has made of the host with its port is no name for SNI or a certificate.
		servername: servername === undefined || servername.includes(':') ? host : servername,
	};
}
