/** One reading, in the form that Azure's simulated temperature sensor sends. */
export interface Reading {
	readonly machine: { readonly temperature: number; readonly pressure: number };
	readonly ambient: { readonly temperature: number; readonly humidity: number };
	/** RFC 3339. */
	readonly timeCreated: string;
}

const coldest = 21;
const hottest = 100;
const pressureAt = { coldest: 1, hottest: 10 };
const ambient = { temperature: 21, humidity: 25 };

/** A machine that warms up as it runs, its pressure with it (degrees Celsius, bar). */
export class Machine {
	#temperature = coldest;
	readonly #random: () => number;

	/** @param random numbers from 0 up to 1. */
	constructor(random: () => number = Math.random) {
		this.#random = random;
	}

	/** Cools the machine down to where it began. */
	reset(): void {
		this.#temperature = coldest;
	}

	/** The next reading; the machine is a little warmer after each, until it is at its hottest. */
	read(now: Date): Reading {
		const step = this.#temperature < hottest ? this.#random() * 1.5 + 0.01 : -this.#random() * 5;
		this.#temperature += step;
		const warmth = (this.#temperature - coldest) / (hottest - coldest);
		const pressure = pressureAt.coldest + warmth * (pressureAt.hottest - pressureAt.coldest);
		return {
			machine: { temperature: this.#temperature, pressure },
			ambient: {
				temperature: ambient.temperature + this.#random() - 0.5,
				humidity: ambient.humidity + Math.round(this.#random() * 2) - 1,
			},
			timeCreated: now.toISOString(),
		};
	}
}
