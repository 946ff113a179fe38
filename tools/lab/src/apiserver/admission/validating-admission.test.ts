import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { causes, exampleSlice, failure, PATHS, temporaryServer } from '../example-objects.ts';
import type { LabApiServer } from '../lab-api-server.ts';

const group = '/apis/admissionregistration.k8s.io/v1';
const policies = `${group}/validatingadmissionpolicies`;
const bindings = `${group}/validatingadmissionpolicybindings`;

let server: LabApiServer & AsyncDisposable;
beforeEach(async () => {
  server = await temporaryServer();
});
afterEach(() => server[Symbol.asyncDispose]());

const post = (path: string, body: unknown, query = {}) =>
  server.client().request({ method: 'POST', path, body, query });
const put = (path: string, body: unknown) => server.client().request({ method: 'PUT', path, body });
const remove = (path: string) => server.client().request({ method: 'DELETE', path });

function policy(spec: object): object {
  const rule = { apiGroups: ['resource.k8s.io'], apiVersions: ['v1'], resources: ['resourceslices'] };
  const operations = ['CREATE', 'UPDATE', 'DELETE'];
  return {
    metadata: { name: 'p' },
    spec: { matchConstraints: { resourceRules: [{ ...rule, operations }] }, ...spec },
  };
}
const binding = { metadata: { name: 'b' }, spec: { policyName: 'p', validationActions: ['Deny'] } };
const enforce = async (spec: object) => {
  await post(policies, policy(spec));
  await post(bindings, binding);
};
const driverOf = (driver: string) => exampleSlice('s', [], { driver });
const onlyGood = [{ expression: 'object.spec.driver == "good.dev"' }];

describe('a policy', () => {
  it('refuses with the words and the status of the real server, and nothing is stored', async () => {
    await enforce({ validations: [{ ...onlyGood[0], message: 'must be good' }] });
    const words = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: must be good";
    expect(await failure(post(PATHS.slices, driverOf('bad.dev')))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: `resourceslices.resource.k8s.io "s" is forbidden: ${words}`,
      reason: 'Invalid',
      details: {
        name: 's',
        group: 'resource.k8s.io',
        kind: 'resourceslices',
        causes: [{ message: words }],
      },
      code: 422,
    });
    await expect(post(PATHS.slices, driverOf('good.dev'))).resolves.toBeDefined();
  });

  it('does nothing without a binding, and no more once either is gone', async () => {
    await post(policies, policy({ validations: [{ expression: 'false' }] }));
    await post(PATHS.slices, exampleSlice('a', []));
    await post(bindings, binding);
    await failure(post(PATHS.slices, exampleSlice('b', [])));
    await remove(`${bindings}/b`);
    await post(PATHS.slices, exampleSlice('b', []));
  });

  it('answers with the code of its reason', async () => {
    await enforce({ validations: [{ expression: 'false', reason: 'Forbidden' }] });
    expect(await failure(post(PATHS.slices, driverOf('a.dev')))).toMatchObject({
      code: 403,
      reason: 'Forbidden',
    });
  });

  it('sees the old object of an update and of a delete, and the new one of neither more nor less', async () => {
    await post(PATHS.slices, driverOf('good.dev'));
    const expression =
      '(request.operation == "UPDATE" && object != null && oldObject != null) || (request.operation == "DELETE" && object == null && oldObject.spec.driver == "good.dev")';
    await enforce({ validations: [{ expression }] });
    await put(`${PATHS.slices}/s`, exampleSlice('s', [{ name: 'x' }], { driver: 'good.dev' }));
    expect(await failure(post(PATHS.slices, exampleSlice('t', [])))).toMatchObject({ code: 422 });
    await remove(`${PATHS.slices}/s`);
  });

  it('holds for each object of a collection that is deleted', async () => {
    for (const name of ['a', 'b']) await post(PATHS.slices, exampleSlice(name, []));
    await enforce({ validations: [{ expression: 'oldObject.metadata.name == "a"' }] });
    expect((await failure(remove(PATHS.slices))).message).toContain('"b" is forbidden');
    expect((await server.client().list(PATHS.slices)).items).toHaveLength(1);
  });

  it('knows the name that the server made of a prefix, and who asks', async () => {
    await enforce({
      variables: [{ name: 'who', expression: 'request.userInfo.username' }],
      validations: [
        {
          expression: 'false',
          messageExpression: 'variables.who + " " + string(object.metadata.name.startsWith("x-"))',
        },
      ],
    });
    const { message } = await failure(
      post(PATHS.slices, { ...driverOf('a.dev'), metadata: { generateName: 'x-' } }),
    );
    expect(message).toMatch(/"x-[a-z0-9]{5}" is forbidden: .*: lab-admin true$/);
  });

  it('holds for a dry run too', async () => {
    await enforce({ validations: [{ expression: 'request.dryRun == false' }] });
    expect(await failure(post(PATHS.slices, driverOf('a.dev'), { dryRun: 'All' }))).toMatchObject({
      code: 422,
    });
  });

  it('never keeps anyone from taking it away', async () => {
    const everything = { apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'] };
    const matchConstraints = { resourceRules: [everything] };
    await enforce({ matchConstraints, validations: [{ expression: 'false' }] });
    expect(await failure(post(PATHS.nodes, { metadata: { name: 'n' } }))).toMatchObject({ code: 422 });
    await remove(`${policies}/p`);
    await post(PATHS.nodes, { metadata: { name: 'n' } });
  });
});

