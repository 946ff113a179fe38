import { LineProgram } from '../rivals/line-program.ts';

/** Sits between driver and runtime (`c/relay.c`) and times the driver's answers: the stand-in for a runtime would add its own time. */
export class NriRelay {
  readonly #program: LineProgram;

  /**
   * @param program path of the compiled relay
   * @param socketPath where the driver finds it
   * @param runtimeSocketPath where the runtime listens
   */
  constructor(program: string, socketPath: string, runtimeSocketPath: string) {
    this.#program = new LineProgram(program, [socketPath, runtimeSocketPath]);
  }

  /**
   * How long the driver took for its last answer, in milliseconds.
   *
   * @throws Error when it has answered nothing since this was asked last
   */
  async lastAnswer(): Promise<number> {
    const nanoseconds = Number(await this.#program.ask('last'));
    if (nanoseconds === 0) throw new Error('the driver has answered nothing');
    return nanoseconds / 1e6;
  }

  close(): Promise<void> {
    return this.#program.close();
  }
}
