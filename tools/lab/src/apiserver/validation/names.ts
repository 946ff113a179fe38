import type { FieldErrors } from './field-errors.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const C_IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const LABEL_WORDS =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_WORDS =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_WORDS =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_WORDS =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const C_IDENTIFIER_WORDS =
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";

/** A DNS label: 63 characters (RFC 1123). Device, request and counter names. */
export function checkLabel(errors: FieldErrors, field: string, value: string): void {
  if (value.length > 63) errors.invalid(field, value, 'must be no more than 63 bytes');
  if (!LABEL.test(value)) errors.invalid(field, value, LABEL_WORDS);
}

/** A DNS subdomain: 253 characters (RFC 1123). Most object names. */
export function checkSubdomain(errors: FieldErrors, field: string, value: string): void {
  if (value.length > 253) errors.invalid(field, value, 'must be no more than 253 bytes');
  if (!SUBDOMAIN.test(value)) errors.invalid(field, value, SUBDOMAIN_WORDS);
}

/** A driver's name: a DNS subdomain in any case, 63 characters. */
export function checkDriverName(errors: FieldErrors, field: string, value: string): void {
  if (value === '') {
    errors.required(field);
    return;
  }
  errors.maxBytes(field, value, 63);
  if (!SUBDOMAIN.test(value.toLowerCase())) errors.invalid(field, value, SUBDOMAIN_WORDS);
}

/** A pool's name: DNS subdomains joined by slashes, 253 characters in all. */
export function checkPoolName(errors: FieldErrors, field: string, value: string): void {
  if (value === '') {
    errors.required(field);
    return;
  }
  errors.maxBytes(field, value, 253);
  for (const part of value.split('/')) checkSubdomain(errors, field, part);
}

/** The name of an attribute or capacity: a C identifier of 32 characters, optionally after a domain and a slash. */
export function checkQualifiedName(errors: FieldErrors, field: string, value: string): void {
  const [first = '', second, ...rest] = value.split('/');
  if (rest.length > 0) {
    errors.invalid(field, value, 'must not contain more than one slash');
  } else if (second === undefined) {
    checkIdentifier(errors, field, first);
  } else {
    if (first === '') errors.invalid(field, '', 'the domain must not be empty');
    else checkDriverName(errors, field, first);
    if (second === '') errors.invalid(field, '', 'the name must not be empty');
    else checkIdentifier(errors, field, second);
  }
}

/** The same with a mandatory domain, as constraints refer to attributes. */
export function checkFullyQualifiedName(errors: FieldErrors, field: string, value: string): void {
  checkQualifiedName(errors, field, value);
  if (!value.includes('/')) {
    errors.invalid(field, value, 'a fully qualified name must be a domain and a name separated by a slash');
  }
}

function checkIdentifier(errors: FieldErrors, field: string, value: string): void {
  errors.maxBytes(field, value, 32);
  if (!C_IDENTIFIER.test(value)) errors.invalid(field, value, C_IDENTIFIER_WORDS);
}

/** A label's key, also used for taints, conditions and annotations: a name of 63 characters after an optional domain. */
export function checkLabelName(errors: FieldErrors, field: string, value: string): void {
  const parts = value.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.length > 2) {
    errors.invalid(field, value, `a qualified name ${QUALIFIED_WORDS.slice('name part '.length)}`);
    return;
  }
  if (parts.length === 2) {
    const [prefix = ''] = parts;
    if (prefix === '') errors.invalid(field, value, 'prefix part must be non-empty');
    else if (!SUBDOMAIN.test(prefix)) errors.invalid(field, value, `prefix part ${SUBDOMAIN_WORDS}`);
    else if (prefix.length > 253) errors.invalid(field, value, 'prefix part must be no more than 253 bytes');
  }
  if (name === '') errors.invalid(field, value, 'name part must be non-empty');
  else if (name.length > 63) errors.invalid(field, value, 'name part must be no more than 63 bytes');
  if (!QUALIFIED_PART.test(name)) errors.invalid(field, value, QUALIFIED_WORDS);
}

/** A label's value: empty, or 63 characters. */
export function checkLabelValue(errors: FieldErrors, field: string, value: string): void {
  if (value.length > 63) errors.invalid(field, value, 'must be no more than 63 bytes');
  if (value !== '' && !QUALIFIED_PART.test(value)) errors.invalid(field, value, LABEL_VALUE_WORDS);
}

/** A UUID in its lower-case form with hyphens (RFC 9562), as share ids are. */
export function checkUuid(errors: FieldErrors, field: string, value: string): void {
  if (!UUID.test(value)) {
    errors.invalid(
      field,
      value,
      'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters',
    );
  }
}