describe('versions', () => {
  const old = (driver: string) => ({ ...driverOf(driver), apiVersion: 'resource.k8s.io/v1beta1' });
  const path = PATHS.slices.replace('/v1/', '/v1beta1/');

  it('a policy for one version holds for writes in another, and sees them in its own', async () => {
    const device = { name: 'x', basic: { attributes: { kind: { string: 'y' } } } };
    const slice = { ...old('bad.dev'), spec: { ...old('bad.dev').spec, devices: [device] } };
    await enforce({ validations: [{ expression: 'object.spec.devices.all(d, !has(d.attributes))' }] });
    expect(await failure(post(path, slice))).toMatchObject({ code: 422 });
  });

  it('a policy for exactly one version does not, and neither does one for a version that is not served', async () => {
    const rule = { apiGroups: ['*'], apiVersions: ['v1'], operations: ['*'], resources: ['*'] };
    const exact = { matchPolicy: 'Exact', resourceRules: [rule] };
    await enforce({ matchConstraints: exact, validations: onlyGood });
    await post(path, old('bad.dev'));
    await remove(`${path}/s`);
    await put(`${policies}/p`, policy({ validations: onlyGood }));
    server.setResourceVersions(['v1beta1']);
    await post(path, old('bad.dev'));
  });
});

describe('match conditions', () => {
  const never = { name: 'never', expression: 'false' };
  const broken = { name: 'broken', expression: 'object.spec.nothing == 1' };
  const write = () => post(PATHS.slices, driverOf('a.dev'));

  it('leave requests alone for which one of them is false, even when another one fails', async () => {
    await enforce({ matchConditions: [broken, never], validations: [{ expression: 'false' }] });
    await expect(write()).resolves.toBeDefined();
  });

  it('that fail refuse the request', async () => {
    await enforce({ matchConditions: [broken], validations: [{ expression: 'true' }] });
    expect((await failure(write())).message).toContain(
      "denied request: expression 'object.spec.nothing == 1' resulted in error: No such key: nothing",
    );
  });
});

describe('an expression that fails', () => {
  const validations = [{ expression: 'variables.broken == 1' }];
  const variables = [
    { name: 'broken', expression: 'object.spec.nothing' },
    { name: 'unused', expression: 'object.spec.nothing.either' },
  ];
  const write = () => post(PATHS.slices, driverOf('a.dev'));

  it('refuses the request; a variable that nobody needs is not evaluated', async () => {
    await enforce({ variables, validations });
    expect((await failure(write())).message).toContain(
      'denied request: composited variable "broken" fails to evaluate: expression \'object.spec.nothing\'',
    );
  });

  it('lets it pass when the policy says so', async () => {
    await enforce({ failurePolicy: 'Ignore', variables, validations });
    await expect(write()).resolves.toBeDefined();
  });

  it('in a message falls back to the message, then to the failed expression', async () => {
    const messageExpression = 'object.spec.nothing';
    await enforce({ validations: [{ expression: 'false', messageExpression, message: 'plain' }] });
    expect((await failure(write())).message).toMatch(/: plain$/);
    await put(`${policies}/p`, policy({ validations: [{ expression: 'false', messageExpression }] }));
    expect((await failure(write())).message).toMatch(/: failed expression: false$/);
  });
});

describe('a policy is refused when it is written', () => {
  it('with expressions that do not compile or yield something else', async () => {
    const spec = {
      variables: [{ name: 'v', expression: 'unknown.x' }],
      matchConditions: [{ name: 'c', expression: '"text"' }],
      validations: [{ expression: '1 +' }, { expression: 'true', messageExpression: '1' }],
    };
    const found = await causes(post(policies, policy(spec)));
    expect(found.map((cause) => cause.split(':', 1)[0])).toEqual([
      'spec.matchConditions[0].expression',
      'spec.variables[0].expression',
      'spec.validations[0].expression',
      'spec.validations[1].messageExpression',
    ]);
  });

  it('with what the lab does not evaluate', async () => {
    const { spec } = policy({}) as { spec: { matchConstraints: object } };
    const matchConstraints = { ...spec.matchConstraints, namespaceSelector: { matchLabels: { a: 'b' } } };
    const body = policy({ matchConstraints, validations: onlyGood, paramKind: { kind: 'X' } });
    expect((await causes(post(policies, body))).join('\n')).toMatch(
      /^spec\.matchConstraints\.namespaceSelector: Forbidden: is not evaluated.*\nspec\.paramKind: Forbidden/,
    );
    const warn = { ...binding, spec: { policyName: 'p', validationActions: ['Warn'] } };
    expect(await causes(post(bindings, warn))).toEqual([
      'spec.validationActions[0]: Unsupported value: "Warn": supported values: "Deny"',
    ]);
  });

  it('without anything to hold', async () => {
    expect(await causes(post(policies, { metadata: { name: 'p' } }))).toEqual([
      'spec.matchConstraints: Required value',
      'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
    ]);
  });
});
