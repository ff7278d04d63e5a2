// Preloaded into a program whose wall clock a fault run moves: `{ shiftClock: ms }` from the parent
// makes it jump by so much, as a time server or an operator would. Monotonic time goes on untouched.
const trueNow = Date.now;
const TrueDate = Date;
let shift = 0;

class ShiftedDate extends TrueDate {
	constructor(...parts: unknown[]) {
		if (parts.length === 0) super(trueNow() + shift);
		else super(...(parts as [number]));
	}

	static override now(): number {
		return trueNow() + shift;
	}
}

globalThis.Date = ShiftedDate as DateConstructor;

process.on('message', (message: { readonly shiftClock?: number }) => {
	shift += message.shiftClock ?? 0;
});
// Not a reason to stay alive.
process.channel?.unref();
