import rhea, { type Connection, type ConnectionOptions, type Container, type Receiver } from 'rhea';
import type { AmqpServerLimits } from './amqp-server.ts';
import type { FrameSocket } from './frame-socket.ts';

/** A frame as the library hands it to its connection, with the fields of performatives used here. */
interface Frame {
	readonly channel: number;
	readonly performative: {
		readonly max_frame_size?: number;
		idle_time_out?: number;
		readonly handle: number;
		more?: boolean;
		readonly aborted?: boolean;
		readonly echo?: boolean;
		settled?: boolean;
		message_format?: number | null;
		readonly first: number;
		readonly last?: number;
		readonly state?:
			| { readonly value?: unknown; readonly descriptor?: { readonly value?: unknown } }
			| undefined;
	};
	readonly payload?: Uint8Array;
}

/** Parts of the library that its types leave out. */
interface Internals {
	accept(socket: FrameSocket): void;
	on_open(frame: Frame): void;
	on_begin(frame: Frame): void;
	on_attach(frame: Frame): void;
	on_transfer(frame: Frame): void;
	on_flow(frame: Frame): void;
	on_disposition(frame: Frame): void;
	remote_channel_map: Record<number, LibrarySession | undefined>;
	_process(): void;
	_register(): void;
}

type IncomingEnd = Receiver & {
	credit: number;
	/** The delivery of which pieces are still to come. */
	_incomplete?: { format: number; remote_settled: boolean };
};

interface LibrarySession {
	readonly remote: {
		readonly handles: Record<number, IncomingEnd | undefined>;
	};
	readonly links: Record<string, unknown>;
	_write_flow(link: unknown): void;
}

interface Reader {
	read_array_items(count: number, type: unknown): unknown[];
	remaining(): number;
}

/** Deliveries of a session that the library keeps, each way. */
const sessionBuffer = 2_048;

/** [AMQP 1.0, 2.7.1]. A smaller frame makes the library cut a message into endless pieces. */
const minMaxFrameBytes = 512;

/** Milliseconds; a peer that wants signs of life more often gets them this often. */
const minIdleTimeout = 1_000;

/** In place of the format of a message that its sender has given up; no format of a peer. */
export const abortedFormat = -1;

/** Descriptors of `received` to `modified`. */
const deliveryStates = { first: 0x23, last: 0x27 };

/**
 * A server connection of the library, with checks before what it would take from any peer: counts
 * that make it loop or allocate without end, more messages than were asked for.
 *
 * @param plain checks SASL PLAIN when it is offered
 */
export function guardedConnection(
	limits: AmqpServerLimits,
	plain: ((user: string, password: string) => Promise<boolean>) | undefined,
): { readonly connection: Connection; readonly accept: (socket: FrameSocket) => void } {
	boundArrays();
	const container = rhea.create_container({ non_fatal_errors: [] });
	enableAnonymous(container.sasl_server_mechanisms);
	if (plain !== undefined) container.sasl_server_mechanisms.enable_plain(plain);
	// The library's types know the options of clients only.
	const options: object = {
		max_frame_size: limits.maxFrameBytes,
		channel_max: limits.maxSessions - 1,
		idle_time_out: limits.idleTimeout / 2,
		enable_sasl_external: true,
		reconnect: false,
		session_buffer_size: sessionBuffer,
		receiver_options: { credit_window: 0, autoaccept: false },
		sender_options: { treat_modified_as_released: false, autosettle: true },
	};
	const connection = container.create_connection(options as ConnectionOptions);
	const internals = connection as unknown as Internals;
	guard(internals, limits);
	return { connection, accept: (socket) => internals.accept(socket) };
}

/**
 * Who comes without a name proves itself to `$cbs`. Azure's own libraries in C, and those on top of
 * them, call that mechanism MSSBCBS.
 */
function enableAnonymous(mechanisms: Container['sasl_server_mechanisms']): void {
	mechanisms.enable_anonymous();
	Object.assign(mechanisms, { MSSBCBS: Reflect.get(mechanisms, 'ANONYMOUS') });
}

