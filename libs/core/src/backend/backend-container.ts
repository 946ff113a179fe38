// tsyringe refuses to load without the polyfill, also where, as here, no decorator needs it.
import 'reflect-metadata';
import { container as globalContainer, type DependencyContainer, instanceCachingFactory } from 'tsyringe';
import { WiringError } from '../errors/driver-errors.ts';
import type { Backend } from './backend.ts';

/** Names a service and carries its type. Two tokens are the same only if they are the same object. */
export interface Token<T> {
  readonly description: string;
  readonly symbol: symbol;
  /** Carries the type; never present at run time. */
  readonly service?: T;
}

/** Makes a token; `description` appears in the errors about missing and double registrations. */
export function createToken<T>(description: string): Token<T> {
  return { description, symbol: Symbol(description) };
}

/** The service that every backend module must provide. */
export const BACKEND: Token<Backend> = createToken<Backend>('BACKEND');

/**
 * A dependency injection container with typed tokens and explicit factories over tsyringe. The composition root has one; each backend
 * gets a child of it, so that backends see the driver's services and not each other's.
 */
export class BackendContainer {
  readonly #container: DependencyContainer;
  readonly #owner: string;

  /**
   * @param container the tsyringe container to register in
   * @param owner who registers here, for error messages, such as `backend 'veth'`
   */
  private constructor(container: DependencyContainer, owner: string) {
    this.#container = container;
    this.#owner = owner;
  }

  /** A new container that sees nobody else's services; `owner` registers in it. */
  static create(owner: string): BackendContainer {
    return new BackendContainer(globalContainer.createChildContainer(), owner);
  }

  /** A container that sees this one's services and keeps its own to itself. */
  child(owner: string): BackendContainer {
    return new BackendContainer(this.#container.createChildContainer(), owner);
  }

  /**
   * Provides a service. The factory runs when the service is first resolved, once.
   *
   * @throws WiringError when the owner provides the token twice
   */
  provide<T>(token: Token<T>, factory: (container: BackendContainer) => T): void {
    if (this.#container.isRegistered(token.symbol)) {
      throw new WiringError(`${this.#owner} provides ${token.description} twice; remove one registration`);
    }
    this.#container.register(token.symbol, { useFactory: instanceCachingFactory(() => factory(this)) });
  }

  /**
   * @returns the service behind a token
   * @throws WiringError when nobody provides it
   */
  resolve<T>(token: Token<T>): T {
    if (!this.has(token)) {
      throw new WiringError(`${this.#owner} needs ${token.description}, which nobody provides`);
    }
    return this.#container.resolve<T>(token.symbol);
  }

  /** Whether the service is provided here or by a parent. */
  has(token: Token<unknown>): boolean {
    return this.#container.isRegistered(token.symbol, true);
  }
}
