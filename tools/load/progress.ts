import { Format, type Params, SingleBar } from 'cli-progress';
import type { Checkpoint } from './checkpoint';
import type { Source } from './source';

/** Without a terminal, a line each time. */
const LINE_MS = 2_000;
const DRAW_MS = 100;

/** What a person sees while a load runs, on stderr. */
export interface Progress {
  /** What the load waits for; undefined when it goes on. */
  waits(reason: string | undefined): void;
  end(): void;
}

export function showProgress({ size, name }: Source, state: () => Checkpoint): Progress {
  const begin = state();
  const started = performance.now();
  let waiting: string | undefined;
  const figures = (): string => {
    const { written, failed, position } = state();
    const seconds = Math.max(0.001, (performance.now() - started) / 1_000);
    const rows = written + failed - begin.written - begin.failed;
    const bytesPerSecond = (position.offset - begin.position.offset) / seconds;
    return [
      `${size > 0 ? Math.floor((100 * position.offset) / size) : 100} %`,
      `${count(written)} written`,
      `${count(failed)} failed`,
      `${count(Math.round(rows / seconds))} rows/s`,
      ...(bytesPerSecond > 0 ? [`${duration((size - position.offset) / bytesPerSecond)} left`] : []),
      ...(waiting ? [waiting] : []),
    ].join(', ');
  };

  if (!process.stderr.isTTY) {
    const print = () => console.error(`${name}: ${figures()}`);
    const timer = setInterval(print, LINE_MS);
    return {
      waits(reason) {
        const isNews = reason !== undefined && waiting === undefined;
        waiting = reason;
        if (isNews) print();
      },
      end() {
        clearInterval(timer);
        if (state() !== begin) print();
      },
    };
  }
  const bar = new SingleBar({
    barsize: 24,
    hideCursor: true,
    format: (options, { progress }: Params) => `[${Format.BarFormat(progress, options)}] ${figures()}`,
  });
  bar.start(size, begin.position.offset);
  const timer = setInterval(() => bar.update(state().position.offset), DRAW_MS);
  return {
    waits: (reason) => (waiting = reason),
    end() {
      clearInterval(timer);
      bar.update(state().position.offset);
      bar.stop();
    },
  };
}

export const count = (value: number): string => value.toLocaleString('en-US');

function duration(seconds: number): string {
  const rounded = Math.ceil(seconds);
  const [hours, minutes, rest] = [Math.floor(rounded / 3_600), Math.floor(rounded / 60) % 60, rounded % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