function guard(internals: Internals, limits: AmqpServerLimits): void {
	const { on_open, on_begin, on_attach, on_flow, on_transfer, on_disposition } = internals;
	internals.on_open = (frame) => {
		const open = frame.performative;
		if ((open.max_frame_size ?? minMaxFrameBytes) < minMaxFrameBytes) {
			throw new RangeError('The largest frame of the peer is too small.');
		}
		if (open.idle_time_out) open.idle_time_out = Math.max(open.idle_time_out, minIdleTimeout);
		on_open.call(internals, frame);
	};
	internals.on_begin = (frame) => {
		if (internals.remote_channel_map[frame.channel] !== undefined) {
			throw new RangeError('The channel has a session.');
		}
		requireRoom(Object.keys(internals.remote_channel_map).length, limits.maxSessions, 'sessions');
		on_begin.call(internals, frame);
	};
	internals.on_attach = (frame) => {
		const sessions = Object.values(internals.remote_channel_map);
		const links = sessions.reduce(
			(sum, session) => sum + Object.keys(session?.links ?? {}).length,
			0,
		);
		requireRoom(links, limits.maxLinks, 'links');
		on_attach.call(internals, frame);
	};
	internals.on_flow = (frame) => {
		on_flow.call(internals, frame);
		const { echo, handle } = frame.performative;
		const session = internals.remote_channel_map[frame.channel];
		// [AMQP 1.0, 2.7.4]: the peer wants to hear how things stand here.
		if (echo) session?._write_flow(session.remote.handles[handle]);
	};
	internals.on_transfer = transferGuard(internals, limits, on_transfer);
	internals.on_disposition = (frame) => {
		const { performative } = frame;
		const { first, last, state } = performative;
		requireRoom((last ?? first) - first, sessionBuffer, 'deliveries in one disposition');
		// The library takes a state that is written as null for one.
		if (state?.value === null) Object.defineProperty(performative, 'state', { value: undefined });
		else requireDeliveryState(state);
		on_disposition.call(internals, frame);
	};
	throwingLess(internals);
}

function transferGuard(
	internals: Internals,
	limits: AmqpServerLimits,
	on_transfer: Internals['on_transfer'],
): Internals['on_transfer'] {
	/** Bytes that have come of a link's unfinished message. */
	const unfinished = new WeakMap<object, number>();
	return (frame) => {
		const { handle, more, aborted } = frame.performative;
		const link = internals.remote_channel_map[frame.channel]?.remote.handles[handle];
		if (link !== undefined) {
			const before = unfinished.get(link) ?? 0;
			// [AMQP 1.0, 2.6.7]: credit counts messages, not their pieces.
			if (before === 0 && link.credit <= 0) throw new RangeError('A message without credit.');
			const bytes = before + (frame.payload?.length ?? 0);
			requireRoom(bytes, limits.maxMessageBytes, 'bytes in one message');
			if (more && !aborted) unfinished.set(link, Math.max(bytes, 1));
			else unfinished.delete(link);
			normalize(frame, link);
		}
		on_transfer.call(internals, frame);
		// A message of more pieces than fit in the window would wait for room without end.
		if (more) internals._register();
	};
}

/**
 * The library does not know messages that are given up in the middle [AMQP 1.0, 2.6.14], nor such
 * whose sender does not name the format.
 */
function normalize({ performative }: Frame, { _incomplete }: IncomingEnd): void {
	performative.message_format ??= 0;
	if (!performative.aborted) return;
	performative.message_format = abortedFormat;
	performative.settled = true;
	performative.more = false;
	if (_incomplete !== undefined) {
		_incomplete.format = abortedFormat;
		_incomplete.remote_settled = true;
	}
}

function requireRoom(count: number, limit: number, what: string): void {
	if (!(count >= 0 && count < limit)) throw new RangeError(`Too many ${what}.`);
}

function requireDeliveryState(state: Frame['performative']['state']): void {
	if (state === undefined || state === null) return;
	const code = Number(state.descriptor?.value);
	if (code >= deliveryStates.first && code <= deliveryStates.last) return;
	throw new RangeError('The state of a delivery is none.');
}

/** The library also works on the next tick, where nobody would catch what it throws. */
function throwingLess(internals: Internals): void {
	const { _process } = internals;
	internals._process = () => {
		try {
			_process.call(internals);
		} catch (error) {
			(internals as unknown as Connection).emit('error', error);
		}
	};
}

let arraysAreBounded = false;

/**
 * An array says once of which type its elements are, so that elements without bytes of their own,
 * such as `null`, cost a peer nothing: four bytes could ask for four billion of them.
 */
function boundArrays(): void {
	if (arraysAreBounded) return;
	arraysAreBounded = true;
	const { Reader } = rhea.types as unknown as { Reader: { prototype: Reader } };
	const { read_array_items } = Reader.prototype;
	Reader.prototype.read_array_items = function (count, type) {
		if (count > Math.max(this.remaining(), 256)) throw new RangeError('An array is too long.');
		return read_array_items.call(this, count, type);
	};
}
