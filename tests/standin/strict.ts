/** An object that throws, with its name, for everything it does not implement: a stand-in must never answer `undefined` by accident. */
export function strict<T extends object>(name: string, value: T): T {
  return new Proxy(value, {
    get(target, key, receiver) {
      if (typeof key === 'symbol' || key in target || key === 'then' || key === 'toJSON') {
        return Reflect.get(target, key, receiver);
      }
      throw new Error(`The stand-in for electron does not implement ${name}.${key}.`);
    },
  });
}
